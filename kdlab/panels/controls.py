"""Sliders that several explorers share, so that a thing is set alike everywhere."""

from collections.abc import Sequence

import ipywidgets as widgets

LABEL_COUNTS = 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000
WIDTHS, EPOCHS = (8, 16, 32, 64, 128, 256, 512), (2, 4, 8, 15, 30, 60)


def temperature_slider(
    value: float = 1.0, high: float = 5, step: float = 1 / 6
) -> widgets.FloatLogSlider:
    """T from 1/4 to 2**high; a step multiplies T by 2**step."""
    style = {"description": "temperature T", "readout_format": ".4g"}
    ends = {"min": -2, "max": high, "step": step}
    return widgets.FloatLogSlider(value, base=2, **ends, **style)


def choice(
    description: str, options: Sequence[object], value: object
) -> widgets.SelectionSlider:
    """A slider over these values, numbers with commas, or over pairs (name, value).

    Raises ValueError if the value is none of them.
    """
    pairs = [x if isinstance(x, tuple) else (f"{x:,g}", x) for x in options]
    if value not in (there := [v for _, v in pairs]):
        raise ValueError(f"{description} cannot be {value!r}: there are {there}.")
    return widgets.SelectionSlider(description=description, options=pairs, value=value)


def share_slider(
    description: str, value: float, high: float = 1.0
) -> widgets.FloatSlider:
    """A share, from 0 to `high` in steps of a tenth."""
    style = {"description": description, "readout_format": ".1f"}
    return widgets.FloatSlider(value, min=0, max=high, step=0.1, **style)


def student_controls(
    examples: int, soft_weight: float, **more: widgets.Widget
) -> dict[str, widgets.Widget]:
    """How a student is taught, for so many training images; `more` come last."""
    counts = [(f"{n:,}", n) for n in LABEL_COUNTS if n < examples]
    counts.append((f"{examples:,} (all)", examples))
    return {
        "temperature": temperature_slider(8.0),
        "soft_weight": share_slider("weight of the teacher", soft_weight),
        "width": choice("width of the student", WIDTHS, 128),
        "labels": choice("labelled images", counts, min(2000, examples)),
        "epochs": choice("epochs", EPOCHS, 15),
        **more,
    }


def dropdown(
    description: str, options: Sequence[object], value: object = None
) -> widgets.Dropdown:
    """One of these values, or pairs (name, value); the first, if no value is given."""
    drop = widgets.Dropdown(options=list(options), description=description)
    if value is not None:
        drop.value = value
    return drop


def tick(description: str, value: bool = False) -> widgets.Checkbox:
    """Yes or no."""
    return widgets.Checkbox(value, description=description)
