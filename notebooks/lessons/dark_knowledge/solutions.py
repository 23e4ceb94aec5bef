"""Solutions of notebook 03: the control, and a bias."""

import torch
import torch.nn.functional as F
from torch import Tensor


def class_mean_targets(
    teacher_logits: Tensor, labels: Tensor, temperature: float
) -> Tensor:
    """Soften each answer, average by class, hand every image the mean of its class."""
    probs = F.softmax(teacher_logits / temperature, dim=1)
    means = [probs[labels == label].mean(dim=0) for label in labels]
    return torch.stack(means)


def unseen_recall(logits: Tensor, labels: Tensor, unseen: int, bias: float) -> Tensor:
    """Raise one column, look only at images of that class."""
    raised = logits.clone()  # the caller keeps the logits as they were
    raised[:, unseen] += bias
    return (raised[labels == unseen].argmax(dim=1) == unseen).double().mean()
