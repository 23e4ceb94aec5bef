"""Several teachers of few images: who they are, and what they say together."""

from collections.abc import Generator
from functools import cache

import torch
from torch import Tensor, nn

from kdlab import experiments as lab
from kdlab.data import Columns, count, load_images, sample
from kdlab.hints import as_logits
from kdlab.metrics import entropy, soften
from kdlab.objectives import label_loss
from kdlab.training import cycle_of, last_of, predict, training_steps

STEPS, BATCH = 480, 64  # gradient steps of every student
MLP, CNN = "mlp-400", "cnn-8-16-64"
PEAKS = {"mlp-128": 1e-2, MLP: 8e-3, "mlp-3200": 4e-3}  # chosen on held-out images
PEAKS |= {CNN: 1.6e-2, "cnn-16-32-256": 1.6e-2, "cnn-4-8-32": 1e-2}


def new_net(name: str, seed: int) -> nn.Module:
    """An untrained net of a name such as "mlp-128" or "cnn-8-16-64"."""
    return (lab.new_cnn if name.startswith("cnn") else lab.new_student)(name, seed)


def epochs_of(images: int, steps: int = STEPS) -> int:
    """As many epochs of so many images as make about so many steps."""
    return max(1, round(steps / -(-images // BATCH)))


def images_of(labels: int, unlabelled: int, draw: int) -> Columns:
    """A student's images, of "fit"; the first `labels` are labelled for the teachers."""
    return sample(load_images("mnist", "fit"), labels + unlabelled, draw)


def teacher_steps(name: str, columns: Columns, seed: int) -> Generator:
    """Train a teacher of these images and labels step by step; return it."""
    net, epochs = new_net(name, seed), min(32, epochs_of(count(columns), 320))
    cycle = cycle_of(net, columns, PEAKS[name], epochs=epochs, batch_size=BATCH)
    yield from training_steps(net, columns, label_loss, seed=seed, **cycle)
    return net


def crowd_of(name: str, columns: Columns, teachers: int) -> list[nn.Module]:
    """So many teachers of the same images; only their seeds differ."""
    return [last_of(teacher_steps(name, columns, 100 + n)) for n in range(teachers)]


@cache
def teacher_of(name: str, labels: int, draw: int, number: int, own: bool) -> nn.Module:
    """One teacher, of the student's images or of as many others; a start of its own."""
    begin = (number + 1) * labels if own else 0
    images = images_of(begin + labels, 0, draw)
    images = {column: values[begin:] for column, values in images.items()}
    return last_of(teacher_steps(name, images, 100 * (draw + 1) + number))


@cache
def answers(teacher: tuple, unlabelled: int, split: str) -> Tensor:
    """One teacher's logits [N, 10] of the student's images, or of a split."""
    _, labels, draw, *_ = teacher
    fit = split == "fit"
    images = images_of(labels, unlabelled, draw) if fit else load_images("mnist", split)
    return predict(teacher_of(*teacher), images["images"])


def together(
    logits: Tensor, rule: str, temperature: float, labels: Tensor | None = None
) -> Tensor:
    """What teachers [K, N, 10] say together: logits [N, 10] for this temperature.

    The mean of their "probabilities" or "logits", their votes ("majority"), or the mean
    of probabilities weighted: "surer" by one over the entropy of an answer, "by labels"
    by the probability that each gives to the label [N].
    """
    if rule == "logits":
        return logits.mean(dim=0)
    if rule == "majority":
        votes = nn.functional.one_hot(logits.argmax(dim=2), logits.shape[2])
        return votes.sum(dim=0).float()
    probs, weights = soften(logits.double(), 1.0), torch.ones(logits.shape[:2])
    if rule == "surer":
        weights = 1 / (entropy(probs) + 1e-3)
    elif rule == "by labels":
        weights = probs.gather(2, labels.expand(len(logits), -1)[..., None])[..., 0]
    weights = weights / weights.sum(dim=0)
    mean = (weights[..., None] * soften(logits.double(), temperature)).sum(dim=0)
    return as_logits(mean, temperature).float()


def corrupted(logits: Tensor, liars: int) -> Tensor:
    """The same answers, but the last teachers mix up the classes, each in one way."""
    mixed = [one.roll(liar + 1, dims=1) for liar, one in enumerate(logits[-liars:])]
    return torch.stack([*logits[: len(logits) - liars], *mixed]) if liars else logits
