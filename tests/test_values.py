"""Are the numbers of numpy and torch taken as numbers, and is everything else refused by name?"""

import numpy as np
import pytest
import torch

from earlylearn.errors import UsageError
from earlylearn.values import from_text, plain, whole_number, yes_or_no


@pytest.mark.parametrize("given", [3, np.int64(3), np.uint8(3), np.array(3), torch.tensor(3)])
def test_a_number_of_any_library_is_a_number(given):
    assert (plain(given), type(plain(given))) == (3, int)
    assert whole_number("seeds", given) == 3


def test_what_is_no_scalar_stays_as_it_is():
    for value in ("3", [3], None, np.zeros(2)):
        assert plain(value) is value


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("3", "seeds='3': must be a whole number, 1 or more"),
        (True, "seeds=True: must be a whole number, 1 or more"),
        (2.0, "seeds=2.0: must be a whole number, 1 or more"),
        (np.int64(0), "seeds=0: must be a whole number, 1 or more"),
    ],
)
def test_no_whole_number_is_refused(given, line):
    with pytest.raises(UsageError) as error:
        whole_number("seeds", given)
    assert (str(error.value), error.value.setting) == (line, "seeds")


def test_limits_say_where_they_come_from():
    with pytest.raises(UsageError, match=r"^workers=9: must be a whole number from 1 to 8 \(four per core\)$"):
        whole_number("workers", 9, most=8, why="four per core")


def test_yes_or_no_is_no_text():
    assert yes_or_no("overwrite", np.bool_(True)) is True
    for value in ("no", 1, None):
        with pytest.raises(UsageError, match=r"^overwrite=.*: must be True or False$"):
            yes_or_no("overwrite", value)


def test_a_text_is_read_as_json_or_stays_text():
    assert [from_text(text) for text in ("3", "0.5", "true", "null", "abc", "")] == [3, 0.5, True, None, "abc", ""]
