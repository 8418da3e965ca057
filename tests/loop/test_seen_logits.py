"""Does the loop keep what the latest logits of every row said, and hand it to the method when the contract says?"""

import pytest
import torch
from lightning_fabric import Fabric

from earlylearn.errors import EarlylearnError
from earlylearn.loop.fit import Fit
from earlylearn.loop.method import Method, Pass, Step
from tests.toy import CLASSES, HELD_OUT, ROWS, small_network, toy_batches, toy_data

HELD = torch.arange(ROWS - HELD_OUT, ROWS)
LOOKED_AT = torch.tensor([0, 1, 2, 3])


class Tells(Method):
    """Looks at four rows, trains rows 0 and 1 saying 7 of them, then rows 1 and 2 saying nothing."""

    def passes(self, epoch, data):
        seen = (LOOKED_AT, torch.full((4, CLASSES), 5.0))
        yield Pass(data.batches(rows=LOOKED_AT[:2]), self.loss, (0,), seen)
        yield Pass(data.batches(rows=LOOKED_AT[1:3]), self.silent, (0,))
        self.held_out = []

    def loss(self, batch):
        loss = self.nets[0](batch.views[0]).square().mean()
        logits = torch.arange(ROWS * CLASSES).reshape(ROWS, -1)[batch.index].bfloat16()
        return Step(loss, logits, {"part": loss.detach() * 2})

    def silent(self, batch):
        return self.loss(batch)._replace(logits=None)

    def after_epoch(self, epoch, seen):
        self.at_the_end = numbers(seen)

    def observe_held_out(self, index, logits):
        self.held_out.append((index, logits))

    def after_validation(self, rows, seen):
        self.validated = (rows, numbers(seen))


def fitted(method=Tells):
    torch.manual_seed(0)
    x, labels = toy_data()
    fabric = Fabric(accelerator="cpu", devices=1)
    return Fit(method(small_network, ROWS, CLASSES), toy_batches(x, labels), fabric, epochs=2)


def numbers(seen):
    return torch.stack((seen.predicted.float(), seen.loss, seen.margin))


def by_hand(logits, labels):
    """The same of rows of logits, NaN where nothing was said, one by one."""
    found = torch.full((3, len(labels)), torch.nan)
    found[0] = -1
    for row, (said, label) in enumerate(zip(logits, labels.tolist(), strict=True)):
        if not said.isnan().any():
            others = torch.cat((said[:label], said[label + 1 :]))
            loss = torch.nn.functional.cross_entropy(said[None], torch.tensor([label]))
            found[:, row] = torch.stack((said.argmax().float(), loss, said[label] - others.max()))
    return found


@pytest.mark.parametrize("block", [1, 2**20])
def test_what_was_said_last_of_a_row_is_kept_until_the_epoch_ends(block, monkeypatch):
    monkeypatch.setattr("earlylearn.loop.seen.BLOCK", block)
    monkeypatch.setattr("earlylearn.loop.batches.evaluation_size", lambda *_: 3)
    fit = fitted()
    labels = fit.data.draws[0].labels
    for epoch in fit.run(lambda *_: None):
        said = torch.full((ROWS, CLASSES), torch.nan)
        said[:4], said[:2] = 5.0, torch.arange(2.0 * CLASSES).reshape(2, -1)
        torch.testing.assert_close(fit.method.at_the_end, by_hand(said, labels), equal_nan=True)
        assert epoch.parts["part"] == pytest.approx(2 * epoch.loss)
        fit.validate(HELD)
        said[HELD] = fit.logits(HELD)
        rows, at_the_end = fit.method.validated
        assert torch.equal(rows, HELD)
        torch.testing.assert_close(at_the_end, by_hand(said, labels), equal_nan=True)
        torch.testing.assert_close(numbers(fit.seen), at_the_end, equal_nan=True)
        index, logits = (torch.cat(parts) for parts in zip(*fit.method.held_out, strict=True))
        assert torch.equal(index, HELD)
        assert torch.equal(logits, fit.logits(HELD))
        assert not logits.requires_grad
        assert torch.equal(fit.predicted(HELD), logits.argmax(1))


def test_what_was_seen_is_in_no_checkpoint():
    fit = fitted()
    next(fit.run(lambda *_: None))
    assert not any(name.startswith("seen") for name in fit.state_dict()["method"])
    fit.load_state_dict(fit.state_dict())


def test_a_loss_that_is_no_step_is_refused_in_one_line(monkeypatch):
    monkeypatch.setattr(Tells, "loss", lambda self, batch: self.nets[0](batch.views[0]).mean())
    with pytest.raises(EarlylearnError, match=r"^Tells\.loss returned a Tensor; return Step\(loss, logits, parts\)$"):
        next(fitted().run(lambda *_: None))
