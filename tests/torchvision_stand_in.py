"""How does what imports torchvision do so beside a torch that its build does not fit?"""

import importlib.util
from pathlib import Path

import torch


def stand_in_for_torchvision() -> torch.library.Library | None:
    """Lets timm, transformers and torchmetrics import torchvision, which looks up two operators.

    These load only beside the torch they are built for, and the package index has no build for the processor alone.
    Nobody here calls them, so it is enough to declare them.
    """
    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None:
        return None
    try:
        torch.ops.load_library(Path(found.origin).with_name("_C.so"))
        return None
    except OSError:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return library


TORCHVISION = stand_in_for_torchvision()  # declared as long as it is kept
