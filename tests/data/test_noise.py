"""Are wrong labels made as many, and of the kind, as the literature says, and repeatably?"""

import math

import numpy as np
import pytest

from earlylearn.data.labelled import LabelledData
from earlylearn.data.noise.by_class import CIFAR10_CLASSES, count_of, flip_matrix, next_in_group
from earlylearn.data.noise.by_input import flip_rates, instance_dependent
from earlylearn.data.noise.kinds import NOISE, make_noise, parse_noise, transition
from earlylearn.data.noise.transition import read_transition
from earlylearn.data.noise_file import write_noisy_labels
from earlylearn.data.sources import load
from earlylearn.errors import UsageError
from tests.reference import noise_literal as literal


def table(labels, classes, *, schema=None, columns=3):
    """Data with these labels, and features that do not matter unless the noise looks at them."""
    labels = np.asarray(labels, dtype=np.int64)
    names = tuple(f"class {c}" for c in range(classes)) if isinstance(classes, int) else tuple(classes)
    features = np.random.default_rng(7).normal(size=(len(labels), columns)).astype(np.float32)
    return LabelledData(
        name="table",
        inputs=features,
        labels=labels,
        classes=names,
        ids=np.arange(len(labels)).astype(str),
        schema=schema or {},
    )


def balanced(per_class, classes):
    return np.random.default_rng(1).permutation(np.repeat(np.arange(classes), per_class))


def cifar10(per_class=500):
    return table(balanced(per_class, 10), CIFAR10_CLASSES)


def cifar100(per_class=20):
    # Real superclasses interleave in the alphabetical fine ids; any shuffled 20 x 5 shows the same.
    coarse = np.random.default_rng(3).permutation(np.repeat(np.arange(20), 5)).tolist()
    return table(balanced(per_class, 100), 100, schema={"superclasses": coarse})


def request(name, tmp_path, classes):
    if name != "matrix":
        return f"{name}:0.3"
    np.save(tmp_path / "t.npy", np.full((classes, classes), 1 / classes))
    return f"matrix:{tmp_path / 't.npy'}"


def suited(name):
    return cifar10(40) if name.startswith("cifar10-") else cifar100(5)


@pytest.mark.parametrize("name", NOISE)
def test_same_seed_same_draw_whatever_the_global_generator(name, tmp_path):
    data = suited(name)
    spec = request(name, tmp_path, len(data.classes))
    before = data.labels.copy()
    first = make_noise(spec, data, seed=5)
    state = np.random.get_state()[1].copy()  # noqa: NPY002  (what must stay untouched)
    again = make_noise(spec, data, seed=5)
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    other = make_noise(spec, data, seed=6)
    assert (first.labels == again.labels).all()
    assert (first.labels != other.labels).any()
    assert (data.labels == before).all()
    assert first.labels.dtype == np.int64
    assert first.wrong.dtype == np.bool_
    assert (first.wrong == (first.labels != data.labels)).all()
    assert first.wrong_fraction == first.wrong.mean() > 0
    assert (first.kind, first.seed) == (name, 5)
    assert first.labels.min() >= 0
    assert first.labels.max() < len(data.classes)


@pytest.mark.parametrize("name", [name for name in NOISE if name != "matrix"])
def test_rate_zero_changes_nothing(name):
    assert make_noise(f"{name}:0", suited(name), seed=0).wrong_fraction == 0


@pytest.mark.parametrize("name", NOISE)
def test_every_model_describes_itself_in_one_line(name):
    assert NOISE[name].description
    assert NOISE[name].source
    assert "\n" not in NOISE[name].description + NOISE[name].source


def test_counts_are_rounded_up_but_not_by_floating_point():
    assert count_of(0.4, 10) == 4
    assert count_of(0.41, 10) == 5
    assert count_of(0.07, 100) == 7 < math.ceil(0.07 * 100)
    assert (count_of(0, 10), count_of(1, 10)) == (0, 10)


def test_symmetric_includes_the_true_class():
    noisy = make_noise("symmetric:0.4", cifar10(5000), seed=0)
    assert noisy.wrong_fraction == pytest.approx(0.36, abs=0.002)
    realised = transition(cifar10(5000).labels, noisy.labels, 10)
    assert realised == pytest.approx(0.6 * np.eye(10) + 0.04, abs=0.03)
    everything = make_noise("symmetric:1", cifar10(5000), seed=0)
    assert everything.wrong_fraction == pytest.approx(0.9, abs=0.005)


@pytest.mark.parametrize("rate", [0.2, 0.45, 1.0])
def test_symmetric_excluding_and_pair_make_exactly_the_rate(rate):
    data = cifar100()
    for name in ("symmetric-excluding", "pair"):
        assert make_noise(f"{name}:{rate}", data, seed=2).wrong.sum() == math.ceil(rate * len(data))
    excluding = make_noise("symmetric-excluding:1", cifar10(900), seed=2)
    off_diagonal = transition(cifar10(900).labels, excluding.labels, 10)
    assert off_diagonal == pytest.approx((1 - np.eye(10)) / 9, abs=0.05)


def test_pair_goes_round_in_a_circle():
    noisy = make_noise("pair:0.3", cifar10(), seed=0)
    assert (noisy.labels[noisy.wrong] == (cifar10().labels[noisy.wrong] + 1) % 10).all()
    assert ((cifar10().labels == 9) & (noisy.labels == 0)).any()


def test_cifar10_asymmetric_flips_from_the_original_labels():
    realised = transition(cifar10().labels, make_noise("cifar10-asymmetric:0.4", cifar10(), seed=0).labels, 10)
    expected = np.eye(10)
    for source, target in {9: 1, 2: 0, 3: 5, 5: 3, 4: 7}.items():
        expected[source, source], expected[source, target] = 0.6, 0.4
    assert realised == pytest.approx(expected)


def test_cifar10_flips_follow_the_names_not_the_order():
    order = CIFAR10_CLASSES[::-1]
    data = table(balanced(20, 10), order)
    noisy = make_noise("cifar10-asymmetric:1", data, seed=0)
    flips = {(order[a], order[b]) for a, b in zip(data.labels, noisy.labels, strict=True) if a != b}
    assert flips == {
        ("truck", "automobile"),
        ("bird", "airplane"),
        ("cat", "dog"),
        ("dog", "cat"),
        ("deer", "horse"),
    }


@pytest.mark.parametrize(("rate", "overall"), [(0.1, 0.0493), (0.2, 0.0966), (0.3, 0.142), (0.4, 0.1835), (0.5, 0.225)])
def test_sequential_variant_flips_cats_back(rate, overall):
    """The wrong fractions simulated of the released code (one draw each; here within four deviations)."""
    data = cifar10(5000)
    noisy = make_noise(f"cifar10-asymmetric-sequential:{rate}", data, seed=0)
    assert noisy.wrong_fraction == pytest.approx(overall, abs=0.003)
    if rate == 0.4:
        assert noisy.wrong[data.labels == 3].mean() == pytest.approx(0.237, abs=0.015)
        for name in (2, 4, 9):
            assert noisy.wrong[data.labels == name].mean() == pytest.approx(0.4)
        assert noisy.wrong[data.labels == 5].mean() == pytest.approx(0.4, abs=0.015)
    assert noisy.wrong_fraction < make_noise(f"cifar10-asymmetric:{rate}", data, seed=0).wrong_fraction


def test_cifar100_superclass_stays_inside_and_is_exact():
    data = cifar100()
    coarse = np.array(data.schema["superclasses"])
    noisy = make_noise("cifar100-superclass:0.4", data, seed=0)
    assert (coarse[noisy.labels] == coarse[data.labels]).all()
    realised = transition(data.labels, noisy.labels, 100)
    assert np.diagonal(realised) == pytest.approx(np.full(100, 0.6))
    assert ((realised > 0).sum(axis=1) == 2).all()


def test_next_in_group_visits_all_members():
    assert next_in_group([0, 1, 0, 1, 0]) == [2, 3, 4, 1, 0]


def test_cifar100_blocks_are_five_consecutive_ids():
    data = cifar100(100)
    noisy = make_noise("cifar100-blocks:0.4", data, seed=0)
    true, given = data.labels[noisy.wrong], noisy.labels[noisy.wrong]
    assert (given == true // 5 * 5 + (true + 1) % 5).all()
    assert noisy.wrong_fraction == pytest.approx(0.4, abs=0.02)


def test_matrix_is_realised_and_reports_the_expected_rate(tmp_path):
    matrix = np.array([[0.7, 0.3, 0.0], [0.0, 1.0, 0.0], [0.25, 0.25, 0.5]])
    data = table(balanced(3000, 3), 3)
    np.save(tmp_path / "t.npy", matrix)
    np.savetxt(tmp_path / "t.csv", matrix, delimiter=",")
    noisy = make_noise(f"matrix:{tmp_path / 't.npy'}", data, seed=0)
    realised = transition(data.labels, noisy.labels, 3)
    assert realised == pytest.approx(matrix, abs=0.04)
    assert ((realised > 0) == (matrix > 0)).all()
    assert noisy.rate == pytest.approx((0.3 + 0 + 0.5) / 3)
    assert (make_noise(f"matrix:{tmp_path / 't.csv'}", data, seed=0).labels == noisy.labels).all()


def test_instance_noise_depends_on_the_input():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, size=(40, 1, 8, 8), dtype=np.uint8)
    images, labels = images.repeat(50, axis=0), np.repeat(np.arange(40) % 4, 50)
    given = instance_dependent(images, labels, 4, 0.4, np.random.default_rng(1))
    assert (given != labels).mean() == pytest.approx(0.4, abs=0.03)
    for image in range(40):
        rows = slice(50 * image, 50 * image + 50)
        wrong = given[rows][given[rows] != labels[rows]]
        # Raw pixels make the softmax all but one-hot: copies of one image go wrong in one way.
        assert len(np.unique(wrong)) <= 2
    assert len(np.unique(given[(labels == 0) & (given != 0)])) > 1


def test_instance_noise_heeds_no_units():
    data = table(balanced(100, 3), 3)
    scaled = data.inputs * np.float32([1, 1000, 1]) + np.float32([0, 0, 64])
    first = instance_dependent(data.inputs, data.labels, 3, 0.3, np.random.default_rng(0))
    second = instance_dependent(scaled, data.labels, 3, 0.3, np.random.default_rng(0))
    assert (first != second).sum() <= 1  # float32 rounding may tip a draw


@pytest.mark.parametrize(("rate", "mean"), [(0, 0.0), (0.1, 0.1288), (0.4, 0.4), (1, 0.9202)])
def test_flip_rates_are_a_truncated_normal(rate, mean):
    rates = flip_rates(100_000, rate, np.random.default_rng(0))
    assert rates.min() >= 0
    assert rates.max() <= 1
    assert rates.mean() == pytest.approx(mean, abs=0.002)


@pytest.mark.parametrize("rate", [0.0, 0.07, 0.4, 0.45, 1.0])
def test_fast_equals_literal(rate):
    labels = np.random.default_rng(2).integers(0, 10, size=700)
    data = table(labels, CIFAR10_CLASSES)
    for name, slow in (
        ("symmetric", lambda rng: literal.symmetric(labels, 10, rate, rng)),
        ("cifar10-asymmetric", lambda rng: literal.asymmetric(labels, rate, rng)),
        ("cifar10-asymmetric-sequential", lambda rng: literal.asymmetric_sequential(labels, rate, rng)),
    ):
        fast = make_noise(f"{name}:{rate}", data, seed=11).labels
        assert (fast == slow(np.random.default_rng(11))).all(), name


def test_fast_equals_literal_for_drawn_labels(tmp_path):
    rng = np.random.default_rng(4)
    matrix = rng.dirichlet(np.ones(6), size=6)
    labels = rng.integers(0, 6, size=500)
    np.save(tmp_path / "t.npy", matrix)
    fast = make_noise(f"matrix:{tmp_path / 't.npy'}", table(labels, 6), seed=3).labels
    assert (fast == literal.from_matrix(labels, matrix, np.random.default_rng(3))).all()

    images = rng.integers(0, 3, size=(500, 2, 3, 3), dtype=np.uint8)
    fast = instance_dependent(images, labels, 6, 0.2, np.random.default_rng(3))
    flat = images.reshape(500, -1).astype(np.float64)
    assert (fast == literal.instance_dependent(flat, labels, 6, 0.2, np.random.default_rng(3))).all()


def test_transition_of_an_absent_class_is_zero():
    realised = transition(np.array([0, 0, 2]), np.array([0, 1, 2]), 3)
    assert realised.tolist() == [[0.5, 0.5, 0], [0, 0, 0], [0, 0, 1]]
    assert flip_matrix([1, 0], 0.25).tolist() == [[0.75, 0.25], [0.25, 0.75]]


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".csv"])
def test_noisy_labels_in_a_file_are_those_drawn_and_what_became_of_the_data_is_told(tmp_path, capsys, suffix):
    lines = [f"{k / 10},{'' if k == 4 else 'ab'[k % 2]}\n" for k in range(41)]
    (tmp_path / "t.csv").write_text("x,kind\n" + "".join(lines))
    out = tmp_path / f"l{suffix}"
    report = write_noisy_labels(str(tmp_path / "t.csv"), "pair:0.25", out, seed=3, label="kind")
    assert (report["n"], report["wrong"], report["wrong_fraction"]) == (40, 10, 0.25)
    assert "1 of 41 rows have no 'kind'" in capsys.readouterr().err
    asked = {"label": "kind", "labels": f"{out}:labels" if suffix == ".npz" else str(out)}
    data, noisy = load(str(tmp_path / "t.csv"), label="kind").train, load(str(tmp_path / "t.csv"), **asked).train
    assert np.array_equal(noisy.labels, make_noise("pair:0.25", data, seed=3).labels)
    out.unlink()
    out.mkdir()
    with pytest.raises(UsageError, match=r"l\..*choose a file you may write"):
        write_noisy_labels(str(tmp_path / "t.csv"), "pair:0.25", out, seed=3, label="kind")


def test_parse_noise():
    assert parse_noise("symmetric:0.4") == ("symmetric", 0.4)
    assert parse_noise("matrix:a:b.csv") == ("matrix", "a:b.csv")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("symetric:0.4", "unknown kind 'symetric'; choose one of symmetric:RATE"),  # codespell:ignore symetric
        ("", "unknown kind ''"),
        ("symmetric", "no rate given; write symmetric:RATE"),
        ("pair:", "no rate given"),
        ("pair:half", "'half' is not a number"),
        ("pair:40", "40 is outside 0..1"),
        ("pair:-0.1", "-0.1 is outside 0..1"),
        ("pair:nan", "nan is outside 0..1"),
        ("matrix", "no file given; write matrix:FILE"),
    ],
)
def test_malformed_requests_are_named(text, said):
    with pytest.raises(UsageError) as caught:
        parse_noise(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("cifar10-asymmetric:0.4", "made for the ten CIFAR-10 classes"),
        ("cifar10-asymmetric-sequential:0.4", "the data has 3 (class 0, class 1, class 2)"),
        ("cifar100-superclass:0.4", "table has none for 3 classes"),
        ("cifar100-blocks:0.4", "made for the 100 CIFAR-100 classes, table has 3"),
    ],
)
def test_noise_for_other_classes_is_refused(spec, said):
    with pytest.raises(UsageError) as caught:
        make_noise(spec, table([0, 1, 2], 3), seed=0)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("absent.npy", None, "no such file"),
        ("t.txt", "1", "cannot read '.txt' files"),
        ("t.csv", "a,b\n1,0", "not a table of numbers"),
        ("t.csv", "1,0\n1", "not a table of numbers"),
        ("t.npy", "not numpy", "not a table of numbers"),
        ("t.npy", "", "not a table of numbers"),
        ("t.csv", "", "not a table of numbers"),
        ("t.csv", "1,0\n0,1\n1,0", "the matrix is 3 x 2, the data has 2 classes"),
        ("t.csv", "1,0\n0.5,0.6", "row 1 sums to 1.1"),
        ("t.csv", "1,0\n0.5,0.498", "row 1 sums to 0.998"),
        ("t.csv", "1,0\n-0.5,1.5", "row 1, column 0 is -0.5"),
        ("t.csv", "nan,1\n0,1", "row 0, column 0 is nan"),
    ],
)
def test_broken_matrices_are_named(tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(UsageError) as caught:
        make_noise(f"matrix:{tmp_path / name}", table([0, 1], 2), seed=0)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_rows_rounded_to_four_digits_are_taken_and_divided_by_their_sum(tmp_path):
    (tmp_path / "t.csv").write_text("0.3333,0.3333,0.3333\n0,1,0\n0,0,1")
    data = table([0] * 900 + [1] * 900 + [2] * 900, 3)
    noisy = make_noise(f"matrix:{tmp_path / 't.csv'}", data, seed=0)
    assert noisy.rate == pytest.approx(2 / 9)
    assert make_noise(f"matrix:{tmp_path / 't.csv'}", table([0] * 90_000, 3), seed=0).labels.max() == 2
    assert read_transition("[[1, 0], [0, 1]]", 2).tolist() == read_transition(np.eye(2), 2).tolist()


def test_a_constant_column_makes_no_difference_to_instance_noise():
    given = [
        instance_dependent(np.insert(table(np.arange(300) % 3, 3).inputs, 1, constant, axis=1), true, 3, 0.4, rng)
        for constant, true, rng in ((c, np.arange(300) % 3, np.random.default_rng(0)) for c in (0, 7))
    ]
    assert np.array_equal(*given)
    assert (given[0] != np.arange(300) % 3).mean() == pytest.approx(0.4, abs=0.08)


def test_instance_spread_must_be_positive():
    with pytest.raises(UsageError, match="spread is 0"):
        instance_dependent(np.zeros((2, 1), np.float32), np.array([0, 1]), 2, 0.4, np.random.default_rng(), spread=0)
