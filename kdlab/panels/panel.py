"""The widgets under every panel: a picture, its controls and the buttons that set them.

The browser's half is `panels.js`, on `plots.js`. It draws a picture from one of two
tables (`table`) that the kernel sends: `now`, the last answer, and `table`, all
positions of the tabulated controls. It listens to the controls' own models, so labels,
keyboard and number boxes are those of ipywidgets; it sets them for Reset and presets.
"""

import gzip
import math
from pathlib import Path

import anywidget
import ipywidgets as widgets
import numpy as np
import traitlets
from IPython import get_ipython

from kdlab.panels.table import Place, Table, is_on

FOLDER = Path(__file__).parent
SLIDERS = (widgets.IntSlider, widgets.FloatSlider, widgets.FloatLogSlider)
BUTTONS = {"Reset", "Stop", "Pause", "Resume"}  # a panel's own
Presets = dict[str, object]  # {"too hot": 32.0}, {"noisy": {"label_noise": 0.3}}


class PlotlyCode(anywidget.AnyWidget):
    """The installed plotly.js for pages that have none (JupyterLab has), when asked."""

    _esm = "export default {}"
    _shared: "PlotlyCode | None" = None
    code = traitlets.Bytes().tag(sync=True)

    @classmethod
    def shared(cls) -> "PlotlyCode":
        """One for all pictures: it is 1.5 MB where it is needed."""
        if cls._shared is None or cls._shared.comm is None:  # closed with all widgets
            cls._shared = cls()
            cls._shared.on_msg(lambda widget, *_: widget.fill())
        return cls._shared

    def fill(self) -> None:
        """Send the code."""
        import plotly

        path = Path(plotly.__file__).parent / "package_data/plotly.min.js"
        self.code = gzip.compress(path.read_bytes(), compresslevel=6)


class Picture(anywidget.AnyWidget):
    """What the browser draws: see panels.js."""

    _esm = "".join(
        (FOLDER / f"{name}.js").read_text("utf-8") for name in ("plots", "panels")
    )
    _css = FOLDER / "panels.css"
    _widgets = {"sync": True, **widgets.widget_serialization}
    controls = traitlets.Dict().tag(**_widgets)
    plotly_code = traitlets.Instance(PlotlyCode).tag(**_widgets)
    presets = traitlets.List().tag(sync=True)  # [["Reset", {control: place}], ...]
    now = traitlets.Bytes().tag(sync=True)  # a table: the kernel's last answer
    table = traitlets.Bytes().tag(sync=True)  # all positions of the tabulated controls
    filling = traitlets.Unicode().tag(sync=True)  # how far a slow table is
    state = traitlets.Enum(["", "running", "paused", "ended"], "").tag(sync=True)
    start = traitlets.Unicode().tag(sync=True)  # the button's label once it has ended


def place_of(control: widgets.Widget) -> Place:
    """What the browser keeps of a control: the index of its option, or its value."""
    return control.index if hasattr(control, "options") else control.value


def positions(control: widgets.Widget) -> dict[Place, object]:
    """{place: value} at every position of a control.

    Raises ValueError for a control that has no countable positions, such as a text.
    """
    if hasattr(control, "options"):
        return dict(enumerate(value for _, value in control._options_full))
    if isinstance(control.value, bool):
        return {False: False, True: True}
    if not all(hasattr(control, limit) for limit in ("min", "max", "step")):
        kind = type(control).__name__
        raise ValueError(f"A {kind} has no positions to tabulate: tabulate others.")
    steps = np.arange(math.floor((control.max - control.min) / control.step + 1e-6) + 1)
    values = (control.min + steps * control.step).tolist()
    if isinstance(control, widgets.FloatLogSlider):
        values = [control.base**value for value in values]
    return {value: value for value in values}


def to_position(control: widgets.Widget) -> None:
    """Put a slider on its nearest position, as the browser will show it."""
    if isinstance(control, SLIDERS):
        places = positions(control)
        if not is_on(list(places), control.value):
            control.value = min(places, key=lambda place: abs(place - control.value))


def set_controls(
    controls: dict[str, widgets.Widget], values: dict[str, object]
) -> None:
    """Set controls by name. ValueError: none of that name, or it cannot be so."""
    for name, value in values.items():
        if name not in controls:
            raise ValueError(f"No control {name!r}; there are {', '.join(controls)}.")
        try:
            controls[name].value = value
            taken = controls[name].value == value  # a slider clips
        except traitlets.TraitError:
            taken = False
        if not taken:
            raise ValueError(f"{name} cannot be {value!r}.")


def preset_places(
    label: str, preset: object, controls: dict[str, widgets.Widget]
) -> dict[str, Place]:
    """The preset for the browser, {control: place}. ValueError: it is impossible.

    A plain value is meant for the first control.
    """
    if label in BUTTONS:
        raise ValueError(f"Preset {label!r}: panels have such a button; rename it.")
    if not isinstance(preset, dict):
        preset = {next(iter(controls), ""): preset}
    places = {}
    before = {name: control.value for name, control in controls.items()}
    try:
        set_controls(controls, preset)
        for name in preset:
            to_position(controls[name])
            places[name] = place_of(controls[name])
    except ValueError as error:
        raise ValueError(f"Preset {label!r}: {error}") from error
    finally:
        set_controls(controls, before)
    return places


def report(error: Exception) -> None:
    """Show an error met in the background as the kernel shows those of a cell."""
    if shell := get_ipython():
        shell.showtraceback((type(error), error, error.__traceback__))


def plain_figure(figure: object) -> dict:
    """{data, layout} of a plotly figure or dict; the template is made by the page."""
    figure = figure if isinstance(figure, dict) else figure.to_plotly_json()
    layout = dict(figure.get("layout", {}))
    layout.pop("template", None)
    return {"data": list(figure["data"]), "layout": layout}


class Panel(widgets.VBox):
    """Controls, buttons that set them, a picture and its sentence."""

    def __init__(self, controls: dict[str, widgets.Widget], presets: Presets):
        """`controls` by the name of the argument they set."""
        self.controls = controls
        for control in controls.values():
            style = getattr(control, "style", None)
            if hasattr(style, "description_width"):
                style.description_width = "initial"  # never cut off
                control.tooltip = control.description  # ipywidgets would show "null"
            to_position(control)
        places = {k: preset_places(k, v, controls) for k, v in presets.items()}
        buttons = {"Reset": self.places(), **places} if controls else {}
        self.picture = Picture(
            controls=controls,
            plotly_code=PlotlyCode.shared(),
            presets=[list(button) for button in buttons.items()],
        )
        self.picture.on_msg(self._on_message)
        super().__init__([*controls.values(), self.picture])
        self.add_class("kdlab-panel")
        for control in controls.values():
            control.observe(self._on_change, "value")  # of each kind of panel its own

    def values(self) -> dict[str, object]:
        """The present values of the controls: the arguments of the view."""
        return {name: control.value for name, control in self.controls.items()}

    def places(self) -> dict[str, Place]:
        """The same as the browser keeps them."""
        return {name: place_of(control) for name, control in self.controls.items()}

    def show_now(
        self, figure: dict | None, sentence: str, places: dict[str, Place]
    ) -> None:
        """Send one picture, for these places. None: refused, the old picture stays."""
        table = Table({name: [place] for name, place in places.items()})
        table.add(figure, sentence)
        self.picture.now = table.packed()

    def close(self) -> None:
        """The panel and all that it holds."""
        for child in self.children:
            child.close()
        super().close()

    def _on_message(self, picture: Picture, content: object, buffers: list) -> None:
        """The browser misses a picture: take over its controls, should they differ."""
        if isinstance(content, dict) and "wanted" in content:
            for name, place in content["wanted"].items():
                control = self.controls[name]
                key = "index" if hasattr(control, "options") else "value"
                setattr(control, key, place)
