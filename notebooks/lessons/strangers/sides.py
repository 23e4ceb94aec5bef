"""Who sees what: images of the student, others of its teacher; digits moved, scanned."""

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdlab import experiments as lab
from kdlab.augmentations import jittered
from kdlab.data import Columns, load_images, sample, scaled
from kdlab.models import build_model
from kdlab.objectives import label_loss
from kdlab.training import Objective, cycle_of, last_of, predict, training_steps

PUPILS, TEACHERS = 10_000, 20_000  # images of each side; a draw has its own
MIXER = {"width": 32, "depth": 2, "image_size": 28, "colors": 1}
MIXER |= {"mean": 0.1307, "spread": 0.3081}
MOVED = 2  # pixels, of a teacher that is trained on moved digits
# epochs and peak of a teacher, chosen on held-out images
RECIPES = {"mlp-800": (8, 3e-3), "cnn-8-16-64": (3, 8e-3), "mixer": (3, 6e-3)}
RECIPES |= {"mlp-256": (4, 5e-3)}


@cache
def side(draw: int, whose: str) -> Columns:
    """The images of "pupil" or "teacher": none is of both, or of those who judge."""
    both = sample(load_images("mnist", "fit"), PUPILS + TEACHERS, draw)
    rows = slice(PUPILS) if whose == "pupil" else slice(PUPILS, None)
    return {name: column[rows] for name, column in both.items()}


def few(draw: int, images: int) -> Columns:
    """The first images of the pupil's side."""
    return {name: column[:images] for name, column in side(draw, "pupil").items()}


def new_net(name: str, seed: int, **sizes: int) -> nn.Module:
    """An untrained "mixer", or a net such as "mlp-128" or "cnn-4-8-32"."""
    if name == "mixer":
        return build_model("mixer", seed=seed, **MIXER)
    if name.startswith("cnn"):
        return lab.new_cnn(name, seed)
    widths = [int(width) for width in name.split("-")[1:]]
    return build_model("mlp", seed=seed, widths=widths, **sizes)


def learn(
    net: nn.Module, columns: Columns, objective: Objective, peak: float, **how: int
) -> nn.Module:
    """Train in one cycle and return the net; `how` is epochs, batch_size and seed."""
    seed = how.pop("seed")
    cycle = cycle_of(net, columns, peak, **how)
    last_of(training_steps(net, columns, objective, seed=seed, **cycle))
    return net


def on_moved(objective: Objective, pixels: int) -> Objective:
    """The objective on images, each moved by up to so many pixels."""

    def moved_first(model: nn.Module, batch: Columns) -> dict[str, Tensor]:
        return objective(model, {**batch, "images": jittered(batch["images"], pixels)})

    return moved_first if pixels else objective


@cache
def teacher_of(name: str, draw: int) -> nn.Module:
    """A teacher of its own images, such as "mlp-800" or "cnn-8-16-64, moved"."""
    kind, *moved = name.split(", ")
    objective = on_moved(label_loss, MOVED if moved else 0)
    (epochs, peak), seed = RECIPES[kind], 100 + draw
    how = {"epochs": epochs, "batch_size": 128, "seed": seed}
    return learn(new_net(kind, seed), side(draw, "teacher"), objective, peak, **how)


@cache
def said(name: str, draw: int) -> Tensor:
    """That teacher's logits [PUPILS, 10] of the pupil's side."""
    return predict(teacher_of(name, draw), side(draw, "pupil")["images"])


def moved(images: Tensor, pixels: int) -> Tensor:
    """Each image [N, 1, 28, 28] moved by so many pixels, a quarter in each direction."""
    padded, moved = F.pad(images, (pixels,) * 4), images.clone()
    ways = (0, 1), (2, 1), (1, 0), (1, 2)  # where the frame stands, in steps of pixels
    for quarter, (down, right) in enumerate(ways):
        frame = padded[quarter::4, :, down * pixels :, right * pixels :]
        moved[quarter::4] = frame[:, :, : images.shape[2], : images.shape[3]]
    return moved


def shadows(images: Tensor) -> Tensor:
    """The mean of each row and each column: [N, 1, 28, 28] -> [N, 56]."""
    pixels = scaled(images)[:, 0]
    return torch.cat([pixels.mean(dim=2), pixels.mean(dim=1)], dim=1)


def half(images: Tensor, overlap: float) -> Tensor:
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

    def __init__(self, *widths: int):
        """Layers of such widths at each point."""
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip([3, *widths], widths, strict=False):
            layers += [nn.Linear(before, after), nn.ReLU()]
        self.points, self.last = nn.Sequential(*layers), nn.Linear(widths[-1], 10)

    def forward(self, clouds: Tensor) -> Tensor:
        """[N, points, 3] -> logits [N, 10]; the order of the points does not matter."""
        return self.last(self.points(clouds).amax(dim=1))
