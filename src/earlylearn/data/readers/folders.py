"""How does a folder with one sub-folder per class become images and labels?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from earlylearn.data.labelled import LabelledData, Unlabelled, no_features
from earlylearn.data.pictures import Pictures
from earlylearn.data.readers.alike import of_names
from earlylearn.data.readers.images import colour_dropped, natural_augmentation
from earlylearn.data.readers.paths import IMAGE_SUFFIXES, listed, reading, relative_id
from earlylearn.data.readers.walk import images_below, is_hidden, together, without_unreadable
from earlylearn.data.schema import Schema
from earlylearn.data.surveyed import survey_once
from earlylearn.errors import UsageError, setting
from earlylearn.wording import plural

_VALIDATION = frozenset({"val", "valid", "validation", "dev"})
_TRAINING, _TESTING = frozenset({"train", "training"}), frozenset({"test", "testing"})


def read_folder(
    path: Path,
    name: str,
    *,
    image_size: int | None = None,
    skip_unreadable: bool = False,
    like: LabelledData | None = None,
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
    if not (nested and has_test):
        _refuse_parts(path, folders, name)
        return _read(path, path, name, image_size, skip_unreadable, like), None
    train = _read(path / "train", path, name, image_size, skip_unreadable, like)
    beside = [folder for folder in folders if folder not in ("train", "test")]
    notes = _astray(path, "beside train and test")
    if beside:
        notes = (f"{name}: beside train and test, {listed(beside)} is left out", *notes)
    train = replace(train, notes=(*train.notes, *notes))
    return train, _read(path / "test", path, name, image_size, skip_unreadable, like or train)


def _refuse_parts(path: Path, folders: list[str], name: str) -> None:
    """Raises UsageError of folders that are parts of a data set, however they are spelt, and not classes."""
    lower = {folder.lower(): folder for folder in folders}
    training = next((lower[each] for each in lower if each in _TRAINING), None)
    if training is None or len(folders) < 2 or not set(lower) <= _TRAINING | _TESTING | _VALIDATION:
        return
    with reading(path, "give a readable folder"):
        if not _only_folders(path / training):
            return
    others = [
        f"{path / each} with {setting('val' if each.lower() in _VALIDATION else 'test', 'DATA')}"
        for each in folders
        if each != training
    ]
    raise UsageError(
        f"{name}: looks like parts of a data set ({listed(folders)}), not like classes; give {path / training} as the "
        f"data, {' and '.join(others)}, or call the parts 'train' and 'test'"
    )


def folder_inputs(path: Path, schema: Schema) -> Unlabelled:
    """Every image below a folder, or the one image that `path` is, whatever the sub-folders."""
    files = [path]
    notes: tuple[str, ...] = ()
    if not path.is_file():
        found = images_below(path, path)
        files, notes = found.files, found.notes(path)
    if not files:
        raise UsageError(f"{path}: no images ({listed(sorted(IMAGE_SUFFIXES))}); give a folder that holds some")
    notes += colour_dropped(files, schema, str(path))
    folder = path.parent if path.is_file() else path
    ids = np.array([relative_id(file, folder) for file in files])
    return Unlabelled(inputs=no_features(len(files)), ids=ids, pictures=Pictures(files, schema), notes=notes)


def _read(
    path: Path, top: Path, name: str, image_size: int | None, skip_unreadable: bool, like: LabelledData | None
) -> LabelledData:
    with reading(path, "give a readable folder"):
        folders = _folders(path)
    below = {folder: images_below(path / folder, path) for folder in folders}
    notes = together(below.values()).notes(path)
    found = {folder: each.files for folder, each in below.items()}
    loose = [] if folders else images_below(path, path).files
    if skip_unreadable:
        found, skipped = without_unreadable(found, name)
        notes = (*notes, *skipped)
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
        notes += _of_levels(path, found)
        classes: tuple[str, ...] = tuple(folders)
    else:
        classes = like.classes
        unknown = [folder for folder in folders if found[folder] and folder not in classes]
        if unknown:
            raise UsageError(
                f"{path / unknown[0]}: {unknown[0]!r} is not among the classes {listed(classes)} of the "
                "training data; rename or remove the folder"
            )
    if like is None:
        notes += of_names([folder for folder in folders if found[folder]], "classes", str(path))
    notes += _astray(path, "beside the class folders")
    files = [file for folder in folders for file in found[folder]]
    if like is None:
        schema, said = survey_once(files, image_size, top)
    else:
        schema, said = like.schema, colour_dropped(files, like.schema, str(path))
    counts = [len(found[folder]) for folder in folders if found[folder]]
    codes = [classes.index(folder) for folder in folders if found[folder]]
    return LabelledData(
        name=name,
        inputs=no_features(len(files)),
        pictures=Pictures(files, schema, top),
        labels=np.repeat(np.array(codes, np.int64), counts),
        classes=classes,
        ids=np.array([relative_id(file, top) for file in files]),
        schema=schema,
        augment=natural_augmentation(schema),
        notes=(*notes, *said),
    )


def _of_levels(path: Path, found: Mapping[str, Sequence[Path]]) -> tuple[str, ...]:
    """A line if the classes seem to be one folder deeper: several class folders hold folders of the same names.

    Raises:
        UsageError: one class folder alone, with folders in it.
    """
    inside = {
        name: {file.relative_to(path / name).parts[0] for file in files if file.parent != path / name}
        for name, files in found.items()
    }
    if len(found) == 1 and len(deeper := sorted(*inside.values())) > 1:
        alone = next(iter(found))
        raise UsageError(
            f"{path}: only one class ({alone}); if the folders in it ({listed(deeper, 4)}) are the classes, give "
            f"{path / alone}"
        )
    holders = Counter(each for names in inside.values() for each in names)
    twice = [each for each, number in holders.items() if number > 1]
    if not twice:
        return ()
    return (
        f"{path}: folders of the same name ({listed(sorted(twice), 3)}) lie in several class folders; their pictures "
        f"count as {listed(found, 3)}: if the classes are one folder deeper, bring each into one folder",
    )


def _folders(path: Path) -> list[str]:
    """The names of the visible sub-folders, sorted."""
    return sorted(entry.name for entry in path.iterdir() if not is_hidden(entry.name) and entry.is_dir())


def _loose(path: Path) -> int:
    """How many visible images lie in a folder itself."""
    return sum(not is_hidden(each.name) and each.suffix.lower() in IMAGE_SUFFIXES for each in path.iterdir())


def _astray(path: Path, beside: str) -> tuple[str, ...]:
    """A line about images that lie in no folder of a class, if there are any."""
    number = _loose(path)
    return (f"{path}: {beside}, {plural(number, 'image')} in none of them: left out",) if number else ()


def _only_folders(path: Path) -> bool:
    """Whether a folder has sub-folders, and no image outside them."""
    return bool(_folders(path)) and not _loose(path)
