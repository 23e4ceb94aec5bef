"""Solutions of notebook 11: a crowd's loss, a cohort's losses, who is the liar."""

import torch.nn.functional as F
from torch import Tensor


def crowd_loss(student: Tensor, teachers: Tensor, temperature: float) -> Tensor:
    """Each teacher's softmax first, then the mean over teachers, the first axis."""
    told = F.softmax(teachers.detach() / temperature, dim=2).mean(dim=0)
    said = F.log_softmax(student / temperature, dim=1)
    return temperature**2 * F.kl_div(said, told, reduction="batchmean")


def cohort_losses(logits: list[Tensor], labels: Tensor) -> list[Tensor]:
    """Each net has a loss of its own, in which all others are constants."""
    losses = []
    for number, own in enumerate(logits):
        peers = [z.detach() for other, z in enumerate(logits) if other != number]
        said, told = F.log_softmax(own, dim=1), [F.softmax(z, dim=1) for z in peers]
        soft = [F.kl_div(said, p, reduction="batchmean") for p in told]
        losses.append(F.cross_entropy(own, labels) + sum(soft) / len(peers))
    return losses


def agreement_with_others(teachers: Tensor) -> Tensor:
    """A liar agrees with nobody: each is compared with the votes of the others alone."""
    answers = teachers.argmax(dim=2)
    votes = F.one_hot(answers, teachers.shape[2])
    others = (votes.sum(dim=0) - votes).argmax(dim=2)
    return (answers == others).double().mean(dim=1)
