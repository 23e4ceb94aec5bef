"""A control to draw on; its value is the drawing in the form of MNIST's images.

The browser's half is `pad.js`, which makes the image, and `drawing.js`, the control.
"""

import base64
from pathlib import Path

import anywidget
import ipywidgets as widgets
import torch
import traitlets
from torch import Tensor

FOLDER = Path(__file__).parent
SIDE = 28  # pixels
REFUSED = {  # values of a pad that are no image, and what is said instead of an answer
    "": "Nothing is drawn yet: draw a digit, 0 to 9, on the pad.",
    "dot": "This is little more than a dot: draw larger, or with a thinner pen.",
    "full": "Nearly all is ink: press Clear, and draw a digit.",
}


class DrawingPad(anywidget.AnyWidget, widgets.ValueWidget):
    """Paper, a pen, and what the net is given; `drawing_pad` makes one."""

    _esm = "".join(
        (FOLDER / f"{name}.js").read_text("utf-8") for name in ("pad", "drawing")
    )
    _css = FOLDER / "pad.css"
    value = traitlets.Unicode().tag(sync=True)
    description = traitlets.Unicode().tag(sync=True)

    @traitlets.validate("value")
    def _check(self, proposal: dict) -> str:
        if proposal["value"] not in REFUSED:
            try:
                drawn_image(proposal["value"])
            except ValueError as error:
                raise traitlets.TraitError(str(error)) from error
        return proposal["value"]


def drawing_pad(description: str = "draw a digit") -> DrawingPad:
    """A control for `explore`; `drawn_image` turns its value into an image."""
    return DrawingPad(description=description)


def drawn_image(value: str) -> Tensor:
    """What is drawn, as bytes [1, 28, 28]: 0 is paper, 255 is ink.

    Raises ValueError, in a sentence for the reader, if no digit is drawn: nothing, a
    dot, or nearly everything; or if this is no value of a pad.
    """
    if value in REFUSED:
        raise ValueError(REFUSED[value])
    try:
        pixels = bytearray(base64.b64decode(value, validate=True))
    except ValueError:
        pixels = b""
    if len(pixels) != SIDE * SIDE:
        raise ValueError(
            f"A drawing is {SIDE * SIDE} bytes in base64, or one of {[*REFUSED]}, "
            f"received {value[:20]!r}: make it with drawn_value(image)."
        )
    return torch.frombuffer(pixels, dtype=torch.uint8).reshape(1, SIDE, SIDE)


def drawn_value(image: Tensor) -> str:
    """The value of a pad that shows this image, bytes [1, 28, 28]: for presets.

    Raises ValueError for another shape or type.
    """
    if image.shape != (1, SIDE, SIDE) or image.dtype != torch.uint8:
        raise ValueError(
            f"A pad shows bytes [1, {SIDE}, {SIDE}], received {image.dtype} "
            f"{[*image.shape]}: scale it to 0..255 and cast it by .byte()."
        )
    return base64.b64encode(image.contiguous().numpy().tobytes()).decode()
