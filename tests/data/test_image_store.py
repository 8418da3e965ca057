"""Does the store hold exactly what decoding in memory gives, once, whatever interrupts it or happens to its files?"""

import json
import os
import shutil
import subprocess
import sys
import threading
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from earlylearn.data import image_store, waiting
from earlylearn.data.image_store import store_images
from earlylearn.data.readers.images import decode, image_schema
from earlylearn.errors import UsageError

SIDE = 24
MODES = ("RGB", "L", "RGBA", "CMYK", "P", "1", "LA", "I;16")
SIZES = ((40, 30), (30, 41), (24, 24), (7, 9), (300, 200))  # larger, odd, equal, smaller, and far larger


@pytest.fixture(autouse=True)
def _four_images_a_block(monkeypatch):
    monkeypatch.setattr(image_store, "BLOCK", 4)
    monkeypatch.delenv("EARLYLEARN_CACHE", raising=False)


@pytest.fixture
def decoded(monkeypatch) -> Counter:
    """How often each file was decoded."""
    counted: Counter = Counter()
    real = image_store.decode_one

    def counting(file, *rest):
        counted[file.name] += 1
        return real(file, *rest)

    monkeypatch.setattr(image_store, "decode_one", counting)
    return counted


def photographs(root: Path, n: int = 11) -> list[str]:
    rng = np.random.default_rng(0)
    names = [f"{row % 3}/{row:02d}.jpg" for row in range(n)]
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)).save(root / name)
    return names


def store(root: Path, names: list[str]):
    return store_images(root, names, side=SIDE, name="photos")


def in_memory(root: Path, names: list[str]):
    return decode([root / name for name in names], image_schema("RGB", SIDE, SIDE))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_the_pixels_are_those_of_decoding_in_memory(tmp_path):
    rng = np.random.default_rng(1)
    names = []
    for mode in MODES:
        for size in SIZES:
            pixels = Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
            image = pixels.convert("L").convert("I").convert("I;16") if mode == "I;16" else pixels.convert(mode)
            names.append(
                f"{mode.replace(';', '')}-{size[0]}-{size[1]}.{'jpg' if mode in ('RGB', 'L', 'CMYK') else 'png'}"
            )
            image.save(tmp_path / names[-1])
    turned = Image.Exif()
    turned[0x0112] = 6
    pixels.save(tmp_path / "turned.jpg", exif=turned)
    pixels.save(tmp_path / "damaged-notes.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01")
    names += ["turned.jpg", "damaged-notes.jpg"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, checksum = store(tmp_path, names)
    assert isinstance(found, np.memmap)
    assert not found.flags.writeable
    assert found.dtype == np.uint8
    assert np.array_equal(found, in_memory(tmp_path, names))
    assert checksum == image_store.pixels_checksum(found)


def test_the_shorter_side_is_brought_to_size_and_the_centre_is_kept(tmp_path):
    # A smooth picture, wider than high, so that the order of resizing and cutting does not matter.
    y, x = np.mgrid[0:200, 0:300]
    Image.fromarray(np.stack([x * 0.8, y, x * 0 + 90], 2).astype(np.uint8)).save(tmp_path / "wide.png")
    found, _ = store_images(tmp_path, ["wide.png"], side=50, name="photos")
    with Image.open(tmp_path / "wide.png") as image:
        literal = image.resize((75, 50), Image.Resampling.BILINEAR).crop((12, 0, 62, 50))
    difference = np.abs(found[0].transpose(1, 2, 0).astype(int) - np.asarray(literal))
    assert difference.max() <= 3


def test_a_second_time_nothing_is_decoded(tmp_path, decoded):
    names = photographs(tmp_path)
    first, checksum = store(tmp_path, names)
    assert set(decoded.values()) == {1}
    second, again = store(tmp_path, names)
    assert set(decoded.values()) == {1}
    assert again == checksum
    assert np.array_equal(first, second)


DIES = """
import os, sys
from pathlib import Path
from earlylearn.data import image_store, waiting
real = image_store.decode_one
image_store.BLOCK = 4
image_store.decode_one = lambda file, *rest: os._exit(9) if file.name == "09.jpg" else real(file, *rest)
image_store.store_images(Path(sys.argv[1]), sys.argv[2:], side=24, name="photos")
"""


def interrupted(root: Path, names: list[str]) -> None:
    """Make a store until the tenth picture, of the third block of four."""
    counting = image_store.decode_one

    def until_the_tenth(file, *rest):
        if file.name == "09.jpg":
            raise KeyboardInterrupt
        return counting(file, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_store, "decode_one", until_the_tenth)
        with pytest.raises(KeyboardInterrupt):
            store(root, names)


@pytest.mark.parametrize("how", ["interrupted", "killed"])
def test_decoding_goes_on_where_it_was(tmp_path, decoded, how):
    names = photographs(tmp_path)
    if how == "killed":
        assert subprocess.run([sys.executable, "-c", DIES, tmp_path, *names], check=False).returncode == 9
    else:
        interrupted(tmp_path, names)
    log = (tmp_path / ".earlylearn" / f"photos-{SIDE}.partial.txt").read_text().splitlines()
    blocks = len(log) - 1
    # Whoever is killed may have written more than the log says.
    with (tmp_path / ".earlylearn" / f"photos-{SIDE}.partial.npy").open("ab") as partial:
        partial.write(b"half a block")
    decoded.clear()
    found, checksum = store(tmp_path, names)
    assert blocks == 2 if how == "interrupted" else 1 <= blocks <= 2
    assert decoded == Counter(f"{row:02d}.jpg" for row in range(4 * blocks, 11))
    assert np.array_equal(found, in_memory(tmp_path, names))
    assert checksum == image_store.pixels_checksum(found)
    assert not list((tmp_path / ".earlylearn").glob("*.partial.*"))


def test_blocks_that_the_disk_lost_are_decoded_again(tmp_path, decoded):
    names = photographs(tmp_path)
    interrupted(tmp_path, names)
    partial = tmp_path / ".earlylearn" / f"photos-{SIDE}.partial.npy"
    os.truncate(partial, partial.stat().st_size - 1)  # of the second of two blocks that the log has
    decoded.clear()
    found, checksum = store(tmp_path, names)
    assert decoded == Counter(f"{row:02d}.jpg" for row in range(4, 11))
    assert np.array_equal(found, in_memory(tmp_path, names))
    assert checksum == image_store.pixels_checksum(found)


def test_damaged_images_are_named_and_once_mended_the_blocks_before_them_are_kept(tmp_path, decoded):
    names = photographs(tmp_path)
    whole = {row: (tmp_path / names[row]).read_bytes() for row in (5, 9)}
    for row, content in whole.items():
        (tmp_path / names[row]).write_bytes(content[: len(content) // 2])
    for row, content in whole.items():
        with pytest.raises(UsageError, match=rf"{row:02d}\.jpg: .*truncated.*; replace it by a readable image"):
            store(tmp_path, names)
        (tmp_path / names[row]).write_bytes(content)
        assert "00.jpg" in decoded if row == 5 else "00.jpg" not in decoded
        decoded.clear()
    found, _ = store(tmp_path, names)
    assert set(decoded) == {"08.jpg", "09.jpg", "10.jpg"}
    assert np.array_equal(found, in_memory(tmp_path, names))


def test_progress_on_other_files_is_not_taken_over(tmp_path):
    names = photographs(tmp_path)
    (tmp_path / names[10]).write_bytes(b"no image")
    with pytest.raises(UsageError):
        store(tmp_path, names)
    names = names[3:10]
    found, _ = store(tmp_path, names)
    assert np.array_equal(found, in_memory(tmp_path, names))


@pytest.mark.parametrize(("size", "changed"), [((30, 30), 6), ((31, 30), 5)])
def test_a_file_of_another_size_or_time_makes_a_new_store(tmp_path, size, changed):
    file = tmp_path / "a.bmp"
    Image.new("RGB", (30, 30), "blue").save(file)
    os.utime(file, ns=(5, 5))
    _, before = store(tmp_path, [file.name])
    Image.new("RGB", size, "red").save(file)
    os.utime(file, ns=(changed, changed))
    found, after = store(tmp_path, [file.name])
    assert after != before
    assert np.array_equal(found, in_memory(tmp_path, [file.name]))


@pytest.mark.parametrize("damage", ["altered", "cut short", "empty", "no index", "of others"])
def test_a_damaged_store_is_made_anew(tmp_path, decoded, capsys, damage):
    names = photographs(tmp_path)
    _, checksum = store(tmp_path, names)
    (path,) = (tmp_path / ".earlylearn").glob("*.npy")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    index = path.with_suffix(".json")
    if damage == "no index":
        index.write_text("{")
    elif damage == "of others":
        index.write_text(json.dumps({**json.loads(index.read_text()), "files": "another"}))
    else:
        path.write_bytes({"altered": content, "cut short": content[:-1], "empty": b""}[damage])
        os.utime(path, ns=(1, 1))  # whatever the resolution of the disk's clock
    found, again = store(tmp_path, names)
    assert set(decoded.values()) == {2}
    assert again == checksum
    assert np.array_equal(found, in_memory(tmp_path, names))
    assert "is no whole store of photos any more" in capsys.readouterr().err


def test_a_moved_data_set_keeps_its_store(tmp_path, decoded):
    names = photographs(tmp_path / "here")
    _, checksum = store(tmp_path / "here", names)
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    (path,) = (tmp_path / "there" / ".earlylearn").glob("*.npy")
    os.utime(path, ns=(1, 1))
    assert store(tmp_path / "there", names)[1] == checksum
    assert set(decoded.values()) == {1}


def test_missing_images_are_counted_before_anything_is_decoded(tmp_path, decoded):
    names = photographs(tmp_path)
    for row in (4, 7):
        (tmp_path / names[row]).unlink()
    with pytest.raises(UsageError, match=r"photos: .*04\.jpg and 1 more of 11 are listed but not there; unpack"):
        store(tmp_path, names)
    assert not decoded


def test_a_full_disk_is_told_before_decoding(tmp_path, monkeypatch, decoded):
    names = photographs(tmp_path)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=11 * 3 * SIDE**2 - 1))
    with pytest.raises(
        UsageError, match=r"11 decoded images of photos need 0\.0 GB, 0\.0 GB are free;.*EARLYLEARN_CACHE"
    ):
        store(tmp_path, names)
    assert not decoded
    assert not list((tmp_path / ".earlylearn").glob("*.npy"))


def test_the_cache_variable_names_the_folder(tmp_path, monkeypatch, decoded):
    names = photographs(tmp_path / "data")
    monkeypatch.setenv("EARLYLEARN_CACHE", str(tmp_path / "cache"))
    store(tmp_path / "data", names)
    assert not (tmp_path / "data" / ".earlylearn").exists()
    assert list((tmp_path / "cache").glob("photos-24-*.npy"))
    # A store that lies beside the data already is good enough.
    shutil.move(tmp_path / "cache", tmp_path / "data" / ".earlylearn")
    store(tmp_path / "data", names)
    assert set(decoded.values()) == {1}


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    names = photographs(tmp_path)
    (tmp_path / "file").touch()
    monkeypatch.setenv("EARLYLEARN_CACHE", str(tmp_path / "file"))
    with pytest.raises(UsageError, match=r"file: decoded images cannot be kept there .*EARLYLEARN_CACHE"):
        store(tmp_path, names)


@pytest.mark.slow
def test_whoever_comes_second_waits_and_decodes_nothing(tmp_path, monkeypatch, decoded, capsys):
    names = photographs(tmp_path)
    found, counting = [], image_store.decode_one
    waits = threading.Event()

    def not_before_the_other_waits(file, *rest):
        assert waits.wait(timeout=60)  # a lock that excludes nobody fails instead of hanging
        return counting(file, *rest)

    def say(line, real=waiting.say):
        real(line)
        if line.startswith("waiting"):
            waits.set()

    monkeypatch.setattr(image_store, "decode_one", not_before_the_other_waits)
    monkeypatch.setattr(waiting, "say", say)
    both = [threading.Thread(target=lambda: found.append(store(tmp_path, names))) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert set(decoded.values()) == {1}
    assert found[0][1] == found[1][1]
    assert np.array_equal(found[0][0], found[1][0])
    assert "waiting for another process, which decodes photos" in capsys.readouterr().err
