"""Which image files lie below a folder, each once, and what there is passed over?"""

import os
import stat
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from earlylearn.data.readers.paths import IMAGE_SUFFIXES, listed, reading
from earlylearn.errors import UsageError
from earlylearn.wording import plural


@dataclass(frozen=True)
class Found:
    """What lies below a folder.

    Attributes:
        files: the images, in the order of their names.
        passed: other visible files, counted by suffix.
        links: links that lead back into the same data, where their files are found anyway.
    """

    files: list[Path] = field(default_factory=list)
    passed: Counter[str] = field(default_factory=Counter)
    links: list[Path] = field(default_factory=list)

    def notes(self, path: Path) -> tuple[str, ...]:
        """What the user is told of them."""
        lines = []
        if self.passed:
            kinds = ", ".join(f"{number:,} {suffix}" for suffix, number in self.passed.most_common())
            every = len(self.files) + self.passed.total()
            lines.append(f"{path}: {self.passed.total():,} of {every:,} files are no images that can be read: {kinds}")
        if self.links:
            many = plural(len(self.links), "link leads", "links lead")
            lines.append(f"{path}: {many} back into the same data, not followed: {listed(self.links, 3)}")
        return tuple(lines)


def images_below(path: Path, top: Path) -> Found:
    """The visible image files below a folder of the data in `top`; links that lead out of it are followed, once."""
    found, seen, within = Found(), set[str](), os.path.realpath(top)

    def fail(error: OSError) -> None:
        raise error

    with reading(path, "give a readable folder"):
        for folder, below, files in os.walk(path, followlinks=True, onerror=fail):
            real = os.path.realpath(folder)
            if real in seen or (os.path.islink(folder) and _leads_back(folder, within)):
                found.links.append(Path(folder))
                below.clear()
                continue
            seen.add(real)
            below[:] = sorted(name for name in below if not is_hidden(name))
            for name in sorted(name for name in files if not is_hidden(name)):
                _take(found, os.path.join(folder, name), within)
    return found


def together(parts: Iterable[Found]) -> Found:
    """What lies below several folders."""
    whole = Found()
    for part in parts:
        whole.files.extend(part.files)
        whole.passed.update(part.passed)
        whole.links.extend(part.links)
    return whole


def is_hidden(name: str) -> bool:
    """Whether a file or folder is of the system's or an editor's, not of the user's."""
    return name.startswith(".") or name == "__MACOSX"


def without_unreadable(found: Mapping[str, Sequence[Path]], name: str) -> tuple[dict[str, list[Path]], tuple[str, ...]]:
    """The files that can be decoded, by class, and a line that lists the others; each is decoded whole, to be sure."""
    files = [file for each in found.values() for file in each]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        bad = {file for file, good in zip(files, pool.map(_is_readable, files), strict=True) if not good}
    if not bad:
        return {key: list(each) for key, each in found.items()}, ()
    line = f"{name}: {len(bad):,} of {len(files):,} images cannot be read and are left out: {listed(sorted(bad), 1000)}"
    return {key: [file for file in each if file not in bad] for key, each in found.items()}, (line,)


def _is_readable(file: Path) -> bool:
    try:
        with Image.open(file) as image:
            image.load()
    except Exception:  # Pillow raises whatever the bytes lead it to
        return False
    return True


def _take(found: Found, file: str, within: str) -> None:
    """Count a file among the images or what is passed over."""
    suffix = os.path.splitext(file)[1].lower()
    if suffix not in IMAGE_SUFFIXES:
        found.passed[suffix or "without a suffix"] += 1
        return
    link = os.path.islink(file)
    if link and os.path.exists(file) and _leads_back(file, within):
        found.links.append(Path(file))
        return
    if os.path.exists(file) and not stat.S_ISREG(os.stat(file).st_mode):
        raise UsageError(f"{file}: is no file but a pipe or device; move it elsewhere")
    found.files.append(Path(file))


def _leads_back(link: str, within: str) -> bool:
    """Whether a link leads to what lies in the data, or to a folder they lie in."""
    real = os.path.realpath(link)
    return os.path.commonpath([real, within]) in (within, real)
