"""Smaller nets of many kinds, and how one learns again what pruning took from it."""

from collections.abc import Generator

from torch import Tensor, nn

from kdlab.augmentations import shifted
from kdlab.compression import (
    baked,
    by_lot,
    factorized,
    kept_widths,
    layers_of,
    magnitude_masks,
    masked,
    narrowed,
    random_masks,
)
from kdlab.data import Columns
from kdlab.models import build_model
from kdlab.objectives import blended_loss, label_loss
from kdlab.training import cycle_of, training_steps

STAGES = 3  # of gradual pruning


def smaller(how: str, net: nn.Module, share: float, seed: int = 0) -> nn.Module:
    """A copy of the net without this share of its weights, channels or rank.

    The seed is that of chance: of what goes by lot, and of a net's first weights.
    """
    match how.removeprefix("gradual "):
        case "weights":
            return masked(net, magnitude_masks(net, share))
        case "weights by layer":
            return masked(net, magnitude_masks(net, share, "layer"))
        case "random weights":
            return masked(net, random_masks(net, share, seed))
        case "channels":
            return narrowed(net, share)
        case "random channels":
            return narrowed(net, share, score=by_lot(seed))
        case "rank":
            return factorized(net, 1 - share)
        case "from scratch":
            return untrained(narrowed(net, share), seed)
    raise ValueError(f"There is no way {how!r} to make a net smaller.")


def untrained(net: nn.Module, seed: int) -> nn.Module:
    """A `cnn` of the same shape as this one, with the first weights of a seed."""
    *widths, _ = widths_of(net)
    sizes = {"channels": widths[:-1], "hidden": widths[-1]}
    sizes |= {"mean": net[0].mean.item(), "spread": net[0].spread.item()}
    return build_model("cnn", seed=seed, **sizes).train(net.training)


def widths_of(net: nn.Module) -> list[int]:
    """How many outputs each layer has; a pair of low rank counts as two layers."""
    return [len(layer.weight) for layer in layers_of(net).values()]


def weights_left(net: nn.Module) -> int:
    """How many of its numbers, biases too, are not zero."""
    return sum(int(numbers.count_nonzero()) for numbers in baked(net).parameters())


def shares_of(how: str, share: float) -> list[float]:
    """What is gone after each stage: each leaves the same part of what was there."""
    stages = STAGES if how.startswith("gradual") else 1
    return [1 - (1 - share) ** (n / stages) for n in range(1, stages)] + [share]


def pruning_steps(
    net: nn.Module,
    train_set: Columns,
    *,
    how: str,
    share: float,
    learning_rate: float,
    method: str = "labels",
    temperature: float | None = None,
    epochs: int = 15,
    batch_size: int = 64,
    shift: int = 0,
    seed: int = 0,
) -> Generator:
    """Make a copy of the net smaller and train it, step by step; return it.

    Gradual ways do both in STAGES; the epochs are shared by these, so that all ways
    take as many steps. `method` is "labels", or "teacher" for what teacher_logits say.
    """
    told = label_loss if method == "labels" else blended_loss(temperature, 1.0)

    def objective(model: nn.Module, batch: Columns) -> dict[str, Tensor]:
        images = shifted(batch["images"], shift) if shift else batch["images"]
        return told(model, {**batch, "images": images})

    made, parts = net, shares_of(how, share)
    length = {"epochs": epochs // len(parts), "batch_size": batch_size}
    for part in parts:
        if how == "gradual channels":  # shares of what there was at first
            made = narrowed(made, kept_widths(net, part))
        else:
            made = smaller(how, made, part, seed)
        made.requires_grad_(True)
        cycle = cycle_of(made, train_set, learning_rate, **length)
        yield from training_steps(made, train_set, objective, seed=seed, **cycle)
    return made
