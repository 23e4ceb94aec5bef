"""Clients who know two digits each: what they have, and what becomes of their answers."""

from collections.abc import Generator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlab.data import Columns, only_classes
from kdlab.hints import as_logits
from kdlab.metrics import entropy, soften
from kdlab.objectives import label_loss

from .sides import learning, new_net, steps

CLIENTS, IMAGES = 5, 300
UNITS = [64 + 32 * client for client in range(CLIENTS)]  # hidden, of each one's net
RULES = {"mean": "probabilities", "log mean": "log probabilities", "the surer": "surer"}
RULES["first of mean"] = "first answer"


def private(columns: Columns, images: int = IMAGES) -> list[Columns]:
    """What each client has: so many images of each of its two digits."""
    found = []
    for first in range(0, 2 * CLIENTS, 2):
        halves = [only_classes(columns, {digit}) for digit in (first, first + 1)]
        both = [torch.cat([half[name][:images] for half in halves]) for name in columns]
        found.append(dict(zip(columns, both, strict=True)))
    return found


def local_steps(own: list[Columns], seed: int) -> Generator:
    """Train a net of each client on what it has, step by step; return the nets."""
    nets = [new_net(f"mlp-{units}", seed + 10 * units) for units in UNITS]
    for net, images in zip(nets, own, strict=True):
        how = {"seed": seed, **steps(100, images)}
        yield from learning(net, images, label_loss, 3e-3, **how)
    return nets


def shares(logits: Tensor, rule: str) -> Tensor:
    """Whose answer counts how much: of clients [K, N, 10] -> [K, N], each sum is 1.

    All alike, or "surer": one over the entropy of an answer.
    """
    probs = soften(logits.double(), 1.0)
    weights = probs.new_ones(probs.shape[:2])
    if rule == "surer":
        weights = 1 / (entropy(probs) + 1e-3)
    return weights / weights.sum(dim=0)


def combined(logits: Tensor, rule: str) -> Tensor:
    """What clients [K, N, 10] say together, as logits [N, 10].

    The mean of their "probabilities", or of their "log probabilities"; or "surer": the
    mean of probabilities with these `shares`; or the "first answer" of the plain mean.
    """
    probs, weights = soften(logits.double(), 1.0), shares(logits, rule)[..., None]
    if rule == "log probabilities":
        return (weights * probs.log()).sum(dim=0).float()
    joined = (weights * probs).sum(dim=0)
    if rule == "first answer":
        joined = F.one_hot(joined.argmax(dim=1), joined.shape[1]).double()
    return as_logits(joined, 1.0).float()


def mean_weights(nets: list[nn.Module]) -> dict[str, Tensor]:
    """The mean of equal nets' weights, by name."""
    states = [net.state_dict() for net in nets]
    return {name: sum(s[name] for s in states) / len(states) for name in states[0]}
