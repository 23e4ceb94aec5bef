"""What a net computes on its way: losses on features, and on relations of examples.

Student first; the teacher is a constant. Maps are [N, C, H, W], embeddings [N, D], or
anything that is flattened to these.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def hint_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """‖student − teacher‖² / ‖teacher‖², of one shape: a regressor may make it so.

    Raises ValueError for other shapes. Source: Romero et al. (2015), section 2.2,
    https://arxiv.org/abs/1412.6550; divided by the teacher, so that layers compare.
    """
    if student.shape != teacher.shape:
        shapes = [list(student.shape), list(teacher.shape)]
        raise ValueError(f"Of one shape only; use a regressor. Got {shapes}.")
    teacher = teacher.detach()
    return (student - teacher).square().sum() / teacher.square().sum()


def attention_map(maps: Tensor) -> Tensor:
    """Mean square over channels of each place, of length 1: [N, C, H, W] -> [N, HW]."""
    return F.normalize(maps.square().mean(dim=1).flatten(1))


def attention_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """‖attention of student − of teacher‖², batch mean, in [0, 2]; channels may differ.

    Source: Zagoruyko & Komodakis (2017), section 3.1, https://arxiv.org/abs/1612.03928
    """
    gap = attention_map(student) - attention_map(teacher.detach())
    return gap.square().sum(dim=1).mean()


def flow(first: Tensor, second: Tensor) -> Tensor:
    """Channel times channel, mean over places: [N, C, H, W] twice -> [N, C, C2].

    Of one layer and itself the Gram matrix, of two the flow of Yim et al. (2017).
    """
    return first.flatten(2) @ second.flatten(2).mT / first[0, 0].numel()


def distances(embeddings: Tensor) -> Tensor:
    """Between each two rows, over the mean of the pairs: [N, D] -> [N, N].

    The gradient of a distance that is zero is zero, and not NaN.
    """
    rows = embeddings.flatten(1)
    found = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist")
    pairs = len(found) * (len(found) - 1)
    return found / (found.sum() / pairs).clamp_min(torch.finfo(found.dtype).tiny)


def distance_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Huber loss between `distances`, mean over the pairs of two different rows.

    Source: Park et al. (2019), section 3.2.1, https://arxiv.org/abs/1904.05068
    """
    gap = F.smooth_l1_loss(
        distances(student), distances(teacher.detach()), reduction="sum"
    )
    return gap / (len(student) * (len(student) - 1))


def angles(embeddings: Tensor) -> Tensor:
    """Cosine of the angle at row j between rows i and k: [N, D] -> [N (j), N, N]."""
    rows = embeddings.flatten(1)
    ways = F.normalize(rows[None] - rows[:, None], dim=2)
    return ways @ ways.mT


def angle_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Huber loss between `angles`, mean. Source: as `distance_loss`, section 3.2.2."""
    return F.smooth_l1_loss(angles(student), angles(teacher.detach()))


def similarity_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """‖G(student) − G(teacher)‖² / N², G the products of rows, each row of length 1.

    Any features of N examples. Source: Tung & Mori (2019),
    https://arxiv.org/abs/1907.09682
    """
    rows = (x.flatten(1) for x in (student, teacher.detach()))
    of_student, of_teacher = (F.normalize(x @ x.mT) for x in rows)
    return (of_student - of_teacher).square().mean()
