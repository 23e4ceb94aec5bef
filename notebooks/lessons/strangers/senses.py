"""What is seen of a digit: moved, as shadows, one half of it, or a scan of its relief."""

import torch
from torch import Tensor, nn

from kdlab.data import scaled
from kdlab.seeds import random_numbers_from


def moved(images: Tensor, pixels: int) -> Tensor:
    """Each image [N, 1, 28, 28] moved by so many pixels, a quarter in each direction."""
    found, rest = torch.zeros_like(images), images.shape[3] - pixels
    found[0::4, :, pixels:] = images[0::4, :, :rest]  # down
    found[1::4, :, :rest] = images[1::4, :, pixels:]  # up
    found[2::4, ..., pixels:] = images[2::4, ..., :rest]  # to the right
    found[3::4, ..., :rest] = images[3::4, ..., pixels:]  # to the left
    return found


def shadows(images: Tensor) -> Tensor:
    """The mean of each row and each column: [N, 1, 28, 28] -> [N, 56]."""
    pixels = scaled(images)[:, 0]
    return torch.cat([pixels.mean(dim=2), pixels.mean(dim=1)], dim=1)


def half(images: Tensor, overlap: float = 1.0) -> Tensor:
    """14 of 28 columns: the left ones, or a window that shares a part with them."""
    begin = round(14 * (1 - overlap))
    return images[..., begin : begin + 14]


def scanned(images: Tensor, points: int, turn: float, seed: int) -> Tensor:
    """So many points (x, y, height) of each digit's ink: [N, 1, 28, 28] -> [N, P, 3].

    A digit is a relief as high as its ink; it is turned by up to `turn` degrees.
    """
    draw, pixels = torch.Generator().manual_seed(seed), scaled(images).flatten(1)
    places = torch.multinomial(pixels, points, replacement=True, generator=draw)
    within = torch.rand(2, *places.shape, generator=draw)
    across, down = places % 28 + within[0] - 14, places // 28 + within[1] - 14
    angle = (2 * torch.rand(len(images), 1, generator=draw) - 1) * turn * torch.pi / 180
    x = angle.cos() * across - angle.sin() * down
    y = angle.sin() * across + angle.cos() * down
    return torch.stack([x / 8, y / 8, pixels.gather(1, places)], dim=2)


class PointNet(nn.Module):
    """A small net at every point, the largest answers of all points, one last layer.

    Source: Qi et al. (2017), https://arxiv.org/abs/1612.00593
    """

    def __init__(self, *widths: int, seed: int = 0):
        """Layers of such widths at each point; the seed decides the weights."""
        super().__init__()
        layers: list[nn.Module] = []
        with random_numbers_from(seed):
            for before, after in zip([3, *widths], widths, strict=False):
                layers += [nn.Linear(before, after), nn.ReLU()]
            self.points, self.last = nn.Sequential(*layers), nn.Linear(widths[-1], 10)

    def forward(self, clouds: Tensor) -> Tensor:
        """[N, points, 3] -> logits [N, 10]; the order of the points does not matter."""
        return self.last(self.points(clouds).amax(dim=1))
