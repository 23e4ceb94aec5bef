"""What is asked in this lesson; mistakes.toml holds what real code does wrong in it."""

from math import ceil
from pathlib import Path

import torch
from torch import Tensor, tensor

from kdlab.exercises.checks import Task
from kdlab.exercises.mistakes import load_mistakes

MISTAKES = load_mistakes(Path(__file__).parent / "mistakes.toml")
NETS = [  # kB and errors: ties in either, and twins
    *[(220, 70), (900, 75), (840, 62), (56, 200), (56, 170), (106, 130), (56, 170)],
    *[(210, 130), (36, 240), (30, 310), (300, 70), (500, 140), (90, 330), (95, 280)],
    *[(106, 140), (110, 135)],
]
RUNS = [  # steps, images, batch size
    *[(768, 2000, 64), (870, 3000, 128), (1000, 3000, 128), (1000, 1280, 64)],
    *[(5000, 500, 64), (768, 60_000, 78), (300, 60_000, 78)],
]
# Of ink: top, left, height, width
PATCHES = (2, 3, 9, 6), (14, 15, 7, 11), (16, 2, 11, 8), (4, 13, 8, 12)


def unbeaten(*measures: Tensor) -> list[bool]:
    """Of each net, whether no other is as good in all measures [N], and better in one."""
    as_good = torch.stack([one[:, None] <= one for one in measures]).all(dim=0)
    return (~(as_good & ~as_good.T).any(dim=0)).tolist()


def epochs_for(steps: int, images: int, batch_size: int) -> int:
    """The last, smaller batch of an epoch is a step, too."""
    return max(1, round(steps / ceil(images / batch_size)))


def sheets() -> Tensor:
    """Four sheets of bytes [4, 28, 28], each with a patch of black ink, heavy on a side.

    Centres of mass lie a little before a pixel: 13.5 and 14 move them equally far.
    """
    draw, ink = torch.Generator().manual_seed(11733), torch.zeros(4, 28, 28)
    for n, (top, left, high, wide) in enumerate(PATCHES):
        patch = torch.rand(high, wide, generator=draw)
        patch *= torch.linspace(n % 2, 1 - n % 2, wide)
        ink[n, top : top + high, left : left + wide] = patch * (patch > 0.15)
    grey = 240 * ink / ink.amax((1, 2), keepdim=True)  # pencil: nowhere quite black
    return 255 - grey.round().byte()


def centred(ink: Tensor) -> Tensor:
    """Ink [N, H, W], each image moved until its centre of mass is at pixel 14, 14."""
    places, mass = torch.arange(float(ink.shape[-1])), ink.sum((1, 2))
    down, right = (14 - ink.sum(axis) @ places / mass for axis in (2, 1))
    steps = torch.stack([down, right], dim=1).round().int().tolist()
    moved = [torch.roll(one, to, (0, 1)) for one, to in zip(ink, steps, strict=True)]
    return torch.stack(moved)


def as_mnist(drawings: Tensor) -> Tensor:
    """Ink is bright, in [0, 1], and where MNIST has it."""
    return centred(1 - drawings / 255)[:, None]


TASKS = {
    "as_mnist": Task(
        lambda answer: answer(sheets()),
        as_mnist,
        "Any net of these pages can be given that, wherever the pen began.",
        MISTAKES["as_mnist"],
        "floats [N, 1, 28, 28]: ink 1 and paper 0, each drawing moved by whole pixels "
        "until the centre of mass of its ink is nearest to pixel 14, 14 (from 0).",
    ),
    "unbeaten": Task(
        lambda answer: answer(*tensor(NETS).float().T),
        unbeaten,
        "Whoever is beaten can be left out, whatever a byte is worth to you.",
        MISTAKES["unbeaten"],
        "a bool tensor [N]: False for a net that another one beats, being as good in "
        "both numbers and better in one. Few bytes are good, and few errors.",
        [[f"A net of {kB} kB, {errors} errors" for kB, errors in NETS]],
    ),
    "epochs_for": Task(
        lambda answer: [answer(*run) for run in RUNS],
        epochs_for,
        "Equal steps: no arm wins because it learned for longer.",
        MISTAKES["epochs_for"],
        "steps divided by the batches of one epoch (a smaller last one is a batch, "
        "too), to the nearest whole number, and at least 1.",
        [["{:,} steps, {:,} images in batches of {}".format(*run) for run in RUNS]],
    ),
}
