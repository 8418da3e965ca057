"""What is known of a network that may be asked for by name?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

Shape = tuple[int, ...]  # of one input: (columns,) or (channels, height, width)


@dataclass(frozen=True)
class Architecture:
    """A network that may be asked for by name: all that depends on the name.

    Attributes:
        description: one line for a person who chooses.
        make: the network without its `Normalize` layer, freshly initialised, from the whole name, the shape of one
            input and the number of classes (at least 2).
        images: it convolves, so it needs images of at least `SMALLEST_IMAGE` pixels a side; others take any inputs.
        takes: what stands behind a colon in its name, such as ``SIZE-SIZE``; empty where nothing may.
        needs_more: it is no network without that.
        begin: makes its first layer of raw training images that went through `Normalize`; None where nothing is.
        pretrained: starts it, under its whole name, from a file of weights; None where there are no such files.
        own: of a user's own network: ``module`` where it is made already, ``factory`` where it is made anew each time.
    """

    description: str
    make: Callable[[str, Shape, int], nn.Module]
    images: bool = True
    takes: str = ""
    needs_more: bool = False
    begin: Callable[[Any, Any], None] | None = None
    pretrained: Callable[[nn.Module, str, str], None] | None = None
    own: Literal["", "module", "factory"] = ""
