"""Solutions of notebook 07: what is cut together, and what is compared with what."""

import torch
from torch import Tensor, nn

from kdlab.compression import baked, zipped_bytes


def take_out(
    weight: Tensor, bias: Tensor, next_weight: Tensor, kept: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """To the layer behind the flattened picture each channel is a block of pixels."""
    blocks = next_weight.unflatten(1, (len(weight), -1))  # [outputs, channels, pixels]
    return weight[kept], bias[kept], blocks[:, kept].flatten(1)


def speed_up(eager: Tensor, engine: Tensor, pruned: Tensor) -> Tensor:
    """What pruning does shows beside the whole net in the same engine."""
    return torch.median(engine) / torch.median(pruned)


def times_smaller(whole: nn.Module, pruned: nn.Module) -> float:
    """Masks are files, too: bake them in. Then zip both."""
    return zipped_bytes(whole) / zipped_bytes(baked(pruned))
