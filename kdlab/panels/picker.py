"""A control that shows real images: thumbnails to choose from, as radio buttons."""

import io
from pathlib import Path

import anywidget
import ipywidgets as widgets
import numpy as np
import traitlets
from PIL import Image

FOLDER = Path(__file__).parent


class ImagePicker(anywidget.AnyWidget, widgets.ValueWidget):
    """Thumbnails as a group of radio buttons; `image_picker` makes one."""

    _esm = FOLDER / "picker.js"
    _css = FOLDER / "panels.css"
    value = traitlets.Int().tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    description = traitlets.Unicode().tag(sync=True)
    sprite = traitlets.Bytes().tag(sync=True)  # one PNG: all images side by side
    min, step = 0, 1  # with `max`: countable positions, like a slider's

    @property
    def max(self) -> int:
        """The last position."""
        return len(self.names) - 1

    @traitlets.validate("value")
    def _check(self, proposal: dict) -> int:
        if not 0 <= proposal["value"] <= self.max:
            raise traitlets.TraitError(
                f"Pick one of 0 to {self.max}, received {proposal['value']}."
            )
        return proposal["value"]


def as_bytes(images: object) -> np.ndarray:
    """Images [n, H, W] or [n, 1 or 3, H, W] as uint8 [n, H, W] or [n, H, W, 3].

    Raises ValueError for other shapes and for floats outside [0, 1].
    """
    array = np.asarray(images.cpu() if hasattr(images, "cpu") else images)
    if array.ndim == 4 and array.shape[1] in (1, 3):
        array = array[:, 0] if array.shape[1] == 1 else array.transpose(0, 2, 3, 1)
    elif array.ndim != 3:
        raise ValueError(
            f"Expected images [n, H, W] or [n, 1 or 3, H, W], got {list(array.shape)}."
        )
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f" or not (array.min() >= 0 and array.max() <= 1):
        raise ValueError(
            f"Images are uint8 or floats in [0, 1], got {array.dtype} from"
            f" {array.min()} to {array.max()}."
        )
    return np.round(array * 255).astype(np.uint8)


def image_picker(
    images: object, names: list[str], description: str = "image"
) -> ImagePicker:
    """A control whose value is the position of the chosen image, 0 to n - 1.

    Args:
        images: [n, H, W], [n, 1, H, W] or [n, 3, H, W]; uint8, or floats in [0, 1].
        names: what each shows, in words, such as "image 1247, a 4".
        description: the label of the group.
    """
    rows = as_bytes(images)
    if len(rows) != len(names) or not len(rows):
        raise ValueError(f"{len(rows)} images and {len(names)} names: one name each.")
    png = io.BytesIO()
    Image.fromarray(np.concatenate(list(rows), axis=1)).save(png, "PNG")
    return ImagePicker(names=names, description=description, sprite=png.getvalue())
