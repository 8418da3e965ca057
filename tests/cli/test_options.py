"""Is every setting of a run an option of the command line, and every option a setting?"""

import inspect
import subprocess
import sys

import pytest
import typer

from earlylearn.cli.main import app, main
from earlylearn.cli.options import setting_of
from earlylearn.data.builtin.sets import BUILTIN
from earlylearn.data.sources import DataRequest, load
from earlylearn.runs.config import RunConfig

# What commands that train ask beside the fields of a run.
TRAIN = {"lambda_", "out", "overwrite", "resume", "budget", "json_", "quiet"}
FOUND = {"plugins", "continued"}  # nobody asks for them
STUDY = {"seeds", "workers", "out", "overwrite", "storage", "json_", "quiet"}


@pytest.mark.parametrize(
    ("command", "beside", "of_its_own"),
    [
        ("train", TRAIN, set()),
        ("compare", STUDY | {"methods"}, {"method", "options"}),
        ("sweep", STUDY | {"grid", "sample", "score", "canaries"}, set()),
        ("diagnose", STUDY - {"seeds", "storage"} | {"share", "lambdas"}, set()),
    ],
)
def test_every_field_of_a_run_is_an_option_and_the_reverse(command, beside, of_its_own):
    options = {option.name for option in typer.main.get_command(app).commands[command].params}
    assert options - beside == set(RunConfig.model_fields) - FOUND - of_its_own


def test_a_field_is_written_as_its_type_asks():
    for name, field in RunConfig.model_fields.items():
        if name not in FOUND:
            assert (setting_of(name).form == "") == (field.annotation is bool), name
            assert setting_of(name).meaning


def test_the_reader_takes_what_a_request_can_say_of_data():
    arguments = {name: each.default for name, each in inspect.signature(load).parameters.items()}
    fields = DataRequest.model_fields
    assert set(arguments) == set(fields)
    assert {name: field.default for name, field in fields.items() if not field.is_required()} == {
        name: default for name, default in arguments.items() if default is not inspect.Parameter.empty
    }


def test_the_help_names_all_built_in_data_to_train_on():
    assert {name for name in BUILTIN if name != "ilsvrc12-50"} <= set(setting_of("data").meaning.split(", "))


@pytest.mark.parametrize(
    ("words", "slow"),
    [
        (["--help"], {"torch", "numpy", "pandas", "pydantic"}),
        (["train", "--help"], {"torch", "numpy", "pandas"}),  # typer itself asks pydantic how to read a command's words
    ],
)
def test_help_imports_nothing_that_is_slow(words, slow):
    code = (
        "import sys\nfrom earlylearn.cli.main import main\n"
        f"try:\n    main({words})\nexcept SystemExit:\n    pass\n"
        f"print(sorted({slow} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["review", "--help"], ["help", "demo"]])
def test_no_switch_of_the_help_seems_to_want_a_value(words, capsys):
    with pytest.raises(SystemExit, match="0"):
        main(words)
    told = capsys.readouterr().out
    assert "--help" in told
    assert "<bool>" not in told
