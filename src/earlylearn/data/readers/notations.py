"""Which texts are numbers, dates or lists to a person, though no reader takes them for such?"""

import re
from typing import Any

import pandas as pd

FEWEST = 3  # different texts, below which categories lose nothing of what they say

_BLANK = "'\u2019\u00a0\u2009\u202f"  # beside . , and a blank, what stands between thousands
NUMBER = rf"[+-]?(?:\d+(?:[., {_BLANK}]\d{{3}})*(?:[.,]\d+)?|[.,]\d+)"
_SIGN = r"[+\u2212\u2013-]"
_SIGNED = rf"{_SIGN}?\s*{NUMBER}"
_RAISED = r"\u2070\u00b9\u00b2\u00b3\u2074-\u2079"
_POWER = rf"(?:[eEdD]{_SIGN}?\d+|\s?[\u00d7xX*\u00b7]\s?10\s?(?:\^|\*\*)?\s?(?:{_SIGN}|\u207b)?[\d{_RAISED}]+)"
_CURRENCY = (
    r"[€$£¥₹₽₩₺₿₫₪฿₴₦₱]|(?:us|a|c|hk|nt|s|r)\$"
    r"|usd|eur|gbp|chf|jpy|cny|inr|cad|aud|sek|nok|dkk|pln|rs\.?|kr\.?|zł|kč"
)
_UNITS = (
    rf"{_CURRENCY}|%|‰|°|°?[CF]|K|k?g|mg|lbs?|oz|[kcmµn]?m|mi|ft|in|[mµn]?s|secs?|min|h|hrs?|days?|years?|yrs?"
    "|[kmgt]i?b|[kmg]?hz|[km]?v|k?w|kwh|m?l|km/h|m/s|mph|mm?hg|bpm|dB|percent|pct|ppm|bps|points?|pts?"
    "|thousand|million|billion|mn|bn|lakh|crore|万|億|亿|°\\s?[NSEW]"
)
_WITH_UNIT = re.compile(
    rf"{_SIGNED}{_POWER}?\s?(?:{_UNITS})|(?:{_CURRENCY}|[~≈])\s?{_SIGNED}|-(?:{_CURRENCY})\s?{NUMBER}"
    rf"|\d+\s?(?:'|\u2032|ft)\s?\d+\s?(?:\"|''|\u2033|in)|\d+°\s?\d+\s?['\u2032].*",
    re.IGNORECASE,
)
_UNSEEN = r"[\u200b-\u200f\u2060\ufeff\u00ad]"
_OTHERWISE = re.compile(
    rf"\s*{_SIGNED}{_POWER}?\s*|\({NUMBER}\)|{NUMBER}-"  # which pandas did not read
    rf"|{_SIGNED}\s?(?:±|\+/-|\+-)\s?{NUMBER}|{_SIGNED}\(\d+\)|[+-]?\d*\.\d+\*+"
    rf"|'{_SIGNED}|=\"?{_SIGNED}\"?|{_UNSEEN}+{_SIGNED}|{_SIGNED}{_UNSEEN}+"
    rf"|{NUMBER}?[+\u2212-]\d*(?:\.\d+)?(?:e[+-]?\d+)?[ij]|∞|[+\u2212-]∞",
)
_WITH_COMMA = re.compile(
    rf"[+\u2212-]?(?:\d+(?:[. {_BLANK}]\d{{3}})*,\d+|,\d+|\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?"
    r"|\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?)(?:[eE][+\u2212-]?\d+)?"
)
_OTHER_BASE = re.compile(
    r"[+\u2212-]?(?:0x[0-9a-f]+(?:\.[0-9a-f]*)?(?:p[+-]?\d+)?|0b[01]+|0o[0-7]+|&h[0-9a-f]+"
    r"|(?=\d*[a-f])\d[0-9a-f]*h)",
    re.IGNORECASE,
)
_UNDERSCORED = re.compile(r"[+\u2212-]?\d{1,3}(?:_\d{3})+(?:\.\d+)?")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATE = re.compile(
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})(?:[T ]\d{1,2}:\d{2}.*)?"
    r"|\d{1,4}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s?[ap]m)?"
    rf"|\d{{1,2}}(?:\.|st|nd|rd|th)?[ -]{_MONTH}\.?,?[ -]\d{{2,4}}.*"
    rf"|{_MONTH}\.? \d{{1,2}}(?:st|nd|rd|th)?,? \d{{2,4}}.*"
    r"|P(?=[\dT])(?:\d+(?:[.,]\d+)?[YMWD])*(?:T(?:\d+(?:[.,]\d+)?[HMS])+)?"
    r"|(?:\d+\s?(?:d|h|m|min|s|sec)[ ,]*){2,}",
    re.IGNORECASE,
)
_LIST = re.compile(r"\[.*[,\s].*\]|\{.*[:,].*\}|\(.*,.*\)", re.DOTALL)  # not (0, 10], which is a category
_WITH_SIGN = re.compile(rf"{_SIGNED}\s?[%‰°]|(?:[€$£¥₹]|us\$)\s?{_SIGNED}|{_SIGNED}\s?[€$£¥₹]", re.IGNORECASE)
_NEVER = re.compile(r"(?!)")
# A column is of a kind if most of its different texts are, or if some match the second pattern and others are numbers.
_KINDS = (
    (_WITH_COMMA, _WITH_COMMA, "numbers with commas"),
    (_UNDERSCORED, _UNDERSCORED, "numbers with underscores"),
    (_WITH_UNIT, _WITH_SIGN, "numbers with units or signs"),
    (_OTHER_BASE, _OTHER_BASE, "numbers in hexadecimal, octal or binary"),
    (_DATE, _NEVER, "dates or times"),
    (_OTHERWISE, _OTHERWISE, "numbers in another notation"),
    (_LIST, _NEVER, "lists or structures"),
)


def other_notation(values: "pd.Series[Any]") -> str | None:
    """What numbers or dates a column of text holds, as a person calls them; None where most of it is other text.

    Args:
        values: its texts, without missing ones.
    """
    distinct = values.drop_duplicates()
    if distinct.str.strip().nunique() < FEWEST:
        return None
    plain = pd.to_numeric(distinct, errors="coerce").notna()  # numbers that somebody made text of are categories
    others, known = distinct[~plain].str.strip(), int(plain.sum())
    for pattern, mixes, what in _KINDS:
        here = sum(pattern.fullmatch(text) is not None for text in others)
        if here > len(distinct) / 2 or (known and all(mixes.fullmatch(text) for text in others)):
            return what if len(others) else None
    return None
