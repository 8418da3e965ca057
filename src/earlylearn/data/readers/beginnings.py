"""What is a file that is not what its name says, as its first bytes tell?"""

from pathlib import Path

LOOKED_AT = 256  # bytes

_STANDS_FOR = "is a pointer of "
_POINTER = _STANDS_FOR + "{0}, not the file itself, which is still to be fetched: run {1}"
_NEVER_DATA = (_STANDS_FOR, "is a web page", "is XML", "is a PDF", "is UTF-")
# How files begin, whatever they are called, and what to do about it. The first that fits counts.
_BEGINNINGS = (
    (b"version https://git-lfs", _POINTER.format("Git LFS", "git lfs pull")),
    (b"version https://hawser", _POINTER.format("Git LFS", "git lfs pull")),
    (b"/annex/objects/", _POINTER.format("git-annex", "git annex get")),
    (b"outs:\n- md5", _POINTER.format("DVC", "dvc pull")),
    (b"\x1f\x8b", "is compressed (gzip); unpack it"),
    (b"BZh", "is compressed (bzip2); unpack it"),
    (b"\xfd7zXZ", "is compressed (xz); unpack it"),
    (b"\x28\xb5\x2f\xfd", "is compressed (zstd); unpack it"),
    (b"PK\x03\x04", "is a workbook of a spreadsheet, or a ZIP archive; save it as CSV (UTF-8), or unpack it"),
    (b"\xd0\xcf\x11\xe0", "is a workbook of a spreadsheet; save it as CSV (UTF-8)"),
    (b"PAR1", "is Parquet; let its name end in .parquet"),
    (b"ARROW1", "is Arrow (Feather); save it as Parquet"),
    (b"\x89HDF", "is HDF5; save it as CSV or Parquet"),
    (b"\x93NUMPY", "is an array of numpy; let its name end in .npy"),
    (b"%PDF", "is a PDF document; save the table as CSV (UTF-8)"),
    (b"SQLite format", "is a database; export the table as CSV (UTF-8)"),
    (b"\x89PNG", "is a picture (PNG); let its name end in .png"),
    (b"\xff\xd8\xff", "is a picture (JPEG); let its name end in .jpg"),
    (b"\xff\xfe\x00\x00", "is UTF-32; save it as UTF-8"),  # before UTF-16, which begins alike
    (b"\x00\x00\xfe\xff", "is UTF-32; save it as UTF-8"),
    (b"\xff\xfe", "is UTF-16; save it as UTF-8"),
    (b"\xfe\xff", "is UTF-16; save it as UTF-8"),
    (b"+/v8", "is UTF-7; save it as UTF-8"),
    (b"{", "is JSON; write it as CSV or Parquet"),
    (b"[{", "is JSON; write it as CSV or Parquet"),
    (b"<!doctype", "is a web page; download the file itself"),
    (b"<html", "is a web page; download the file itself"),
    (b"<?xml", "is XML, perhaps what a server said instead; download the file itself"),
    (b"sep=", "begins with a line for a spreadsheet; remove that line"),
)


def what_it_is(path: Path) -> str | None:
    """What a file of another kind than its name says is, and what to do; None where its beginning does not tell.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        beginning = file.read(LOOKED_AT)
    bare = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()
    for start, what in _BEGINNINGS:
        if beginning.startswith(start) or bare[: len(start)].lower() == start:
            return what
    return _wide_text(beginning)


def never_data(path: Path) -> str | None:
    """The same of a file that is none of data under any name: a pointer, a web page, a document, text that is no UTF-8.

    Raises:
        OSError: it cannot be read.
    """
    found = what_it_is(path)
    return found if found is not None and found.startswith(_NEVER_DATA) else None


def unfetched(path: Path | str) -> str | None:
    """What a file is that stands for another, and how to fetch that; None of any other, and of none."""
    try:
        found = what_it_is(Path(path)) if Path(path).is_file() else None
    except OSError:
        return None
    return found if found is not None and found.startswith(_STANDS_FOR) else None


def _wide_text(beginning: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark: of nearly all characters of a text every byte but one is NUL."""
    for width, kind in ((4, "UTF-32"), (2, "UTF-16")):
        units = [beginning[k : k + width] for k in range(0, len(beginning) - width + 1, width)]
        few = [unit for unit in units if unit.count(0) == width - 1 and (unit[0] or unit[-1])]
        if len(units) > 3 and len(few) > 0.8 * len(units):
            return f"is {kind} without a mark of it; save it as UTF-8"
    return None
