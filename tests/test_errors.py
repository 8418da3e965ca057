"""Does one message read right in Python and on the command line, and survive a worker's pipe?"""

import pickle

import pytest

from earlylearn.cli.answers import as_options
from earlylearn.errors import EarlylearnError, UsageError, call, hyperparameter, setting


@pytest.mark.parametrize(
    ("mention", "python", "options"),
    [
        (setting("val_fraction", 2.0), "val_fraction=2.0", "--val-fraction 2.0"),
        (setting("schedule", "up"), "schedule='up'", "--schedule up"),
        (setting("overwrite", True), "overwrite=True", "--overwrite"),
        (setting("labels"), "labels", "--labels"),
        (hyperparameter("lam", -1), "lam=-1", "-o lam=-1"),
        (call("resume", "runs/x"), "earlylearn.resume('runs/x')", "earlylearn train --resume runs/x"),
    ],
)
def test_each_face_writes_a_setting_its_own_way(mention, python, options):
    error = UsageError(f"{mention}: is wrong; see {mention}")
    assert str(error) == f"{python}: is wrong; see {python}"
    assert error.told(as_options) == f"{options}: is wrong; see {options}"


def test_it_names_the_setting_at_fault():
    assert UsageError(f"{setting('lr', -1)}: must be above 0").setting == "lr"
    assert UsageError(f"data.csv: no labels; see {setting('label')}").setting is None


def test_both_faces_survive_pickling():
    error = pickle.loads(pickle.dumps(EarlylearnError(f"lower {setting('batch_size')}")))
    assert str(error) == "lower batch_size"
    assert error.told(as_options) == "lower --batch-size"


def test_what_a_user_wrote_cannot_pass_for_a_mention():
    error = UsageError(f"{setting('data', chr(0xE000) + 'x' + chr(0xE001))}: no such file")
    assert "\ue000" not in str(error)
    assert str(error).endswith("no such file")
