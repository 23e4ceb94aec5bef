"""The layers of a net whose weights a compression touches, and how one is cut."""

import copy

from torch import Tensor, nn
from torch.nn.utils import parametrize

from kdlab.weights import refill

LAYERS = nn.Linear, nn.Conv2d


def layers_of(model: nn.Module) -> dict[str, nn.Module]:
    """The dense layers and convolutions by name, from the first to the last.

    Raises ValueError if there are none, or if their weights are not finite.
    """
    layers = {n: part for n, part in model.named_modules() if isinstance(part, LAYERS)}
    if not layers:
        raise ValueError("The model has no dense layer and no convolution to compress.")
    for name, layer in layers.items():
        if not layer.weight.isfinite().all():
            raise ValueError(
                f"Layer {name} has weights that are NaN or infinite: train it again, "
                "with a smaller learning rate."
            )
    return layers


def baked(model: nn.Module) -> nn.Module:
    """A copy with plain weights: what masks and grids made of them is kept as it is."""
    model = copy.deepcopy(model)
    for layer in layers_of(model).values():
        stripped(layer, layer.weight)
    return model


def stripped(layer: nn.Module, weight: Tensor) -> list[nn.Module]:
    """Take off the layer's parametrizations, which are returned, and set its weight."""
    if not parametrize.is_parametrized(layer):
        return []
    gone = layer.parametrizations.weight
    del layer.parametrizations  # by hand: torch's own way breaks copies of the layer
    layer.__class__ = layer.__class__.__bases__[0]
    trained = gone.original.requires_grad
    layer.weight = nn.Parameter(weight.detach().clone(), requires_grad=trained)
    return list(gone)


def through(layer: nn.Module, part: nn.Module) -> None:
    """Let the layer's weight go through a parametrization, in place."""
    parametrize.register_parametrization(layer, "weight", part)
    layer.parametrizations.train(layer.training)  # new parts come in train mode


def cut(layer: nn.Module, outputs: Tensor, inputs: Tensor) -> None:
    """Leave these outputs and inputs of a layer, in place; its masks are cut, too."""
    masked = parametrize.is_parametrized(layer)
    whole = layer.parametrizations.weight.original if masked else layer.weight
    masks = stripped(layer, whole)
    bias = {} if layer.bias is None else {"bias": layer.bias[outputs]}
    refill(layer, {"weight": whole[outputs][:, inputs], **bias})
    for mask in masks:
        through(layer, mask.narrowed(outputs, inputs))
