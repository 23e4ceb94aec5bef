"""Solutions of notebook 10: relations, a weight translated, who has not moved."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def relation_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """The pairs i < j are all there are: no row is compared with itself, no root of 0."""
    i, j = torch.triu_indices(len(student), len(student), offset=1)
    own, other = ((x[i] - x[j]).norm(dim=1) for x in (student, teacher.detach()))
    return F.smooth_l1_loss(own / own.mean(), other / other.mean())


def our_weight(code_weight: float, maps: Tensor) -> float:
    """A mean over images and places is the mean over images of the sum, over places."""
    return code_weight / maps[0, 0].numel()


def unmoved(train: Callable[[], None], modules: dict[str, nn.Module]) -> list[str]:
    """What it was has to be a copy: a module's own tensors would change along."""
    before = {
        name: [values.clone() for values in module.parameters()]
        for name, module in modules.items()
    }
    train()
    return [
        name
        for name, module in modules.items()
        if all(map(torch.equal, module.parameters(), before[name]))
    ]
