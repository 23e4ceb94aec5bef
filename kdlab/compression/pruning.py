"""Pruning: weights set to zero, which stays, or channels that are really taken out."""

import copy
from collections.abc import Callable, Sequence

import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from kdlab.compression.layers import LAYERS, cut, layers_of, through
from kdlab.data import Columns, check_images
from kdlab.models import Residual
from kdlab.training import evaluate, modes_of, set_modes
from kdlab.weights import refill

NORMS = nn.BatchNorm1d, nn.BatchNorm2d
Masks = dict[str, Tensor]  # of each layer: which weights are kept
Score = Callable[[nn.Module], Tensor]  # layer -> [outputs], small ones go first


class Mask(nn.Module):
    """A parametrization: a weight is what was learned where it is kept, else zero."""

    def __init__(self, keep: Tensor):
        """`keep` is bool, of the weight's shape; it travels with the weights."""
        super().__init__()
        self.keep = nn.Buffer(keep)

    def forward(self, weight: Tensor) -> Tensor:
        """The same shape; no gradient reaches what is removed."""
        return weight * self.keep

    def narrowed(self, outputs: Tensor, inputs: Tensor) -> "Mask":
        """That of a layer with these outputs and inputs alone."""
        return Mask(self.keep[outputs][:, inputs])


def check_share(share: float, name: str) -> None:
    """Raise ValueError unless a share to remove is in [0, 1)."""
    if not 0 <= share < 1:
        raise ValueError(f"{name} must be in [0, 1), got {share}: 1 leaves nothing.")


def without_smallest(scores: Tensor, share: float) -> Tensor:
    """Bool, of the scores' shape: false for this share of them, the smallest."""
    smallest = scores.flatten().topk(round(share * scores.numel()), largest=False)
    keep = torch.ones_like(scores, dtype=torch.bool)
    keep.view(-1)[smallest.indices] = False
    return keep


def magnitude_masks(model: nn.Module, sparsity: float, scope: str = "global") -> Masks:
    """Masks that remove the weights nearest to zero: of all, or of each layer.

    Args:
        model: its dense layers and convolutions are pruned, biases are not.
        sparsity: share of weights that become zero, in [0, 1).
        scope: "global" compares all weights, "layer" removes as many in each.

    Raises ValueError for another sparsity or scope, and for NaN weights.

    Source: Han et al. (2015), https://arxiv.org/abs/1506.02626
    """
    check_share(sparsity, "sparsity")
    if scope not in ("global", "layer"):
        raise ValueError(f"scope must be 'global' or 'layer', got {scope!r}.")
    sizes = {n: layer.weight.detach().abs() for n, layer in layers_of(model).items()}
    if scope == "layer":
        return {name: without_smallest(size, sparsity) for name, size in sizes.items()}
    flat = torch.cat([size.flatten() for size in sizes.values()])
    kept = without_smallest(flat, sparsity).split([s.numel() for s in sizes.values()])
    return {n: part.view_as(sizes[n]) for n, part in zip(sizes, kept, strict=True)}


def random_masks(model: nn.Module, sparsity: float, seed: int = 0) -> Masks:
    """Masks that remove weights by lot, as many in each layer."""
    check_share(sparsity, "sparsity")
    draw = torch.Generator().manual_seed(seed)
    return {
        name: without_smallest(torch.rand(layer.weight.shape, generator=draw), sparsity)
        for name, layer in layers_of(model).items()
    }


def masked(model: nn.Module, masks: Masks) -> nn.Module:
    """A copy whose removed weights are zero, and stay so while `fit` trains it.

    What was masked before stays masked. `baked` makes plain weights of it.
    """
    model = copy.deepcopy(model)
    layers = layers_of(model)
    if unknown := set(masks) - set(layers):
        raise ValueError(f"No layers {sorted(unknown)}; there are {list(layers)}.")
    for name, keep in masks.items():
        weight = layers[name].weight
        if keep.shape != weight.shape:
            wanted, found = tuple(weight.shape), tuple(keep.shape)
            raise ValueError(f"The mask of {name} must be {wanted}, got {found}.")
        through(layers[name], Mask(keep.bool().to(weight.device)))
    return model


def size_of_channels(layer: nn.Module) -> Tensor:
    """The L1 norm of what makes each output channel, [outputs].

    Source: Li et al. (2017), https://arxiv.org/abs/1608.08710
    """
    return layer.weight.detach().abs().flatten(1).sum(1)


def by_lot(seed: int = 0) -> Score:
    """A score for `narrowed` that says nothing about a channel."""
    draw = torch.Generator().manual_seed(seed)
    return lambda layer: torch.rand(len(layer.weight), generator=draw)


def chains(model: nn.Module) -> list[dict[str, nn.Module]]:
    """The layers where channels may go: all, or the inner ones of each `Residual`.

    What a block adds to the way beside it must fit, so that only its inside is pruned.
    """
    names = {p: n for n, p in model.named_modules() if "parametrizations" not in n}
    blocks = [part.inner for part in names if isinstance(part, Residual)] or [model]
    names = {p: n for p, n in names.items() if not isinstance(p, nn.Sequential)}
    return [{names[p]: p for p in block.modules() if p in names} for block in blocks]


def kept_widths(
    model: nn.Module, share: float | dict[str, int], multiple: int = 8
) -> dict[str, int]:
    """Of each layer that may lose channels: how many `narrowed` leaves it, by name."""
    widths = {}
    for chain in chains(model):
        layers = [n for n, part in chain.items() if isinstance(part, LAYERS)]
        widths |= {n: len(chain[n].weight) for n in layers[:-1]}
    if not isinstance(share, dict):
        check_share(share, "share")
        if multiple < 1:
            raise ValueError(f"multiple must be 1 or more, got {multiple}.")
        near = {n: int((1 - share) * w / multiple + 0.5) for n, w in widths.items()}
        return {n: min(w, multiple * max(1, near[n])) for n, w in widths.items()}
    for name, width in share.items():
        if name not in widths:
            raise ValueError(f"{name!r} cannot lose channels; {list(widths)} can.")
        if not 1 <= width <= widths[name]:
            most = f"Layer {name} has {widths[name]} channels"
            raise ValueError(f"{most} and must keep at least one of them, got {width}.")
    return widths | share


def narrowed(
    model: nn.Module,
    share: float | dict[str, int],
    *,
    multiple: int = 8,
    score: Score = size_of_channels,
) -> nn.Module:
    """A copy without this share of the output channels of every layer but the last.

    They are really taken out: of the layer, of its BatchNorm, and of the inputs of the
    next layer. Of a net with `Residual` blocks, the inner channels of each go.

    Args:
        model: a chain of layers, such as `mlp`, `cnn`, `convnet`, or a `resnet`.
        share: to remove, in [0, 1); or by name of layer the number of channels to keep.
        multiple: the number kept is rounded to multiples of it, and is one at least.
        score: layer -> [outputs]; those with the smallest are removed.

    Raises ValueError for another share, a layer without channels, NaN weights, and nets
    of other parts.
    """
    model = copy.deepcopy(model)
    layers_of(model)  # there are some, and they are finite
    widths = kept_widths(model, share, multiple)
    for chain in chains(model):
        kept, before = slice(None), 1  # channels that come in, of so many there were
        for name, part in chain.items():
            if isinstance(part, LAYERS) and getattr(part, "groups", 1) == 1:
                # after a flattened picture a channel is a block of inputs, its pixels
                blocks = torch.arange(part.weight.shape[1]).view(before, -1)
                inputs, before = blocks[kept].flatten(), len(part.weight)
                best = score(part).topk(widths.get(name, before)).indices
                kept = best.sort().values
                cut(part, kept, inputs)
            elif isinstance(part, NORMS):
                numbers = part.state_dict().items()
                refill(part, {n: x[kept] for n, x in numbers if x.ndim})
            elif list(part.parameters()):
                raise ValueError(
                    f"{name} is a {type(part).__name__}: its channels cannot be "
                    "removed. Give a chain of layers, no convolution in groups."
                )
    return model


def recalibrated(model: nn.Module, images: Tensor, batch_size: int = 200) -> nn.Module:
    """A copy whose BatchNorms know the mean and spread of what now reaches them.

    Images [N, C, H, W] need no labels; some thousand will do. All else stays as it is.
    They pass in train mode, as torch's `update_bn` has it: a dropout is at work.

    Raises ValueError if these are no images.
    """
    check_images(images)
    if not len(images):
        raise ValueError("Statistics are measured on images, got none: give a hundred.")
    model = copy.deepcopy(model)
    modes = modes_of(model)
    update_bn(images.split(batch_size), model)
    set_modes(modes)
    return model


def sensitivity(
    model: nn.Module, columns: Columns, sparsities: Sequence[float]
) -> pd.DataFrame:
    """Accuracy when one layer alone is pruned: a row a sparsity, a column a layer."""
    table = pd.DataFrame(index=pd.Index(sparsities, name="sparsity"))
    for sparsity in sparsities:
        for name, mask in magnitude_masks(model, sparsity, "layer").items():
            found = evaluate(masked(model, {name: mask}), columns)
            table.loc[sparsity, name] = found["accuracy"]
    return table
