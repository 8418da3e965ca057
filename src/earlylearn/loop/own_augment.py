"""How does an augmentation of a user's own change a batch, so that a seed repeats it?"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from earlylearn.errors import UsageError, setting
from earlylearn.plugins import cause

Augment = Callable[..., Any]


def augment_own(augment: Augment, x: Tensor, seed: int) -> Tensor:
    """Every input of a batch through the user's function, one after the other.

    Args:
        augment: from an input (``uint8 [channels, height, width]``, or ``float32 [d]``) to one like it; transforms of
            torchvision v2 do that. Those of albumentations are called their way, with ``image=`` in ``[height, width,
            channels]``.
        x: ``[B, ...]``.
        seed: of all that it draws: from torch's, NumPy's and Python's global generators, which are as they were
            afterwards, and from a generator of its own if it has ``set_random_seed``.

    Raises:
        UsageError: it fails, or gives something else than it got: pixels stay ``uint8``, the run normalises itself.
    """
    with _seeded(seed, augment):
        made = [_one(augment, each) for each in x]
    shapes = {tuple(each.shape) for each in made}
    if len(shapes) > 1:
        raise UsageError(f"{_asked(augment)}: gives different sizes, {sorted(shapes)[:3]}; end with a crop to one size")
    return torch.stack(made)


def _one(augment: Augment, x: Tensor) -> Tensor:
    try:
        if type(augment).__module__.startswith("albumentations"):
            image = x.permute(1, 2, 0).contiguous().cpu().numpy()
            image = np.asarray(augment(image=image)["image"])
            image = image[..., None] if image.ndim == 2 else image
            made: Any = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
        else:
            made = augment(x)
    except Exception as error:
        raise UsageError(f"{_asked(augment)}: fails on {x.dtype} {list(x.shape)}: {cause(error)}") from error
    if not isinstance(made, Tensor) or made.dtype != x.dtype or made.ndim != x.ndim or len(made) != len(x):
        found = f"{made.dtype} {list(made.shape)}" if isinstance(made, Tensor) else type(made).__name__
        raise UsageError(
            f"{_asked(augment)}: makes {found} of {x.dtype} {list(x.shape)}; give back what came, changed (leave "
            "ToTensor, ToDtype and Normalize out: the run normalises)"
        )
    return made.to(x.device)


def _asked(augment: Augment) -> str:
    return setting("augment", getattr(augment, "__qualname__", type(augment).__name__))


@contextmanager
def _seeded(seed: int, augment: Augment) -> Iterator[None]:
    """Global generators at a seed, and back where they were."""
    python, numpy_ = random.getstate(), np.random.get_state()  # noqa: NPY002  # what others draw from
    own = getattr(augment, "set_random_seed", None)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        if own is not None:
            own(seed % 2**32)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy_)  # noqa: NPY002
