"""Solutions of notebook 09: who is beaten, equal steps, and a drawing as MNIST has it."""

import math

import torch
from torch import Tensor


def unbeaten(bytes: Tensor, errors: Tensor) -> Tensor:
    """To beat is to be as good in both and better in one; nobody beats a twin."""
    keeps = []
    for size, wrong in zip(bytes, errors, strict=True):
        as_good = (bytes <= size) & (errors <= wrong)
        better = (bytes < size) | (errors < wrong)
        keeps.append(not (as_good & better).any())
    return torch.tensor(keeps)


def epochs_for(steps: int, images: int, batch_size: int) -> int:
    """A step is a batch, the last and smaller one of an epoch, too."""
    steps_of_epoch = math.ceil(images / batch_size)
    return max(1, round(steps / steps_of_epoch))


def as_mnist(drawings: Tensor) -> Tensor:
    """Ink is bright; the mean place of the ink, each weighed by it, goes to the middle."""
    moved = []
    for ink in 1 - drawings / 255:
        row = ((ink.sum(1) * torch.arange(28)).sum() / ink.sum()).item()
        column = ((ink.sum(0) * torch.arange(28)).sum() / ink.sum()).item()
        moved.append(ink.roll((14 - round(row), 14 - round(column)), (0, 1)))
    return torch.stack(moved)[:, None]
