"""Are features computed once, whatever interrupts it, whoever else is at it, and whatever happens to their files?"""

import subprocess
import sys
import threading

import numpy as np
import pytest

from earlylearn.data import cache
from earlylearn.encoders.once import Workplace, computed_once
from earlylearn.encoders.store import FeatureStore, key_of


class Doubling:
    """An encoder that counts what it is asked."""

    name, width, weights, block, identity = "doubling", 3, "w", 4, "doubling-w"

    def __init__(self, fails_at=None):
        self.asked, self.fails_at = [], fails_at

    def __call__(self, numbers):
        if self.fails_at in numbers:
            raise KeyboardInterrupt
        self.asked += numbers
        return np.array([[n, 2 * n, 0.5 * n] for n in numbers], np.float32).reshape(-1, 3)


@pytest.fixture(autouse=True)
def _no_cache_of_the_users(monkeypatch, tmp_path):
    monkeypatch.delenv(cache.CACHE_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))


def encode(numbers, encoder, folder):
    keys = [key_of(str(number).encode()) for number in numbers]
    return computed_once(keys, lambda rows: [numbers[row] for row in rows], encoder, "numbers", Workplace(folder, True))


def literal(numbers):
    return np.array([[n, 2 * n, 0.5 * n] for n in numbers], np.float32)


def files(folder):
    return sorted((folder / ".earlylearn" / "features" / "doubling-w").glob("*.safetensors"))


def test_every_row_is_encoded_once_for_ever_whatever_its_place(tmp_path):
    encoder, numbers = Doubling(), [5, 3, 9, 3, 7, 5, 1, 0, 2]
    np.testing.assert_array_equal(encode(numbers, encoder, tmp_path), literal(numbers))
    assert sorted(encoder.asked) == [0, 1, 2, 3, 5, 7, 9]
    assert len(files(tmp_path)) == 2
    again = Doubling()
    np.testing.assert_array_equal(encode([9, 0, 4, 4, 5], again, tmp_path), literal([9, 0, 4, 4, 5]))
    assert again.asked == [4]
    assert encode([], again, tmp_path).shape == (0, 3)


def test_an_interrupted_encoding_goes_on_behind_its_last_block(tmp_path):
    numbers = list(range(11))
    with pytest.raises(KeyboardInterrupt):
        encode(numbers, Doubling(fails_at=9), tmp_path)
    rest = Doubling()
    np.testing.assert_array_equal(encode(numbers, rest, tmp_path), literal(numbers))
    assert rest.asked == [8, 9, 10]


def test_a_killed_encoding_leaves_whole_blocks_alone(tmp_path):
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom tests.encoders.test_once import Doubling, encode\n"
        "class Dies(Doubling):\n    def __call__(self, numbers):\n"
        "        if 8 in numbers: os._exit(9)\n        return super().__call__(numbers)\n"
        "encode(list(range(11)), Dies(), Path(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, check=False)
    assert done.returncode == 9, done.stderr
    rest = Doubling()
    np.testing.assert_array_equal(encode(list(range(11)), rest, tmp_path), literal(range(11)))
    assert rest.asked == [8, 9, 10]


@pytest.mark.parametrize("damage", ["a bit", "cut short", "rubbish", "empty"])
def test_a_damaged_file_is_found_told_and_made_anew(tmp_path, capsys, damage):
    numbers = list(range(8))
    encode(numbers, Doubling(), tmp_path)
    path = files(tmp_path)[0]
    content = bytearray(path.read_bytes())
    if damage == "a bit":
        content[-5] ^= 1
    path.write_bytes({"a bit": content, "cut short": content[:-7], "rubbish": b"rubbish" * 9, "empty": b""}[damage])
    again = Doubling()
    np.testing.assert_array_equal(encode(numbers, again, tmp_path), literal(numbers))
    assert len(again.asked) == 4
    assert f"{path}: is damaged" in capsys.readouterr().err
    last = Doubling()
    encode(numbers, last, tmp_path)
    assert last.asked == []


@pytest.mark.slow
def test_who_comes_second_waits_and_encodes_nothing(tmp_path):
    first, second = Doubling(), Doubling()
    begun, found = threading.Event(), []

    def slowly(numbers):
        begun.set()
        threading.Event().wait(0.2)
        return Doubling.__call__(first, numbers)

    class Slow(Doubling):
        def __call__(self, numbers):
            return slowly(numbers)

    numbers = list(range(8))
    thread = threading.Thread(target=lambda: found.append(encode(numbers, Slow(), tmp_path)))
    thread.start()
    begun.wait(timeout=60)
    found.append(encode(numbers, second, tmp_path))
    thread.join()
    assert second.asked == []
    for each in found:
        np.testing.assert_array_equal(each, literal(numbers))


def test_the_environment_names_another_place_and_a_folder_within_shares_its_data_sets(tmp_path, monkeypatch):
    encode([1, 2], Doubling(), tmp_path)
    within = tmp_path / "train" / "cats"
    within.mkdir(parents=True)
    shared = Doubling()
    encode([2, 1], shared, within)
    assert shared.asked == []
    monkeypatch.setenv(cache.CACHE_VARIABLE, str(tmp_path / "elsewhere"))
    elsewhere = Doubling()
    encode([1, 2], elsewhere, tmp_path)
    assert elsewhere.asked == [1, 2]
    assert list((tmp_path / "elsewhere" / "features" / "doubling-w").glob("*.safetensors"))


def test_without_a_place_to_write_it_runs_all_the_same_and_says_so(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    np.testing.assert_array_equal(encode([4, 5], Doubling(), tmp_path / "file"), literal([4, 5]))
    assert "features cannot be kept in" in capsys.readouterr().err


def test_a_full_disk_costs_the_features_kept_and_not_the_run(tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FeatureStore, "add", full)
    numbers = list(range(10))
    np.testing.assert_array_equal(encode(numbers, Doubling(), tmp_path), literal(numbers))
    told = capsys.readouterr().err
    assert told.count("No space left on device") == 1
