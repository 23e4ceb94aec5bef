"""Small architectures by name. Each takes images and returns logits.

Images are floats in [0, 1] or bytes: the first layer, `Normalize`, scales these.
"""

import inspect
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kdlab.data import scaled
from kdlab.seeds import random_numbers_from


class Normalize(nn.Module):
    """(images − mean) / spread; part of the model, so that no caller can forget it."""

    def __init__(self, mean: float, spread: float):
        """Store both as buffers: they travel with the weights and the device."""
        super().__init__()
        self.register_buffer("mean", torch.tensor(float(mean)))
        self.register_buffer("spread", torch.tensor(float(spread)))

    def forward(self, images: Tensor) -> Tensor:
        """Images in [0, 1] or bytes, of any shape; the same shape out.

        Raises ValueError for other whole numbers.
        """
        return (scaled(images) - self.mean).div_(self.spread)  # in place is quicker


def mlp(
    *,
    widths: Sequence[int] = (64,),
    inputs: int = 784,
    classes: int = 10,
    dropout: float = 0.0,
    mean: float = 0.1307,
    spread: float = 0.3081,
) -> nn.Sequential:
    """Fully connected ReLU net; images of `inputs` pixels, hidden layers of `widths`.

    Mean and spread are those of MNIST's training pixels by default.
    """
    layers: list[nn.Module] = [Normalize(mean, spread), nn.Flatten()]
    for before, after in zip([inputs, *widths], widths, strict=False):
        layers += [nn.Linear(before, after), nn.ReLU()]
        if dropout:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear([inputs, *widths][-1], classes))


def cnn(
    *,
    channels: Sequence[int] = (16, 32),
    hidden: int = 128,
    image_size: int = 28,
    colors: int = 1,
    classes: int = 10,
    mean: float = 0.1307,
    spread: float = 0.3081,
) -> nn.Sequential:
    """3×3 convolutions, each with ReLU and 2×2 max-pooling, then one hidden layer."""
    layers: list[nn.Module] = [Normalize(mean, spread)]
    for before, after in zip([colors, *channels], channels, strict=False):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    side = image_size // 2 ** len(channels)
    layers += [nn.Flatten(), nn.Linear(channels[-1] * side**2, hidden), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(hidden, classes))


ARCHITECTURES = {"mlp": mlp, "cnn": cnn}


def build_model(name: str, *, seed: int = 0, **sizes: object) -> nn.Module:
    """A new model; the seed decides its weights, and no other random number moves.

    Raises ValueError for a name or a size that is not there, naming those that are.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"No architecture {name!r}; there are {list(ARCHITECTURES)}.")
    known = inspect.signature(ARCHITECTURES[name]).parameters
    if unknown := set(sizes) - set(known):
        raise ValueError(f"{name!r} has no {sorted(unknown)}; it has {list(known)}.")
    with random_numbers_from(seed):
        return ARCHITECTURES[name](**sizes)


def count_parameters(model: nn.Module) -> int:
    """Number of trainable numbers in the model."""
    return sum(parameter.numel() for parameter in model.parameters())
