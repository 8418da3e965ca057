"""Where are the Google images of WebVision's first classes, and the ILSVRC12 validation images of the same classes?"""

from collections import Counter
from pathlib import Path

from earlylearn.data.builtin.listed_images import MEND, find_root, labelled_images, read_class_numbers, read_lines
from earlylearn.data.labelled import LabelledData
from earlylearn.data.readers.paths import IMAGE_SUFFIXES, listed, reading, relative_id
from earlylearn.errors import UsageError

CLASSES = 50
_FIRST = "info/train_filelist_google.txt"


def read_webvision(
    data_dir: str | None, *, classes: int = CLASSES, limit: int | None = None
) -> tuple[LabelledData, LabelledData]:
    """The training and test images of WebVision 1.0's first classes: 66K from Google, 50 per class of its validation.

    Reads ``info/train_filelist_google.txt``, ``info/val_filelist.txt`` and, if it is there, ``info/synsets.txt`` (class
    names) in `data_dir` or its sub-folder ``webvision``; images of the release resized to 256 pixels lie where the
    lists say, those of validation in ``val_images_256``. Ids are paths. True labels are known of the test set alone.

    Images are ``uint8 [n, 3, 256, 256]`` in a store on the disk (`earlylearn.data.image_store`); images of the
    release in full size are brought to the same.

    Differs from the released code: WebVision's validation images test, and do not pick the epoch; random crops are cut
    out of the centre square of an image, not out of all of its longer side.

    Args:
        data_dir: the folder that the data set was unpacked in.
        classes: how many of the 1,000 classes, the first ones.
        limit: keep the first so many training rows, and decode no others.

    Raises:
        UsageError: a list or an image is missing or damaged, or names are wanted of more classes than have one.
    """
    root = find_root("webvision", data_dir, _FIRST)
    labels = _first(read_class_numbers(root / _FIRST), classes)
    files = list(labels)[:limit]
    names = _class_names(root, classes)
    train = labelled_images("webvision", "train", root, files, [labels[file] for file in files], names)
    return train, read_webvision_test(data_dir, classes=classes)


def read_webvision_test(data_dir: str | None, *, classes: int = CLASSES) -> LabelledData:
    """The validation images alone, 50 per class; see `read_webvision`."""
    root = find_root("webvision", data_dir, _FIRST)
    found = _first(read_class_numbers(root / "info/val_filelist.txt"), classes)
    files = [f"val_images_256/{file}" for file in found]
    names = _class_names(root, classes)
    return labelled_images("webvision", "val", root, files, list(found.values()), names, true=True)


def read_ilsvrc12(data_dir: str | None, *, classes: int = CLASSES) -> LabelledData:
    """The ILSVRC12 validation images of WebVision's first classes, 50 per class, resized: a test set for `webvision`.

    They lie beside WebVision in ``imagenet/val`` or ``val``, in a folder per class named by its synset or by its
    number (``info/synsets.txt`` has the order of the classes); or ``imagenet/imagenet_val.txt`` (or
    ``imagenet_val.txt``) lists them: a path below ``val`` and a class number in WebVision's order. Ids are paths.

    Differs from the released code: every image's shorter side is brought to 256 pixels before its centre is cut out.
    The released code builds that step and leaves it out, so its networks see crops of images in full size.

    Raises:
        UsageError: a list, a class's folder or an image is missing or damaged.
    """
    root = find_root("webvision", data_dir, _FIRST)
    names = _class_names(root, classes)
    for place in (root / "imagenet", root):
        listing = place / "imagenet_val.txt"
        if listing.is_file():
            found = _first(read_class_numbers(listing), classes)
            files = [relative_id(place / "val" / file, root) for file in found]
            return labelled_images("ilsvrc12-50", "val", root, files, list(found.values()), names, true=True)
    return labelled_images("ilsvrc12-50", "val", root, *_in_folders(root, classes), names, true=True)


def _in_folders(root: Path, classes: int) -> tuple[list[str], list[int]]:
    """Files and labels of ILSVRC12's validation images where each class has a folder."""
    synsets = [synset for synset, _ in _synsets(root)][:classes]
    for place in (root / "imagenet" / "val", root / "val"):
        with reading(place, "allow reading it"):
            numbered = (place / "0").is_dir()
            folders = [place / name for name in (map(str, range(classes)) if numbered else synsets)]
            there = [folder.is_dir() for folder in folders]
            if not any(there):
                continue
            found = [sorted(folder.iterdir()) if here else [] for folder, here in zip(folders, there, strict=True)]
        images = [[relative_id(f, root) for f in each if f.suffix.lower() in IMAGE_SUFFIXES] for each in found]
        empty = [folder.name for folder, files in zip(folders, images, strict=True) if not files]
        if empty:
            raise UsageError(f"ilsvrc12-50: {place} has no images of {listed(empty)}; unpack the rest of them")
        return [file for each in images for file in each], [k for k, each in enumerate(images) for _ in each]
    raise UsageError(
        f"ilsvrc12-50: {root} has neither imagenet/imagenet_val.txt nor folders of the classes in imagenet/val; link "
        "the ILSVRC12 validation images there, and keep WebVision's info/synsets.txt, which has the order of classes"
    )


def _first(labels: dict[str, int], classes: int) -> dict[str, int]:
    return {file: label for file, label in labels.items() if label < classes}


def _synsets(root: Path) -> list[tuple[str, str]]:
    """Synset and first name of every class, in WebVision's order; none where the file is not there."""
    path = root / "info" / "synsets.txt"
    if not path.is_file():
        return []
    parts = [line.strip().partition(" ") for line in read_lines(path)]
    return [(synset, names.split(",")[0].strip() or synset) for synset, _, names in parts]


def _class_names(root: Path, classes: int) -> tuple[str, ...]:
    synsets = _synsets(root)[:classes]
    if not synsets:
        return tuple(str(label) for label in range(classes))
    if len(synsets) < classes:
        raise UsageError(f"{root / 'info/synsets.txt'}: names {len(synsets)} classes, {classes} are wanted; {MEND}")
    often = Counter(name for _, name in synsets)
    return tuple(name if often[name] == 1 else f"{name} ({synset})" for synset, name in synsets)
