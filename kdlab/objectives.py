"""Objectives: (model, batch) -> named loss terms, which the training loop sums."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlab.augmentations import augmented
from kdlab.data import Columns
from kdlab.losses import check_temperature, in_float32, soft_target_loss
from kdlab.training import Objective


def label_loss(model: nn.Module, batch: Columns) -> dict[str, Tensor]:
    """The objective of a student without a teacher: cross-entropy to the labels."""
    logits = in_float32(model(batch["images"]))
    return {"hard": F.cross_entropy(logits, batch["labels"])}


def smoothed_label_loss(smoothing: float) -> Objective:
    """Cross-entropy to labels of which all classes share a part, `smoothing`."""

    def objective(model: nn.Module, batch: Columns) -> dict[str, Tensor]:
        logits, labels = in_float32(model(batch["images"])), batch["labels"]
        return {"hard": F.cross_entropy(logits, labels, label_smoothing=smoothing)}

    return objective


def blended_loss(temperature: float, soft_weight: float) -> Objective:
    """The two terms of `losses.distillation_loss` by their names, each with its share.

    A term without a share is not computed: at soft_weight 0 no teacher is needed.
    """
    if not 0 <= soft_weight <= 1:
        raise ValueError(f"soft_weight must be in [0, 1], got {soft_weight}.")
    if soft_weight > 0:
        check_temperature(temperature)

    def objective(student: nn.Module, batch: Columns) -> dict[str, Tensor]:
        logits, terms = student(batch["images"]), {}
        if soft_weight < 1:
            hard = F.cross_entropy(in_float32(logits), batch["labels"])
            terms["hard"] = (1 - soft_weight) * hard
        if soft_weight > 0:
            soft = soft_target_loss(logits, batch["teacher_logits"], temperature)
            terms["soft"] = soft_weight * soft
        return terms

    return objective


def on_augmented(
    objective: Objective, pixels: int, teacher: nn.Module | None = None
) -> Objective:
    """The objective on images moved by up to so many pixels, and mirrored, at random.

    A teacher, if there is one, is asked about what the student sees; its gradient is
    not computed. Without one it has spoken before, in the columns, of the whole images.

    Source: Beyer et al. (2022), section 3.1, https://arxiv.org/abs/2106.05237
    """

    def changed(student: nn.Module, batch: Columns) -> dict[str, Tensor]:
        batch = augmented(batch, pixels)
        if teacher is not None:
            with torch.no_grad():
                batch["teacher_logits"] = teacher(batch["images"])
        return objective(student, batch)

    return changed
