"""Does what an encoder, or a thumbnail, gets of a picture still hold what the file held?"""

import os

import numpy as np
import pytest
from PIL import Image

from earlylearn.data.pictures import Pictures
from earlylearn.data.readers.images import decode, survey
from earlylearn.data.sources import load
from earlylearn.encoders.store import key_of


def saved(path, image, **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **how)
    return path


def of(*files):
    return Pictures(files, survey(files, None).schema)


def test_the_middle_of_a_wide_picture_is_seen_at_its_own_shape(tmp_path):
    pixels = np.zeros((60, 180, 3), np.uint8)
    pixels[:, 60:120] = 255  # a white square between two black ones
    (square,) = of(saved(tmp_path / "wide.png", Image.fromarray(pixels))).squares([0], 30)
    assert square.shape == (3, 30, 30)
    assert square[:, :, 2:28].min() > 250


def test_a_picture_in_the_alpha_channel_lies_on_white(tmp_path):
    pictures = []
    for k in range(2):
        alpha = np.zeros((40, 40), np.uint8)
        alpha[20 * k : 20 * k + 20] = 255
        black = np.zeros((40, 40, 3), np.uint8)
        pictures.append(saved(tmp_path / f"{k}.png", Image.fromarray(np.dstack([black, alpha]))))
    notes = survey(pictures, None).notes
    assert notes == ("2 images of 2 with an alpha channel: where one is transparent, it counts as white",)
    first, second = of(*pictures).squares([0, 1], 40)
    assert (first[:, 5, 5].tolist(), first[:, 35, 5].tolist()) == ([0] * 3, [255] * 3)
    assert (second[:, 5, 5].tolist(), second[:, 35, 5].tolist()) == ([255] * 3, [0] * 3)


@pytest.mark.parametrize("mode", ["LA", "PA", "P"])
def test_other_kinds_of_transparency_lie_on_white_too(tmp_path, mode):
    image = Image.new("LA", (32, 32), (0, 0))
    if mode == "P":
        image = Image.new("P", (32, 32), 0)
        image.putpalette([0, 0, 0] * 256)
        path = saved(tmp_path / "x.png", image, transparency=0)
    else:
        path = saved(tmp_path / "x.png", image)
    assert of(path).squares([0], 32).min() == 255


@pytest.mark.parametrize(("brightest", "white"), [(200, 255), (900, 1023), (4000, 4095), (40_000, 65_535)])
def test_sixteen_bits_are_scaled_by_what_the_files_use(tmp_path, brightest, white):
    files = [
        saved(tmp_path / f"{value}.png", Image.fromarray(np.full((32, 32), value, np.uint16)))
        for value in (brightest, brightest // 2)
    ]
    found = survey(files, None)
    assert found.schema["white"] == white
    assert bool(found.notes) == (white < 65_535)
    pixels = decode(files, found.schema)[:, 0, 0, 0]
    assert pixels.tolist() == [round(255 * value / white) for value in (brightest, brightest // 2)]


def test_a_cameras_orientation_is_applied(tmp_path):
    pixels = np.zeros((40, 40), np.uint8)
    pixels[:20] = 255
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    path = saved(tmp_path / "x.jpg", Image.fromarray(pixels).convert("RGB"), exif=exif)
    (square,) = of(path).squares([0], 40)
    assert square[0, 2, 2] < 10
    assert square[0, 37, 2] > 245


def test_pixels_in_memory_are_seen_like_files_of_them(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 3, 32, 40), dtype=np.uint8)
    files = [saved(tmp_path / f"{k}.png", Image.fromarray(p.transpose(1, 2, 0))) for k, p in enumerate(pixels)]
    read = of(*files)
    memory = Pictures(pixels, read.schema)
    np.testing.assert_array_equal(memory.squares([4, 1], 24), read.squares([4, 1], 24))
    np.testing.assert_array_equal(memory.thumbnail(2), read.thumbnail(2))
    assert memory.side() == read.side() == 32
    rows = np.array([3, 0])
    np.testing.assert_array_equal(memory.subset(rows).squares([0], 24), read.subset(rows).squares([0], 24))


def test_what_tells_a_picture_from_others_follows_its_content_and_not_its_name(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (2, 200, 200, 3), dtype=np.uint8)
    one = saved(tmp_path / "a" / "x.png", Image.fromarray(noise[0]))
    other = saved(tmp_path / "b" / "x.png", Image.fromarray(noise[1]))
    keys = [key_of(*of(one, other).content(row)) for row in (0, 1)]
    assert keys[0] != keys[1]
    one.rename(tmp_path / "moved.png")
    assert key_of(*of(tmp_path / "moved.png").content(0)) == keys[0]
    content = bytearray((tmp_path / "moved.png").read_bytes())
    assert len(content) > 3 * 32_768
    content[len(content) // 2] ^= 255  # where it is not looked at: the time of change tells
    (tmp_path / "moved.png").write_bytes(content)
    os.utime(tmp_path / "moved.png", ns=(1, 1))
    assert key_of(*of(tmp_path / "moved.png").content(0)) != keys[0]


def test_rows_are_decoded_after_the_limit_and_the_broken_ones_behind_it_never(tmp_path):
    for k in range(6):
        saved(tmp_path / "d" / "ab"[k % 2] / f"{k}.png", Image.new("RGB", (32, 32), (40 * k,) * 3))
    loaded = load(str(tmp_path / "d"), test_fraction=0.34).train
    assert loaded.inputs.dtype == np.uint8
    assert loaded.pictures is None
