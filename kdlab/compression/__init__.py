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
from kdlab.compression.quantization import (
    CLIPS,
    Grid,
    affine_grid,
    code_range,
    dequantize,
    fake_quantize,
    fitting_step,
    grid_of,
    load_packed,
    on_grid,
    pack,
    quantize,
    save_packed,
    unpack,
)

__all__ = [
    "CLIPS",
    "Grid",
    "Mask",
    "affine_grid",
    "baked",
    "by_lot",
    "code_range",
    "dequantize",
    "factorized",
    "fake_quantize",
    "fitting_step",
    "grid_of",
    "kept_widths",
    "layers_of",
    "load_packed",
    "magnitude_masks",
    "masked",
    "narrowed",
    "on_grid",
    "pack",
    "quantize",
    "random_masks",
    "recalibrated",
    "save_packed",
    "sensitivity",
    "unpack",
]
