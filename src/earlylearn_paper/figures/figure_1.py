"""Figure 1: does a network first predict the true class of wrongly labelled examples, then memorise, unless by ELR?"""

import pandas as pd

from earlylearn_paper.drawing import shares_figure
from earlylearn_paper.experiment import Experiment, Findings, Scale, Verdict, Work
from earlylearn_paper.run_curves import mean_curve, network_curves, percent
from earlylearn_paper.setup import (
    FULL,
    GPU,
    GPU_MINUTES,
    PLAIN_TRAINING,
    PROCESSOR,
    QUICK,
    QUICK_TRAINING,
    SMALL_DATA,
    SMALL_LAM,
)

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
    plain = network_curves(work.compare("plain", tuple(ROWS)))
    augmented = network_curves(work.compare("augmented", tuple(ROWS), **work.settings["augmented"]))
    return Findings(
        verdicts=judge(plain, augmented, as_the_paper=work.scale == "full"),
        data={"figure-1": plain, "figure-1-augmented": augmented},
        figures={
            "figure-1": shares_figure(plain, ROWS, title="No augmentation, constant learning rate"),
            "figure-1-augmented": shares_figure(augmented, ROWS, title="Augmentation, learning rate dropped twice"),
        },
    )


def judge(plain: pd.DataFrame, augmented: pd.DataFrame, *, as_the_paper: bool) -> list[Verdict]:
    """The claims of the figure, by the mean over the seeds.

    Args:
        plain: curves without augmentation at a constant learning rate.
        augmented: with both as in supplement G.3.
        as_the_paper: whether network and data are the paper's, so that its numbers must show too.
    """
    end = {key: mean_curve(plain, *key).iloc[-1] for key in READ_OFF}
    correct = mean_curve(plain, "ce", "wrong_correct")
    peak = correct.idxmax()
    memorized = mean_curve(augmented, "ce", "wrong_memorized").iloc[-1]
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
        Verdict(
            "with augmentation and learning-rate drops cross-entropy memorises far less",
            "17% (a user of the released code)",
            f"{percent(memorized)}, without them {percent(end['ce', 'wrong_memorized'])}",
            bool(memorized <= end["ce", "wrong_memorized"] / 2),
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
    reproduce=reproduce,
)
