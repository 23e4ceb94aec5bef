"""The views of the explorers in plotly's own widget instead of the course's engine."""

from collections.abc import Callable
from unittest.mock import patch

import ipywidgets as widgets
import plotly.graph_objects as go
from kdlab.picture import plain_figure
from kdlab.tables import Path, leaves

from kdlab import explorers, explorers_temperature


def figure_widget(
    view: Callable[..., tuple[object, str]], **options: object
) -> widgets.VBox:
    """`explore` by plotly's FigureWidget and an observer, as its documentation shows.

    Only what a move changes is assigned, as one would write it for this view. Of
    `explore`'s options only the controls matter here.
    """
    controls = {
        name: option
        for name, option in options.items()
        if isinstance(option, widgets.Widget)
    }

    def draw() -> dict:
        drawn, _ = view(**{name: control.value for name, control in controls.items()})
        return plain_figure(drawn)

    shown = draw()
    figure = go.FigureWidget(shown)
    shown = dict(leaves(shown))

    def redraw(change: dict) -> None:
        new = dict(leaves(draw()))
        with figure.batch_update():
            for path, value in new.items():
                if value != shown.get(path):
                    assign(figure, path, value)
        shown.update(new)

    for control in controls.values():
        control.observe(redraw, "value")
    return widgets.VBox([*controls.values(), figure]).add_class("bench-rival")


def assign(figure: go.FigureWidget, path: Path, value: object) -> None:
    """figure.layout.title.text = value, for the path ("layout", "title", "text")."""
    if path[0] == "data":
        figure.data[path[1]][".".join(path[2:])] = value
    else:
        figure.layout[".".join(path[1:])] = value


def rival(call: Callable[[], widgets.Widget]) -> widgets.VBox:
    """What an explorer would be with `figure_widget` in place of `explore`."""
    with (
        patch.object(explorers, "explore", figure_widget),
        patch.object(explorers_temperature, "explore", figure_widget),
    ):
        return call()
