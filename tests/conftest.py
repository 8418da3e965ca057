"""What do many tests share: small data, one thread, and no work that no test looks at?"""

import gc
import importlib
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.backends import backend_svg

from earlylearn.data.labelled import LabelledData
from tests.torchvision_stand_in import TORCHVISION  # noqa: F401  # timm and others import it
from tests.undrawn import Undrawn


def pytest_xdist_auto_num_workers():
    """One more than there are cores, for a third of the tests' time goes by while they wait for a process or page."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_finish():
    """What is imported by now stays: the collector need not look at it again."""
    gc.collect()
    gc.freeze()


DRAWN = {"report", "cli"}  # folders whose tests look at whole pages


@pytest.fixture(autouse=True, scope="module")
def _undrawn(request):
    """No pictures on pages, but where they are looked at."""
    with pytest.MonkeyPatch.context() as patch:
        if not DRAWN & set(request.path.parts):
            patch.setattr(backend_svg, "FigureCanvasSVG", Undrawn)
        yield


@pytest.fixture(autouse=True)
def _one_thread_each():
    """Tests run side by side: one thread each, and the same results whatever the machine."""
    torch.set_num_threads(1)


def blobs(n: int = 240, classes: int = 3, wrong: float = 0.3, seed: int = 0) -> LabelledData:
    """Well separated Gaussian blobs in 8 dimensions, a share of whose labels is wrong."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, classes, n)
    centres = rng.normal(size=(classes, 8)) * 3
    given = np.where(rng.random(n) < wrong, (true + rng.integers(1, classes, n)) % classes, true)
    return LabelledData(
        name="blobs",
        inputs=(centres[true] + rng.normal(size=(n, 8))).astype(np.float32),
        labels=given.astype(np.int64),
        classes=tuple(f"class {c}" for c in range(classes)),
        ids=np.array([f"row-{i}" for i in range(n)]),
        true_labels=true.astype(np.int64),
    )


def stripes(n: int = 96, seed: int = 0) -> LabelledData:
    """Noisy 8 x 8 images, bright above or bright below: what a small convolutional network learns at once."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    images = rng.integers(0, 100, (n, 1, 8, 8))
    for i, label in enumerate(labels):
        images[i, 0, 4 * label : 4 * label + 4] += 120
    return LabelledData(
        name="stripes",
        inputs=images.astype(np.uint8),
        labels=labels.astype(np.int64),
        classes=("above", "below"),
        ids=np.array([str(i) for i in range(n)]),
        augment="crop",
    )


@pytest.fixture(scope="session")
def timm():
    """timm; what asks for it is skipped where it cannot be imported."""
    try:
        return importlib.import_module("timm")
    except Exception as error:
        pytest.skip(f"timm does not import here: {error}")


@pytest.fixture
def run_path(tmp_path: Path) -> Path:
    return tmp_path / "run"
