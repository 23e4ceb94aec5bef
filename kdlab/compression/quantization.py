"""Numbers on a grid of few bits: the grid, training through it, and packed bytes.

A code of b bits is a whole number from −2^(b−1) to 2^(b−1) − 1; it stands for the
number step · (code − zero_point). Engines that count from 0 mean the same grid.
"""

import copy
import json
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.utils import parametrize

from kdlab.compression.layers import baked, layers_of

CLIPS = "max", "error"
SHARES = torch.logspace(0, -1.3, 66).tolist()  # of the largest weight, down to 5 %


def code_range(bits: int) -> tuple[int, int]:
    """The lowest and the highest code. Raises ValueError but for 2 to 8 bits."""
    if isinstance(bits, bool) or bits not in range(2, 9):
        raise ValueError(f"bits must be a whole number from 2 to 8, got {bits!r}.")
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def affine_grid(
    low: Tensor, high: Tensor, bits: int, symmetric: bool = False
) -> tuple[Tensor, Tensor]:
    """(step, zero_point) of the grid that reaches from `low` to `high`, any shape each.

    Zero is always on the grid: a padded pixel, a pruned weight and a ReLU's zeros stay
    what they are. A symmetric grid reaches equally far both ways, its zero_point is 0.
    Where all numbers are zero the step is 1.

    Source: Jacob et al. (2018), section 2.1, https://arxiv.org/abs/1712.05877
    """
    lowest, highest = code_range(bits)
    low, high = low.clamp(max=0), high.clamp(min=0)
    step = (high - low) / (highest - lowest)
    if symmetric:
        step = torch.maximum(-low, high) / highest
    step = step.where(step > torch.finfo(step.dtype).tiny, 1.0)
    zero_point = torch.zeros_like(step) if symmetric else lowest - (low / step).round()
    return step, zero_point


def quantize(
    numbers: Tensor, step: Tensor, zero_point: Tensor | int, bits: int
) -> Tensor:
    """The code of the nearest place on the grid, int8; beyond its ends the last one."""
    places = (numbers * (1 / step)).round() + zero_point
    return places.clamp(*code_range(bits)).to(torch.int8)


def dequantize(codes: Tensor, step: Tensor, zero_point: Tensor | int = 0) -> Tensor:
    """The numbers that the codes stand for."""
    return (codes - zero_point) * step


def fake_quantize(
    numbers: Tensor, step: Tensor, zero_point: Tensor | int, bits: int
) -> Tensor:
    """`dequantize` of `quantize`, with a gradient: rounding counts as doing nothing.

    The numbers receive the gradient as it is, but for those beyond the grid's ends,
    which receive none. The step receives round(x/s) − x/s inside, and the last code
    outside. Steps broadcast: [] for all numbers, [outputs, 1, …] for each channel.

    Source: Bengio et al. (2013), https://arxiv.org/abs/1308.3432, the straight-through
    estimator; Esser et al. (2020), equation 3, https://arxiv.org/abs/1902.08153
    """
    places = numbers * (1 / step)  # as torch does, so that ties round alike
    codes = places + (places.round() - places).detach() + zero_point
    return (codes.clamp(*code_range(bits)) - zero_point) * step


class Grid(nn.Module):
    """A parametrization: weights [outputs, …] on a symmetric grid, trained through it.

    The step stays what it was at the start, or is learned. It is stored in units of
    that start, as Adam moves every number by about the learning rate: a share of the
    step here, and not many times a small step.
    """

    def __init__(
        self,
        weight: Tensor,
        bits: int,
        per_channel: bool = True,
        learned: bool = False,
        clip: str = "max",
    ):
        """A grid that fits this weight; see `on_grid`."""
        super().__init__()
        self.bits, weight = bits, weight.detach()
        self.register_buffer("unit", fitting_step(weight, bits, per_channel, clip))
        ones = torch.ones_like(self.unit)
        if learned:
            self.scale = nn.Parameter(ones)
        else:
            self.register_buffer("scale", ones)

    @property
    def step(self) -> Tensor:
        """The distance between neighbours: [], or [outputs, 1, …]."""
        return self.unit * self.scale.clamp(min=1e-3)  # never zero, never negative

    def forward(self, weight: Tensor) -> Tensor:
        """The same shape, at most 2^bits values a step.

        LSQ divides the gradient of a step by √(weights that share it · highest code).
        """
        sharing = weight.numel() / self.unit.numel()
        less = (sharing * code_range(self.bits)[1]) ** -0.5
        step = self.step * less + (self.step * (1 - less)).detach()
        return fake_quantize(weight, step, 0, self.bits)

    def narrowed(self, outputs: Tensor, inputs: Tensor) -> "Grid":
        """The grid of the weights that are left: these outputs; inputs share steps."""
        left = copy.deepcopy(self)
        if self.unit.ndim:
            left.unit, scale = self.unit[outputs], self.scale.detach()[outputs]
            left.scale = nn.Parameter(scale) if self.scale.requires_grad else scale
        return left


def fitting_step(weight: Tensor, bits: int, per_channel: bool, clip: str) -> Tensor:
    """The step of a symmetric grid: [], or [outputs, 1, …].

    "max" reaches to the largest weight, "error" where the squared error is least.
    """
    if clip not in CLIPS:
        raise ValueError(f"clip must be one of {[*CLIPS]}, got {clip!r}.")
    shared = (*range(1, weight.ndim),) if per_channel else (*range(weight.ndim),)
    most = weight.abs().amax(shared, keepdim=per_channel)
    best, _ = affine_grid(-most, most, bits, symmetric=True)
    if clip == "max":
        return best
    widest, least = best, torch.full_like(best, torch.inf)
    for share in SHARES:
        wrong = weight - fake_quantize(weight, share * widest, 0, bits)
        error = wrong.square().mean(shared, keepdim=per_channel)
        best = torch.where(error < least, share * widest, best)
        least = torch.minimum(error, least)
    return best


def on_grid(
    model: nn.Module,
    bits: int,
    *,
    per_channel: bool = True,
    learned: bool = False,
    clip: str = "max",
) -> nn.Module:
    """A copy whose linear and convolution weights go through a `Grid`; biases do not.

    As it is, the copy is the model quantized after training; any `fit` trains through
    the grids, those of frozen weights apart. A mask of pruned weights is kept.

    Args:
        bits: 2 to 8.
        per_channel: a step for each output, or one for the layer.
        learned: whether the steps are trained, too (LSQ).
        clip: where a grid ends: at the largest weight ("max"), or where the squared
            error is least ("error").

    Raises ValueError for other bits or clips, NaN weights, a model on grids already.
    """
    code_range(bits)
    model = copy.deepcopy(model)
    for name, layer in layers_of(model).items():
        if grid_of(layer):
            raise ValueError(f"{name} is on a grid already: take the model before it.")
        learns = learned and layer.weight.requires_grad
        grid = Grid(layer.weight, bits, per_channel, learns, clip)
        parametrize.register_parametrization(layer, "weight", grid)
    return model


def grid_of(layer: nn.Module) -> Grid | None:
    """The grid of a layer's weights, if it has one."""
    if not parametrize.is_parametrized(layer, "weight"):
        return None
    found = [part for part in layer.parametrizations.weight if isinstance(part, Grid)]
    return found[0] if found else None


def pack(codes: Tensor, bits: int) -> Tensor:
    """The codes [...], bit behind bit, as bytes [⌈bits · numbers / 8⌉]."""
    places = (codes.flatten().int() - code_range(bits)[0]).unsqueeze(1)
    ones = places >> torch.arange(bits) & 1
    return torch.from_numpy(np.packbits(ones.byte().numpy()))


def unpack(packed: Tensor, bits: int, shape: torch.Size) -> Tensor:
    """The codes of this shape, int8, from the bytes that `pack` made of them."""
    ones = np.unpackbits(packed.numpy(), count=bits * shape.numel())
    places = torch.from_numpy(ones).view(-1, bits).int() << torch.arange(bits)
    return (places.sum(dim=1) + code_range(bits)[0]).to(torch.int8).view(shape)


def save_packed(path: Path, model: nn.Module) -> int:
    """Write a model on grids: packed codes and steps, the rest in fp32; its bytes.

    In one step. Raises ValueError for a model on no grid, OSError where nothing can be
    written.
    """
    on_grids = {n: (p, grid_of(p)) for n, p in layers_of(model).items() if grid_of(p)}
    if not on_grids:
        raise ValueError(
            "The model is on no grid: save_packed(path, on_grid(model, 4))."
        )
    own = [
        (n, v) for n, v in model.state_dict().items() if ".parametrizations." not in n
    ]
    tensors = {name: value.cpu().contiguous() for name, value in own}
    for name, (layer, grid) in on_grids.items():
        codes = quantize(layer.weight.detach(), grid.step, 0, grid.bits)
        tensors[f"{name}.codes"] = pack(codes.cpu(), grid.bits)
        tensors[f"{name}.step"] = grid.step.detach().cpu().contiguous()
    bits = json.dumps({name: grid.bits for name, (_, grid) in on_grids.items()})
    unfinished = path.with_suffix(".unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, unfinished, metadata={"bits": bits})
        unfinished.replace(path)
    except (OSError, SafetensorError) as error:
        raise OSError(
            f"Nothing can be written to {path} ({error}). Choose another folder."
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return path.stat().st_size


def load_packed(path: Path, model: nn.Module) -> nn.Module:
    """A copy of this model with the plain weights that a file of `save_packed` tells.

    Raises FileNotFoundError, ValueError if the file is damaged or of another model.
    """
    if not path.exists():
        raise FileNotFoundError(
            f"No {path.name} in {path.parent}: save_packed writes it."
        )
    model = baked(model)
    shapes = {name: value.shape for name, value in model.state_dict().items()}
    try:
        with safe_open(path, framework="pt") as file:
            bits = json.loads(file.metadata()["bits"])
        tensors = load_file(path)
        for name, number in bits.items():
            packed, step = tensors.pop(f"{name}.codes"), tensors.pop(f"{name}.step")
            codes = unpack(packed, number, shapes[f"{name}.weight"])
            tensors[f"{name}.weight"] = dequantize(codes, step)
        model.load_state_dict(tensors)
    except (SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path.name} is damaged, or of another model ({error}). Write it again "
            "with save_packed."
        ) from error
    return model
