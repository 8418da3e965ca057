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
from torch.autograd.function import once_differentiable
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
    y: Tensor = _Normalised.apply(x, weight, bias, running_mean, running_var, momentum, eps)  # type: ignore[no-untyped-call]
    return y.to(input.dtype)


class _Normalised(torch.autograd.Function):
    """Normalised by the moments of all processes' parts: one message there, one back."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        momentum: float,
        eps: float,
    ) -> Tensor:
        mean, variance, n = _moments(x)
        if running_mean is not None and running_var is not None:
            running_mean.lerp_(mean, momentum)
            running_var.lerp_(variance * (n / (n - 1)), momentum)
        ctx.save_for_backward(x, weight, mean, (variance + eps).rsqrt(), n)
        ctx.shifted = bias is not None
        return F.batch_norm(x, mean, variance, weight, bias, False, 0.0, eps) if len(x) else x.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, scale, n = ctx.saved_tensors
        axes, shape = _channels(x)
        centred = x - mean.view(shape)
        shift, slope = upstream.sum(axes), (upstream * centred).sum(axes)
        total = torch.stack((shift, slope))
        with answered():
            dist.all_reduce(total)
        factor = scale if weight is None else scale * weight
        # factor * (upstream - mean of it - centred * scale^2 * mean of upstream * centred), in two passes
        gradient = torch.addcmul(
            (-factor * total[0] / n).view(shape), centred, (-factor * scale.square() * total[1] / n).view(shape)
        ).addcmul_(upstream, factor.view(shape))
        of_weight = None if weight is None else slope * scale
        return gradient, of_weight, shift if ctx.shifted else None, None, None, None, None


def _channels(x: Tensor) -> tuple[list[int], list[int]]:
    """The axes that are summed over, and the shape of a number per channel."""
    return [0, *range(2, x.ndim)], [1, -1, *[1] * (x.ndim - 2)]


def _moments(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and variance of each channel over all processes, and of how many numbers."""
    said = x.new_zeros(1 + 2 * x.shape[1])
    if len(x):
        variance, mean = torch.var_mean(x, _channels(x)[0], correction=0)
        said = torch.cat((x.new_full((1,), x.numel() / x.shape[1]), mean, variance))
    heard = [torch.empty_like(said) for _ in range(dist.get_world_size())]
    with answered():
        dist.all_gather(heard, said)
    parts = torch.stack(heard)
    count = parts[:, :1]
    means, variances = parts[:, 1:].chunk(2, 1)
    n = count.sum()
    mean = (count * means).sum(0) / n
    return mean, (count * (variances + (means - mean).square())).sum(0) / n, n
