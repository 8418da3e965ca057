"""Does making a figure again keep what is there, refuse what is not its own, and go on past what cannot be made?"""

import json

import pytest

from earlylearn.cli.main import main
from earlylearn.errors import UsageError
from earlylearn_paper import EXPERIMENTS
from earlylearn_paper.experiment import Verdict
from earlylearn_paper.reproduce import _holds, reproduce
from tests.faces import speaks_python

SMALL = {"n": 10, "p": 20, "iterations": 30, "seeds": 2}


def small_figure(out, **settings):
    return reproduce("figure-a1", out=out, quiet=True, **SMALL, **settings)


@pytest.mark.slow
def test_what_is_left_is_data_pictures_and_a_verdict(tmp_path):
    done = small_figure(tmp_path)
    names = {path.name for path in done.path.iterdir() if not path.name.startswith(".")}
    assert {"reproduction.json", "figure-a1.csv", "figure-a1.svg", "figure-a1.png"} <= names
    document = json.loads((done.path / "reproduction.json").read_text())
    assert document == json.loads(json.dumps(done.document))
    assert "command" not in document["environment"]


@pytest.mark.slow
@pytest.mark.parametrize("foreign", ["thesis.tex", "figure-a1-thesis.txt", "studies-of-mine"])
def test_nothing_that_is_not_its_own_is_touched(tmp_path, foreign):
    folder = small_figure(tmp_path).path
    (folder / foreign).write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(UsageError, match=f"holds {foreign}"):
            small_figure(tmp_path, overwrite=overwrite)
    assert (folder / foreign).read_text() == "mine"


@pytest.mark.parametrize(
    ("foreign", "words"), [("figure-a1.csv", "holds figure-a1.csv"), ("reproduction.json", "another's")]
)
def test_what_only_has_a_name_of_its_own_is_not_touched(tmp_path, foreign, words):
    folder = tmp_path / "figure-a1-quick"
    folder.mkdir()
    (folder / foreign).write_text("{}")
    with pytest.raises(UsageError, match=f"not the results of figure-a1.*{words}"):
        small_figure(tmp_path, overwrite=True)
    assert [path.name for path in folder.iterdir()] == [foreign]


def test_overwriting_deletes_nothing_before_the_request_is_found_good(tmp_path):
    folder = tmp_path / "table-1-full"
    (folder / "studies" / "part").mkdir(parents=True)
    (folder / "reproduction.json").write_text('{"name": "table-1", "verdicts": []}')
    with pytest.raises(UsageError, match="data_dir"):
        reproduce("table-1", scale="full", out=tmp_path, overwrite=True, quiet=True)
    assert (folder / "reproduction.json").exists()
    assert (folder / "studies" / "part").exists()


@pytest.mark.slow
def test_a_folder_in_use_or_not_writable_is_refused(tmp_path):
    from filelock import FileLock

    folder = small_figure(tmp_path).path
    with FileLock(folder / ".lock"), pytest.raises(UsageError, match="another process is at"):
        small_figure(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="choose a folder you may write to"):
        small_figure(tmp_path / "file" / "below")


def test_nothing_holds_where_nothing_was_judged():
    def verdict(holds):
        return Verdict("", "", "", holds)

    assert _holds([verdict(None)]) is None
    assert _holds([verdict(None), verdict(True)]) is True
    assert _holds([verdict(False), verdict(True)]) is False


@pytest.mark.slow
def test_all_goes_on_past_what_cannot_be_made(tmp_path, monkeypatch, capsys):
    few = {name: EXPERIMENTS[name] for name in ("table-1", "figure-a1")}
    monkeypatch.setattr("earlylearn_paper.EXPERIMENTS", few)
    with pytest.raises(SystemExit) as ended:
        main(["reproduce", "all", "--scale", "full", "--out", str(tmp_path), "--quiet", "--json"])
    assert ended.value.code == 1
    out, err = capsys.readouterr()
    assert [document["name"] for document in json.loads(out)] == ["figure-a1"]
    assert "1 of 2 could not be made; table-1: " in err


@pytest.mark.parametrize(
    ("words", "culprit"),
    [
        ("reproduce figure-9", "figure-9: no such figure or table"),
        ("reproduce", "NAME is missing"),
        ("reproduce figure-1 --scale big", "--scale big"),
        ("reproduce figure-1 --rows ce", "--rows ce: not in figure-1"),
        ("reproduce table-1 --rows cifar10/nix", "--rows cifar10/nix"),
        ("reproduce all --columns sym40", "name one table"),
        ("reproduce figure-a1 --page nowhere/page.md", "nowhere"),
        ("reproduce figure-1 --workers 0", "--workers 0"),
        ("doctor --plan nix", "--plan nix"),
    ],
)
def test_bad_requests(words, culprit, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    assert ended.value.code == 2
    err = capsys.readouterr().err
    assert culprit in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())
    speaks_python(ended.value, err.removeprefix("earlylearn: ").strip())
