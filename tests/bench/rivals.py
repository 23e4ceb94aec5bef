"""The views of the explorers in plotly's own widget instead of the course's engine."""

from collections.abc import Callable

import ipywidgets as widgets
import plotly.graph_objects as go

from kdlab.panels import Explorer
from kdlab.panels.panel import plain_figure
from kdlab.panels.table import Path, leaves


def figure_widget(
    view: Callable[..., tuple[object, str]], controls: dict[str, widgets.Widget]
) -> widgets.VBox:
    """`explore` by plotly's FigureWidget and an observer, as its documentation shows.

    Only what a move changes is assigned, as one would write it for this view.
    """

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


def rival(call: Callable[[], Explorer]) -> widgets.VBox:
    """What an explorer would be in a FigureWidget: its view and controls of its own."""
    panel = call()
    for control in panel.controls.values():
        control.unobserve_all("value")
    return figure_widget(panel.view, panel.controls)
