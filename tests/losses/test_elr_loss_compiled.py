"""Is the compiled loss the eager one, and is a missing compiler explained?"""

import os
import subprocess
import sys

import pytest
import torch

import earlylearn as el
from earlylearn.errors import UsageError

STEP = """
import torch, earlylearn as el
from earlylearn.errors import UsageError
try:
    el.ELRLoss(4, 3, compile=True)(torch.randn(4, 3), torch.tensor([0, 1, 2, 0]), torch.arange(4))
except UsageError as error:
    print(error)
"""


@pytest.mark.slow
def test_compiled_equals_eager_for_changing_batch_sizes():
    eager, compiled = el.ELRLoss(40, 10), el.ELRLoss(40, 10, compile=True)
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(10, (40,), generator=generator)
    for batch in (16, 16, 8):
        index = torch.randperm(40, generator=generator)[:batch]
        z_eager = (torch.randn(batch, 10, generator=generator) * 20).requires_grad_()
        z_compiled = z_eager.detach().clone().requires_grad_()
        try:
            value = compiled(z_compiled, labels[index], index)
        except UsageError as error:
            pytest.skip(str(error))
        expected = eager(z_eager, labels[index], index)
        value.backward()
        expected.backward()
        torch.testing.assert_close(value, expected, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(z_compiled.grad, z_eager.grad, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(compiled.targets, eager.targets)
        torch.testing.assert_close(compiled.parts, eager.parts)


@pytest.mark.slow
def test_a_missing_compiler_is_one_line_with_the_way_out(tmp_path):
    environment = {**os.environ, "PATH": "", "CXX": str(tmp_path / "none"), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", STEP], env=environment, capture_output=True, text=True, check=True)
    assert "leave compile out" in done.stdout
    assert done.stdout.count("\n") == 1


SETTINGS = [{}, {"weight": [1.0, 2.0, 0.5], "label_smoothing": 0.1, "reduction": "none"}]


@pytest.mark.slow
# PyTorch 2.13's own tracing of a Function does what PyTorch 2.13 deprecates.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_model_and_loss_are_traced_as_one_graph(settings):
    torch.manual_seed(0)
    net, traced, plain = torch.nn.Linear(4, 3), el.ELRLoss(20, 3, **settings), el.ELRLoss(20, 3, **settings)

    @torch.compile(fullgraph=True, backend="aot_eager")
    def step(x, labels, index, update):
        return traced(net(x), labels, index, update=update).mean()

    x, labels = torch.randn(20, 4), torch.arange(20) % 3
    for epoch in range(3):
        for index in torch.randperm(20).split(10):
            for update in (True, False) if epoch == 1 else (True,):
                net.zero_grad()
                value = step(x[index], labels[index], index, update)
                value.backward()
                gradient = net.weight.grad.clone()
                net.zero_grad()
                expected = plain(net(x[index]), labels[index], index, update=update).mean()
                expected.backward()
                torch.testing.assert_close((value, gradient), (expected, net.weight.grad))
                torch.testing.assert_close(traced.targets, plain.targets)
                torch.testing.assert_close(traced.parts, plain.parts)
    traced.eval()
    with torch.no_grad():
        torch.testing.assert_close(step(x, labels, None, True), plain.eval()(net(x), labels).mean())
    traced.train()
    step(x[:2], labels[:2], torch.tensor([3, 3]), True)
    with pytest.raises(UsageError, match="example 3 twice"):
        traced.eval()
