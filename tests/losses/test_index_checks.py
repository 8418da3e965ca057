"""Are mistakes of the index found in every epoch, at once or when the pass ends, and only mistakes?"""

import numpy as np
import pytest
import torch

import earlylearn as el
from earlylearn.errors import UsageError
from earlylearn.losses.index_checks import Counts, Looks

N, C = 20, 3
COMPILED = pytest.param({"compile": True}, marks=pytest.mark.slow)
LABELS = torch.arange(N) % C
MISTAKES = {
    "beyond": ([3, 500], [0, 1], "outside 0..19"),
    "negative": ([3, -4], [0, 1], "outside 0..19"),
    "twice": ([3, 3], [0, 0], "twice in a batch"),
    "no class": ([3, 4], [0, 3], "a label is 3, outside 0..2"),
    "negative label": ([3, 4], [0, -1], "a label is -1, outside 0..2"),
}


def loss(criterion, index, labels=None):
    index = torch.tensor(index)
    labels = LABELS[index] if labels is None else torch.tensor(labels)
    return criterion(torch.randn(len(index), C, requires_grad=True), labels, index)


def after(epochs, **settings):
    """A loss that has seen some epochs, so that it no longer looks at each batch."""
    criterion = el.ELRLoss(N, C, **settings)
    for epoch in range(epochs):
        for index in torch.randperm(N, generator=torch.Generator().manual_seed(epoch)).split(6):
            loss(criterion, index.tolist())
    return criterion


@pytest.mark.parametrize("settings", [{}, {"reduction": "sum"}, COMPILED], ids=str)
@pytest.mark.parametrize("epochs", [0, 1, 5])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found_by_the_end_of_its_epoch(mistake, epochs, settings):
    criterion = after(epochs, **settings)
    index, labels, message = MISTAKES[mistake]
    before = criterion.targets.clone()
    with pytest.raises(UsageError, match=message):  # noqa: PT012  # at once, or when the epoch ends
        loss(criterion, index, labels)
        criterion.eval()
    untouched = ~torch.isin(torch.arange(N), torch.tensor([i for i in index if 0 <= i < N]))
    assert torch.equal(criterion.targets[untouched], before[untouched])
    assert criterion.targets.isfinite().all()
    criterion.train()
    for rows in torch.arange(N).split(5):  # told once
        loss(criterion, rows.tolist())
    criterion.eval()


@pytest.mark.parametrize("mistake", ["twice", "beyond"])
def test_without_evaluation_a_pass_over_the_data_tells(mistake):
    criterion = el.ELRLoss(8192, C)
    labels = torch.zeros(8192, dtype=torch.int64)

    def pass_over(spoilt=None):
        for step, rows in enumerate(torch.randperm(8192).split(1024)):
            if step == spoilt:
                rows[7] = rows[8] if mistake == "twice" else 8192
            criterion(torch.randn(1024, C, requires_grad=True), labels[rows.clamp(max=8191)], rows)

    for _ in range(3):
        pass_over()
    with pytest.raises(UsageError, match=MISTAKES[mistake][2].replace("19", "8191")):
        pass_over(spoilt=4)


def test_repeats_are_allowed_when_said_and_the_first_counts():
    for epochs in (0, 4):
        criterion, known = after(epochs, repeats=True), after(epochs)
        known.load_state_dict(criterion.state_dict())
        logits = torch.randn(3, C, requires_grad=True)
        criterion(logits, LABELS[[5, 5, 6]], torch.tensor([5, 5, 6]))
        known(logits[[0, 2]], LABELS[[5, 6]], torch.tensor([5, 6]))
        torch.testing.assert_close(criterion.targets, known.targets)
        criterion.check()


def test_positions_in_the_batch_instead_of_examples():
    criterion = el.ELRLoss(N, C)
    with pytest.raises(UsageError, match="not positions in a batch"):  # noqa: PT012
        for rows in torch.randperm(N, generator=torch.Generator().manual_seed(1)).split(5):
            criterion(torch.randn(5, C, requires_grad=True), LABELS[rows], torch.arange(5))


def counted(steps, ignore=-100):
    """Count steps of (index, labels) as a device would, and read."""
    counts = Counts(N, torch.device("cpu"))
    places = []
    for index, labels in steps:
        index, labels = torch.tensor(index), torch.tensor(labels)
        places.append(counts.count(index, labels, labels != ignore, spare=99).tolist())
    return counts, places


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_device_counts_what_the_processor_sees(mistake):
    index, labels, message = MISTAKES[mistake]
    counts, places = counted([([0, 1, 2], [0, 1, 2]), (index, labels)])
    assert all(0 <= place < N or place == 99 for place in places[1])
    with pytest.raises(UsageError, match=message):
        counts.read(C, -100, repeats=False)
    with pytest.raises(UsageError, match=message):
        Looks(N, C, -100, repeats=False).look(np.array(index), np.array(labels))


def test_a_device_counts_only_mistakes():
    counts, places = counted([([0, 1, 2], [0, 1, -100]), ([2, 500, 500], [2, -100, -100]), ([0, 1], [0, 1])])
    assert places == [[0, 1, 99], [2, 99, 99], [0, 1]]
    assert counts.read(C, -100, repeats=False) == 0
    counts.count(torch.tensor([0]), torch.tensor([1]), torch.tensor([True]), spare=99)
    with pytest.raises(UsageError, match="example 0 had label 0 before and 1 now"):
        counts.read(C, -100, repeats=False)
    counts.forget_labels()
    counts.count(torch.tensor([0]), torch.tensor([0]), torch.tensor([True]), spare=99)
    counts.read(C, -100, repeats=False)


def test_after_labels_were_corrected_two_passes_are_looked_at_again():
    looks = Looks(4, 2, -100, repeats=False)
    index = np.arange(4)
    for _ in range(2):
        looks.look(index, np.array([0, 1, 0, 1]))
    assert looks.left == 0
    looks.forget_labels()
    assert looks.left == 8
    looks.look(index, np.array([1, 1, 0, 1]))
    with pytest.raises(UsageError, match="example 0 had label 1 before and 0 now"):
        looks.look(index, np.array([0, 1, 0, 1]))
