"""Can the loss's table be spoilt: by evaluation, NaN, half precision, second passes, other checkpoints, copies?"""

import copy
import pickle
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import earlylearn as el
from earlylearn.errors import UsageError

N, C = 12, 3
COMPILED = pytest.param({"compile": True}, marks=pytest.mark.slow)
LABELS = torch.arange(N) % C


def batch(seed: int, rows: int = 8):
    generator = torch.Generator().manual_seed(seed)
    index = torch.randperm(N, generator=generator)[:rows]
    return torch.randn(rows, C, generator=generator).requires_grad_(), LABELS[index], index


def trained(steps: int = 4, **settings) -> el.ELRLoss:
    criterion = el.ELRLoss(N, C, **settings)
    for step in range(steps):
        criterion(*batch(step))
    return criterion


@pytest.mark.parametrize("index", [None, torch.arange(8)], ids=["without", "with"])
@pytest.mark.parametrize("off", ["eval", "no_grad", "inference_mode"])
def test_evaluation_is_cross_entropy_and_leaves_the_table_bit_equal(index, off):
    criterion = trained()
    before, parts = criterion.targets.clone(), criterion.parts
    logits, labels, _ = batch(9)
    if off == "eval":
        criterion.eval()
        loss = criterion(logits, labels, index)
    else:
        with getattr(torch, off)():
            loss = criterion(logits, labels, index)
    assert torch.equal(loss, F.cross_entropy(logits, labels))
    assert torch.equal(criterion.targets, before)
    assert criterion.parts is parts


def test_the_index_is_needed_again_in_training():
    criterion = trained().eval().train()
    logits, labels, _ = batch(0)
    with pytest.raises(UsageError, match="IndexedDataset"):
        criterion(logits, labels)


@pytest.mark.parametrize("passes_done", [0, 3])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("settings", [{}, {"label_smoothing": 0.1}, COMPILED], ids=str)
@pytest.mark.slow
def test_a_batch_that_is_not_finite_leaves_its_rows_and_is_told(passes_done, bad, settings):
    criterion = trained(4 * passes_done, **settings)
    logits, labels, index = batch(20)
    logits = logits.detach()
    logits[2] = bad
    logits[5, 1] = bad
    before = criterion.targets.clone()
    with pytest.warns(UserWarning, match="2 rows had logits that are not finite"):  # noqa: PT031  # at once or at check
        assert criterion(logits.requires_grad_(), labels, index).isnan()
        criterion.check()
    assert criterion.rows_left_out == 2
    left = torch.zeros(N, dtype=torch.bool)
    left[index[[2, 5]]] = True
    updated = torch.isin(torch.arange(N), index) & ~left
    assert torch.equal(criterion.targets[~updated], before[~updated])
    assert not torch.equal(criterion.targets[updated], before[updated])
    assert criterion.targets.isfinite().all()
    assert criterion(*batch(21)).isfinite()


def test_a_class_masked_by_minus_infinity_is_no_mistake():
    criterion = el.ELRLoss(N, C)
    logits, labels, index = batch(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logits = logits.detach().masked_fill((torch.arange(C) == 2) & (labels != 2).unsqueeze(1), -torch.inf)
        loss = criterion(logits.requires_grad_(), labels, index)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()
    assert criterion.rows_left_out == 0


@pytest.mark.parametrize(
    "cast", [lambda m: m.half(), lambda m: m.to(torch.bfloat16), lambda m: m.double(), lambda m: m.to("cpu")]
)
def test_the_table_is_float32_whatever_its_owner_is_cast_to(cast):
    owner = nn.ModuleDict({"net": nn.Linear(2, C), "criterion": trained(weight=[1.0, 2.0, 3.3])})
    before = owner["criterion"].targets.clone()
    cast(owner)
    assert torch.equal(owner["criterion"].targets, before)
    assert owner["criterion"].weight.tolist() == pytest.approx([1.0, 2.0, 3.3])
    assert owner["criterion"](*batch(3)).dtype == torch.float32


def test_the_table_is_no_buffer_which_other_processes_would_overwrite():
    criterion = trained(weight=[1.0, 2.0, 3.0])
    assert not list(criterion.buffers())
    assert list(criterion.state_dict()) == ["targets"]


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_update_false_takes_the_targets_as_they_stand(compiled):
    criterion, plain = trained(compile=compiled), trained()
    logits, labels, index = batch(7)
    criterion(logits, labels, index)
    before = criterion.targets.clone()
    second = (logits.detach() + 0.1).requires_grad_()
    loss = criterion(second, labels, index, update=False)
    loss.backward()
    assert torch.equal(criterion.targets, before)
    z = second.detach().requires_grad_()
    q = torch.softmax(z, 1).clamp(1e-4, 1 - 1e-4)
    expected = F.cross_entropy(z, labels) + 3.0 * torch.log(1 - (before[index] * q).sum(1)).mean()
    expected.backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(second.grad, z.grad)
    plain(logits, labels, index)
    torch.testing.assert_close(plain.targets, before)


def test_a_checkpoint_of_any_length_loads():
    source = trained()
    more, fewer = el.ELRLoss(N + 5, C), el.ELRLoss(N - 5, C)
    with pytest.warns(UserWarning, match="the others have seen nothing yet"):
        more.load_state_dict(source.state_dict())
    assert torch.equal(more.targets[:N], source.targets)
    assert more.beliefs()[N:].isnan().all()
    with pytest.warns(UserWarning, match="all are kept"):
        fewer.load_state_dict(source.state_dict())
    assert torch.equal(fewer.targets, source.targets)
    fewer(*batch(5, rows=N))
    half = {"targets": source.targets.half()}
    more.resize_(N)
    more.load_state_dict(half)
    assert more.targets.dtype == torch.float32


def test_a_checkpoint_of_other_classes_or_without_a_table_is_refused():
    owner = nn.ModuleDict({"criterion": el.ELRLoss(N, C)})
    with pytest.raises(RuntimeError, match=r"size mismatch for criterion.targets.*3 classes"):
        owner.load_state_dict({"criterion.targets": torch.zeros(N, C + 1)})
    with pytest.raises(RuntimeError, match=r"Missing key.*criterion.targets"):
        owner.load_state_dict({})
    assert owner.load_state_dict({}, strict=False).missing_keys == ["criterion.targets"]
    with pytest.raises(RuntimeError, match=r"Unexpected key.*criterion.other"):
        owner.load_state_dict({**owner.state_dict(), "criterion.other": torch.zeros(1)})


def test_rows_are_added_and_dropped():
    criterion = trained()
    before = criterion.targets.clone()
    for rows in range(N + 1, N + 40):
        criterion.resize_(rows)
        assert criterion.targets.shape == (rows, C)
    assert torch.equal(criterion.targets[:N], before)
    assert not criterion.targets[N:].any()
    criterion(torch.randn(2, C, requires_grad=True), torch.tensor([0, 1]), torch.tensor([N + 38, 0]))
    assert criterion.targets[N + 38].any()
    criterion.resize_(4)
    criterion.resize_(N + 39)
    assert torch.equal(criterion.targets[1:4], before[1:4])
    assert not criterion.targets[4:].any()


def test_a_corrected_label_is_accepted_when_said():
    criterion = trained(1)
    logits, labels, index = batch(0)
    before = criterion.targets.clone()
    corrected = labels.clone()
    corrected[3] = (labels[3] + 1) % C
    with pytest.raises(UsageError, match=r"labels_changed\(\)"):
        criterion(logits, corrected, index)
    assert torch.equal(criterion.targets, before)
    criterion.labels_changed()
    criterion(logits, corrected, index)
    with pytest.raises(UsageError, match="had label"):
        criterion(logits, labels, index)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))], ids=["copy", "pickle"])
def test_a_copy_is_independent(copied):
    criterion = trained(9)
    other = copied(criterion)
    before = criterion.targets.clone()
    for step in range(4):
        other(*batch(step + 30))
    other.check()
    assert torch.equal(criterion.targets, before)
    assert not torch.equal(other.targets, before)


def test_a_table_that_cannot_fit_says_what_it_needs():
    with pytest.raises(UsageError, match=r"takes 400,000\.0 GB.*has .* GB"):
        el.ELRLoss(10**9, 10**5)
