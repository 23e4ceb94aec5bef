"""Small architectures by name. Each takes images and returns logits.

Images are floats in [0, 1] or bytes: the first layer, `Normalize`, scales these.
"""

import inspect
from collections.abc import Sequence

import torch
import torch.nn.functional as F
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


def convnet(
    *,
    widths: Sequence[int] = (64, 256, 256),
    depth: int = 2,
    divisor: float = 1.0,
    colors: int = 3,
    classes: int = 10,
    mean: float = 0.4734,
    spread: float = 0.2516,
) -> nn.Sequential:
    """A block for each width, each of `depth` 3×3 convolutions, for colour pictures.

    A 2×2 convolution comes first, which `whiten` sets; each block halves the picture;
    each convolution is followed by BatchNorm and GELU, and starts by handing through
    what it is given. The logits are divided by `divisor`. Mean and spread are those of
    CIFAR-10's training pixels.

    Source: Jordan (2024), section 3, https://arxiv.org/abs/2404.00498
    """
    first = 8 * colors  # both signs of each direction of a 2×2 patch
    layers = [Normalize(mean, spread), nn.Conv2d(colors, first, 2), nn.GELU()]
    for before, width in zip([first, *widths], widths, strict=False):
        for number in range(depth):
            channels = width if number else before
            layer = nn.Conv2d(channels, width, 3, padding=1, bias=False)
            nn.init.dirac_(layer.weight[:channels])
            norm = nn.BatchNorm2d(width)
            norm.weight.requires_grad_(False)  # the next convolution has a scale
            layers += [layer, *([] if number else [nn.MaxPool2d(2)]), norm, nn.GELU()]
    last = nn.Linear(widths[-1], classes, bias=False)
    ends = [nn.AdaptiveMaxPool2d(1), nn.Flatten(), last, Normalize(0, divisor)]
    return nn.Sequential(*layers, *ends)


def whiten(model: nn.Sequential, images: Tensor) -> None:
    """Set a `convnet`'s first convolution to the directions of the images' patches.

    Each direction in which 2×2 patches vary gets a filter of each sign, scaled so that
    all vary alike; it stays so while the rest learns. Images [N, C, H, W], some
    thousand of them.
    """
    normalize, first = model[0], model[1]
    patches = (
        F.unfold(normalize(images), first.kernel_size).movedim(1, -1).flatten(0, 1)
    )
    variances, directions = torch.linalg.eigh(patches.T.cov())
    filters = (directions / (variances + 5e-4).sqrt()).T.view(
        -1, *first.weight.shape[1:]
    )
    first.weight.requires_grad_(False).copy_(torch.cat([filters, -filters]))


class Residual(nn.Module):
    """Two 3×3 convolutions beside a way that hands the picture through."""

    def __init__(self, before: int, width: int, stride: int):
        """`stride` 2 halves the picture; new channels are zeros in the way beside."""
        super().__init__()
        self.before, self.width, self.stride = before, width, stride
        self.inner = nn.Sequential(
            nn.Conv2d(before, width, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """[B, before, H, W] -> [B, width, H / stride, W / stride]."""
        beside = maps[:, :, :: self.stride, :: self.stride]
        new = self.width - self.before
        beside = F.pad(beside, (0, 0, 0, 0, new // 2, new - new // 2))
        return F.relu(self.inner(maps) + beside)


def resnet(
    *,
    depth: int = 20,
    width: int = 16,
    colors: int = 3,
    classes: int = 10,
    mean: float = 0.4734,
    spread: float = 0.2516,
) -> nn.Sequential:
    """The residual net of 6n + 2 layers that the literature trains on CIFAR-10.

    Raises ValueError for another depth.

    Source: He, Zhang, Ren & Sun (2015), section 4.2, https://arxiv.org/abs/1512.03385
    """
    if depth < 8 or depth % 6 != 2:
        raise ValueError(f"depth must be 6n + 2, such as 8, 14 or 20, got {depth}.")
    first = nn.Conv2d(colors, width, 3, padding=1, bias=False)
    layers = [Normalize(mean, spread), first, nn.BatchNorm2d(width), nn.ReLU()]
    for stage in range(3):
        for number in range(depth // 6):
            halve = stage > 0 and number == 0
            now = width * 2**stage
            layers.append(Residual(now // 2 if halve else now, now, 2 if halve else 1))
    last = nn.Linear(4 * width, classes)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), last)


class Mixed(nn.Module):
    """A part of a `mixer`: patches talk to each other, then the channels of each."""

    def __init__(self, patches: int, width: int):
        """Of [B, patches, width]."""
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.of_patches = nn.Sequential(
            nn.Linear(patches, patches), nn.GELU(), nn.Linear(patches, patches)
        )
        self.of_channels = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """[B, patches, width] -> the same shape."""
        tokens = tokens + self.of_patches(self.norms[0](tokens).mT).mT
        return tokens + self.of_channels(self.norms[1](tokens))


def mixer(
    *,
    width: int = 128,
    depth: int = 4,
    patch: int = 4,
    image_size: int = 32,
    colors: int = 3,
    classes: int = 10,
    mean: float = 0.4734,
    spread: float = 0.2516,
) -> nn.Sequential:
    """An MLP-mixer: patches become vectors, which dense layers mix; one convolution.

    Source: Tolstikhin et al. (2021), section 2, https://arxiv.org/abs/2105.01601
    """
    cut = nn.Conv2d(colors, width, patch, stride=patch)
    layers = [Normalize(mean, spread), cut, nn.Flatten(2), Transposed()]
    patches = (image_size // patch) ** 2
    layers += [Mixed(patches, width) for _ in range(depth)]
    ends = [nn.LayerNorm(width), Transposed(), nn.AdaptiveAvgPool1d(1), nn.Flatten()]
    return nn.Sequential(*layers, *ends, nn.Linear(width, classes))


class Transposed(nn.Module):
    """[B, N, M] -> [B, M, N]."""

    def forward(self, numbers: Tensor) -> Tensor:
        """The last two axes change places."""
        return numbers.mT


ARCHITECTURES = {
    "mlp": mlp,
    "cnn": cnn,
    "convnet": convnet,
    "resnet": resnet,
    "mixer": mixer,
}


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
