"""What a page keeps of a notebook's widgets: `site.js` draws them without a kernel.

{model id: its state}, where `widget` says how it is drawn. A slider becomes the
positions that its table covers, with the text of each. The course's own widgets keep
their traits and run their own scripts; only the plain controls are drawn by the page.
"""

import base64
import gzip
import importlib
import json
import math
import sys
from collections.abc import Iterator

import nbformat
from nbformat import NotebookNode

from teaching.executed import ROOT

VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
SLIDERS = {"IntSliderModel", "FloatSliderModel", "FloatLogSliderModel"}
OPTIONS = {"SelectionSliderModel": "slider", "DropdownModel": "select"}
BOXES = {"VBoxModel": "column", "HBoxModel": "row"}
PLAIN = {"HTMLModel": "html", "FloatProgressModel": "progress"}
REFERENCE = "IPY_MODEL_"

Model = dict[str, object]


def saved_models(notebook: NotebookNode) -> dict[str, dict]:
    """{id: model} as nbclient has saved them."""
    return notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {})


def views(notebook: NotebookNode) -> list[str]:
    """The ids of the widgets that are shown, in the order of the page."""
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    data = [output.get("data", {}) for output in outputs]
    return [one[VIEW]["model_id"] for one in data if VIEW in one]


def name_of(model: dict) -> str:
    """`kdlab.panels.panel.Picture`, or `FloatSliderModel`."""
    return model["state"].get("_anywidget_id") or model["model_name"]


def references(value: object) -> Iterator[str]:
    """The ids of the models that a state refers to."""
    if isinstance(value, str) and value.startswith(REFERENCE):
        yield value.removeprefix(REFERENCE)
    elif isinstance(value, dict):
        for key, child in value.items():
            if key not in ("layout", "style"):
                yield from references(child)
    elif isinstance(value, list):
        for child in value:
            yield from references(child)


def reached(model: str, saved: dict[str, dict]) -> Iterator[str]:
    """The ids of a shown widget and of all in it."""
    yield model
    for child in references(saved[model]["state"]):
        yield from reached(child, saved)


def is_known(model: str, saved: dict[str, dict]) -> bool:
    """Can a page draw it?"""
    known = {*SLIDERS, *OPTIONS, *BOXES, *PLAIN, "CheckboxModel", "AnyModel"}
    return model in saved and saved[model]["model_name"] in known


def unknown(notebook: NotebookNode) -> dict[str, list[str]]:
    """{id of a shown widget: what in it no page can draw}."""
    saved, found = saved_models(notebook), {}
    for view in views(notebook):
        inside = list(reached(view, saved)) if view in saved else [view]
        names = [
            name_of(saved[one]) if one in saved else "a widget that was closed"
            for one in inside
            if not is_known(one, saved)
        ]
        if names:
            found[view] = sorted(set(names))
    return found


def page_models(notebook: NotebookNode) -> dict[str, Model]:
    """{id: what the page keeps} of all that it can draw."""
    saved, strange = saved_models(notebook), unknown(notebook)
    shown = [view for view in views(notebook) if view not in strange]
    ids = dict.fromkeys(one for view in shown for one in reached(view, saved))
    axes = {}
    for one in ids:
        axes |= covered(saved[one], saved)
    return {one: kept(saved[one], axes.get(one)) for one in ids}


def within(view: str, models: dict[str, Model]) -> dict[str, Model]:
    """Those of a page's models that one of its widgets needs."""
    inside = [
        one for child in references(models[view]) for one in within(child, models)
    ]
    return {one: models[one] for one in [view, *inside]}


def covered(model: dict, saved: dict[str, dict]) -> dict[str, list]:
    """{id of a control: the places that the table of this picture covers}."""
    packs = {b["path"][0]: b["data"] for b in model.get("buffers", [])}
    packed = packs.get("table") or packs.get("now")
    if "controls" not in model["state"] or not packed:
        return {}
    axes = json.loads(gzip.decompress(base64.b64decode(packed)))["axes"]
    controls = model["state"]["controls"].items()
    return {ref.removeprefix(REFERENCE): axes[name] for name, ref in controls}


def kept(model: dict, axis: list | None) -> Model:
    """What the page keeps of one model; `axis`: the places that its table covers."""
    state, name = model["state"], model["model_name"]
    label = {"label": state.get("description", "")}
    if name == "AnyModel":
        return of_module(model, axis)
    if name in SLIDERS:
        return label | of_slider(state, axis or [state["value"]])
    if name in OPTIONS:
        texts = state["_options_labels"]
        places = axis or [state["index"]]
        told = {"places": places, "texts": [texts[place] for place in places]}
        fixed = len(places) < min(2, len(texts))
        more = {"index": state["index"], "needsKernel": fixed}
        more["share"] = state["index"] / max(len(texts) - 1, 1)
        return {"widget": OPTIONS[name], **label, **told, **more}
    if name == "CheckboxModel":
        fixed = axis is None or len(axis) < 2
        return {
            "widget": "tick",
            **label,
            "value": state["value"],
            "needsKernel": fixed,
        }
    if name in BOXES:
        own = {key: state[key] for key in ("children", "_dom_classes")}
        return {"widget": BOXES[name], **own}
    own = {key: state[key] for key in ("value", "max") if key in state}
    return {"widget": PLAIN[name], **own}


def of_slider(state: dict, places: list) -> Model:
    """The positions of a slider over numbers, and how each is written."""
    texts = [format(place, state.get("readout_format", "d")) for place in places]
    fixed = len(places) < 2 and state["max"] > state["min"]
    more = {"value": state["value"], "needsKernel": fixed}
    if fixed:  # where it stands, all the same
        base, at = state.get("base"), state["value"]
        at = math.log(at, base) if base else at
        more["share"] = (at - state["min"]) / (state["max"] - state["min"])
    return {"widget": "slider", "places": places, "texts": texts, **more}


def of_module(model: dict, axis: list | None) -> Model:
    """A widget of the course: its own traits, bytes in base64, and whose script."""
    own = {
        key: value
        for key, value in model["state"].items()
        if not key.startswith("_") and key not in ("layout", "tabbable", "tooltip")
    }
    if "code" in own or name_of(model).endswith("PlotlyCode"):
        return {"widget": "kernel"}  # what a picture asks whether there is one
    buffers = {b["path"][0]: b["data"] for b in model.get("buffers", [])}
    drawn = name_of(model).endswith("DrawingPad")
    fixed = {"needsKernel": drawn or len(axis) < 2} if axis else {}
    return {
        "widget": "module",
        "module": name_of(model),
        **fixed,
        **own,
        "bytes": buffers,
    }


def module_of(name: str) -> object:
    """The class of a widget, whose script and style the page takes."""
    home, _, own = name.rpartition(".")
    return getattr(importlib.import_module(home), own)


def with_stills(notebook: NotebookNode, drawn: set[str]) -> NotebookNode:
    """The notebook, where a still stands in the place of what no page can draw."""
    sys.path.append(str(ROOT / "settings"))
    stills = importlib.import_module("stills").stills
    saved, copy = saved_models(notebook), nbformat.from_dict(notebook)
    for cell in copy.cells:
        found = [
            new
            for old in cell.get("outputs", [])
            for new in ([old] if shown_by(old, drawn) else stills(old, saved))
        ]
        for output in found:
            if not shown_by(output, drawn):  # not even a still: its words
                del output["data"][VIEW]
        cell["outputs"] = found
    return copy


def shown_by(output: NotebookNode, drawn: set[str]) -> bool:
    """Is it no widget, or one that the page draws?"""
    view = output.get("data", {}).get(VIEW)
    return view is None or view["model_id"] in drawn
