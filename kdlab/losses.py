"""Distillation losses: pure functions of tensors, student first, teacher second.

Logits of 16 bits are computed in float32; the gradient has the type of the logits.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def soft_target_loss(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float
) -> Tensor:
    """T² · KL(teacher ‖ student) of the distributions softened by T; batch mean.

    Softening shrinks the gradient, by 1/T² once T exceeds the spread of the logits over
    the classes; the factor T² undoes that, so the balance with the label loss roughly
    survives a change of temperature. At small T the gradient still changes with T.

    Args:
        student_logits: [batch, classes]; receives the gradient
            T · (softmax(student/T) − softmax(teacher/T)) / batch.
        teacher_logits: [batch, classes]; treated as a constant.
        temperature: T > 0; larger is softer.

    Returns:
        Scalar in nats; zero exactly when the two softened distributions agree. A class
        of which the teacher is sure that it is wrong, by a logit of -inf, adds zero.

    Raises:
        ValueError: the logits are not matrices of one shape, or T is not positive.

    Source: Hinton, Vinyals & Dean (2015), section 2, https://arxiv.org/abs/1503.02531
    """
    check_pair(student_logits, teacher_logits)
    check_temperature(temperature)
    student, teacher = in_float32(student_logits), in_float32(teacher_logits.detach())
    student_log_probs = F.log_softmax(student / temperature, dim=1)
    teacher_log_probs = F.log_softmax(teacher / temperature, dim=1)
    terms = F.kl_div(
        student_log_probs, teacher_log_probs, reduction="none", log_target=True
    )
    terms = terms.masked_fill(teacher_log_probs.isneginf(), 0)  # not 0 · inf = NaN
    return temperature**2 * (terms.sum() / len(terms))


def soft_target_gradient(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float
) -> Tensor:
    """T · (q − p), [batch, classes]: the gradient of T² · KL of each example alone."""
    check_temperature(temperature)
    student, teacher = in_float32(student_logits), in_float32(teacher_logits)
    gap = F.softmax(student / temperature, dim=-1)
    gap = gap - F.softmax(teacher / temperature, dim=-1)
    return (temperature * gap).to(student_logits.dtype)


def logit_matching_loss(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """Half the population variance over classes of the logit gap; batch mean.

    This is what `soft_target_loss` tends to as T grows: the softened probabilities
    become uniform, but what T² makes of their difference is the gap of the logits.
    The variance is taken because adding a constant to all logits of an example changes
    no probability; the half makes the gradient (gap − mean gap) / classes / batch.

    Args:
        student_logits: [batch, classes], finite; receives the gradient.
        teacher_logits: [batch, classes], finite; treated as a constant.

    Returns:
        Scalar in squared logits; zero exactly when the logits agree up to a constant
        for each example.

    Raises:
        ValueError: the logits are not matrices of one shape.

    Source: Hinton, Vinyals & Dean (2015), section 2.1; the logits as targets are
    Ba & Caruana (2014), section 2.2, https://arxiv.org/abs/1312.6184
    """
    check_pair(student_logits, teacher_logits)
    gap = in_float32(student_logits) - in_float32(teacher_logits.detach())
    return gap.var(dim=1, correction=0).mean() / 2


def distillation_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    *,
    temperature: float,
    soft_weight: float,
) -> Tensor:
    """The blend (1 − w) · CE(labels) + w · T² · KL(teacher ‖ student); batch mean.

    Args:
        student_logits: [batch, classes]; receives the gradient of both terms.
        teacher_logits: [batch, classes]; treated as a constant.
        labels: [batch], integers in [0, classes); they are compared at T = 1.
        temperature: T > 0, of the soft term only.
        soft_weight: w in [0, 1], the teacher's share: 0 is labels only.

    Returns:
        Scalar in nats. At T = 1 it is cross-entropy to (1 − w) · label + w · teacher,
        less the constant w · entropy of the teacher.

    Raises:
        ValueError: shapes do not fit, T is not positive, or w is outside [0, 1].

    Source: Hinton, Vinyals & Dean (2015), section 2, https://arxiv.org/abs/1503.02531
    """
    if not 0 <= soft_weight <= 1:
        raise ValueError(f"soft_weight must be in [0, 1], got {soft_weight}.")
    check_labelled(student_logits, labels)
    soft = soft_target_loss(student_logits, teacher_logits, temperature)
    hard = F.cross_entropy(in_float32(student_logits), labels)
    return (1 - soft_weight) * hard + soft_weight * soft


def in_float32(logits: Tensor) -> Tensor:
    """The same in float32, where they have fewer bits; float64 stays."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def check_pair(student_logits: Tensor, teacher_logits: Tensor) -> None:
    """Raise ValueError unless both are [batch, classes] of one shape."""
    shapes = list(student_logits.shape), list(teacher_logits.shape)
    if len(shapes[0]) != 2 or shapes[0] != shapes[1]:
        raise ValueError(f"Expected two [batch, classes] of one shape, got {shapes}.")


def check_labelled(logits: Tensor, labels: Tensor) -> None:
    """Raise ValueError unless they are [N, classes] and [N]."""
    shapes = list(logits.shape), list(labels.shape)
    if len(shapes[0]) != 2 or shapes[1] != shapes[0][:1]:
        raise ValueError(f"Expected logits [N, classes] and labels [N], got {shapes}.")


def check_temperature(temperature: float) -> None:
    """Raise ValueError unless T is a positive, finite number."""
    if not 0 < temperature < float("inf"):
        raise ValueError(f"temperature must be positive, got {temperature}.")
