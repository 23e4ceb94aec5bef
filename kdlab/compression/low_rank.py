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
        single = layer.weight[0, 0].numel() == 1 and getattr(layer, "groups", 1) == 1
        if single and rank * (outputs + inputs) < outputs * inputs:
            matrix, pixel = layer.weight.detach().flatten(1), layer.weight.shape[2:]
            u, values, v = torch.linalg.svd(matrix, full_matrices=False)
            roots = values[:rank].sqrt()  # shared, so that both learn at one rate
            thin, wide = roots[:, None] * v[:rank], u[:, :rank] * roots
            pair = (part.view(*part.shape, *pixel) for part in (thin, wide))
            model.set_submodule(name, paired(layer, *pair))
    return model
