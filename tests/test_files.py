"""Is what a command may replace told from what is not its own, and never anything else deleted?"""

import os

import pytest

from earlylearn.errors import UsageError
from earlylearn.files import Contents

BOOKS = Contents(
    "a library", "library.json", lambda document: document == {"ours": True}, ("page.html", "shelf/*.txt"), ("runs",)
)
STRICT = Contents("a library", "library.json", BOOKS.recognise, BOOKS.own, BOOKS.parts, hidden=True)
OURS = {"library.json": '{"ours": true}', "page.html": "a page", "shelf/1.txt": "a book"}


def fill(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def left(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


@pytest.mark.parametrize(
    "files",
    [{}, {"library.json.partial": '{"ours"'}, {".DS_Store": ""}, {"shelf/.tmpA1b2C3": "half"}],
    ids=["nothing", "cut short before the marker was whole", "hidden", "cut short by a kill of safetensors"],
)
def test_a_folder_without_results_is_free(tmp_path, files):
    fill(tmp_path, files)
    assert BOOKS.check(tmp_path, overwrite=False) is False
    assert BOOKS.check(tmp_path / "new", overwrite=False) is False


@pytest.mark.parametrize("files", [OURS, {"library.json": OURS["library.json"]}, {"runs/1/config.json": "{}"}])
def test_results_are_replaced_only_on_request(tmp_path, files):
    fill(tmp_path, files)
    with pytest.raises(UsageError, match=r"holds a library already; read it, replace it with overwrite=True"):
        BOOKS.check(tmp_path, overwrite=False, instead="read it, ")
    assert BOOKS.check(tmp_path, overwrite=True) is True


@pytest.mark.parametrize(
    "files",
    [
        {"page.html": "mine"},
        {"shelf/1.txt": "mine"},
        {"page.html.partial": "mine", "notes.txt": "mine"},
        *({**OURS, "library.json": marker} for marker in ("{}", "[]", "null", "not JSON", "[" * 9999, "\ud83d")),
    ],
    ids=lambda files: ascii(next(iter(files.values())))[:20],
)
def test_names_alone_make_nothing_ours(tmp_path, files):
    (tmp_path / "shelf").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    for overwrite in (False, True):
        with pytest.raises(UsageError, match="is not empty and not a library of earlylearn"):
            BOOKS.check(tmp_path, overwrite=overwrite)


@pytest.mark.parametrize("name", ["thesis.txt", "shelf/thesis.pdf", "shelf/deep/er", "Page.html"])
def test_what_somebody_added_is_named_and_kept(tmp_path, name):
    fill(tmp_path, {**OURS, name: "mine"})
    with pytest.raises(UsageError, match=f"holds {name}, which is not part of a library; move it away"):
        BOOKS.check(tmp_path, overwrite=True)
    BOOKS.clear(tmp_path)
    assert left(tmp_path) == {name}


def test_hidden_files_count_where_a_folder_is_cleared(tmp_path):
    fill(tmp_path, {**OURS, ".env": "mine"})
    assert BOOKS.check(tmp_path, overwrite=True)
    with pytest.raises(UsageError, match=r"holds \.env"):
        STRICT.check(tmp_path, overwrite=True)


def test_what_a_kill_left_beside_a_checkpoint_is_ours(tmp_path):
    fill(tmp_path, {**OURS, "shelf/.tmp0NaOHi": "half"})
    assert STRICT.check(tmp_path, overwrite=True)
    STRICT.clear(tmp_path)
    assert not left(tmp_path)
    fill(tmp_path, {**OURS, "attic/.tmp0NaOHi": "mine"})
    with pytest.raises(UsageError, match=r"holds attic/\.tmp0NaOHi"):
        STRICT.check(tmp_path, overwrite=True)


def test_links_lead_nowhere(tmp_path):
    folder, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    fill(folder, {"library.json": OURS["library.json"]})
    fill(elsewhere, {"1.txt": "mine"})
    (folder / "shelf").symlink_to(elsewhere)
    with pytest.raises(UsageError, match="holds shelf, which is not part"):
        BOOKS.check(folder, overwrite=True)
    BOOKS.clear(folder)
    assert left(elsewhere) == {"1.txt"}
    (tmp_path / "link").symlink_to(folder)
    (folder / "shelf").unlink()
    fill(folder, OURS)
    assert BOOKS.check(tmp_path / "link", overwrite=True)


def test_clearing_leaves_the_folder_and_parts_alone(tmp_path):
    fill(tmp_path, {**OURS, "page.html.partial": "", "runs/1/config.json": "{}"})
    BOOKS.clear(tmp_path)
    assert left(tmp_path) == {"runs/1/config.json"}
    assert not (tmp_path / "shelf").exists()


def test_the_marker_goes_last(tmp_path, monkeypatch):
    fill(tmp_path, {**OURS, "runs/1": ""})
    gone = []
    monkeypatch.setattr(type(tmp_path), "unlink", lambda path: gone.append(path.name) or os.unlink(path))
    BOOKS.clear(tmp_path)
    assert gone[-1] == "library.json"
    assert len(gone) == 3


@pytest.mark.parametrize("name", ["a file", "a\0b"])
def test_what_cannot_be_a_folder_is_refused(tmp_path, name):
    (tmp_path / "a file").write_text("mine")
    with pytest.raises(UsageError, match=r"name a folder|choose a folder"):
        BOOKS.check(tmp_path / name, overwrite=True)
