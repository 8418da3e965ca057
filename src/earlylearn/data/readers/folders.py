"""How does a folder with one sub-folder per class become images and labels?"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from earlylearn.data.labelled import LabelledData, Unlabelled, no_features
from earlylearn.data.pictures import Pictures
from earlylearn.data.readers.images import natural_augmentation, survey
from earlylearn.data.readers.paths import IMAGE_SUFFIXES, listed, reading, relative_id
from earlylearn.data.schema import Schema
from earlylearn.errors import UsageError, setting

_VALIDATION = frozenset({"val", "valid", "validation", "dev"})


def read_folder(
    path: Path, name: str, *, image_size: int | None = None, like: LabelledData | None = None
) -> tuple[LabelledData, LabelledData | None]:
    """``DIR/<class>/**/<image>``, or ``DIR/train/<class>/..`` with ``DIR/test/<class>/..`` as the test set.

    Classes are the sub-folders in the order of their names; hidden files and folders are passed over. Ids are
    paths relative to `path` with forward slashes. `like` gives the classes and the schema of the training
    data to a test folder.

    Raises:
        UsageError: see `earlylearn.data.sources.load`.
    """
    with reading(path, "give a readable folder"):
        folders = _folders(path)
        nested = "train" in folders and _only_folders(path / "train")
        has_test = "test" in folders and _only_folders(path / "test")
    if nested and not has_test and len(folders) > 1 and set(folders) <= {"train", "test"} | _VALIDATION:
        other = next(f for f in folders if f != "train")
        raise UsageError(
            f"{name}: looks like parts of a data set ({listed(folders)}), not like classes; give "
            f"{path / 'train'} as the data and {path / other} with {setting('test', 'DATA')}, "
            "or call the test part 'test'"
        )
    if not (nested and has_test):
        return _read(path, path, name, image_size, like), None
    train = _read(path / "train", path, name, image_size, like)
    return train, _read(path / "test", path, name, image_size, like or train)


def folder_inputs(path: Path, schema: Schema) -> Unlabelled:
    """Every image below a folder, or the one image that `path` is, whatever the sub-folders."""
    with reading(path, "give a readable folder"):
        files = [path] if path.is_file() else list(_images_below(path))
    if not files:
        raise UsageError(f"{path}: no images ({listed(sorted(IMAGE_SUFFIXES))}); give a folder that holds some")
    folder = path.parent if path.is_file() else path
    ids = np.array([relative_id(file, folder) for file in files])
    return Unlabelled(inputs=no_features(len(files)), ids=ids, pictures=Pictures(files, schema))


def _read(path: Path, top: Path, name: str, image_size: int | None, like: LabelledData | None) -> LabelledData:
    with reading(path, "give a readable folder"):
        folders = _folders(path)
        found = {folder: list(_images_below(path / folder)) for folder in folders}
        loose = [] if folders else [f for f in _images_below(path)]
    suffixes = listed(sorted(IMAGE_SUFFIXES))
    if not folders:
        here = f"{len(loose)} images but no sub-folder" if loose else "no sub-folder"
        raise UsageError(
            f"{path}: has {here}; put the images of each class into a sub-folder named after the class, "
            f"or list them in a table with {setting('label', 'COLUMN')} and {setting('image', 'COLUMN')}"
        )
    if not any(found.values()):
        raise UsageError(f"{path}: no images in its {len(folders)} sub-folders; give images ({suffixes})")
    if like is None:
        empty = [folder for folder in folders if not found[folder]]
        if empty:
            raise UsageError(f"{path / empty[0]}: the class folder has no images; add some ({suffixes}) or remove it")
        classes: tuple[str, ...] = tuple(folders)
    else:
        classes = like.classes
        unknown = [folder for folder in folders if found[folder] and folder not in classes]
        if unknown:
            raise UsageError(
                f"{path / unknown[0]}: {unknown[0]!r} is not among the classes {listed(classes)} of the "
                "training data; rename or remove the folder"
            )
    files = [file for folder in folders for file in found[folder]]
    schema, notes = survey(files, image_size) if like is None else (like.schema, ())
    counts = [len(found[folder]) for folder in folders if found[folder]]
    codes = [classes.index(folder) for folder in folders if found[folder]]
    return LabelledData(
        name=name,
        inputs=no_features(len(files)),
        pictures=Pictures(files, schema),
        labels=np.repeat(np.array(codes, np.int64), counts),
        classes=classes,
        ids=np.array([relative_id(file, top) for file in files]),
        schema=schema,
        augment=natural_augmentation(schema),
        notes=notes,
    )


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _folders(path: Path) -> list[str]:
    """The names of the visible sub-folders, sorted."""
    return sorted(entry.name for entry in path.iterdir() if not _hidden(entry.name) and entry.is_dir())


def _only_folders(path: Path) -> bool:
    """Whether a folder has sub-folders, and no image outside them."""
    loose = any(e.suffix.lower() in IMAGE_SUFFIXES and not _hidden(e.name) for e in path.iterdir())
    return bool(_folders(path)) and not loose


def _images_below(path: Path) -> Iterator[Path]:
    """Every visible image file below a folder, in the order of the names; links are followed once."""
    seen = set()

    def fail(error: OSError) -> None:
        raise error

    for folder, below, files in os.walk(path, followlinks=True, onerror=fail):
        real = os.path.realpath(folder)
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        below[:] = sorted(name for name in below if not _hidden(name))
        for name in sorted(files):
            if not _hidden(name) and os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES:
                yield Path(folder, name)
