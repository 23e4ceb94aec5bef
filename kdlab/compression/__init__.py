"""Smaller nets: weights pruned, factorized, quantized; files that other engines run.

Nothing here changes the model it is given: each function returns a new one.
"""

from kdlab.compression.deployment import (
    engine,
    export,
    file_bytes,
    has_vnni,
    lacking,
    model_bytes,
    multiply_adds,
    processor,
    race,
    to_int8,
    zipped_bytes,
)
from kdlab.compression.layers import baked, layers_of
from kdlab.compression.low_rank import factorized
from kdlab.compression.page import to_page
from kdlab.compression.pruning import (
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
)
