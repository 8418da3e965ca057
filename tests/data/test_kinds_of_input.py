"""Do whole kinds of odd input keep what they hold, or are they refused or told: generated, not picked?"""

import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from earlylearn.data.readers import suspects
from earlylearn.data.readers.classes import label_values
from earlylearn.data.readers.corrections import guarded, guarded_frame, unguarded, unguarded_frame
from earlylearn.data.readers.notations import other_notation
from earlylearn.data.readers.pixels import pixels
from earlylearn.data.readers.precision import astray, centre
from earlylearn.data.readers.suspects import (
    ascending,
    gives_away,
    reads_as_text,
    row_counter,
    spoilt,
    stand_in,
)
from earlylearn.data.sources import load, read_unlabelled
from earlylearn.errors import UsageError, hide_password, visible

generated = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
WORDS = st.text("qrxyzQRXYZ", min_size=1, max_size=6)


def table(path, **columns):
    pd.DataFrame(columns).to_csv(path, index=False)
    return str(path)


def labels(n):
    return [("cat", "dog")[k * 7 % 3 % 2] for k in range(n)]


def noise(n, seed=0):
    return np.random.default_rng(seed).normal(size=n).round(4)


@generated
@given(st.integers(-(2**52), 2**52), st.integers(1, 10**6), st.permutations(range(24)))
@pytest.mark.slow
def test_whole_numbers_stay_distinct_however_large(tmp_path, base, step, order):
    numbers = [base + step * k for k in order]
    path = table(tmp_path / "t.csv", at=[*numbers, numbers[0]], kind=labels(25))
    train = load(path, label="kind").train
    assert len(np.unique(train.inputs[:, 0])) == 24
    again = read_unlabelled(path, train.schema).inputs
    np.testing.assert_array_equal(again, train.inputs)


def test_what_32_bits_cannot_hold_is_told(tmp_path):
    path = table(tmp_path / "t.csv", at=[1e15 * (k % 2) + k for k in range(24)], kind=labels(24))
    assert any("32 bits" in note for note in load(path, label="kind").train.notes)
    with pytest.raises(UsageError, match=r"32 bits.*strict"):
        load(path, label="kind", strict=True)


@generated
@given(st.sampled_from(["uint8", "int16", "int64", "float32", "float64"]), st.booleans(), st.integers(0, 2**32 - 1))
def test_an_image_is_the_same_whatever_its_type(dtype, unit, seed):
    levels = np.random.default_rng(seed).integers(0, 256, (5, 3, 8, 8))
    levels[0, 0, 0, :2] = 0, 255
    unit = unit and dtype.startswith("float")
    found = pixels((levels / 255 if unit else levels).astype(dtype), "x", surely=False)
    if dtype == "uint8":
        assert found is None
        return
    assert found is not None
    np.testing.assert_array_equal(found[0], levels)
    assert "taken as images" in found[1][0]


@pytest.mark.parametrize("values", [(-1, 1), (0, 1000), (0.5, 300)])
def test_what_has_the_shape_of_images_and_is_none_is_refused(values):
    x = np.linspace(*values, 2 * 3 * 8 * 8).reshape(2, 3, 8, 8)
    with pytest.raises(UsageError, match=r"save them as uint8 0..255, or flatten"):
        pixels(x, "x", surely=False)


@generated
@given(st.lists(WORDS, min_size=2, max_size=5, unique=True), st.data())
def test_two_columns_of_one_name_are_refused_before_pandas_renames_them(tmp_path, names, data):
    twice = data.draw(st.sampled_from(names))
    blanks = data.draw(st.sampled_from(["", " ", "  "]))
    header = data.draw(st.permutations([*names, blanks + twice]))
    (tmp_path / "t.csv").write_text(",".join(header) + "\n" + ",".join("1" for _ in header) + "\n")
    with pytest.raises(UsageError, match=f"2 columns are called '{twice}'"):
        load(str(tmp_path / "t.csv"), label=names[0])


@generated
@given(st.integers(-1000, 1000), st.permutations(range(40)))
def test_a_column_that_counts_rows_is_no_feature(tmp_path, first, order):
    path = table(tmp_path / "t.csv", n=[first + k for k in order], x=noise(40), kind=labels(40))
    train = load(path, label="kind").train
    assert [column["name"] for column in train.schema["columns"]] == ["x"]
    assert any("'n' only counts the rows" in note for note in train.notes)


def test_a_gap_makes_a_number_of_it():
    whole = pd.Series(range(40))
    assert row_counter(whole)
    assert not row_counter(whole.replace(39, 40))
    assert not row_counter(whole.replace(39, 38))
    assert not row_counter(whole.astype(float))


def test_rows_in_the_order_of_their_labels_do_not_make_a_tell_tale_of_a_constant():
    assert not gives_away(pd.Series(np.zeros(200)), np.repeat([0, 1], 100))


def test_a_number_near_all_others_stands_for_none():
    assert stand_in(np.array([99.0] + [98.5] * 30)) is None
    assert stand_in(np.array([99.0] + [8.5] * 30)) == (99.0, 1, 8.5, 8.5)


def test_a_column_without_gaps_gets_no_category_for_them(tmp_path):
    path = table(tmp_path / "t.csv", colour=["red", "blue"] * 20, x=[None, *noise(39)], kind=labels(40))
    columns = load(path, label="kind", missing="impute").train.schema["columns"]
    assert columns[0]["categories"] == ["blue", "red"]


def test_whole_labels_that_floats_would_confuse_are_refused():
    assert label_values(np.array([2**53, 1]), "y").tolist() == [2**53, 1]
    with pytest.raises(UsageError, match=r"row 1 has a label beyond 2\*\*53"):
        label_values(np.array([1, 2**53 + 2]), "y")


def test_of_a_number_that_was_constant_in_training_the_unit_is_its_size():
    assert astray(np.array([5.0, 6.0, -9.0, 21.0, np.nan, -10.5]), [5.0, 5.0]).tolist() == [3, 5]
    assert astray(np.array([0.0, 1e-9]), [0.0, 0.0]).tolist() == [1]


def test_numbers_are_shifted_only_where_that_tells_more_of_them_apart():
    assert centre(np.array([2**24 + 1, 2**25 + 3, 2**26 + 5])) == 0  # rounded, and distinct all the same
    assert centre(2**27 + np.arange(5)) == 2**27 + 2


def test_numbers_that_64_bit_floats_would_round_are_counted_as_they_are():
    whole = pd.Series(range(40)) + 2**60
    assert row_counter(whole)
    assert not row_counter(pd.Series(sorted({*range(0, 200, 5)})) + 2**60)
    assert ascending(whole * 3)
    assert ascending(-whole)
    assert not ascending(pd.concat([whole, whole[-1:]]))


@generated
@given(st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_a_column_made_of_the_label_is_told_and_noise_is_not(classes, seed):
    rng = np.random.default_rng(seed)
    given_labels = rng.integers(0, classes, 200)
    assert gives_away(pd.Series(given_labels * 10 + rng.normal(size=200)), given_labels)
    assert gives_away(pd.Series([f"code {k}" for k in given_labels]), given_labels)
    assert not gives_away(pd.Series(rng.normal(size=200)), given_labels)
    assert not gives_away(pd.Series(rng.integers(0, 3, 200)), given_labels)


def test_of_many_rows_whose_labels_take_turns_all_labels_are_looked_at(monkeypatch):
    labels_in_turn = np.arange(200) % 2
    monkeypatch.setattr(suspects, "MOST_LOOKED_AT", 100)
    assert gives_away(pd.Series(labels_in_turn + noise(200) / 9), labels_in_turn)
    assert not gives_away(pd.Series(noise(200)), labels_in_turn)


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ([f"{k},5" for k in range(9)], "commas"),
        ([f"{k}.{k}00,25" for k in range(1, 9)], "commas"),
        ([f"{k},000" for k in range(1, 9)], "commas"),
        ([f"{k} %" for k in range(9)], "units"),
        ([f"{k}kg" for k in range(9)], "units"),
        ([f"€{k}.50" for k in range(9)], "units"),
        ([f"2024-01-{k:02}" for k in range(1, 9)], "dates"),
        ([f"{k}/2/2024 10:00" for k in range(1, 9)], "dates"),
        (["S", "M", "L", "XL"], None),
        (["2WD", "4WD", "AWD"], None),
        (["18-24", "25-34", "35-44"], None),
        (["a, b", "c", "d"], None),
    ],
)
def test_numbers_in_another_notation_are_known(values, what):
    found = other_notation(pd.Series(values))
    assert found is None if what is None else what in found


@generated
@given(st.sampled_from(["?", "-", "unknown", "n.a."]), st.integers(3, 30), st.integers(1, 3))
def test_a_sign_for_a_missing_number_spoils_a_column(tmp_path, mark, numbers, marks):
    values = [*(str(k) for k in range(numbers) for _ in range(2)), *[mark] * marks]
    path = table(tmp_path / "t.csv", x=values, kind=labels(len(values)))
    with pytest.raises(UsageError, match=rf"row {2 * numbers} is '{mark if mark != '?' else '.'}' among numbers"):
        load(path, label="kind")


def test_a_category_beside_few_numbers_is_none():
    assert spoilt(pd.Series(["0", "1", "2", "3+"] * 10)) is None


@generated
@given(st.lists(WORDS, min_size=2, max_size=6, unique_by=str.lower), st.integers(0, 2**32 - 1))
def test_one_schema_governs_and_unseen_values_are_counted(tmp_path, words, seed):
    rng = np.random.default_rng(seed)
    cells = [words[k % len(words)] for k in range(24)]
    train = load(table(tmp_path / "t.csv", x=noise(24), c=cells, kind=labels(24)), label="kind").train
    order = rng.permutation(24)
    mixed = read_unlabelled(table(tmp_path / "n.csv", c=np.array(cells)[order], x=noise(24)[order]), train.schema)
    np.testing.assert_array_equal(mixed.inputs, train.inputs[order])
    assert mixed.notes == ()
    other = [f"{cell.swapcase()} " for cell in cells]
    found = read_unlabelled(table(tmp_path / "o.csv", c=other, x=noise(24)), train.schema)
    assert "24 of 24 values of 'c' unseen" in found.notes[0]
    assert "which was" in found.notes[0]


def test_what_befalls_many_columns_is_told_in_one_line_each_kind(tmp_path):
    x = np.arange(24.0).reshape(24, 1) % 7 + np.arange(8)
    words = np.where(x % 2 > 0, "a", "b")
    columns = {**{f"x{k}": x[:, k] for k in range(8)}, **{f"c{k}": words[:, k] for k in range(8)}}
    train = load(table(tmp_path / "t.csv", **columns, kind=labels(24)), label="kind", missing="impute").train
    words[3, :7], words[4, :7] = "z", "A"
    x[:2, :6], x[5, 6] = np.nan, 1e6
    columns = {**{f"x{k}": x[:, k] for k in range(8)}, **{f"c{k}": words[:, k] for k in range(8)}}
    found = read_unlabelled(table(tmp_path / "n.csv", **columns), train.schema).notes
    assert [note.split("n.csv: ")[1] for note in found] == [
        "12 values of the columns x0, x1, x2, ... (6 in all) are missing: the median of its column fills each",
        "1 of 24 values of 'x6' are far from those of training (6 to 12), such as 1e+06: is that the same unit?",
        "14 values of the columns c0, c1, c2, ... (7 in all) are unseen in training: they count as none of the "
        "categories",
    ]


@generated
@given(st.permutations(["01", "1", "a", "01", "1", "a"]))
@pytest.mark.slow
def test_labels_of_a_test_table_are_read_as_those_of_training(tmp_path, order):
    train = table(tmp_path / "t.csv", x=noise(6), y=["01", "1", "a", "01", "1", "a"])
    for kept in ("01", "1", "a"):
        test = table(tmp_path / "u.csv", x=noise(6), y=[kept] * 6)
        loaded = load(train, label="y", test=test)
        assert {loaded.train.classes[k] for k in loaded.test.labels} == {kept}
    mixed = load(train, label="y", test=table(tmp_path / "u.csv", x=noise(6), y=order)).test
    assert [mixed.classes[k] for k in mixed.labels] == list(order)


@generated
@given(st.integers(21, 80))
def test_a_label_column_that_is_a_key_or_a_quantity_is_refused(tmp_path, n):
    for values, what in (
        ([f"k{k}" for k in range(n)], "looks like an id"),
        ([f"t{k * 2 // 3}" for k in range(n)], "looks like an id or free text"),
        ((np.arange(n) * 37 % 1000 + 0.25).tolist(), "looks like a quantity"),
    ):
        with pytest.raises(UsageError, match=f"column 'kind'.*{what}"):
            load(table(tmp_path / "t.csv", x=noise(n), kind=values), label="kind")


def test_prices_are_no_classes_and_many_classes_are(tmp_path):
    price = (1000 + 100 * np.random.default_rng(0).normal(size=3000)).round().astype(int)
    with pytest.raises(UsageError, match="looks like a quantity"):
        load(table(tmp_path / "p.csv", x=noise(3000), kind=price), label="kind")
    many = load(table(tmp_path / "m.csv", x=noise(3000), kind=np.arange(3000) % 600), label="kind").train
    assert len(many.classes) == 600


@generated
@given(st.sets(st.integers(0, 29), min_size=1, max_size=10), st.sampled_from([0, 0.3]))
def test_rows_without_a_label_are_left_out_told_and_keep_their_names(tmp_path, gone, share):
    frame = pd.DataFrame({"x": noise(30), "kind": labels(30)})
    frame.loc[sorted(gone), "kind"] = None
    frame.to_csv(tmp_path / "t.csv", index=False)
    train = load(str(tmp_path / "t.csv"), label="kind", test_fraction=share).train
    assert f"{len(gone)} of 30 rows have no 'kind'" in train.notes[0]
    assert not set(train.places.tolist()) & gone
    assert [train.classes[k] for k in train.labels] == frame["kind"].iloc[train.places].tolist()
    assert train.ids.tolist() == train.places.astype(str).tolist()


@generated
@given(st.permutations(range(12)))
def test_a_file_of_labels_is_joined_by_id_in_any_order(tmp_path, order):
    np.savez(tmp_path / "d.npz", x=noise(24).reshape(12, 2), y=np.arange(12) % 2)
    new = [(k // 2) % 2 for k in range(12)]
    table(tmp_path / "l.csv", id=list(order), label=[new[k] for k in order])
    assert load(str(tmp_path / "d.npz"), labels=str(tmp_path / "l.csv")).train.labels.tolist() == new


@generated
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=8), min_size=1, max_size=6))
@pytest.mark.slow
def test_no_spreadsheet_runs_a_cell_and_all_reads_back(cells):
    for cell in cells:
        assert unguarded(guarded(cell)) == cell
        if not guarded(cell)[:1].isdigit() and guarded(cell)[:1] in tuple("=@\t\r"):
            pytest.fail(cell)
    frame = pd.DataFrame({"id": cells, "=n": range(len(cells))})
    pd.testing.assert_frame_equal(unguarded_frame(guarded_frame(frame)), frame)


@generated
@given(st.text(st.characters(exclude_categories=["Z", "C"]), min_size=6, max_size=20), st.booleans())
def test_a_password_is_never_shown(password, in_query):
    url = f"postgresql://h/db?user=u&password={password}" if in_query else f"postgresql://u:{password}@host:5432/db"
    if in_query and set("&;?@") & set(password):
        return  # not a query that any program would read so
    shown = hide_password(f"cannot reach {url} now")
    assert password not in shown.replace("***", "")
    assert "***" in shown


@generated
@given(st.text(max_size=30))
def test_nothing_steers_a_terminal(text):
    assert not any((ord(char) < 32 and char not in "\t\n") or 127 <= ord(char) < 160 for char in visible(text))
    plain = text.encode("ascii", "ignore").decode()
    if plain.isprintable():
        assert visible(plain) == plain


@pytest.fixture
def photos(tmp_path):
    for name in "ab":
        (tmp_path / "d" / name).mkdir(parents=True)
        for k in range(3):
            Image.fromarray(np.full((8, 8), 40 * k + ord(name), np.uint8)).save(tmp_path / "d" / name / f"{k}.png")
    return tmp_path / "d"


def test_links_back_into_the_data_are_not_followed(photos, tmp_path):
    (tmp_path / "else").mkdir()
    Image.new("L", (8, 8), 200).save(tmp_path / "else" / "more.png")
    (photos / "a" / "loop").symlink_to("..")
    (photos / "a" / "twice").symlink_to(photos / "b")
    (photos / "b" / "again.png").symlink_to(photos / "a" / "0.png")
    (photos / "b" / "more").symlink_to(tmp_path / "else")
    train = load(str(photos)).train
    assert train.labels.tolist() == [0] * 3 + [1] * 4
    assert "3 links lead back" in " ".join(train.notes)


def test_what_is_passed_over_is_counted_and_what_is_broken_is_listed(photos):
    for name in ("a/x.heic", "a/y.heic", "b/z.txt"):
        (photos / name).write_bytes(b"?")
    (photos / "a" / "bad.png").write_bytes(b"?")
    (photos / "b" / "cut.png").write_bytes((photos / "b" / "0.png").read_bytes()[:-30])
    train = load(str(photos), skip_unreadable=True).train
    assert len(train) == 6
    told = " ".join(train.notes)
    assert "3 of 11 files are no images that can be read: 2 .heic, 1 .txt" in told
    assert "2 of 8 images cannot be read and are left out" in told
    assert "bad.png" in told
    assert "cut.png" in told


@pytest.mark.parametrize("name", ["d/a/p.png", "t.csv", "l.csv", "x.npz"])
def test_a_pipe_is_refused_and_not_waited_for(photos, tmp_path, name):
    os.mkfifo(tmp_path / name)
    np.savez(tmp_path / "d.npz", x=noise(24).reshape(12, 2), y=np.arange(12) % 2)
    asked = {"d/a/p.png": {"data": photos}, "l.csv": {"data": tmp_path / "d.npz", "labels": str(tmp_path / name)}}
    with pytest.raises(UsageError, match=r"pipe|no such file"):
        load(**asked.get(name, {"data": tmp_path / name, "label": "y"}))


def test_a_path_is_a_path_even_if_a_built_in_set_is_called_so(photos, monkeypatch):
    photos.rename(photos.with_name("digits"))
    monkeypatch.chdir(photos.parent)
    assert len(load("./digits").train) == len(load((photos.parent / "digits").relative_to(photos.parent)).train) == 6
    assert any(os.path.join(".", "digits") in note for note in load("digits").train.notes)


def test_a_name_of_20000_characters_is_refused_before_memory_is_gone(tmp_path):
    cells = [str(k) for k in range(40)]
    with pytest.raises(UsageError, match=r"row 3 has an id of 20,000 characters"):
        load(
            table(tmp_path / "t.csv", id=[*cells[:3], "k" * 20_000, *cells[4:]], x=noise(40), y=labels(40)),
            label="y",
            id_column="id",
        )
    with pytest.raises(UsageError, match=r"row 5 has a label of 20,000 characters"):
        load(table(tmp_path / "t.csv", x=noise(40), y=[*labels(5), "k" * 20_000, *labels(34)]), label="y")


def test_more_pixels_than_memory_are_refused(photos):
    with pytest.raises(UsageError, match=r"need 6,000.0 GB, .* are free; .* give a smaller image_size"):
        load(str(photos), image_size=1_000_000)


def test_sentences_that_repeat_are_told_from_categories():
    said = [f"please {verb} my {what} today" for verb in ("mend", "send", "find", "stop") for what in "abcdefgh"]
    assert reads_as_text(pd.Series(said * 4), said)
    assert not reads_as_text(pd.Series(said * 40), said)  # so few that they are rather choices of a form
    assert not reads_as_text(pd.Series(said[:8] * 4), said[:8])
    assert not reads_as_text(pd.Series([f"town {k}" for k in range(60)]), [f"town {k}" for k in range(60)])
