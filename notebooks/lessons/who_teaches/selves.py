"""Nets that teach without a teacher: peers that learn together, and early exits."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlab.data import Columns, scaled
from kdlab.losses import soft_target_loss
from kdlab.seeds import random_numbers_from
from kdlab.training import Objective

from .crowds import new_net


class Peers(nn.Module):
    """Nets that are trained side by side and answer together."""

    def __init__(self, names: list[str], seed: int):
        """Nets of such names, each with another start."""
        super().__init__()
        starts = enumerate(names, 10 * seed)
        self.nets = nn.ModuleList(new_net(name, start) for start, name in starts)

    def each(self, images: Tensor) -> list[Tensor]:
        """Logits [N, 10] of each net."""
        return [net(images) for net in self.nets]

    def forward(self, images: Tensor) -> Tensor:
        """Logits [N, 10] of the mean of their probabilities."""
        logs = torch.stack([F.log_softmax(one, dim=1) for one in self.each(images)])
        return logs.logsumexp(dim=0)


class Exits(nn.Module):
    """A CNN that can also answer after its first block."""

    def __init__(self, name: str, seed: int):
        """A net of such a name, and a linear layer for the early answer."""
        super().__init__()
        net = new_net(name, seed)
        self.first, self.rest = net[:4], net[4:]  # normalize, convolve, ReLU, pool
        with random_numbers_from(seed):
            last = nn.Linear(net[1].out_channels * 14**2, 10)
        self.early = nn.Sequential(nn.Flatten(), last)

    def each(self, images: Tensor) -> list[Tensor]:
        """Logits [N, 10] of the early exit and of the final one."""
        maps = self.first(images)
        return [self.early(maps), self.rest(maps)]

    def forward(self, images: Tensor) -> Tensor:
        """Logits [N, 10] of the final exit."""
        return self.each(images)[-1]


def taught_by_itself(
    teaches: dict[int, list[int]],
    soft_weight: float,
    temperature: float,
    smoothing: float = 0.0,
    unlabelled: Tensor | None = None,
) -> Objective:
    """Labels for every answer of `each`, and for some what other answers say.

    Args:
        teaches: {pupil: its teachers}, by the place of an answer. Nobody is a pupil of
            answers that its own loss could change: they count as constants.
        soft_weight: of the teachers' term; the labels keep their whole weight.
        unlabelled: images from which as many as there are labelled ones are drawn for
            each step; only the teachers' term sees them.
    """

    def objective(model: nn.Module, batch: Columns) -> dict[str, Tensor]:
        images, labels = batch["images"], batch["labels"]
        if unlabelled is not None:
            rows = torch.randint(len(unlabelled), (len(images),))
            images = torch.cat([images, scaled(unlabelled[rows])])
        each = model.each(images)
        how = {"label_smoothing": smoothing}
        hard = [F.cross_entropy(one[: len(labels)], labels, **how) for one in each]
        soft = [
            soft_target_loss(each[pupil], each[teacher], temperature) / len(teachers)
            for pupil, teachers in teaches.items()
            for teacher in teachers
        ]
        terms = {"hard": torch.stack(hard).sum()}
        return terms | ({"soft": soft_weight * torch.stack(soft).sum()} if soft else {})

    return objective
