"""What 04 asks its student to write; mistakes.toml holds what goes wrong in it."""

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from kdlab.exercises.checks import Function, Task
from kdlab.exercises.mistakes import load_mistakes
from kdlab.exercises.probes import example, of_pair, soft_mistakes
from kdlab.losses import distillation_loss, soft_target_loss

NAMES = {"soft_target_loss": soft_target_loss}
MISTAKES = load_mistakes(Path(__file__).parent / "mistakes.toml", NAMES)


def blended(z: Tensor, v: Tensor, y: Tensor, t: float, w: float) -> Tensor:
    """The package's loss, its arguments in the order of the exercise."""
    return distillation_loss(z, v, y, temperature=t, soft_weight=w)


def with_soft(term: Function) -> Function:
    """The blend with another soft term."""
    return lambda z, v, y, t, w: (1 - w) * F.cross_entropy(z, y) + w * term(z, v, t)


def smoothed(labels: Tensor, classes: int, smoothing: float) -> Tensor:
    """Targets of label smoothing, [N, classes]."""
    return (1 - smoothing) * F.one_hot(labels, classes) + smoothing / classes


TASKS = {
    "blended": Task(
        lambda answer: of_pair(answer, 3.0, 0.8),
        blended,
        "The weight is the teacher's share, and T belongs to the soft term alone.",
        MISTAKES["blended"]
        | {f"The soft term: {x}": with_soft(f) for x, f in soft_mistakes().items()},
        "(1 − w) · the label loss at T = 1 + w · T² · KL(teacher ‖ student), both a mean "
        "over the images. Compute the two terms alone: with w = 0 and with w = 1.",
    ),
    "smoothed_targets": Task(
        lambda answer: answer(example()[2], 10, 0.3),
        smoothed,
        "As a teacher who knows nothing would blend at T = 1.",
        MISTAKES["smoothed_targets"],
        "one row for each label, [N, classes]: smoothing / classes everywhere, and "
        "1 − smoothing more at the label. A row adds up to 1.",
    ),
}
