"""What do small trees in the published layouts of Clothing1M, WebVision and ILSVRC12 look like?

Every class has a colour and a stripe width of its own, so that a network can learn them; images are JPEG of several
shapes, one of them grey and one CMYK.
"""

import colorsys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

CLOTHES = (
    *("T-Shirt", "Shirt", "Knitwear", "Chiffon", "Sweater", "Hoodie", "Windbreaker"),
    *("Jacket", "Downcoat", "Suit", "Shawl", "Dress", "Vest", "Underwear"),
)


def clothing1m_tree(
    path: Path,
    *,
    per_class: int = 4,
    val_per_class: int = 1,
    test_per_class: int = 1,
    image_side: int = 48,
    wrong: float = 0.4,
    seed: int = 0,
) -> Path:
    """Clothing1M's key lists, label lists and images below `path`, which is returned.

    Args:
        path: the folder to make.
        per_class: noisy training images of each true class; the share `wrong` of them has a wrong label.
        val_per_class: clean validation images of each class.
        test_per_class: clean test images of each class.
        image_side: pixels of the shorter side.
        wrong: share of wrong labels among the noisy training images.
        seed: of pixels, order and wrong labels.
    """
    rng = np.random.default_rng(seed)
    labels: dict[str, list[str]] = {"noisy": [], "clean": []}
    for part, each in (("noisy_train", per_class), ("clean_val", val_per_class), ("clean_test", test_per_class)):
        kind = part.split("_")[0]
        keys = []
        for row, true in enumerate(rng.permutation(np.repeat(np.arange(14), each))):
            key = f"images/{row % 10}/{row % 7}/{part}{row},{true}.jpg"
            _save(path / key, int(true), 14, image_side, rng)
            given = (true + rng.integers(1, 14)) % 14 if kind == "noisy" and rng.random() < wrong else true
            keys.append(key)
            labels[kind].append(f"{key} {given}")
        _write(path / f"{part}_key_list.txt", keys)
    for kind, lines in labels.items():
        # The label lists are in another order than the key lists, and name images that no key list has.
        _write(path / f"{kind}_label_kv.txt", [*rng.permutation(lines), f"images/0/0/{kind}_elsewhere.jpg 3"])
    _write(path / "category_names_eng.txt", CLOTHES)
    return path


def webvision_tree(
    path: Path,
    *,
    per_class: int = 2,
    val_per_class: int = 1,
    ilsvrc12_per_class: int = 1,
    classes: int = 50,
    image_side: int = 48,
    wrong: float = 0.2,
    seed: int = 0,
) -> Path:
    """WebVision 1.0's lists and resized images below `path`, which is returned, and ILSVRC12 in ``imagenet/val``.

    Two classes more than `classes` are listed, whose images are not there. ILSVRC12's images are twice as large.

    Args:
        path: the folder to make.
        per_class: Google training images of each true class; the share `wrong` of them has a wrong label.
        val_per_class: validation images of each class, with true labels.
        ilsvrc12_per_class: ILSVRC12 validation images of each class; 0 for no ``imagenet`` folder.
        classes: classes with images.
        image_side: pixels of the shorter side of WebVision's images.
        wrong: share of wrong labels among the training images.
        seed: of pixels, order and wrong labels.
    """
    rng = np.random.default_rng(seed)
    synsets = [f"n{1440000 + 17 * label:08d}" for label in range(classes + 2)]
    train, val = [], []
    for row, true in enumerate(rng.permutation(np.repeat(np.arange(classes), per_class))):
        given = (true + rng.integers(1, classes)) % classes if rng.random() < wrong else true
        file = f"google/q{true + 1:04d}/{row}.jpg"
        _save(path / file, int(true), classes, image_side, rng)
        train.append(f"{file} {given}")
    for row, true in enumerate(rng.permutation(np.repeat(np.arange(classes), val_per_class))):
        file = f"val{row + 1:06d}.jpg"
        _save(path / "val_images_256" / file, int(true), classes, image_side, rng)
        val.append(f"{file} {true}")
    for label in range(ilsvrc12_per_class and classes):
        for row in range(ilsvrc12_per_class):
            file = path / "imagenet" / "val" / synsets[label] / f"ILSVRC2012_val_{label * 100 + row:08d}.JPEG"
            _save(file, label, classes, 2 * image_side, rng)
    for extra in range(classes, classes + 2):
        train.insert(extra, f"google/q{extra + 1:04d}/elsewhere.jpg {extra}")
        val.insert(extra, f"elsewhere{extra}.jpg {extra}")
    _write(path / "info" / "train_filelist_google.txt", train)
    _write(path / "info" / "val_filelist.txt", val)
    _write(path / "info" / "synsets.txt", [f"{s} thing {label}, thing {s}" for label, s in enumerate(synsets)])
    return path


def picture(label: int, classes: int, side: int, rng: np.random.Generator) -> Image.Image:
    """A striped picture of a class, wider or higher than `side`, in a mode that a JPEG can have."""
    shape = [(side, side), (side, side * 4 // 3), (side * 5 // 4, side)][int(rng.integers(3))]
    colour = np.array(colorsys.hsv_to_rgb(label / classes, 0.8, 0.9)) * 255
    stripes = (np.arange(shape[1]) * (2 + label % 5) * 2 // side) % 2
    pixels = np.where(stripes[None, :, None] == 1, colour, 255 - colour) + rng.normal(0, 12, (*shape, 3))
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    return image.convert(rng.choice(["RGB", "L", "CMYK"], p=[0.94, 0.03, 0.03]))


def _save(file: Path, label: int, classes: int, side: int, rng: np.random.Generator) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    picture(label, classes, side, rng).save(file, "JPEG", quality=90)


def _write(file: Path, lines: Iterable[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
