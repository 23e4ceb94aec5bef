"""Augmentations: they move images by whole pixels, and change nothing else."""

import torch
from torch.testing import assert_close

from kdlab.augmentations import jittered, shifted
from kdlab.seeds import random_numbers_from


def test_shifting_moves_all_images_alike_and_loses_nothing():
    image = torch.zeros(2, 1, 8, 8)
    image[:, 0, 4, 4] = 1
    moved = [shifted(image, 2) for _ in range(50)]
    places = {tuple(m[0, 0].nonzero()[0].tolist()) for m in moved}
    assert all(torch.equal(m[0], m[1]) and m.sum() == 2 for m in moved)
    assert len(places) > 5 and all(abs(y - 4) <= 2 >= abs(x - 4) for y, x in places)


def test_jitter_moves_each_image_by_its_own_whole_pixels():
    images = torch.zeros(200, 1, 9, 9)
    images[:, 0, 4, 4] = 1
    with random_numbers_from(0):
        moved = jittered(images, 2)
    places = moved[:, 0].flatten(1).argmax(dim=1)
    steps = torch.stack([places // 9 - 4, places % 9 - 4], dim=1)
    assert_close(moved.sum(dim=(1, 2, 3)), torch.ones(200))
    assert len(steps.unique(dim=0)) == 25 and steps.abs().max() == 2


def test_jitter_lets_nothing_in_on_the_other_side():
    moved = jittered(torch.ones(50, 2, 5, 5), 2)
    assert moved.shape == (50, 2, 5, 5)
    edges = moved[:, :, [0, -1]].sum(dim=(1, 3))  # rows above and below
    assert (edges.min(dim=1).values == 0).sum() > 20


def test_the_seed_decides_where_images_are_moved():
    images = torch.rand(20, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    for change in shifted, jittered:
        found = []
        for seed in (1, 1, 2):
            with random_numbers_from(seed):
                found.append(change(images, 2))
        assert torch.equal(*found[:2]) and not torch.equal(*found[1:])


def test_images_stay_on_their_device():
    images = torch.rand(4, 1, 6, 6, device="meta")
    assert shifted(images, 1).device.type == jittered(images, 1).device.type == "meta"
