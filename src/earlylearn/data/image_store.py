"""How are more images than fit into memory decoded once, and then read as if they lay there?"""

import math
import os
import shutil
import warnings
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earlylearn.data.cache import CACHE_VARIABLE, HIDDEN, chosen, digest_bytes, kept, make, places, write_index
from earlylearn.data.counting import counted, say
from earlylearn.data.mapped import npy_header
from earlylearn.data.readers.images import MEND, decode_one, image_schema
from earlylearn.data.readers.paths import listed
from earlylearn.data.schema import Schema
from earlylearn.data.waiting import one_at_a_time
from earlylearn.errors import UsageError, setting

FORMAT = 1
BLOCK = 256  # images between two points from which an interrupted decoding goes on
_MOST_THREADS = 16
_MEND = "replace it by a readable image, or take it off the data set's lists"


def store_images(root: Path, names: Sequence[str], *, side: int, name: str) -> tuple[NDArray[np.uint8], str]:
    """Every image in one memory map on the disk: decoded the first time, only opened from then on.

    The pixels are those of `earlylearn.data.readers.images.decode`: the shorter side brought to `side` (bilinear), the
    centre square kept, RGB. They lie in ``.earlylearn`` below `root`, or in the folder that the environment
    variable ``EARLYLEARN_CACHE`` names: an .npy file and an index beside it. Decoding that was interrupted, even
    killed, goes on where it was; processes that want the same images at the same time decode them once.

    A store belongs to its files: another list, size or time of change of a file makes a new one. One that is not
    what its index says (cut short, altered) is made anew: it can be, and refusing would only have it deleted by hand.

    Args:
        root: the folder of the data set.
        names: paths of the images below `root`, with forward slashes; at least one.
        side: side of the square in pixels.
        name: what the images are called, in messages and in the store's file name.

    Returns:
        The pixels, a read-only ``numpy.memmap`` ``uint8 [n, 3, side, side]``, and their checksum in hexadecimal.

    Raises:
        UsageError: images are missing, one cannot be read, the disk has not enough room, or the store's folder
            cannot be written.
    """
    named = chosen()
    return _stored(
        root, names, image_schema("RGB", side, side), name, _MEND, [*([named] if named else []), root / HIDDEN]
    )


def store_pictures(files: Sequence[Path], schema: Schema, root: Path) -> tuple[NDArray[np.uint8], str] | None:
    """The same of pictures of a user's own, in their own mode and size: kept where features are, in ``pictures``.

    Args:
        files: the pictures, anywhere.
        schema: see `earlylearn.data.readers.images.decode`, whose pixels these are.
        root: the folder of the data; what lies below it may be moved together with it.

    Returns:
        As of `store_images`; None, which is told, where there is no folder that may be written.

    Raises:
        UsageError: as of `store_images`.
    """
    tried = [place / "pictures" for place in places(root)]
    for k, place in enumerate(tried):
        try:
            make(place)
        except OSError:
            continue
        below = f"{root}{os.sep}"
        names = [str(file).removeprefix(below) for file in files]
        what = {"L": "grey", "RGB": "colour"}[schema["mode"]]
        return _stored(root, names, schema, what, MEND, [*tried[k:], *tried[:k]])
    say(f"decoded pictures cannot be kept in {' nor in '.join(map(str, tried))}; the next run decodes them again")
    return None


def _stored(
    root: Path, names: Sequence[str], schema: Schema, name: str, mend: str, candidates: Sequence[Path]
) -> tuple[NDArray[np.uint8], str]:
    """The images, from the first folder that has them, or decoded into the first of all."""
    wanted = _Wanted(root, names, schema, name, mend, file_stamps(root, names, name))
    for place in candidates:
        found = _open(place, wanted)
        if found:
            return found
    place = _writable(candidates[0])
    with one_at_a_time(place / f"{wanted.series}.lock", f"decodes {name}"):
        # Another process may have made it while this one waited for the lock.
        found = _open(place, wanted)
        if found:
            return found
        checksum = _decode(place, wanted)
        return np.load(place / wanted.file, mmap_mode="r"), checksum


@dataclass(frozen=True)
class _Wanted:
    """The images asked for; `stamps` has a digest of the names, sizes and times of each block of files."""

    root: Path
    names: Sequence[str]
    schema: Schema
    name: str
    mend: str
    stamps: list[str]

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self.names), 3 if self.schema["mode"] == "RGB" else 1, *self.schema["size"]

    @property
    def pixels(self) -> int:
        """Bytes of an image."""
        return math.prod(self.shape[1:])

    @property
    def series(self) -> str:
        """What all stores of this data set at this size are called."""
        height, width = self.schema["size"]
        return f"{self.name}-{height}" if height == width else f"{self.name}-{height}x{width}"

    @property
    def files(self) -> str:
        white = f" {self.schema['white']}" if "white" in self.schema else ""
        return digest_of((f"{FORMAT} {self.shape}{white}", *self.stamps))

    @property
    def file(self) -> str:
        return f"{self.series}-{self.files[:16]}.npy"


def file_stamps(root: Path, names: Sequence[str], name: str) -> list[str]:
    """A digest of names, sizes and times of each block of files; UsageError if some are not there."""
    missing, lines = [], []
    for each in names:
        try:
            found = os.stat(os.path.join(root, each))  # of a million files, a third of the time of root / each
        except OSError:
            missing.append(each)
            continue
        lines.append(f"{each}\n{found.st_size} {found.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    if missing:
        more = f" and {len(missing) - 1:,} more of {len(names):,} are" if len(missing) > 1 else " is"
        raise UsageError(
            f"{name}: {root / missing[0]}{more} listed but not there; unpack the rest of the images, or take them "
            "off the lists"
        )
    return [digest_bytes(lines[start : start + BLOCK]) for start in range(0, len(lines), BLOCK)]


def _open(place: Path, wanted: _Wanted) -> tuple[NDArray[np.uint8], str] | None:
    """The finished store of a folder, or None where there is none that is what its index says."""

    def fits(index: dict[str, Any], pixels: NDArray[Any]) -> bool:
        return bool(index["files"] == wanted.files and pixels.shape == wanted.shape and pixels.dtype == np.uint8)

    found = kept(place / wanted.file, wanted.name, fits, pixels_checksum)
    return None if found is None else (found[0], str(found[1]["checksum"]))


def _writable(place: Path) -> Path:
    try:
        make(place)
        return place
    except OSError as error:
        raise UsageError(
            f"{place}: decoded images cannot be kept there ({error.strerror}); allow writing, or name another folder "
            f"in the environment variable {CACHE_VARIABLE}"
        ) from None


def _decode(place: Path, wanted: _Wanted) -> str:
    """Decode what is not decoded yet, put the store in place, and return its checksum."""
    path, partial = place / wanted.file, place / f"{wanted.series}.partial.npy"
    log = partial.with_suffix(".txt")
    header = npy_header("|u1", wanted.shape)
    block = BLOCK * wanted.pixels
    digests = _decoded_before(partial, log, wanted.stamps, len(header), block)
    if not digests:
        partial.unlink(missing_ok=True)
    _check_room(place, wanted, already=len(digests) * block)
    with (
        partial.open("r+b" if digests else "wb") as pixels,
        log.open("w", encoding="utf-8") as lines,
        closing(_blocks(wanted, len(digests))) as blocks,
    ):
        pixels.write(header)
        pixels.truncate(len(header) + len(digests) * block)
        pixels.seek(0, os.SEEK_END)
        lines.write(f"{len(header)}\n")
        lines.writelines(f"{stamp} {digest}\n" for stamp, digest in zip(wanted.stamps, digests, strict=False))
        for stamp, (part, digest) in zip(wanted.stamps[len(digests) :], blocks, strict=True):
            # The pixels are on the disk before the log says so: what it lists is whole, whatever happens.
            pixels.write(part.data)
            pixels.flush()
            os.fsync(pixels.fileno())
            digests.append(digest)
            lines.write(f"{stamp} {digest}\n")
            lines.flush()
    checksum = digest_of((str(wanted.shape), *digests))
    partial.replace(path)
    write_index(path, {"files": wanted.files, "checksum": checksum})
    log.unlink()
    return checksum


def _decoded_before(partial: Path, log: Path, stamps: list[str], header: int, block: int) -> list[str]:
    """The digests of the leading blocks that an interrupted decoding of the same files left whole."""
    try:
        first, *lines = log.read_text("utf-8").splitlines()
        whole = (partial.stat().st_size - header) // block
    except (OSError, ValueError):
        return []
    digests: list[str] = []
    for stamp, line in zip(stamps[: max(whole, 0)] if first == str(header) else (), lines, strict=False):
        if not (line.startswith(f"{stamp} ") and len(line) == 2 * len(stamp) + 1):
            break
        digests.append(line[len(stamp) + 1 :])
    return digests


def _blocks(wanted: _Wanted, skip: int) -> Generator[tuple[NDArray[np.uint8], str], None, None]:
    """The blocks of pixels after the first `skip` and their digests; while one is written, threads decode the next.

    Threads, because Pillow decodes and resizes outside Python's lock: on two cores 1.9 times as fast as one thread,
    where two processes, which must send the pixels over, are 1.45 times as fast.
    """
    total, first, what = len(wanted.names), skip * BLOCK, f"images of {wanted.name}"

    def one(out: NDArray[np.uint8], name: str) -> str:
        out[...] = decode_one(wanted.root / name, wanted.schema, wanted.mend)
        return digest_bytes([out.data])

    def begin(start: int) -> tuple[NDArray[np.uint8], list[Future[str]]]:
        names = wanted.names[start : start + BLOCK]
        out = np.empty((len(names), *wanted.shape[1:]), np.uint8)
        return out, [pool.submit(one, out[row], name) for row, name in enumerate(names)]

    pool = ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1))
    try:
        with (
            counted("decoding", "decoded", what, total, already=first) as advance,
            warnings.catch_warnings(),
        ):
            # Damaged notes of cameras are common among photographs from the web, and do not matter.
            warnings.filterwarnings("ignore", module="PIL")
            ahead = begin(first)
            for start in range(first, total, BLOCK):
                (out, futures), ahead = ahead, begin(start + BLOCK)
                yield out, digest_of(future.result() for future in futures)
                advance(len(out))
    finally:
        pool.shutdown(cancel_futures=True)


def _check_room(place: Path, wanted: _Wanted, already: int) -> None:
    """Raises unless what is still to be written fits onto the disk."""
    needed = int(np.prod(wanted.shape, dtype=np.int64)) - already
    free = shutil.disk_usage(place).free
    if needed > free:
        others = sorted(each.name for each in place.glob(f"{wanted.series}-*.npy"))
        older = f" ({listed(others)} there may be of no more use)" if others else ""
        raise UsageError(
            f"{place}: the {len(wanted.names):,} decoded images of {wanted.name} need {needed / 1e9:,.1f} GB, "
            f"{free / 1e9:,.1f} GB are free; free some{older}, name another folder in the environment variable "
            f"{CACHE_VARIABLE}, or read fewer with {setting('limit', 'INT')}"
            + (f", or give a smaller {setting('image_size')}" if wanted.mend == MEND else "")
        )


def pixels_checksum(pixels: NDArray[np.uint8]) -> str:
    """The checksum of finished pixels, read once more: of the digests of blocks, made of those of images."""
    starts = range(0, len(pixels), BLOCK)
    blocks = [digest_of(digest_bytes([image.data]) for image in pixels[start : start + BLOCK]) for start in starts]
    return digest_of((str(pixels.shape), *blocks))


def digest_of(texts: Iterable[str]) -> str:
    """A digest of texts one after another, in hexadecimal."""
    return digest_bytes(text.encode() for text in texts)
