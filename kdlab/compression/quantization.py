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
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn.utils import parametrize

from kdlab.compression.layers import baked, layers_of, through
from kdlab.weights import write_whole

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

    Zero is always on it: padding, a pruned weight and a ReLU's zeros stay what they
    are. A symmetric grid has the zero_point 0. Where all numbers are 0 the step is 1.

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
    """The codes of the nearest places on the grid, int8; beyond its ends the last."""
    places = (numbers * (1 / step)).round() + zero_point
    return places.clamp(*code_range(bits)).to(torch.int8)


def dequantize(codes: Tensor, step: Tensor, zero_point: Tensor | int = 0) -> Tensor:
    """The numbers that the codes stand for."""
    return (codes - zero_point) * step


def fake_quantize(
    numbers: Tensor, step: Tensor, zero_point: Tensor | int, bits: int
) -> Tensor:
    """`dequantize` of `quantize`, with a gradient: rounding counts as doing nothing.

    Numbers within the grid receive the gradient as it is, those beyond it none. A step
    receives round(x/s) − x/s within, and the last code beyond. (As for torch, `within`
    is what is rounded to a place that is there; the papers end it half a step before.)
    Steps broadcast: [] for all numbers, [outputs, 1, …] for each channel.

    Source: Bengio et al. (2013), https://arxiv.org/abs/1308.3432, the straight-through
    estimator; Esser et al. (2020), equation 3, https://arxiv.org/abs/1902.08153
    """
    places = numbers * (1 / step)  # as torch does, so that ties round alike
    codes = places.round() + zero_point
    held = codes.clamp(*code_range(bits))
    straight = places + (held - zero_point - places).detach()
    within = held == codes  # `clamp` gives the ends themselves no gradient
    return torch.where(within, straight, (held - zero_point).detach()) * step


class Grid(nn.Module):
    """A parametrization: weights [outputs, …] on a symmetric grid, trained through it.

    The step stays what it was at the start, or is learned, in units of that start: Adam
    moves every number by about the learning rate, which may be many times a small step.
    """

    def __init__(self, step: Tensor, bits: int, learned: bool = False):
        """With steps [] or [outputs, 1, …]: see `on_grid`."""
        super().__init__()
        self.bits = bits
        kind = nn.Parameter if learned else nn.Buffer
        self.start, self.scale = nn.Buffer(step), kind(torch.ones_like(step))

    @property
    def step(self) -> Tensor:
        """The distance between neighbours: [], or [outputs, 1, …]."""
        return self.start * self.scale.clamp(min=1e-3)  # never zero, never negative

    def forward(self, weight: Tensor) -> Tensor:
        """The same shape. LSQ shortens the gradient of a step, by this `share`."""
        step, sharing = self.step, weight.numel() / self.start.numel()
        if step.requires_grad:
            share = (sharing * code_range(self.bits)[1]) ** -0.5
            step.register_hook(lambda gradient: share * gradient)
        return fake_quantize(weight, step, 0, self.bits)

    def narrowed(self, outputs: Tensor, inputs: Tensor) -> "Grid":
        """That of a layer with these outputs and inputs alone."""
        cut = outputs if self.start.ndim else ...
        left = Grid(self.start[cut], self.bits, self.scale.requires_grad)
        left.scale.data = self.scale.data[cut]
        return left


def fitting_step(weight: Tensor, bits: int, per_channel: bool, clip: str) -> Tensor:
    """The step of a symmetric grid for a weight, [] or [outputs, 1, …]: see `on_grid`.

    Raises ValueError for another `clip`.
    """
    if clip not in ("max", "error"):
        raise ValueError(f"clip must be 'max' or 'error', got {clip!r}.")
    shared = (*range(1, weight.ndim),) if per_channel else (*range(weight.ndim),)
    most = weight.abs().amax(shared, keepdim=per_channel)
    widest, _ = affine_grid(-most, most, bits, symmetric=True)
    best, least = widest, torch.full_like(widest, torch.inf)
    for share in SHARES if clip == "error" else ():
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
    """A copy whose dense and convolution weights go through a `Grid`; biases do not.

    As it is, it is the model quantized after training; any `fit` trains through the
    grids. A mask of pruned weights is kept.

    Args:
        bits: 2 to 8.
        per_channel: a step for each output, or one for the layer.
        learned: the steps are trained, too (LSQ), where the weights are.
        clip: a grid ends at the largest weight, "max", or where the squared error is
            least, "error".

    Raises ValueError for other bits or clips, NaN weights, a model on grids already.
    """
    model = copy.deepcopy(model)
    for name, layer in layers_of(model).items():
        if grid_of(layer):
            raise ValueError(f"Layer {name} is on a grid: take the model before it.")
        step = fitting_step(layer.weight.detach(), bits, per_channel, clip)
        through(layer, Grid(step, bits, learned and layer.weight.requires_grad))
    return model


def grid_of(layer: nn.Module) -> Grid | None:
    """The grid of a layer's weights, if it has one."""
    parts = layer.parametrizations.weight if parametrize.is_parametrized(layer) else ()
    return next((part for part in parts if isinstance(part, Grid)), None)


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
    """Write a model on grids, codes packed and the rest in float32; its bytes.

    In one step. Raises ValueError for a model on no grid, OSError where nothing can be
    written.
    """
    tensors = {k: v for k, v in model.state_dict().items() if "parametriz" not in k}
    bits = {}
    for name, layer in layers_of(model).items():
        if grid := grid_of(layer):
            step, bits[name] = grid.step.detach().contiguous(), grid.bits
            codes = quantize(layer.weight.detach(), step, 0, grid.bits)
            tensors |= {f"{name}.codes": pack(codes.cpu(), grid.bits)}
            tensors |= {f"{name}.step": step}
    if not bits:
        raise ValueError("The model is on no grid: save on_grid(model, 4).")
    write_whole(path, save(tensors, {"bits": json.dumps(bits)}))
    return path.stat().st_size


def load_packed(path: Path, model: nn.Module) -> nn.Module:
    """A copy of a model of the same shapes, with the weights that `save_packed` stored.

    Raises FileNotFoundError, ValueError if the file is damaged or of another model.
    """
    if not path.exists():
        raise FileNotFoundError(f"No {path.name} in {path.parent}: save_packed first.")
    model = baked(model)
    try:
        with safe_open(path, framework="pt") as file:
            bits = json.loads(file.metadata()["bits"])
        tensors = load_file(path)
        for name, number in bits.items():
            shape = layers_of(model)[name].weight.shape
            codes = unpack(tensors.pop(f"{name}.codes"), number, shape)
            tensors[f"{name}.weight"] = dequantize(codes, tensors.pop(f"{name}.step"))
        model.load_state_dict(tensors)
    except (SafetensorError, RuntimeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path.name} is damaged or of another model ({error}): save it again."
        ) from error
    return model
