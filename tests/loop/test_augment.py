"""Does the batched crop and flip do to every image what a loop over images would?"""

import pytest
import torch

from earlylearn.errors import UsageError
from earlylearn.loop.augment import apply, check_images, choose_crops, suitable_pad
from tests.reference import augment_literal as literal


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def some_images(n=6, channels=3, height=9, width=12):
    return torch.randint(1, 256, (n, channels, height, width), dtype=torch.uint8, generator=seeded(9))


@pytest.mark.parametrize("pad", [0, 1, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_equals_the_literal_version_for_the_same_draws(pad, channels):
    images = some_images(n=64, channels=channels)
    crops = choose_crops(64, pad=pad, generator=seeded(1))
    fast = apply(images, *crops, pad)
    assert torch.equal(fast, literal.crop_and_flip(images, *crops, pad))
    assert fast.dtype == torch.uint8


@pytest.mark.parametrize("size", [1, 6, 9])
def test_a_smaller_crop_equals_the_literal_one_and_reaches_every_place(size):
    images = some_images(n=2000, channels=1, width=9)
    crops = choose_crops(2000, pad=0, spare=9 - size, generator=seeded(1))
    fast = apply(images, *crops, 0, size)
    assert torch.equal(fast, literal.crop_and_flip(images, *crops, 0, size))
    assert len((crops[0] * 9 + crops[1]).unique()) == (10 - size) ** 2


def test_every_offset_occurs_and_half_are_flipped():
    dy, dx, flip = choose_crops(20_000, pad=4, generator=seeded())
    counts = torch.bincount(dy * 9 + dx, minlength=81)
    assert len(counts) == 81
    assert counts.min() > 150  # 247 expected
    assert counts.max() < 350
    assert flip.float().mean().item() == pytest.approx(0.5, abs=0.02)
    assert (dy.dtype, flip.dtype) == (torch.int64, torch.bool)


def test_the_middle_offset_is_the_image_itself():
    images = some_images()
    middle = torch.full((6,), 4)
    assert torch.equal(apply(images, middle, middle, torch.zeros(6, dtype=torch.bool), 4), images)
    assert torch.equal(apply(images, middle, middle, torch.ones(6, dtype=torch.bool), 4), images.flip(-1))


def test_padding_is_zero_and_the_input_is_left_alone():
    images = some_images()
    before = images.clone()
    corner = torch.zeros(6, dtype=torch.int64)
    cropped = apply(images, corner, corner, torch.zeros(6, dtype=torch.bool), 2)
    assert (cropped[:, :, :2] == 0).all()
    assert (cropped[..., :2] == 0).all()
    assert torch.equal(cropped[:, :, 2:, 2:], images[:, :, :-2, :-2])
    assert torch.equal(images, before)


def test_without_flip_nothing_is_mirrored():
    assert not choose_crops(100, flip=False, generator=seeded())[2].any()


def test_crops_come_from_the_given_generator_alone():
    state = torch.get_rng_state()
    first, again, other = (torch.stack(choose_crops(64, generator=seeded(seed))[:2]) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(("size", "pad"), [(4, 1), (8, 1), (16, 2), (28, 4), (32, 4), (64, 8)])
def test_padding_suits_the_size(size, pad):
    assert suitable_pad(size, size) == pad


def test_floats_and_channels_last_images_work():
    images = some_images(64).float().to(memory_format=torch.channels_last)
    crops = choose_crops(64, generator=seeded(1))
    assert torch.equal(apply(images, *crops, 4), literal.crop_and_flip(images, *crops, 4))


def test_errors_name_the_culprit():
    with pytest.raises(UsageError, match="pad is -1"):
        choose_crops(6, pad=-1, generator=seeded())
    with pytest.raises(UsageError, match=r"crop=10: images of 9 x 12"):
        check_images((3, 9, 12), 10)
    with pytest.raises(UsageError, match=r"shape \[5\] are not images"):
        check_images((5,), None)
