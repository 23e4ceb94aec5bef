"""The views of the explorers in plotly's own widget instead of the course's engine."""

from collections.abc import Callable
from unittest.mock import patch

import ipywidgets as widgets
import plotly.graph_objects as go

from kdlab import explorers, explorers_temperature


def figure_widget(
    view: Callable[..., tuple[object, str]], **options: object
) -> widgets.VBox:
    """`explore` by plotly's FigureWidget and an observer, as its documentation shows.

    Of `explore`'s options only the controls matter here.
    """
    controls = {
        name: option
        for name, option in options.items()
        if isinstance(option, widgets.Widget)
    }

    def draw() -> dict:
        return view(**{name: control.value for name, control in controls.items()})[0]

    figure = go.FigureWidget(draw())

    def redraw(change: dict) -> None:
        new = draw()
        with figure.batch_update():
            for trace, values in zip(figure.data, new["data"], strict=True):
                trace.update(values)
            figure.layout.update(new["layout"])

    for control in controls.values():
        control.observe(redraw, "value")
    return widgets.VBox([*controls.values(), figure]).add_class("bench-rival")


def rival(call: Callable[[], widgets.Widget]) -> widgets.VBox:
    """What an explorer would be with `figure_widget` in place of `explore`."""
    with (
        patch.object(explorers, "explore", figure_widget),
        patch.object(explorers_temperature, "explore", figure_widget),
    ):
        return call()
