"""A control that shows real images: thumbnails to choose from, as radio buttons."""

from collections.abc import Sequence
from pathlib import Path

import anywidget
import ipywidgets as widgets
import traitlets

FOLDER = Path(__file__).parent


class ImagePicker(anywidget.AnyWidget, widgets.ValueWidget):
    """Thumbnails as a group of radio buttons; `image_picker` makes one."""

    _esm = FOLDER / "picker.js"
    _css = FOLDER / "panels.css"
    value = traitlets.Int().tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    description = traitlets.Unicode().tag(sync=True)
    addresses = traitlets.List(traitlets.Unicode()).tag(sync=True)
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


def image_picker(
    addresses: Sequence[str], names: Sequence[str], description: str = "image"
) -> ImagePicker:
    """A control whose value is the position of the chosen image, 0 to n - 1.

    Args:
        addresses: of the n images, such as `fig.image_address(pixels)` of each.
        names: what each shows, in words, such as "image 1247, a 4".
        description: the label of the group.

    Raises ValueError unless there is one name for each image, and one image at least.
    """
    if len(addresses) != len(names) or not names:
        raise ValueError(f"{len(addresses)} images and {len(names)} names: one each.")
    texts = {"names": list(names), "description": description}
    return ImagePicker(addresses=list(addresses), **texts)
