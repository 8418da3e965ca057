"""What do the documents of a run and of a study say, field by field?

Shares lie in [0, 1], None is what cannot be known. Fields are added freely; one that goes or changes raises `FORMAT`.
"""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict  # typing's own cannot be checked by pydantic before Python 3.12

from earlylearn.memory import MemorySummary

Metrics = dict[str, float | None] | None  # what is measured beside accuracy, by name; None where there are no rows
FORMAT = 1  # of run folders and of studies; 0, of those that do not say, has the same layout


class CleanShares(TypedDict):
    """Of the training examples whose label is right: predicted as that label, or as another."""

    correct: float
    incorrect: float


class WrongShares(TypedDict):
    """Of those whose label is wrong: predicted as the true class, as the wrong label, or as any other class."""

    correct: float
    memorized: float
    other: float


class SideGradient(TypedDict):
    """The gradient at the true class of one side's examples: mean and standard deviation of each, ``[mean, sd]``."""

    regularizer: list[float] | None
    ce: list[float]
    ce_abs: list[float]


class Gradients(TypedDict):
    """What pulls at the true class (Figures 2 and B.1); a side without examples is None."""

    clean: SideGradient | None
    wrong: SideGradient | None


class RightBeliefs(TypedDict):
    """The shares of rows whose most believed label is the true one."""

    train: float | None
    validation: float | None


class Memorization(TypedDict):
    """Of the training examples: ``agree`` with their given label; and the two sides, None without such examples."""

    agree: float
    clean: CleanShares | None
    wrong: WrongShares | None


class AgainstTruth(TypedDict):
    """What only the true labels can tell of an epoch; ``beliefs`` also need a method that has some."""

    gradients: Gradients | None
    beliefs: RightBeliefs | None


class Evaluation(Memorization, AgainstTruth):
    """How good a method was in an epoch.

    ``val_accuracy`` is under given labels, ``test_accuracy`` under true ones, None in epochs that were not tested.
    """

    epoch: int
    lr: float
    loss: float
    loss_parts: dict[str, float]
    val_accuracy: float | None
    test_accuracy: float | None
    notes: NotRequired[list[str]]
    val_metrics: NotRequired[Metrics]
    test_metrics: NotRequired[Metrics]


class EpochRecord(Evaluation):
    """A line of ``metrics.jsonl``; ``seconds`` are those of the epoch, its evaluation included."""

    seconds: float


class NoiseSummary(TypedDict):
    """What was injected, and the share of labels that are wrong: as asked for, and as realised."""

    kind: str | None
    rate: float | None
    wrong_fraction: float | None


class Accuracy(TypedDict):
    """Accuracies of the last epoch and of the one that noisy validation picked, ``best_epoch``."""

    test_last: float | None
    test_at_best_val: float | None
    val_best: float | None
    val_last: float | None
    best_epoch: int | None


class IssueScores(TypedDict):
    """How many labels were flagged; how good flags and ranking are, where that can be known."""

    flagged: int
    precision: float | None
    recall: float | None
    average_precision: float | None
    confident: NotRequired[int]  # flags that may be accepted in bulk


class AuditSummary(TypedDict):
    """Before anybody has looked: ``[low, high]`` of wrong labels; the same in words; why flags are no use, if so."""

    wrong_labels: list[int]
    wrong_flags: list[int]
    claims: list[str]
    misgivings: list[str]
    epoch: NotRequired[int]  # whose beliefs these are


class DataIssues(TypedDict):
    """What was found beside the labels; ``outliers`` is None where they were not looked for, ``lines`` is in words."""

    duplicates: int
    duplicate_sets: int
    conflicting_sets: int
    outliers: int | None
    rare_classes: dict[str, int]
    identifiers: list[str]
    lines: list[str]


class TriedSetting(TypedDict):
    """A setting tried: out-of-fold agreement, standard errors behind the best, where it ended, what it counts."""

    name: str
    stage: str
    agreement: float
    behind: float
    weight: float


class Choice(TypedDict):
    """What a method that chooses for itself has chosen: in a line, and all that it tried."""

    line: str
    agreement: float | None
    settings: list[TriedSetting]


class Summary(TypedDict):
    """``summary.json``; ``choice`` only of a method that chooses, ``metrics`` only where some were asked for."""

    method: str
    data: str
    seed: int
    epochs: int
    seconds: float
    examples: int
    classes: int
    noise: NoiseSummary
    accuracy: Accuracy
    memorized_last: float | None
    label_issues: IssueScores
    audit: NotRequired[AuditSummary]
    data_issues: NotRequired[DataIssues]
    choice: NotRequired[Choice]
    memory: NotRequired[MemorySummary]
    metrics: NotRequired[dict[str, Metrics]]  # by the names of `Accuracy`: test_last, val_best, ...


Compared = Literal["test_last", "test_at_best_val", "val_last"]
Score = Literal["val_last", "val_best"]


class Curves(TypedDict):
    """A run's curves, a value per epoch."""

    test: list[float | None]
    val: list[float | None]
    memorized: list[float | None]


class Outcome(TypedDict):
    """What a finished run contributes to its study; ``name`` is of its method or trial, ``val_rows`` a count."""

    name: str
    seed: int
    wrong_fraction: float | None
    test_last: float | None
    test_at_best_val: float | None
    test_best: float | None
    best_minus_last: float | None
    val_last: float | None
    val_best: float | None
    val_rows: int
    best_epoch: int | None
    memorized_last: float | None
    flagged: int
    precision: float | None
    recall: float | None
    average_precision: float | None
    seconds: float
    curves: Curves


class StudiedRun(Outcome):
    """The same in the study's document; ``folder`` is relative to the study's, None of a run made elsewhere."""

    folder: str | None


class RunName(TypedDict):
    """Which run."""

    name: str
    seed: int


class FailedRun(RunName):
    """A run that failed, and why."""

    error: str


class Statistic(TypedDict):
    """Mean and sample standard deviation (None of one value) of n values."""

    mean: float
    sd: float | None
    n: int


class PairedDifference(TypedDict):
    """Mean difference to the baseline over n common seeds; 95 % interval and p-value, None where nothing tells."""

    mean: float
    low: float | None
    high: float | None
    p: float | None
    n: int


class Difference(PairedDifference):
    """``significant`` is after Holm's correction for all methods of the comparison."""

    significant: bool


class Differences(TypedDict):
    """The differences by what is compared; None where it is not known."""

    test_last: Difference | None
    test_at_best_val: Difference | None
    val_last: Difference | None


class Means(TypedDict):
    """What was measured, over the seeds; None where nothing is known."""

    test_last: Statistic | None
    test_at_best_val: Statistic | None
    val_last: Statistic | None
    val_best: Statistic | None
    memorized_last: Statistic | None
    average_precision: Statistic | None
    seconds: Statistic | None


class ComparedMethod(Means):
    """A method of a comparison; ``seeds`` are those that are finished, ``cost`` is time relative to the baseline's.

    ``differences`` are to the baseline; None of itself, or without a common seed. ``own`` settings differ from its.
    """

    name: str
    method: str
    options: dict[str, Any]
    own: dict[str, Any]
    seeds: list[int]
    best_minus_last: Statistic | None
    cost: Statistic | None
    differences: Differences | None


class Trial(Means):
    """A point of a sweep's grid."""

    name: str
    options: dict[str, Any]
    seeds: list[int]
    picked: bool


class StudyFacts(TypedDict):
    """The conditions of any study, and every run of it; ``settings`` are those that all runs have in common."""

    data: str
    noise: str | None
    wrong_fraction: float | None
    network: str
    epochs: int
    seeds: list[int]
    settings: dict[str, Any]
    missing: list[RunName]
    runs: list[StudiedRun]


class ComparisonFacts(StudyFacts):
    """A comparison, before anything is concluded from it."""

    workers: int
    baseline: str
    methods: list[ComparedMethod]
    failed: list[FailedRun]


class SweepFacts(StudyFacts):
    """A sweep, before anything is concluded from it; ``canaries`` are labels planted wrong, which broke ties."""

    method: str
    score: Score
    grid: dict[str, list[Any]]
    trials: list[Trial]
    picked: Trial | None
    canaries: NotRequired[int]
    failed: list[FailedRun]


class ComparisonDocument(ComparisonFacts):
    """``comparison.json``."""

    format: int
    conclusion: list[str]


class SweepDocument(SweepFacts):
    """``sweep.json``; ``command`` trains with what was picked, None where there is no such command."""

    format: int
    conclusion: list[str]
    command: str | None
