"""What went wrong, in one line that names the culprit and the mend?"""

import re


class EarlylearnError(Exception):
    """The work failed for a reason the user can read; the command line exits with status 1."""

    exit_status = 1


class UsageError(EarlylearnError, ValueError):
    """The request or the data is wrong; the command line exits with status 2.

    The message is one line: the option, file, row or column, the value found, and the mend.
    """

    exit_status = 2


def hide_password(text: str) -> str:
    """A text whose URLs show no password: for messages, and for what a run notes of its command."""
    return re.sub(r"(://[^:/@\s]*:)[^@\s]*@", r"\1***@", text)
