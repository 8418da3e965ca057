"""Figure 1: does a network first predict the true class of wrongly labelled examples, then memorise, unless by ELR?"""

import pandas as pd

from earlylearn_paper.drawing import shares_figure
from earlylearn_paper.experiment import Experiment, Findings, Scale, Verdict
from earlylearn_paper.run_curves import mean_curve, network_curves, percent
from earlylearn_paper.setup import (
    FEATURES_40,
    FULL,
    GPU,
    GPU_MINUTES,
    MEDIUM_FAST,
    MEDIUM_FAST_TRAINING,
    MEDIUM_NETWORK,
    MEDIUM_PLAIN,
    MEDIUM_SEED,
    MEDIUM_SHORT,
    PLAIN_TRAINING,
    PROCESSOR,
    QUICK,
    QUICK_TRAINING,
    SMALL_DATA,
    SMALL_LAM,
    from_scratch,
    on_features,
)
from earlylearn_paper.work import Work

PLAIN_TITLE = "No augmentation, constant learning rate"
ROWS = {"ce": "Cross-entropy", "elr": "ELR"}
# Shares at the end, read off the paper's figure.
READ_OFF = {
    ("ce", "clean_correct"): 0.96,
    ("ce", "wrong_correct"): 0.08,
    ("ce", "wrong_memorized"): 0.87,
    ("elr", "clean_correct"): 0.955,
    ("elr", "wrong_correct"): 0.88,
    ("elr", "wrong_memorized"): 0.03,
}


def reproduce(work: Work) -> Findings:
    """Train both methods plainly, and with augmentation and learning-rate drops; curves, figures and verdicts."""
    plain = network_curves(work.train_all("plain", tuple(ROWS)))
    data, figures = (
        {"figure-1": plain},
        {"figure-1": shares_figure(plain, ROWS, title=work.settings.get("title", PLAIN_TITLE))},
    )
    verdicts = judge(plain, as_the_paper=work.scale == "full")
    if "augmented" in work.settings:
        augmented = network_curves(work.train("augmented", tuple(ROWS), **work.settings["augmented"]))
        verdicts.insert(4, augmentation_verdict(plain, augmented))
        if len(augmented) and set(ROWS) <= set(augmented["method"]):
            data["figure-1-augmented"] = augmented
            title = "Augmentation, learning rate " + work.settings.get("falls", "dropped twice")
            figures["figure-1-augmented"] = shares_figure(augmented, ROWS, title=title)
    for noise in work.settings.get("decisive", ()):
        curves = network_curves(work.train(f"plain-{noise}", tuple(ROWS), **{"noise": noise}))
        verdicts += decisive_verdicts(curves, noise)
        data[f"figure-1-{noise.replace(':', '-')}"] = curves
    return Findings(verdicts=verdicts, data=data, figures=figures)


def decisive_verdicts(curves: pd.DataFrame, noise: str) -> list[Verdict]:
    """Does test accuracy fall from its best epoch to the last, by much with cross-entropy and hardly with ELR?"""
    falls = {}
    for method in ROWS if len(curves) else ():
        accuracy = mean_curve(curves, method, "test_accuracy").dropna()
        if len(accuracy):
            falls[method] = 100 * (accuracy.max() - accuracy.iloc[-1])
    told = {method: f"{fall:.1f} points" for method, fall in falls.items()}
    rate = f"{100 * float(noise.partition(':')[2]):.0f} % wrong labels drawn at random"
    return [
        Verdict(
            f"{rate}: cross-entropy's best test accuracy is at least 10 points above its last",
            "at least 10 points",
            told.get("ce", "not measured"),
            bool(falls["ce"] >= 10) if "ce" in falls else None,
        ),
        Verdict(
            f"{rate}: ELR's is at most 1 point above its last",
            "at most 1 point",
            told.get("elr", "not measured"),
            bool(falls["elr"] <= 1) if "elr" in falls else None,
        ),
    ]


def augmentation_verdict(plain: pd.DataFrame, augmented: pd.DataFrame) -> Verdict:
    """Whether cross-entropy memorises less with augmentation and a learning rate that falls."""
    without = mean_curve(plain, "ce", "wrong_memorized").iloc[-1]
    curve = mean_curve(augmented if len(augmented) else plain[:0], "ce", "wrong_memorized")
    return Verdict(
        "with augmentation and learning-rate drops cross-entropy memorises far less",
        "17% (a user of the released code)",
        f"{percent(curve.iloc[-1])}, without them {percent(without)}" if len(curve) else "not measured",
        bool(curve.iloc[-1] <= without / 2) if len(curve) else None,
    )


def judge(plain: pd.DataFrame, *, as_the_paper: bool) -> list[Verdict]:
    """The claims of the figure, by the mean over the seeds.

    Args:
        plain: curves without augmentation at a constant learning rate.
        as_the_paper: whether network and data are the paper's, so that its numbers must show too.
    """
    end = {key: mean_curve(plain, *key).iloc[-1] for key in READ_OFF}
    correct = mean_curve(plain, "ce", "wrong_correct")
    peak = correct.idxmax()
    verdicts = [
        Verdict(
            "cross-entropy first predicts the true class of many examples with a wrong label, later of few",
            "77% near epoch 15 to 20 of 120, 8% at the end",
            f"{percent(correct.max())} at epoch {peak} of {correct.index[-1]}, {percent(correct.iloc[-1])} at the end",
            bool(peak <= correct.index[-1] / 2 and correct.max() - correct.iloc[-1] >= 0.3),
        ),
        Verdict(
            "at the end it has memorised most wrong labels",
            "87%",
            percent(end["ce", "wrong_memorized"]),
            bool(end["ce", "wrong_memorized"] >= 0.8),
        ),
        Verdict(
            "ELR predicts the true class of most of them to the end, and memorises few",
            "88% correct, 3% memorised",
            f"{percent(end['elr', 'wrong_correct'])} correct, {percent(end['elr', 'wrong_memorized'])} memorised",
            bool(end["elr", "wrong_correct"] >= 0.75 and end["elr", "wrong_memorized"] <= 0.1),
        ),
        Verdict(
            "both learn the clean labels",
            "96% cross-entropy, 95.5% ELR",
            f"{percent(end['ce', 'clean_correct'])} cross-entropy, {percent(end['elr', 'clean_correct'])} ELR",
            bool(min(end["ce", "clean_correct"], end["elr", "clean_correct"]) >= 0.9),
        ),
    ]
    if as_the_paper:
        off = max(abs(end[key] - READ_OFF[key]) for key in READ_OFF)
        verdicts.append(
            Verdict(
                "the shares at the end are those of the paper's figure within 10 points",
                "six shares read off the figure",
                f"the furthest is off by {100 * off:.0f} points",
                bool(off <= 0.1),
            )
        )
    return verdicts


FIGURE_1 = Experiment(
    name="figure-1",
    title="Cross-entropy learns first and memorises then; ELR does not memorise",
    source="section 1, Figure 1",
    quick=Scale(
        settings={"training": QUICK, "augmented": {"augment": "crop", "schedule": "multistep:13,27:0.01"}},
        minutes=1.3,
        hardware=PROCESSOR,
        replaced=(SMALL_DATA, PLAIN_TRAINING, QUICK_TRAINING, SMALL_LAM, "crops alone stand in for crops and flips"),
    ),
    full=Scale(
        settings={"training": FULL, "augmented": {"augment": "crop+flip", "schedule": "multistep:40,80:0.01"}},
        minutes=4 * GPU_MINUTES,
        hardware=GPU,
        replaced=(PLAIN_TRAINING,),
    ),
    features=on_features(
        {
            "training": FEATURES_40,
            "title": "A linear model on frozen features",
            "decisive": ["symmetric:0.4", "symmetric:0.6"],
        },
        runs=16,
    ),
    medium=from_scratch(
        {
            "training": MEDIUM_PLAIN,
            "augmented": {**MEDIUM_FAST, "network": "whitened-cnn", "augment": "crop+flip", "schedule": "one-cycle"},
            "falls": "rises and falls",
            "decisive": ["symmetric:0.4", "symmetric:0.6"],
        },
        runs=6,
        replaced=(MEDIUM_NETWORK, PLAIN_TRAINING, MEDIUM_SHORT, MEDIUM_FAST_TRAINING, MEDIUM_SEED),
    ),
    reproduce=reproduce,
)
