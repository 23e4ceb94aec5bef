"""Nets that teach without a teacher: peers that learn together, and early exits."""

from collections.abc import Generator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlab.data import Columns, scaled
from kdlab.losses import soft_target_loss
from kdlab.seeds import random_numbers_from
from kdlab.training import Objective, cycle_of, training_steps

from .crowds import BATCH, new_net


class Peers(nn.ModuleList):
    """Nets that are trained side by side; images -> logits of their mean probability."""

    def each(self, images: Tensor) -> list[Tensor]:
        """Logits [N, 10] of each net."""
        return [net(images) for net in self]

    def forward(self, images: Tensor) -> Tensor:
        """Logits [N, 10] of the mean of their probabilities."""
        logs = torch.stack([F.log_softmax(one, dim=1) for one in self.each(images)])
        return logs.logsumexp(dim=0)


class Exits(Peers):
    """A net that can also answer early: the early exit, and the final one, as nets."""

    def each(self, images: Tensor) -> list[Tensor]:
        """Logits [N, 10] of both; they share the first block."""
        maps = self[0][0](images)
        return [net[1:](maps) for net in self]

    def forward(self, images: Tensor) -> Tensor:
        """Logits [N, 10] of the final exit."""
        return self[-1](images)


def nets_of(student: str, seed: int) -> Peers:
    """Peers of a name such as "mlp-128 + mlp-128"; "cnn-4-8-32 + exit" after a block."""
    names = student.split(" + ")
    if names[-1] != "exit":
        return Peers(new_net(name, n) for n, name in enumerate(names, 10 * seed))
    net = new_net(names[0], seed)
    first, rest = net[:4], net[4:]  # normalize, convolve, ReLU, pool
    with random_numbers_from(seed):
        last = nn.Linear(net[1].out_channels * 14**2, 10)
    early = nn.Sequential(first, nn.Flatten(), last)
    return Exits([early, nn.Sequential(first, rest)])


def taught_by_itself(
    lessons: Sequence[tuple[int, int]], soft_weight: float, temperature: float,
    smoothing: float = 0.0, unlabelled: Tensor | None = None,
) -> Objective:  # fmt: skip
    """Labels for every answer of `each`, and `lessons`, places of pupil and teacher.

    A teacher's answer is a constant; labels keep their whole weight. Of the `unlabelled`
    images, which only the teachers' term sees, as many as are labelled join each step.
    """

    def objective(model: nn.Module, batch: Columns) -> dict[str, Tensor]:
        images, labels = batch["images"], batch["labels"]
        if unlabelled is not None and len(unlabelled):
            rows = torch.randint(len(unlabelled), (len(images),))
            images = torch.cat([images, scaled(unlabelled[rows])])
        each, how = model.each(images), {"label_smoothing": smoothing}
        hard = [F.cross_entropy(one[: len(labels)], labels, **how) for one in each]
        soft = [soft_target_loss(each[i], each[j], temperature) for i, j in lessons]
        return {"hard": sum(hard)} | ({"soft": soft_weight * sum(soft)} if soft else {})

    return objective


def self_steps(columns: Columns, setting: dict[str, object]) -> Generator:
    """Train peers or exits step by step as a setting says; return them.

    The first `labels` of the columns are labelled, the others have no label.
    """
    labels, seed, method = (setting[k] for k in ("labels", "seed", "method"))
    known = {name: column[:labels] for name, column in columns.items()}
    net = nets_of(setting["student"], seed)
    lessons = [(0, 1)] if isinstance(net, Exits) else [(0, 1), (1, 0)]
    how = setting["soft_weight"], setting["temperature"]
    how = lessons if method == "one another" else [], *how
    smoothing = float(method.partition("smoothing ")[2] or 0)
    goal = taught_by_itself(*how, smoothing, columns["images"][labels:])
    length = {"epochs": setting["epochs"], "batch_size": BATCH}
    cycle = cycle_of(net, known, setting["learning_rate"], **length)
    yield from training_steps(net, known, goal, seed=seed, **cycle)
    return net
