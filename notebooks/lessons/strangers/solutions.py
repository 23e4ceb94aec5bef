"""Solutions of notebook 13: the surer client counts more, nothing wraps, counts weigh."""

import torch
from torch import Tensor


def by_certainty(logits: Tensor) -> Tensor:
    """Each client's own entropy, then shares that add up to one over the clients."""
    probs, log_probs = logits.softmax(dim=2), logits.log_softmax(dim=2)
    entropy = -(probs * log_probs).sum(dim=2)
    weights = 1 / (entropy + 1e-3)
    return (weights[..., None] * probs).sum(dim=0) / weights.sum(dim=0)[:, None]


def moved_right(images: Tensor, pixels: int) -> Tensor:
    """What leaves on the right is gone: `roll` would bring it back on the left."""
    moved = torch.zeros_like(images)
    moved[..., pixels:] = images[..., : images.shape[-1] - pixels]
    return moved


def mean_of(states: list[dict], counts: list[int]) -> dict:
    """A client with twice as many images counts twice."""
    shares = [count / sum(counts) for count in counts]
    pairs = list(zip(shares, states, strict=True))
    return {name: sum(w * state[name] for w, state in pairs) for name in states[0]}
