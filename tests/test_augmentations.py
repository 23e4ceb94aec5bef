"""Augmentations: they move images by whole pixels, and change nothing else."""

import torch
from torch.testing import assert_close

from kdlab.augmentations import augmented, jittered, shifted
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


def test_what_moves_in_is_the_mirrored_edge_where_that_is_wanted():
    image = torch.arange(25.0).view(1, 1, 5, 5).expand(60, 1, 5, 5)
    moved = jittered(image, 1, "reflect")
    rows = {tuple(m[0, :, 2].tolist()) for m in moved}
    up, down = (7.0, 12.0, 17.0, 22.0, 17.0), (7.0, 2.0, 7.0, 12.0, 17.0)
    assert {up, down} <= rows  # of those that moved up and down alone
    assert moved.min() == 0 and moved.max() == 24


def test_mirrored_images_get_the_answers_to_mirrored_images():
    images = torch.rand(400, 3, 6, 6)
    told = {
        "teacher_logits": torch.zeros(400, 2),
        "mirrored_logits": torch.ones(400, 2),
    }
    batch = {"images": images, "labels": torch.arange(400), **told}
    changed = augmented(batch, 0)
    which = changed["teacher_logits"][:, 0] == 1
    assert 150 < which.sum() < 250
    assert torch.equal(changed["images"][which], images[which].flip(3))
    assert torch.equal(changed["images"][~which], images[~which])
    assert torch.equal(batch["teacher_logits"], torch.zeros(400, 2))  # left as it was
    assert torch.equal(changed["labels"], batch["labels"])
    assert "teacher_logits" not in augmented({"images": images}, 1)
