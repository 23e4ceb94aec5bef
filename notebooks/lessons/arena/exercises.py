"""What is asked in this lesson; mistakes.toml holds what real code does wrong in it."""

from math import ceil
from pathlib import Path

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


def unbeaten(bytes: Tensor, errors: Tensor) -> list[bool]:
    """Of each net, whether no other is as good in both, and better in one."""
    no_more = (bytes[:, None] <= bytes) & (errors[:, None] <= errors)
    return (~(no_more & ~no_more.T).any(dim=0)).tolist()


def epochs_for(steps: int, images: int, batch_size: int) -> int:
    """The last, smaller batch of an epoch is a step, too."""
    return max(1, round(steps / ceil(images / batch_size)))


TASKS = {
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
