"""Do the paper's figures come out at a small size, and do their verdicts tell claims that hold from those that fail?"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from earlylearn.data.labelled import LabelledData
from earlylearn.methods import check_options
from earlylearn.runs.config import RunConfig, resolve
from earlylearn.runs.run import Run
from earlylearn_paper import reproduce as reproducing
from earlylearn_paper.drawing import shares_figure
from earlylearn_paper.figures import figure_1, figure_2, figure_a1, figure_b1, figure_c1, figure_d1, figure_h1
from earlylearn_paper.run_curves import example_band, linear_curves, seed_band
from earlylearn_paper.theory.softmax_regression import train_softmax_regression

EXPERIMENTS = (
    figure_1.FIGURE_1,
    figure_2.FIGURE_2,
    figure_a1.FIGURE_A1,
    figure_b1.FIGURE_B1,
    figure_c1.FIGURE_C1,
    figure_d1.FIGURE_D1,
    figure_h1.FIGURE_H1,
)
TINY = {"data": "digits", "noise": "symmetric:0.4", "network": "linear", "limit": 120, "epochs": 2, "seeds": 1}


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A figure made again with a linear network, two epochs and 120 examples, without the runs' own pages."""
    for experiment in EXPERIMENTS:
        monkeypatch.setitem(reproducing.EXPERIMENTS, experiment.name, experiment)
    monkeypatch.setattr("earlylearn.runs.session.render_run", lambda view: "")
    monkeypatch.setattr("earlylearn.study.compare.render_comparison", lambda document: "")

    def make(name, **changes):
        if "training" in reproducing.EXPERIMENTS[name].quick.settings:
            changes = {"training": TINY, **changes}
        return reproducing.reproduce(name, out=tmp_path, quiet=True, **changes)

    return make


def holds(verdicts):
    return [verdict["holds"] if isinstance(verdict, dict) else verdict.holds for verdict in verdicts]


def runs_in(done, study):
    return sorted(folder.name for folder in (done.path / "studies" / study / "runs").glob("[!.]*"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "files", "runs", "linear"),
    [
        ("figure-2", ["figure-2"], {"networks": ["ce-0", "elr-0"]}, []),
        ("figure-b1", ["figure-b1"], {"network": ["ce-0"]}, [True, True]),
        (
            "figure-c1",
            ["figure-c1", "figure-c1-linear"],
            {"networks": [f"kl_lam={lam}_beta=0.7-0" for lam in (10, 1, 5)]},
            [True],
        ),
        ("figure-d1", ["figure-d1"], {"networks": ["elr_beta=0.7-0", "targets_beta=0.7-0"]}, []),
    ],
)
def test_small_versions_are_complete(small, name, files, runs, linear):
    done = small(name)
    assert done.document["figures"] == [f"{file}.png" for file in files]
    for file in files:
        assert (done.path / f"{file}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (done.path / f"{file}.svg").read_text()
    assert {study: runs_in(done, study) for study in runs} == runs
    found = holds(done.document["verdicts"])
    assert None not in found
    assert found[: len(linear)] == linear  # what the linear model shows takes no time


@pytest.mark.slow
def test_figure_h1_varies_one_parameter_at_a_time(small):
    done = small("figure-h1", beta=[0.0, 0.7], lam=[1.0, 5.0], alpha=[0.0, 1.0])
    frame = pd.read_csv(done.path / "figure-h1.csv")
    tried = {(row.parameter, row.value): row.method for row in frame.itertuples()}
    assert tried == {
        ("beta", 0.0): "elr:lam=5:beta=0",
        ("beta", 0.7): "elr:lam=5:beta=0.7",
        ("lam", 1.0): "elr:lam=1:beta=0.7",
        ("lam", 5.0): "elr:lam=5:beta=0.7",
        ("alpha", 0.0): "elr+:networks=1:gamma=0:lam=5:beta=0.7:alpha=0",
        ("alpha", 1.0): "elr+:networks=1:gamma=0:lam=5:beta=0.7:alpha=1",
    }
    assert len(runs_in(done, "runs")) == 5  # beta .7 and lambda 5 are the same runs
    for folder in (done.path / "studies" / "runs" / "runs").glob("elr+*"):
        config = Run(folder).config
        assert (config.method, config.options["networks"], config.options["gamma"]) == ("elr+", 1, 0)


@pytest.mark.slow
def test_figure_1_shows_what_the_runs_recorded(small):
    done = small("figure-1")
    assert done.document["figures"] == ["figure-1.png", "figure-1-augmented.png"]
    for table, study, augment in (("figure-1", "plain", None), ("figure-1-augmented", "augmented", "crop")):
        frame = pd.read_csv(done.path / f"{table}.csv").set_index(["method", "seed", "epoch"])
        assert len(frame) == 2 * 2
        run = Run(done.path / "studies" / study / "runs" / "elr-0")
        assert augment in (None, run.config.augment)
        for line in run.metrics:
            row = frame.loc[("elr", 0, line["epoch"])]
            assert row["wrong_memorized"] == line["wrong"]["memorized"]
            assert row["clean_error"] == line["gradients"]["clean"]["ce"][0]
            assert row["wrong_size_sd"] == line["gradients"]["wrong"]["ce_abs"][1]
            assert row["wrong_pull"] == line["gradients"]["wrong"]["regularizer"][0]
            assert row["targets_validation"] == line["beliefs"]["validation"]
        assert frame.loc["ce"]["clean_pull"].isna().all()


@pytest.mark.slow
def test_the_linear_model_learns_first_and_memorises_then(small):
    done = small("figure-a1")
    assert holds(done.document["verdicts"]) == [True] * 4
    frame = pd.read_csv(done.path / "figure-a1.csv")
    assert set(frame["seed"]) == set(range(10))
    assert (frame["wrong_correct"] + frame["wrong_memorized"]).eq(1).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"lam": 1.0}, [True, True, False]),  # below 2, ELR only delays memorisation
        ({"iterations": 100}, [True, False, True]),  # too short to memorise
        ({"lr": 1e-5}, [False, False, False]),  # too slow to learn
    ],
)
def test_the_linear_models_verdicts_can_fail(change, expected):
    curves = figure_a1.train(**{**figure_a1.FIGURE_A1.quick.settings, **change})
    assert holds(figure_a1.judge(curves))[:3] == expected


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda each: each.name)
def test_both_scales_ask_for_settings_there_are(experiment):
    for scale in (experiment.quick, experiment.full):
        assert scale.minutes > 0
        assert set(scale.settings.get("training", {})) <= {"seeds", *RunConfig.model_fields}
    assert set(experiment.quick.settings) == set(experiment.full.settings)
    assert experiment.quick.replaced


def cifar(limit: int = 20) -> LabelledData:
    labels = np.arange(limit) % 10
    images = np.zeros((limit, 3, 32, 32), np.uint8)
    return LabelledData(
        name="cifar10",
        inputs=images,
        labels=labels,
        classes=tuple("0123456789"),
        ids=np.arange(limit).astype(str),
        augment="crop+flip",
    )


@pytest.mark.parametrize("experiment", [each for each in EXPERIMENTS if "training" in each.full.settings])
def test_full_scale_is_the_papers(experiment):
    training = {**experiment.full.settings["training"]}
    seeds = training.pop("seeds")
    config = resolve(cifar(), {**training, "method": "elr"}, {})
    assert (config.network, config.epochs, config.batch_size, config.lr) == ("resnet34", 120, 128, 0.02)
    assert config.options == check_options("elr", {"lam": 3, "beta": 0.7})
    if experiment.name == "figure-h1":
        assert (config.augment, config.schedule) == ("crop+flip", "multistep:40,80:0.01")
        assert (config.noise, seeds) == ("symmetric:0.6", 4)
    else:
        assert (config.augment, config.schedule, config.noise) == ("none", "constant", "symmetric:0.4")


def judged_figure_1(plain, augmented):
    verdicts = figure_1.judge(plain, as_the_paper=True)
    return [*verdicts[:4], figure_1.augmentation_verdict(plain, augmented), *verdicts[4:]]


def test_the_decisive_test_is_of_best_and_last_test_accuracy():
    curves = made_up(("test_accuracy",), epochs=21, ce=[(0.3, 0.8, 0.55)], elr=[(0.3, 0.82, 0.815)])
    ce, elr = figure_1.decisive_verdicts(curves, "symmetric:0.6")
    assert (ce.ours, ce.holds, elr.ours, elr.holds) == ("25.0 points", True, "0.5 points", True)
    assert ce.claim.startswith("60 % wrong labels")
    swapped = curves.assign(method=curves["method"].map({"ce": "elr", "elr": "ce"}))
    assert holds(figure_1.decisive_verdicts(swapped, "symmetric:0.6")) == [False, False]
    assert holds(figure_1.decisive_verdicts(curves[curves["method"] == "ce"], "symmetric:0.6")) == [True, None]
    assert holds(figure_1.decisive_verdicts(curves[:0], "symmetric:0.6")) == [None, None]


def made_up(columns, epochs=20, **methods):
    """Curves of two seeds: per method and column, values between which the curve runs straight, at even distances."""
    rows = []
    for method, values in methods.items():
        for seed, shift in ((0, -0.01), (1, 0.01)):
            table = {"method": method, "seed": seed, "epoch": np.arange(1, epochs + 1)}
            for column, points in zip(columns, values, strict=True):
                at = np.linspace(1, epochs, len(points))
                table[column] = np.interp(table["epoch"], at, points) + shift * bool(np.ptp(points))
            rows.append(pd.DataFrame(table))
    return pd.concat(rows, ignore_index=True)


FIGURE_1_COLUMNS = ("clean_correct", "wrong_correct", "wrong_memorized")
LIKE_FIGURE_1 = {
    "ce": [(0.3, 0.9, 0.96), (0.3, 0.77, 0.5, 0.3, 0.08), (0.05, 0.4, 0.87)],
    "elr": [(0.3, 0.95), (0.3, 0.88, 0.88), (0.03, 0.03)],
}
AUGMENTED = {"ce": [(0.3, 0.9), (0.3, 0.67), (0.05, 0.17)], "elr": LIKE_FIGURE_1["elr"]}


@pytest.mark.parametrize(
    ("method", "column", "points", "fails"),
    [
        ("ce", 1, (0.3, 0.5, 0.77), [0, 5]),  # never forgets
        ("ce", 1, (0.3, 0.3, 0.3, 0.77, 0.08), [0]),  # learns late
        ("ce", 2, (0.05, 0.3, 0.5), [1, 4, 5]),
        ("elr", 2, (0.03, 0.3), [2, 5]),
        ("elr", 1, (0.3, 0.4), [2, 5]),
        ("elr", 0, (0.3, 0.7), [3, 5]),
        ("elr", 1, (0.3, 0.77), [5]),  # in shape but not in number
    ],
)
def test_figure_1_verdicts(method, column, points, fails):
    augmented = made_up(FIGURE_1_COLUMNS, **AUGMENTED)
    good = judged_figure_1(made_up(FIGURE_1_COLUMNS, **LIKE_FIGURE_1), augmented)
    assert holds(good) == [True] * 6
    broken = {name: list(values) for name, values in LIKE_FIGURE_1.items()}
    broken[method][column] = points
    curves = made_up(FIGURE_1_COLUMNS, **broken)
    if 4 in fails:
        augmented = made_up(FIGURE_1_COLUMNS, **{**AUGMENTED, "ce": broken["ce"]})
    found = holds(judged_figure_1(curves, augmented))
    assert [k for k, held in enumerate(found) if not held] == fails
    assert holds(figure_1.judge(curves, as_the_paper=False)) == found[:4]


FIGURE_2_COLUMNS = ("clean_error", "clean_pull", "wrong_error", "wrong_pull")
LIKE_FIGURE_2 = [(-0.8, -0.02, -0.02), (0.0, -1.15, -1.15), (0.2, 0.87, 0.87), (0.0, -1.05, -1.05)]


@pytest.mark.parametrize(
    ("column", "points", "fails"),
    [
        (0, (-0.8, -0.5, -0.5), [0]),
        (1, (0.0, 0.1, 0.1), [1]),
        (1, (0.0, -0.001), [1]),  # ELR's term vanishes too
        (3, (0.0, -0.2), [2]),
        (2, (0.2, -0.1), [2]),
    ],
)
def test_figure_2_verdicts(column, points, fails):
    assert holds(figure_2.judge(made_up(FIGURE_2_COLUMNS, elr=LIKE_FIGURE_2))) == [True] * 3
    broken = [*LIKE_FIGURE_2[:column], points, *LIKE_FIGURE_2[column + 1 :]]
    found = holds(figure_2.judge(made_up(FIGURE_2_COLUMNS, elr=broken)))
    assert [k for k, held in enumerate(found) if not held] == fails


FIGURE_B1_COLUMNS = ("clean_error", "wrong_error", "clean_size", "wrong_size")


@pytest.mark.parametrize(
    ("clean", "wrong", "expected"),
    [
        ((0.8, 0.3, 0.2, 0.04), (0.2, 0.55, 0.4, 0.05), [True, True]),
        ((0.8, 0.6, 0.5, 0.06), (0.2, 0.55, 0.5, 0.05), [True, False]),  # never dominate
        ((0.8, 0.3, 0.2, 0.1), (0.2, 0.55, 0.55, 0.5), [True, False]),  # never memorised
        ((0.2, 0.1, 0.1, 0.04), (0.8, 0.55, 0.4, 0.05), [True, False]),  # dominate from the start
    ],
)
def test_figure_b1_verdicts(clean, wrong, expected):
    values = [tuple(-value for value in clean), wrong, clean, wrong]
    assert holds(figure_b1.judge("network", made_up(FIGURE_B1_COLUMNS, ce=values))) == expected
    same_sign = [clean, wrong, clean, wrong]
    assert holds(figure_b1.judge("network", made_up(FIGURE_B1_COLUMNS, ce=same_sign)))[0] is False


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (((0.0, 0.9, 0.9), (0.0, 0.4, 0.9), (0.0, 0.2, 0.8)), [True, True, True]),
        (((0.0, 0.9, 0.9), (0.0, 0.4, 0.9), (0.0, 0.1, 0.1)), [True, True, False]),  # the largest prevents it
        (((0.0, 0.9, 0.9), (0.0, 0.9, 0.9), (0.0, 0.9, 0.9)), [True, False, True]),  # no delay
        (((0.0, 0.2, 0.6), (0.0, 0.4, 0.9), (0.0, 0.1, 0.8)), [False, False, True]),  # in no order
    ],
)
def test_figure_c1_verdicts(network, expected):
    lams = [1.0, 5.0, 10.0]
    names = [f"kl:lam={lam:g}" for lam in lams]
    memorizing = {name: [(0.0, 0.5, 1.0)] for name in ["ce", *names]}
    linear = made_up(("wrong_memorized",), **memorizing)
    curves = made_up(("wrong_memorized",), **{n: [points] for n, points in zip(names, network, strict=True)})
    assert holds(figure_c1.judge(linear, curves, lams)) == [True, *expected]
    kept = made_up(("wrong_memorized",), **{**memorizing, names[-1]: [(0.0, 0.2)]})
    assert holds(figure_c1.judge(kept, curves, lams)) == [False, *expected]


def test_half_memorised_is_counted_after_learning():
    curves = made_up(("wrong_memorized",), epochs=5, m=[(0.6, 0.1, 0.2, 0.55, 0.9)], never=[(0.6, 0.1)])
    assert figure_c1.half_memorized(curves, "m") == 4
    assert figure_c1.half_memorized(curves, "never") is None


@pytest.mark.parametrize(
    ("alone", "elr", "expected"),
    [
        ((0.3, 0.9, 0.7), (0.3, 0.92, 0.92), [True, True, True]),
        ((0.3, 0.9, 0.89), (0.3, 0.92, 0.92), [False, True, False]),
        ((0.3, 0.9, 0.7), (0.3, 0.92, 0.72), [True, False, False]),
    ],
)
def test_figure_d1_verdicts(alone, elr, expected):
    curves = made_up((figure_d1.ACCURACY,), targets=[alone], elr=[elr])
    assert holds(figure_d1.judge(curves)) == expected


LIKE_FIGURE_H1 = {
    "beta": {0.0: 0.38, 0.5: 0.84, 0.7: 0.85, 0.99: 0.85},
    "lam": {0.05: 0.7, 1.0: 0.84, 3.0: 0.85, 10.0: 0.84},
    "alpha": {0.0: 0.85, 1.0: 0.86, 5.0: 0.8},
}


@pytest.mark.parametrize(
    ("parameter", "value", "accuracy", "fails"),
    [
        ("beta", 0.99, 0.6, [0]),
        ("beta", 0.0, 0.85, [1]),
        ("lam", 10.0, 0.5, [2]),
        ("lam", 0.05, 0.86, [2]),
        ("alpha", 1.0, 0.79, [3, 4]),
        ("alpha", 5.0, 0.86, [4]),
    ],
)
def test_figure_h1_verdicts(parameter, value, accuracy, fails):
    def points(table):
        return pd.DataFrame(
            {"parameter": name, "value": at, "seed": seed, "test_picked": mean + shift}
            for name, values in table.items()
            for at, mean in values.items()
            for seed, shift in ((0, -0.02), (1, 0.02))
        )

    assert holds(figure_h1.judge(points(LIKE_FIGURE_H1))) == [True] * 5
    broken = {**LIKE_FIGURE_H1, parameter: {**LIKE_FIGURE_H1[parameter], value: accuracy}}
    found = holds(figure_h1.judge(points(broken)))
    assert [k for k, held in enumerate(found) if not held] == fails


def test_bands_of_examples_pool_the_seeds():
    rng = np.random.default_rng(0)
    seeds = [rng.normal(size=40), rng.normal(3, 2, size=40)]
    frame = pd.DataFrame(
        {"method": "m", "seed": k, "epoch": 1, "clean_error": values.mean(), "clean_error_sd": values.std()}
        for k, values in enumerate(seeds)
    )
    band = example_band(frame, "m", "clean_error").loc[1]
    pooled = np.concatenate(seeds)
    assert band["mean"] == pytest.approx(pooled.mean())
    assert band["high"] - band["mean"] == pytest.approx(pooled.std())
    assert band["mean"] - band["low"] == pytest.approx(pooled.std())


def test_linear_curves_keep_seeds_and_iterations_apart():
    curves = train_softmax_regression("ce", iterations=50, seeds=3, record=[1, 10, 50])
    frame = linear_curves({"ce": curves}).set_index(["seed", "iteration"])
    for seed in range(3):
        for place, iteration in enumerate((1, 10, 50)):
            assert frame.loc[(seed, iteration), "wrong_error"] == curves.wrong_error[seed, place]


def test_a_figure_draws_mean_and_range_of_each_share():
    curves = train_softmax_regression("ce", iterations=3000, seeds=3, record=[1, 30, 300, 3000])
    frame = linear_curves({"ce": curves, "other": replace(curves)})
    figure = shares_figure(frame, {"ce": "Cross-entropy", "other": "Other"})
    axes = figure.axes[1]
    assert len(figure.axes) == 4
    assert axes.get_xscale() == "log"
    assert [text.get_text() for text in axes.texts] == ["correct", "memorised"]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), curves.wrong_correct.mean(0))
    band = seed_band(frame, "ce", "wrong_correct")
    np.testing.assert_allclose(band["low"], curves.wrong_correct.min(0))
    np.testing.assert_allclose(band["high"], curves.wrong_correct.max(0))
    assert len(axes.collections) == 2
