"""Does the loss keep its word in loops people write: half precision, accumulation, averaged weights, two passes?"""

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, TensorDataset

import earlylearn as el

N, D, C = 48, 5, 3
X = torch.randn(N, D, generator=torch.Generator().manual_seed(0))
Y = torch.arange(N) % C


def start(**settings):
    torch.manual_seed(0)
    return nn.Linear(D, C), el.ELRLoss(N, C, **settings)


def loader(batch=12, **settings):
    return DataLoader(el.IndexedDataset(TensorDataset(X, Y)), batch_size=batch, **settings)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_with_scaled_gradients(dtype):
    network, criterion = start()
    plain, known = start()
    scaler = torch.amp.GradScaler("cpu", enabled=dtype == torch.float16)
    optimizer, other = (torch.optim.SGD(each.parameters(), lr=0.1) for each in (network, plain))
    for _ in range(3):
        for x, y, index in loader():
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=dtype):
                logits = network(x)
                assert logits.dtype == dtype
                loss = criterion(logits, y, index)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            other.zero_grad()
            known(plain(x), y, index).backward()
            other.step()
    assert loss.dtype == criterion.targets.dtype == torch.float32
    torch.testing.assert_close(criterion.targets, known.targets, rtol=0, atol=0.02)
    torch.testing.assert_close(network.weight, plain.weight, rtol=0, atol=0.02)


@pytest.mark.slow
def test_a_compiled_network_before_a_loss_that_is_not():
    network, criterion = start()
    plain, known = start()
    compiled = torch.compile(network, backend="aot_eager")
    for _ in range(3):  # beyond the first two passes the loss takes its fast way
        for x, y, index in loader(batch=20):
            criterion(compiled(x), y, index).backward()
            known(plain(x), y, index).backward()
    torch.testing.assert_close(network.weight.grad, plain.weight.grad)
    torch.testing.assert_close(criterion.targets, known.targets)


def test_accumulated_batches_are_one_batch():
    network, criterion = start()
    plain, known = start()
    for x, y, index in loader():
        for part in torch.arange(12).split(4):
            (criterion(network(x[part]), y[part], index[part]) / 3).backward()
        known(plain(x), y, index).backward()
    torch.testing.assert_close(network.weight.grad, plain.weight.grad)
    torch.testing.assert_close(criterion.targets, known.targets)


def test_averaged_weights_of_a_module_that_holds_the_loss():
    network, criterion = start()
    owner = nn.ModuleDict({"network": network, "criterion": criterion})
    averaged = AveragedModel(owner, use_buffers=True)
    for x, y, index in loader():
        criterion(network(x), y, index).backward()
        averaged.update_parameters(owner)
    assert not averaged.module["criterion"].targets.any()  # a copy, which nobody trains
    assert criterion.targets.all()


def test_workers_and_any_order_number_the_same_examples():
    network, criterion = start()
    plain, known = start()
    for x, y, index in loader(shuffle=True, num_workers=2):
        criterion(network(x), y, index)
    for x, y, index in loader():
        known(plain(x), y, index)
    torch.testing.assert_close(criterion.targets, known.targets)


def test_sharpness_aware_minimization_averages_once_a_batch():
    network, criterion = start()
    for x, y, index in loader():
        criterion(network(x), y, index).backward()
        with torch.no_grad():
            moved = 0.05 * network.weight.grad / network.weight.grad.norm()
            network.weight += moved
        network.zero_grad()
        criterion(network(x), y, index, update=False).backward()
        with torch.no_grad():
            network.weight -= moved
    torch.testing.assert_close(criterion.targets.sum(1), torch.full((N,), 0.3))


def test_l_bfgs_averages_once_a_batch_and_sees_one_function():
    network, criterion = start()
    optimizer = torch.optim.LBFGS(network.parameters(), line_search_fn="strong_wolfe", max_iter=5)
    for x, y, index in loader(batch=N):
        criterion(network(x), y, index)

        def closure(x=x, y=y, index=index):
            optimizer.zero_grad()
            loss = criterion(network(x), y, index, update=False)
            loss.backward()
            return loss

        first = closure().item()
        optimizer.step(closure)
        assert closure().item() < first
    torch.testing.assert_close(criterion.targets.sum(1), torch.full((N,), 0.3))
