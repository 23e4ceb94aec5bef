"""A blend whose weights add to 1, and in which labels may count negatively."""

import torch.nn.functional as F
from torch import Tensor, nn

from kdlab.data import Columns
from kdlab.losses import soft_target_loss
from kdlab.training import Objective


def weighted_loss(temperature: float, soft_weight: float) -> Objective:
    """(1 - w) · CE(labels) + w · T² · KL, as `blended_loss`, for any weight w."""

    def objective(student: nn.Module, batch: Columns) -> dict[str, Tensor]:
        logits = student(batch["images"])
        hard = F.cross_entropy(logits, batch["labels"])
        soft = soft_target_loss(logits, batch["teacher_logits"], temperature)
        return {"hard": (1 - soft_weight) * hard, "soft": soft_weight * soft}

    return objective
