"""Solutions of notebook 06: pictures for a net, one crop for both, a net at rest."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from kdlab.losses import soft_target_loss


def prepare(pictures: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
    """Colours are still last where mean and spread are taken; permute moves them."""
    return ((pictures / 255 - mean) / spread).permute(0, 3, 1, 2)


def same_crop_loss(
    student: nn.Module,
    teacher: nn.Module,
    images: Tensor,
    temperature: float,
    crop: Callable[[Tensor], Tensor],
) -> Tensor:
    """The crop has a name, so that both can be handed the same one."""
    cropped = crop(images)
    teacher.eval()
    with torch.no_grad():
        teacher_logits = teacher(cropped)
    return soft_target_loss(student(cropped), teacher_logits, temperature)


def test_accuracy(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    size: int,
    augment: Callable[[Tensor], Tensor],
) -> float:
    """Right answers are added up and divided once; augment is for training alone."""
    model.eval()
    right = 0
    with torch.no_grad():
        for part, own in zip(images.split(size), labels.split(size), strict=True):
            right += (model(part).argmax(dim=1) == own).sum().item()
    model.train()
    return right / len(labels)


def train(
    learn: Callable[[object], None],
    batches: Sequence[object],
    epochs: int,
    schedule: torch.optim.lr_scheduler.LRScheduler,
) -> Tensor:
    """One step of the schedule after each batch, inside of both loops."""
    rates = []
    for _ in range(epochs):
        for batch in batches:
            rates.append(schedule.get_last_lr()[0])
            learn(batch)
            schedule.step()
    return torch.tensor(rates)
