"""Are names that read alike, stand for no label or for several told; and do numbers keep apart that 64 bits do not?"""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earlylearn.data.readers.alike import alike, of_classes, reading
from earlylearn.data.readers.notations import other_notation
from earlylearn.data.readers.precision import astray, shifted, span
from earlylearn.data.readers.suspects import spoilt, stand_in
from earlylearn.data.sources import load, read_unlabelled
from earlylearn.errors import UsageError
from tests.data.test_kinds_of_input import generated, labels, noise, table

WORDS = st.text("abcxyzABCXYZ", min_size=1, max_size=6)


@generated
@given(st.lists(WORDS, min_size=2, max_size=5, unique_by=str.casefold), st.data())
@pytest.mark.slow
def test_what_a_person_reads_as_one_is_found_and_nothing_else(words, data):
    assert alike(words) == []
    word = data.draw(st.sampled_from(words))
    changes = [f" {word}", f"{word} ", word.swapcase(), f"{word}\u200b", f"{word[:1]}\u00ad{word[1:]}", f"\ufeff{word}"]
    other = data.draw(st.sampled_from(changes))
    assert alike([*words, other]) == [(word, other)]


@pytest.mark.parametrize(
    ("one", "other"),
    [("01", "1"), ("1.0", "1"), ("caf\u00e9", "cafe\u0301"), ("\uff11", "1"), ("+1", "1"), ("a  b", "A b")],
)
def test_more_that_reads_alike(one, other):
    assert reading(one) == reading(other)


@pytest.mark.parametrize(("one", "other"), [("-1", "1"), ("10", "1"), ("1.5", "1"), ("a1", "a01"), ("ab", "a b")])
def test_what_does_not_read_alike(one, other):
    assert reading(one) != reading(other)


# Labels, in turn; what is told of them, or nothing.
TOLD = [
    (["Yes", "yes", "no"], "2 classes read alike, such as 'Yes' and 'yes'"),
    (["caf\u00e9", "cafe\u0301", "no"], r"such as 'cafe\\u0301' and 'caf\\xe9'"),
    (["01", "1", "2"], "such as '01' and '1'"),
    ([-1, 0, 1], "-1 counts as a class"),
    ([0, 1, 2, 99], "99 counts as a class"),
    ([-100, 0, 1], "-100 counts as a class"),
    ([1, 2, 3, 9999], "9999 counts as a class"),
    (["?", "x", "y"], r"'\?' counts as a class"),
    (["Unlabeled", "x"], "'Unlabeled' counts as a class"),
    (["a;b", "a", "b"], "'a;b' counts as a class of its own"),
    (["a, b", "a", "b"], "'a, b' counts as a class of its own"),
    (["a\nb", "c"], "1 of the classes go over several lines"),
    ([-1, 1], None),
    ([0, 1], None),
    ([1, 2, 3, 4, 5], None),
    ([10, 20, 30], None),
    (["yes", "no"], None),
    (["a/c", "a", "b"], None),
    (["I", "II", "III"], None),
]


@pytest.mark.parametrize(("values", "told"), TOLD)
def test_classes_that_are_hardly_meant_are_told(values, told):
    lines = " ".join(of_classes(np.array(values * 20), "t"))
    assert not lines if told is None else re.search(told, lines), lines


def test_a_class_of_one_row_is_told():
    assert of_classes(np.array(["cat"] * 20 + ["dog"] * 20 + ["catt"]), "t") == (
        "t: 1 of 3 classes has one row: 'catt'; misspelt?",
    )


@generated
@given(st.permutations(["01", "1", "2"] * 8))
@pytest.mark.slow
def test_labels_that_differ_in_a_zero_are_two(tmp_path, values):
    train = load(table(tmp_path / "t.csv", x=noise(24), y=values), label="y").train
    assert [train.classes[k] for k in train.labels] == list(values)


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (["1", "2"], ("1", "2")),
        (["1.0", "2"], ("1", "2")),
        (["10", "9"], ("9", "10")),
        (["True", "false"], ("False", "True")),
        (["TRUE", "no"], ("TRUE", "no")),
        (["1", "b"], ("1", "b")),
        ([" a", "a ", "b"], ("a", "b")),
    ],
)
def test_labels_of_a_text_file_are_what_they_were(tmp_path, values, classes):
    data = load(table(tmp_path / "t.csv", x=noise(6), y=(values * 6)[:6]), label="y")
    assert data.train.classes == classes


def test_what_counts_as_no_label_is_told_as_it_is_written(tmp_path):
    train = load(table(tmp_path / "t.csv", x=noise(9), y=["NA", "EU", "US"] * 3), label="y").train
    assert "3 of 9 rows have no 'y' (written 'NA'; if that is a class, call it otherwise)" in train.notes[0]
    with pytest.raises(UsageError, match=r"only one class \(Some\), for 'None' counts as no label"):
        load(table(tmp_path / "t.csv", x=noise(6), y=["None", "Some"] * 3), label="y")


@generated
@given(st.integers(-(2**63), 2**63 - 1000), st.integers(2, 9), st.booleans())
@pytest.mark.slow
def test_whole_numbers_beyond_64_bit_floats_stay_distinct(tmp_path, base, step, gap):
    numbers = [base + step * (k * 7 % 24) for k in range(24)]
    cells = [*map(str, numbers), *([""] if gap else [])]
    n = len(cells)
    path = table(tmp_path / "t.csv", at=cells, kind=labels(n))
    train = load(path, label="kind", missing="impute").train
    assert len(np.unique(train.inputs[:24, 0])) == 24
    np.testing.assert_array_equal(read_unlabelled(path, train.schema).inputs, train.inputs)
    frame = pd.DataFrame({"at": [int(cell) if cell else None for cell in cells], "kind": labels(n)}, dtype=object)
    frame.astype({"at": "Int64"}).to_parquet(tmp_path / "t.parquet")
    again = load(str(tmp_path / "t.parquet"), label="kind", missing="impute").train
    np.testing.assert_array_equal(again.inputs[:24], train.inputs[:24])
    np.savez(tmp_path / "d.npz", x=np.array(numbers)[:, None], y=np.arange(24) % 2)
    assert len(np.unique(load(str(tmp_path / "d.npz")).train.inputs)) == 24


def test_what_no_offset_keeps_apart_is_told(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.array([0, 1, 2**62, 2**62 + 1] * 6)[:, None], y=np.arange(24) % 2)
    assert "fall together" in load(str(tmp_path / "d.npz")).train.notes[0]


def test_offsets_are_taken_off_exactly():
    ns = np.array([1_700_000_000_000_000_001, 1_700_000_000_000_000_004])
    assert shifted(ns, 1.7e18).tolist() == [1, 4]
    assert shifted(np.array([2**64 - 1, 2**64 - 2], np.uint64), 2.0**64).tolist() == [-1, -2]
    assert np.isnan(shifted(np.array([2**60, None], object), 2.0**60)[1])


@generated
@given(st.lists(st.floats(-1e30, 1e30), min_size=2, max_size=20))
def test_nothing_of_the_training_data_is_far_from_them(values):
    assert not len(astray(np.array(values), span(np.array(values))))


@pytest.mark.parametrize(("scale", "far"), [(1, 0), (1000, 60), (0.001, 0)])
def test_another_unit_is_told(tmp_path, scale, far):
    x = 1 + np.random.default_rng(0).random(60)
    train = load(table(tmp_path / "t.csv", x=x, kind=labels(60)), label="kind").train
    notes = read_unlabelled(table(tmp_path / "n.csv", x=x * scale), train.schema).notes
    assert bool(notes) == bool(far)
    assert not far or "60 of 60 values of 'x' are far from those of training" in notes[0]
    np.savez(tmp_path / "d.npz", x=x[:, None], y=np.arange(60) % 2, x_test=x[:, None] * scale, y_test=np.arange(60) % 2)
    assert bool(load(str(tmp_path / "d.npz")).test.notes) == bool(far)


def test_truth_values_in_place_of_numbers_are_told(tmp_path):
    x, binary = noise(60), np.arange(60) % 2
    train = load(table(tmp_path / "t.csv", x=x, b=binary, kind=labels(60)), label="kind").train
    new = table(tmp_path / "n.csv", x=[True, False] * 30, b=[True, False] * 30)
    (note,) = read_unlabelled(new, train.schema).notes
    assert "60 of 60 values of 'x' are True or False, and count as 1 and 0; in training they were" in note


def test_a_number_that_stands_for_a_missing_one_is_told():
    values = noise(60)
    assert stand_in(values) is None
    values[[3, 4]] = -999
    assert stand_in(values)[:2] == (-999, 2)
    assert stand_in(np.arange(60.0) + 60) is None  # 99 among its like


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ([f"{k}\u00a0" for k in range(9)], "another notation"),
        ([f"1{k}\u2019000" for k in range(9)], "another notation"),
        ([chr(0x660 + k) for k in range(9)], "another notation"),
        ([f"{k} Jan 2024" for k in range(1, 9)], "dates"),
        ([f"1{k}:30" for k in range(9)], "dates"),
        ([f"[{k}, 1]" for k in range(9)], "lists"),
        ([f"[{k}. 1.]" for k in range(9)], "lists"),
        ([f'{{"a": {k}}}' for k in range(9)], "lists"),
        ([f"({k}, {k + 1}]" for k in range(9)], None),
        ([str(k) for k in range(9)], None),
    ],
)
def test_more_notations_are_known(values, what):
    found = other_notation(pd.Series(values))
    assert found is None if what is None else what in found


@pytest.mark.parametrize("mark", ["\\N", "#DIV/0!", "#REF!", "<5", "> 90"])
def test_marks_of_databases_and_spreadsheets_spoil_a_column(mark):
    assert len(spoilt(pd.Series([*(str(k % 7) for k in range(21)), mark]))) == 1


def test_columns_without_a_header_are_told(tmp_path):
    pd.DataFrame({"x": noise(9), "kind": labels(9)}).to_csv(tmp_path / "t.csv")
    assert "1 column without a header left out" in load(str(tmp_path / "t.csv"), label="kind").train.notes[0]
    (tmp_path / "t.csv").write_text("x,kind,\n1,a,\n2,b,\n")
    assert not load(str(tmp_path / "t.csv"), label="kind").train.notes


def test_a_missing_quotation_mark_is_told(tmp_path):
    lines = [f"{k},{'red' if k % 2 else 'blue'},{'ab'[k // 2 % 2]}" for k in range(40)]
    lines[5], lines[9] = lines[5].replace("red", '"red'), lines[9].replace("red", 'red"')
    (tmp_path / "t.csv").write_text("\n".join(["x,c,kind", *lines]))
    train = load(str(tmp_path / "t.csv"), label="kind").train
    assert len(train) == 36
    assert any("go over several lines" in note and "rows are lost" in note for note in train.notes)


# A file, and the words of its refusal.
OTHER_FILES = [
    (b"x;kind\n1;a\n2;b\n", "separated by semicolons, not by commas; save it with commas$"),
    (b"x;kind\n1,5;a\n2,5;b\n", "decimal point"),
    (b"x\tkind\n1\ta\n2\tb\n", "tabs, not by commas.*end in .tsv"),
    (b"x|kind\n1|a\n2|b\n", "bars, not by commas"),
    (b"\x1f\x8b\x08\x00", "gzip.*unpack"),
    (b"PK\x03\x04", "workbook.*CSV"),
    (b"PAR1", "end in .parquet"),
    ("x,kind\n1,a\n".encode("utf-16"), "UTF-16; save it as UTF-8"),
    (b'{"x": 1, "kind": "a"}\n', "JSON"),
    (b'[{"x": 1, "kind": "a"}]\n', "JSON"),
    (b"<html><body>,404</body></html>", "web page"),
    (b"sep=,\nx,kind\n1,a\n", "remove that line"),
    (b"", "is empty"),
    (b" \n\n", "is empty"),
]


@pytest.mark.parametrize(("content", "words"), OTHER_FILES)
@pytest.mark.parametrize("role", ["data", "labels", "annotators"])
def test_a_file_of_another_kind_is_called_so(tmp_path, content, words, role):
    (tmp_path / "other.csv").write_bytes(content)
    good, other = table(tmp_path / "t.csv", x=noise(6), kind=labels(6)), str(tmp_path / "other.csv")
    asked = {"data": {"data": other}, "labels": {"data": good, "labels": other}}
    with pytest.raises(UsageError, match=f"other.csv: .*{words}"):
        load(**asked.get(role, {"data": good, "annotators": [other]}), label="kind")


@pytest.mark.parametrize(
    ("name", "words"),
    [("t.csv.gz", "unpack it"), ("t.xlsx", "save it as CSV"), ("t.jsonl", "Parquet"), ("t.txt", "end in .csv")],
)
def test_a_suffix_that_is_not_read_gets_its_mend(tmp_path, name, words):
    (tmp_path / name).write_text("x,kind\n1,a\n")
    with pytest.raises(UsageError, match=words):
        load(str(tmp_path / name), label="kind")


def test_an_address_is_no_file():
    with pytest.raises(UsageError, match=r"https://u:\*\*\*@example.org/t.csv: is an address; download"):
        load("https://u:secret@example.org/t.csv", label="kind")


def test_arrays_that_lose_their_shape_and_classes_without_rows_are_told(tmp_path):
    y = np.arange(24) % 2
    np.savez(
        tmp_path / "d.npz",
        x=np.zeros((24, 5, 5, 4), np.uint8) + y[:, None, None, None].astype(np.uint8),
        y=y + 1,
        classes=["a", "b", "c"],
    )
    notes = " ".join(load(str(tmp_path / "d.npz")).train.notes)
    assert "uint8 [24, 5, 5, 4] is taken as 100 features" in notes
    assert "1 of 3 have no rows in 'y': 'a'" in notes


def test_bytes_that_are_no_text_are_no_labels(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.zeros((4, 2)), y=np.array([b"\xe9", b"\xe8"] * 2))
    with pytest.raises(UsageError, match="bytes that are no UTF-8"):
        load(str(tmp_path / "d.npz"))


def test_labels_in_memory_that_are_missing_are_no_class():
    with pytest.raises(UsageError, match="row 1 has no label"):
        load((np.zeros((3, 2)), ["a", None, "b"]))


@pytest.fixture
def keyed(tmp_path):
    """A table with ids of its own."""
    return table(tmp_path / "t.csv", key=[f"r{k}" for k in range(12)], x=noise(12), kind=labels(12))


@generated
@given(st.permutations(range(12)), st.sampled_from(["id", "ID", "Id", " id", "key", "index", "nr"]), st.booleans())
def test_a_label_file_is_never_joined_by_order_where_ids_say_another(tmp_path, keyed, order, column, by_key):
    new = [("dog", "cat")[k // 2 % 2] for k in range(12)]
    ids = [f"r{k}" if column != "index" else k for k in order]
    table(tmp_path / "l.csv", **{column: ids, "label": [new[k] for k in order], "more": range(12, 24)})
    asked = {"label": "kind", "id_column": "key", "labels": f"{tmp_path / 'l.csv'}:label" if by_key else None}
    asked["labels"] = asked["labels"] or str(tmp_path / "l.csv")
    if column == "nr" and list(order) != sorted(order):
        with pytest.raises(UsageError, match="column 'nr' holds ids of the data, in another order; call it id"):
            load(keyed, **asked)
    elif column != "nr" or by_key:
        train = load(keyed, **asked).train
        assert [train.classes[k] for k in train.labels] == new


def test_how_many_rows_a_label_file_names_is_told(tmp_path, keyed):
    table(tmp_path / "l.csv", id=["r3", "r4"], label=["cat", "dog"])
    notes = load(keyed, label="kind", id_column="key", labels=str(tmp_path / "l.csv")).train.notes
    assert "names 2 of 12 rows; the others keep their labels" in notes[-1]


def test_a_class_in_the_first_line_is_no_header(tmp_path):
    np.savez(tmp_path / "d.npz", x=noise(8).reshape(4, 2), y=np.array(["a", "b"] * 2))
    (tmp_path / "l.txt").write_text("a\nb\nb\na\na\n")
    with pytest.raises(UsageError, match="5 labels for 4 training rows"):
        load(str(tmp_path / "d.npz"), labels=str(tmp_path / "l.txt"))
