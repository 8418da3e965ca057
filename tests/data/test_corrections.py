"""Do corrections survive a spreadsheet, and are they joined by id and by nothing else?"""

import csv
import io

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earlylearn.data.readers.corrections import (
    Correction,
    correct,
    guarded,
    read_corrections,
    unguarded,
    write_corrections,
)
from earlylearn.data.readers.frames import as_csv
from earlylearn.errors import UsageError

CLASSES = ("cat", "dog", "=cow")
MADE = [
    Correction(id="a", given="cat", label="dog", decision="relabel", reviewers=("ana", "ben"), agreed=True),
    Correction(id="b", given="dog", label="dog", decision="keep", reviewers=("ana",)),
    Correction(id="=c", given="=cow", label="cat", decision="relabel", agreed=False),
    Correction(id="d, e", given="cat", label=None, decision="unsure"),
    Correction(id="'f", given="dog", label=None, decision="exclude"),
]


@pytest.mark.parametrize("cell", ["", "plain", "=1+1", "+x", "-x", "-3+2", "@x", "'quoted", "''twice", "\ttab", "a=b"])
def test_a_spreadsheet_runs_no_cell_and_it_reads_back(cell):
    assert not guarded(cell).startswith(("=", "+", "-", "@", "\t"))
    assert unguarded(guarded(cell)) == cell


@pytest.mark.parametrize("cell", ["-3", "+2.5", "-1e5", "-.5", "'-3"])
def test_a_number_stays_a_number_and_reads_back(cell):
    assert guarded(cell) == (f"'{cell}" if cell.startswith("'") else cell)
    assert unguarded(guarded(cell)) == cell


def test_what_is_written_reads_back(tmp_path):
    write_corrections(tmp_path / "c.csv", MADE)
    assert read_corrections(tmp_path / "c.csv") == MADE
    assert (tmp_path / "c.csv").read_bytes().startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_spreadsheet_may_reorder_rows_and_columns_and_choose_its_separator(tmp_path, separator):
    write_corrections(tmp_path / "c.csv", MADE)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "c.csv").read_text("utf-8-sig"))))
    with (tmp_path / "d.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, sorted(rows[0]), delimiter=separator, lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(reversed(rows))
        file.write(separator * 5 + "\r\n")  # the empty line a spreadsheet leaves
    assert read_corrections(tmp_path / "d.csv") == MADE[::-1]


def test_an_old_macintosh_ends_lines_its_own_way(tmp_path):
    (tmp_path / "c.csv").write_bytes(b"id,given_label,corrected_label\ra,cat,dog\r")
    (made,) = read_corrections(tmp_path / "c.csv")
    assert (made.id, made.given, made.label) == ("a", "cat", "dog")


def test_a_spreadsheet_may_save_as_unicode_text_and_is_told_of_other_encodings(tmp_path):
    (tmp_path / "c.csv").write_bytes("id\tgiven_label\tcorrected_label\r\nü\tcat\tdog\r\n".encode("utf-16"))
    (made,) = read_corrections(tmp_path / "c.csv")
    assert (made.id, made.label) == ("ü", "dog")
    (tmp_path / "c.csv").write_bytes("id,given_label,corrected_label\nü,cat,dog\n".encode("cp1252"))
    with pytest.raises(UsageError, match="saved as UTF-8"):
        read_corrections(tmp_path / "c.csv")


@pytest.mark.parametrize(
    ("id_", "given", "label", "meant"),
    [("7", "true", "1", "'007'"), ("007", "TRUE", "1", "'true'"), ("007", "true", "1.0", "'1'")],
)
def test_what_a_spreadsheet_wrote_in_its_own_way_is_refused_with_what_was_meant(id_, given, label, meant):
    made = [Correction(id=id_, given=given, label=label, decision="relabel")]
    with pytest.raises(UsageError, match=rf"a spreadsheet may have made it of {meant}: format the column as text"):
        correct(["007", "8"], ["true", "1"], ["true", "1"], made, "c.csv")


def test_a_person_may_write_the_file_by_hand(tmp_path):
    (tmp_path / "c.csv").write_text("id,given_label,corrected_label\na,cat,dog\nb,dog,\nc,cat,cat\n")
    made = read_corrections(tmp_path / "c.csv")
    assert [(each.decision, each.label) for each in made] == [("relabel", "dog"), ("keep", "dog"), ("keep", "cat")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("given_label,corrected_label\ncat,dog\n", "no column 'id'"),
        ("id,corrected_label\na,dog\n", "no column 'given_label'"),
        ("id,given_label\na,dog\n", "neither"),
        ("id,given_label,decision\na,cat,perhaps\n", "line 2: the decision is 'perhaps'"),
        ("id,given_label,decision,corrected_label\na,cat,relabel,\n", "has no other label"),
        ("id,given_label,decision,corrected_label\na,cat,keep,dog\n", "mend one of the two"),
        ("id,given_label,corrected_label\na,cat,dog\na,cat,\n", "line 3: the id 'a' stands twice"),
        ("id,given_label,corrected_label\na,cat," + 200_000 * "x" + "\n", "line 2: field larger than field limit"),
    ],
)
def test_a_broken_file_is_refused_in_one_line(tmp_path, text, reason):
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(UsageError, match=reason) as caught:
        read_corrections(tmp_path / "c.csv")
    assert "\n" not in str(caught.value)


def join(corrections, ids=("a", "b", "c"), given=("cat", "dog", "cat")):
    return correct(ids, given, CLASSES, corrections, "corrections.csv")


def test_joined_by_id_whatever_the_order_and_what_is_not_named_stays():
    made = [
        Correction(id="c", given="cat", label="dog", decision="relabel"),
        Correction(id="b", given="dog", label=None, decision="exclude"),
    ]
    done = join(made)
    assert done == join(made[::-1])
    assert done.labels == ["cat", "dog", "dog"]
    assert (done.excluded, done.changed, done.kept, done.unsure) == ([1], 1, 0, 0)


@pytest.mark.parametrize(
    ("correction", "reason"),
    [
        (
            Correction(id="x", given="cat", label="dog", decision="relabel"),
            "'x' is not in the data; correct it, .* as 'a'",
        ),
        (Correction(id="a", given="dog", label="cat", decision="relabel"), "the data have 'cat'"),
        (
            Correction(id="a", given="cat", label="Mug", decision="relabel"),
            "none of the classes .*; choose one of them",
        ),
        (Correction(id="a", given="cat", label="dogg", decision="relabel"), "did you mean 'dog'"),
    ],
)
def test_corrections_of_other_data_are_refused(correction, reason):
    with pytest.raises(UsageError, match=reason):
        join([correction])


def test_an_id_whose_zeros_a_spreadsheet_took_is_explained():
    with pytest.raises(UsageError, match="may have made it of '007'"):
        join([Correction(id="7", given="cat", label="dog", decision="relabel")], ids=("007", "b", "c"))


def test_a_file_that_relabels_needs_the_column_for_it(tmp_path):
    (tmp_path / "c.csv").write_text("id,given_label,new_label,decision\na,cat,dog,relabel\n")
    with pytest.raises(UsageError, match="no column 'corrected_label'; it has id, given_label, new_label, decision"):
        read_corrections(tmp_path / "c.csv")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text('ab\r,\n"=\t ;é\x1b', max_size=6), min_size=1, max_size=8))
def test_every_cell_of_a_table_of_ours_is_read_back(texts):
    """A carriage return alone too, which ends a line for whoever reads."""
    frame = pd.DataFrame({"id": texts, "n": range(len(texts)), "a\rb": texts[::-1]})
    back = pd.read_csv(io.StringIO(as_csv(frame), newline=""), dtype=str, keep_default_na=False)
    assert list(back) == ["id", "n", "a\rb"]
    assert back["id"].tolist() == texts
    assert back["a\rb"].tolist() == texts[::-1]


def test_corrections_with_a_carriage_return_in_a_name_are_read_back(tmp_path):
    kept = [Correction(id="a\rb", given="x\ry", label="z", decision="relabel", reviewers=("me",), agreed=None)]
    write_corrections(tmp_path / "corrections.csv", kept)
    assert read_corrections(tmp_path / "corrections.csv")[0].id == "a\rb"
