"""What is the least probability that each label is wrong, row by row and explanation by explanation?"""

import math

import numpy as np

from earlylearn.audit import acceptance as fast


def ranks(values: list[float]) -> list[float]:
    """The share of values below each, those as large counting half."""
    return [
        (sum(other < value for other in values) + 0.5 * sum(other == value for other in values)) / len(values)
        for value in values
    ]


def fit(rows: list[dict], sureness: str, a: float, t: float, power: int, others: int) -> tuple[float, dict[int, float]]:
    """Likelihood of the labels of rows that are called the same, and the rate of each wrong label."""
    labels = sorted({row["label"] for row in rows if row["label"] != row["called"]})
    rates = {label: fast.START / others for label in labels}
    errors = [1 / (1 + math.exp(t * math.log(row[sureness] / (1 - row[sureness])) - a)) for row in rows]
    agreeing = sum(row["label"] == row["called"] for row in rows)
    share = fast.START
    for _ in range(fast.STEPS if labels else 0):
        mass = dict.fromkeys(labels, 0.0)
        for row, error in zip(rows, errors, strict=True):
            if row["label"] != row["called"]:
                noise = (1 - error) * rates[row["label"]]
                mass[row["label"]] += noise / (noise + error * row["shares"][power])
        total = sum(mass.values())
        share = total / (agreeing + total)
        rates = {label: share * (mass[label] + 1 / others) / (total + 1) for label in labels}
    likelihood = 0.0
    for row, error in zip(rows, errors, strict=True):
        if row["label"] == row["called"]:
            likelihood += math.log((1 - error) * (1 - share if labels else 1))
        else:
            likelihood += math.log((1 - error) * rates[row["label"]] + error * row["shares"][power])
    return likelihood, rates


def rows_of(beliefs: np.ndarray, labels: np.ndarray) -> list[dict]:
    """What is needed of each row."""
    rows = []
    for belief, label in zip(beliefs, labels, strict=True):
        called = int(belief.argmax())
        rest = [p for j, p in enumerate(belief) if j != called]
        shares = [belief[label] ** power / sum(p**power for p in rest) for power in fast.POWERS]
        sure = np.float32(math.log(belief[called]) - math.log(max(rest)))
        rows.append({"called": called, "label": int(label), "shares": shares, "sure": sure, "least": 0.0})
    for row, rank in zip(rows, ranks([row["sure"] for row in rows]), strict=True):
        row["overall"] = rank
    return rows


def least(beliefs: np.ndarray, labels: np.ndarray) -> list[float]:
    """The least probability of a wrong label by any explanation that is likely enough, before what is left of it."""
    others = beliefs.shape[1] - 1
    rows = rows_of(beliefs, labels)
    groups = [[row for row in rows if row["called"] == k] for k in range(others + 1)]
    groups = [group for group in groups if len(group) >= fast.FEWEST]
    for group in groups:
        for row, rank in zip(group, ranks([row["sure"] for row in group]), strict=True):
            row["within"] = rank
    tried = [(sureness, *each) for sureness in ("overall", "within") for each in fast.EXPLANATIONS]
    fits = [[fit(group, s, a, t, int(u), others) for group in groups] for s, a, t, u in tried]
    sums = [sum(likelihood for likelihood, _ in each) for each in fits]
    likely = [number for number, total in enumerate(sums) if total >= max(sums) - fast.DOUBT]
    for g, group in enumerate(groups):
        for row in (row for row in group if row["label"] != row["called"]):
            row["least"] = min(wrong(row, *tried[number], fits[number][g][1]) for number in likely)
    return [row["least"] for row in rows]


def wrong(row: dict, sureness: str, a: float, t: float, power: float, rates: dict[int, float]) -> float:
    """The probability that a label is wrong and the model right, by one explanation."""
    error = 1 / (1 + math.exp(t * math.log(row[sureness] / (1 - row[sureness])) - a))
    noise = (1 - error) * rates[row["label"]]
    return noise / (noise + error * row["shares"][int(power)])
