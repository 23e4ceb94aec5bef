"""Smaller nets: weights pruned, factorized, quantized; files that other engines run.

Nothing here changes the model it is given: each function returns a new one.
"""

from kdlab.compression.layers import baked, layers_of
from kdlab.compression.low_rank import factorized
from kdlab.compression.pruning import (
    Mask,
    by_lot,
    kept_widths,
    magnitude_masks,
    masked,
    narrowed,
    random_masks,
    recalibrated,
    sensitivity,
)

__all__ = [
    "Mask",
    "baked",
    "by_lot",
    "factorized",
    "kept_widths",
    "layers_of",
    "magnitude_masks",
    "masked",
    "narrowed",
    "random_masks",
    "recalibrated",
    "sensitivity",
]
