"""Students who never saw some classes, and a bias that makes these more welcome.

The *bias* is one number, added to the logits of the unseen classes at test time.

Source: Hinton, Vinyals & Dean (2015), section 3, https://arxiv.org/abs/1503.02531
"""

from collections.abc import Collection
from typing import NamedTuple

import torch
from torch import Tensor

BIASES = torch.linspace(-5, 15, 201)  # 0 and steps of a tenth


class ByArm(dict):
    """{arm: what its student reached}, of those that were trained."""

    def __missing__(self, arm: str) -> None:
        """An arm that was not reached, as the training was stopped."""
        raise ValueError(f"No student of {arm!r}: let the panel above train to its end")


class Unseen(NamedTuple):
    """What students answer who never saw some classes."""

    unseen: list[int]
    answers: ByArm  # {arm: logits [N, classes]} on the test images
    labels: Tensor  # [N]
    held_out_answers: ByArm  # the same, [M, classes], on held-out images
    held_out_labels: Tensor  # [M]


def unseen_with_bias(
    logits: Tensor, labels: Tensor, unseen: Collection[int], biases: Tensor = BIASES
) -> dict[str, Tensor]:
    """Recall on the unseen classes and all errors, each [biases], by the bias added.

    Args:
        logits: [N, classes] of a student that never saw the unseen classes.
        labels: [N]
        unseen: the classes whose logits the bias is added to.
        biases: [biases]
    """
    hidden = torch.tensor(sorted(unseen))
    added = torch.zeros(logits.shape[1]).index_fill(0, hidden, torch.inf)
    best_seen, seen_answer = (logits - added).max(dim=1)
    best_unseen, which = logits[:, hidden].max(dim=1)
    gap = best_seen - best_unseen  # the bias that turns the answer
    turned, is_unseen = gap < biases[:, None], torch.isin(labels, hidden)
    right = torch.where(turned, hidden[which] == labels, seen_answer == labels)
    return {
        "recall": right[:, is_unseen].sum(dim=1).double() / is_unseen.sum(),
        "errors": (~right).sum(dim=1),
    }


def fewest_errors(table: dict[str, Tensor]) -> int:
    """Where in BIASES a table of `unseen_with_bias` has the fewest errors.

    The middle one, where several are level.
    """
    level = (table["errors"] == table["errors"].min()).nonzero()[:, 0]
    return int(level[len(level) // 2])


def tables_of(
    found: Unseen, held_out: bool = False, biases: Tensor = BIASES
) -> dict[str, dict[str, Tensor]]:
    """{arm: recall and errors at each of the biases}, on test or on held-out images."""
    answers = found.held_out_answers if held_out else found.answers
    labels = found.held_out_labels if held_out else found.labels
    return {
        arm: unseen_with_bias(logits, labels, found.unseen, biases)
        for arm, logits in answers.items()
    }


def chosen_biases(found: Unseen) -> dict[str, float]:
    """The bias of each arm with the fewest errors on the held-out images.

    Raises ValueError if there are no students: the training was stopped.
    """
    if not (found and found.answers):
        raise ValueError("No students: let the panel above train to its end first.")
    tables = tables_of(found, held_out=True)
    best = {arm: BIASES[fewest_errors(t)].item() for arm, t in tables.items()}
    return ByArm(best)
