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
RACES = [  # int8, float32, eager: in each something else disturbs a round
    [[2.4, 2.7, 14, 2.8, 2.7], [5.9, 5.1, 5, 4.7, 5.2], [17, 18, 16, 18, 60]],
    [[6.5, 6.3, 6.4, 6.2, 5.9], [5, 5.1, 34, 5.2, 4.7], [17, 18, 17, 19, 53]],
]  # the median of the ratios is that of the times: both are right


def unbeaten(bytes: Tensor, errors: Tensor) -> list[bool]:
    """Of each net, whether no other is as good in both, and better in one."""
    no_more = (bytes[:, None] <= bytes) & (errors[:, None] <= errors)
    return (~(no_more & ~no_more.T).any(dim=0)).tolist()


def epochs_for(steps: int, images: int, batch_size: int) -> int:
    """The last, smaller batch of an epoch is a step, too."""
    return max(1, round(steps / ceil(images / batch_size)))


def speed_up(int8: Tensor, float32: Tensor, eager: Tensor) -> Tensor:
    """Of eight bits alone: the same engine, medians."""
    return float32.median() / int8.median()


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
    "speed_up": Task(
        lambda answer: [answer(*race) for race in map(tensor, RACES)],
        speed_up,
        "The same net in the same engine; and below 1, int8 is the slower one.",
        MISTAKES["speed_up"],
        "one number: the usual time (median) of float32 in the same engine, divided by "
        "the usual time of int8.",
        [["A processor with VNNI", "A processor without"]],
    ),
}
