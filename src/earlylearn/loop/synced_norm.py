"""How does batch normalisation see the whole batch where several processes have a part of it each?

PyTorch's SyncBatchNorm is for GPUs alone, and in place of the plain class alone. Here `F.batch_norm` is replaced while
a layer of that kind runs, so that classes derived from it (timm's, our fast network's) take part, on processors too.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules._functions import SyncBatchNorm
from torch.nn.modules.batchnorm import _BatchNorm
from torch.overrides import TorchFunctionMode

from earlylearn.loop.processes import answered


def sync_norms(network: nn.Module) -> None:
    """Have every batch normalisation of a network use the moments of all processes' parts together, in place."""
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.__dict__["forward"] = partial(_within, type(module).forward, module)


def _within(forward: Callable[[_BatchNorm, Tensor], Tensor], module: _BatchNorm, x: Tensor) -> Tensor:
    with _Together():
        return forward(module, x)


class _Together(TorchFunctionMode):
    """While it lasts, `F.batch_norm` in training is that of all processes."""

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return (_batch_norm if func is F.batch_norm else func)(*args, **(kwargs or {}))


def _batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """`F.batch_norm` over the processes; ``input`` ``[B, channels, ...]``, B may be 0 here and is not everywhere."""
    if not training:
        return F.batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    if input.is_cuda:
        with answered():
            applied: Tensor = SyncBatchNorm.apply(
                input, weight, bias, running_mean, running_var, eps, momentum, dist.group.WORLD, dist.get_world_size()
            )
        return applied
    x = input if input.dtype == torch.float64 else input.float()
    axes, shape = [0, *range(2, x.ndim)], [1, -1, *[1] * (x.ndim - 2)]
    count = x.new_full((1,), x.numel() / x.shape[1])
    total: Tensor = _Sum.apply(torch.cat((x.sum(axes), count)))  # type: ignore[no-untyped-call]
    n = total[-1].detach()
    mean = total[:-1] / n
    centred = x - mean.view(shape)
    squares: Tensor = _Sum.apply(centred.square().sum(axes))  # type: ignore[no-untyped-call]
    variance = squares / n
    with torch.no_grad():
        if running_mean is not None and running_var is not None:
            running_mean.lerp_(mean, momentum)
            running_var.lerp_(variance * (n / (n - 1)), momentum)
    y = centred * (variance + eps).rsqrt().view(shape)
    if weight is not None:
        y = y * weight.view(shape)
    return (y if bias is None else y + bias.view(shape)).to(input.dtype)


class _Sum(torch.autograd.Function):
    """The sum over the processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return _summed(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _summed(gradient)


def _summed(x: Tensor) -> Tensor:
    total = x.clone(memory_format=torch.contiguous_format)
    with answered():
        dist.all_reduce(total)
    return total
