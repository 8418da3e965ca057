"""Does the loop keep the latest logits of every row, and hand them to the method when the contract says?"""

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

    def loss(self, batch):
        loss = self.nets[0](batch.views[0]).square().mean()
        return Step(loss, torch.full((2, CLASSES), 7.0, dtype=torch.bfloat16), {"part": loss.detach() * 2})

    def silent(self, batch):
        return self.loss(batch)._replace(logits=None)

    def after_epoch(self, epoch, seen):
        self.at_the_end = seen.clone()

    def observe_held_out(self, index, logits):
        self.held_out = (index, logits)


def fitted(method=Tells):
    torch.manual_seed(0)
    x, labels = toy_data()
    fabric = Fabric(accelerator="cpu", devices=1)
    return Fit(method(small_network, ROWS, CLASSES), toy_batches(x, labels), fabric, epochs=2)


def test_what_was_said_last_of_a_row_is_kept_until_the_epoch_ends():
    fit = fitted()
    for epoch in fit.run(lambda *_: None):
        said = torch.full((ROWS, CLASSES), torch.nan)
        said[:4], said[:2] = 5.0, 7.0
        torch.testing.assert_close(fit.method.at_the_end, said, equal_nan=True, rtol=0, atol=0)
        assert epoch.parts["part"] == pytest.approx(2 * epoch.loss)
        said[HELD] = fit.validate(HELD)
        torch.testing.assert_close(fit.seen_logits, said, equal_nan=True, rtol=0, atol=0)
        index, logits = fit.method.held_out
        assert torch.equal(index, HELD)
        assert torch.equal(logits, fit.logits(HELD))
        assert not logits.requires_grad


def test_what_was_seen_is_in_no_checkpoint():
    fit = fitted()
    next(fit.run(lambda *_: None))
    assert not any(name.startswith("seen") for name in fit.state_dict()["method"])
    fit.load_state_dict(fit.state_dict())


def test_a_loss_that_is_no_step_is_refused_in_one_line(monkeypatch):
    monkeypatch.setattr(Tells, "loss", lambda self, batch: self.nets[0](batch.views[0]).mean())
    with pytest.raises(EarlylearnError, match=r"^Tells\.loss returned a Tensor; return Step\(loss, logits, parts\)$"):
        next(fitted().run(lambda *_: None))
