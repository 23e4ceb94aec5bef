"""Low rank: a layer's matrix as a product of two thin ones."""

import torch
from torch import nn

from kdlab.compression.layers import baked, layers_of
from kdlab.weights import paired


def factorized(model: nn.Module, share: float) -> nn.Module:
    """A copy whose dense layers and 1×1 convolutions are pairs of lower rank.

    A weight [outputs, inputs] becomes [outputs, rank] times [rank, inputs], the nearest
    of this rank. The bias stays with the second. A layer is left as it is where the
    pair would hold as many numbers, and so is the last: with a rank below the number of
    classes some could hardly be answered.

    Args:
        model: any; masks and grids are baked first.
        share: rank, as a share of the full one, in (0, 1].

    Raises ValueError for another share, and for NaN weights.

    Source: Denton et al. (2014), https://arxiv.org/abs/1404.0736
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be in (0, 1], got {share}.")
    model = baked(model)
    for name, layer in list(layers_of(model).items())[:-1]:
        outputs, inputs = layer.weight.shape[:2]
        rank = max(1, round(share * min(outputs, inputs)))
        matrix = layer.weight[0, 0].numel() == 1 and getattr(layer, "groups", 1) == 1
        if matrix and rank * (outputs + inputs) < outputs * inputs:
            model.set_submodule(name, low_rank_pair(layer, rank))
    return model


def low_rank_pair(layer: nn.Module, rank: int) -> nn.Sequential:
    """The layer as two, of its largest singular values.

    These are shared equally, so that both layers learn at one rate.
    """
    matrix, pixel = layer.weight.detach().flatten(1), layer.weight.shape[2:]
    u, values, v = torch.linalg.svd(matrix, full_matrices=False)
    roots = values[:rank].sqrt()
    thin, wide = roots[:, None] * v[:rank], u[:, :rank] * roots
    return paired(layer, thin.view(*thin.shape, *pixel), wide.view(*wide.shape, *pixel))
