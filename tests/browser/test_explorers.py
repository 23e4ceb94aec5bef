"""Every explorer in a real JupyterLab: what it shows is what its view says.

Each explorer has one short notebook, on digits and their stored teacher. The same cells
are run here, without a browser: that *twin* follows each move and says what the page
must show, by `look`. One page per explorer: start, hand, presets, theme and width, then
the kernel busy, and at last dead.
"""

import importlib
import inspect
import json
import time
from pathlib import Path

import ipywidgets as widgets
import plotly.graph_objects as go
import pytest
from kdlab.picker import ImagePicker
from kdlab.picture import positions

import kdlab
from browser.conftest import SESSION
from kdlab.panels import Explorer

SETUP = """import torch
from kdlab.data import class_names, load_images
from kdlab.explorers import *
from kdlab.explorers_blend import *
from kdlab.explorers_fidelity import *
from kdlab.explorers_omitted import *
from kdlab.explorers_runs import *
from kdlab.explorers_similarity import *
from kdlab.explorers_temperature import *
from kdlab.explorers_variance import *
from kdlab.results import load_runs
from kdlab.training import predict
from kdlab.weights import load_teacher

test_set = load_images("digits", "test")
names = class_names("digits")
teacher_logits = predict(load_teacher("digits")[0], test_set["images"])
test_set["teacher_logits"] = teacher_logits
noise = torch.randn(teacher_logits.shape, generator=torch.Generator().manual_seed(0))
student_logits = teacher_logits / 3 + 2 * noise
three = torch.eye(10)[3]
shy = {arm: student_logits - n * three for n, arm in enumerate(ARMS)}
found = Unseen([3], shy, test_set["labels"], shy, test_set["labels"])"""

CALLS = {
    "answer": "answer_explorer(test_set, names)",
    "answer_beside": "answer_explorer(test_set, names, beside={'dog': .3, 'car': .01})",
    "label": "label_explorer(test_set, names)",
    "torn": "torn_explorer(test_set, names)",
    "second_answer": "second_answer_explorer(test_set)",
    "uniform_mix": "uniform_mix_explorer(test_set, names)",
    "temperature": "temperature_explorer(test_set, names)",
    "gradient": "gradient_explorer({'untrained': 0 * noise, 'trained': student_logits},"
    " teacher_logits)",
    "limit": "limit_explorer(test_set, student_logits, names)",
    "calibration": "calibration_explorer(2 * student_logits[:180],"
    " test_set['labels'][:180], 2 * student_logits[180:], test_set['labels'][180:])",
    "similarity": "similarity_explorer(test_set, names)",
    "neighbours": "neighbours_explorer(test_set, names)",
    "bias": "bias_explorer(found)",
    "omitted_runs": "omitted_runs_explorer(load_runs('omitted'))",
    "forces": "forces_explorer()",
    "loudness": "loudness_explorer({'trained': student_logits, 'untrained': 0 * noise},"
    " test_set)",
    "variance": "variance_explorer()",
    "label_counts": "label_counts_explorer(load_runs('label_counts'))",
    "crossing": "crossing_explorer(load_runs('crossing'))",
    "own_data": "own_data_explorer(load_runs('own_data'))",
    "fidelity": "fidelity_explorer(load_runs('fidelity'))",
}
LIVE = {  # they train, and are tried in test_retraining and test_live
    "retrain_explorer",
    "omitted_explorer",
    "gain_explorer",
    "cell_explorer",
    "playground_explorer",
    "pair_explorer",
}

TEXTS = """frame => {
    const all = frame.getBoundingClientRect(), style = getComputedStyle(frame);
    const rgb = color => color.match(/[\\d.]+/g).slice(0, 3).join();
    const texts = [...frame.querySelectorAll('text')].filter(e => e.textContent.trim());
    return texts.map(e => { const box = e.getBoundingClientRect(); return {
        words: e.textContent,
        colored: !!e.closest('.heatmaplayer')  // on cells of any colour
              || rgb(getComputedStyle(e).fill) === rgb(style.color),
        inside: box.left >= all.left - 1 && box.right <= all.right + 1
             && box.top >= all.top - 1 && box.bottom <= all.bottom + 1 }; }); }"""
SOLID = """frame => {
    const solid = color => !/none|, 0\\)|transparent/.test(color);
    const painted = ({ fill, fillOpacity, backgroundColor }) => solid(backgroundColor)
        || solid(fill) && fillOpacity !== '0';
    return [...frame.querySelectorAll('.bg')].filter(e => painted(getComputedStyle(e)))
        .map(e => e.outerHTML); }"""
WIDER = """() => [...document.querySelectorAll('html, .jp-OutputArea-output')]
    .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.className)"""


@pytest.fixture(scope="module")
def setup():
    """What the notebook's first cell defines, here."""
    names = {}
    exec(SETUP, names)
    return names


class Page:
    """An explorer in the browser and its twin here, moved together."""

    def __init__(self, notebook, twin: Explorer):
        self.notebook, self.twin = notebook, twin
        self.panel = notebook.panel()

    def expect(self):
        """Sentence and picture become what the view says where the twin is."""
        figure, sentence = self.twin.look(self.twin.values())
        self.notebook.wait_for_sentence(sentence)
        wanted = json.loads(go.Figure(figure).to_json())
        drawn = self.notebook.figure()
        differ = differences(drawn, {"data": wanted["data"]})
        assert differ == [], self.twin.values()
        assert drawn["layout"]["title"]["text"] == wanted["layout"]["title"]["text"]
        words = [text["words"] for text in self.texts()]
        assert wanted["layout"]["title"]["text"] in words
        sources = [image["source"] for image in wanted["layout"].get("images", [])]
        assert [i["source"] for i in drawn["layout"].get("images", [])] == sources
        shown = self.panel.locator(".kdlab-frame .imagelayer image")
        assert shown.count() == len(sources)

    def texts(self):
        return self.panel.locator(".kdlab-frame").evaluate(TEXTS)

    def move(self, name: str, to: float):
        """Move a control by hand to this fraction of its positions; check the page."""
        before, stood = self.notebook.picture(), self.twin.values()
        self.by_hand(self.twin.controls[name], to)
        assert self.twin.values() != stood, f"{name} did not move"
        self.expect()
        drawn = [
            self.twin.look(values)[0].to_json()
            for values in (stood, self.twin.values())
        ]
        assert (self.notebook.picture() != before) == (drawn[0] != drawn[1]), name

    def by_hand(self, control: widgets.Widget, to: float):
        label, notebook = control.description, self.notebook
        if isinstance(control, ImagePicker):
            control.value = round(to * control.max)
            notebook.pick(control.names[control.value])
        elif isinstance(control, widgets.Checkbox):
            control.value = not control.value
            notebook.control(label).locator("input").click()
        elif isinstance(control, widgets.SelectionSlider):
            names = [name for name, _ in control._options_full]
            for place in (to, 1 - to):  # where there are few, the first may be here
                notebook.drag_slider(label, place)
                if notebook.readout(label) != control.label:
                    break
            control.index = names.index(notebook.readout(label))
        elif isinstance(control, widgets.Dropdown):
            index = round(to * (len(control.options) - 1))
            control.index = (index + (index == control.index)) % len(control.options)
            notebook.choose(label, control.label)
        else:
            notebook.drag_slider(label, to)
            shown = float(notebook.readout(label).replace("−", "-"))
            values = positions(control).values()
            control.value = min(values, key=lambda value: abs(value - shown))

    def push(self, label: str, places: dict):
        """Press Reset or a preset; check the page."""
        self.notebook.push(label)
        for name, place in places.items():
            control = self.twin.controls[name]
            setattr(control, "index" if hasattr(control, "options") else "value", place)
        self.expect()

    def wait_for_table(self, seconds=60):
        """Until the kernel has tabulated the view: then it is not needed any more."""
        covered = "print(bool(panel.covered) and panel.covered.covers(panel.places()))"
        end = time.monotonic() + seconds
        while self.notebook.execute(covered).strip() != "True":
            assert time.monotonic() < end, f"no table after {seconds} s"
            self.notebook.page.wait_for_timeout(200)
        self.notebook.settle()  # the browser has it, too

    def check_looks(self):
        """All words are inside the picture, in the page's colour, on its background."""
        for text in self.texts():
            assert text["inside"], f"{text['words']!r} is cut off"
            assert text["colored"], f"{text['words']!r} has another colour"
        assert self.panel.locator(".kdlab-frame").evaluate(SOLID) == []
        self.check_width()

    def check_width(self):
        assert not self.notebook.overflows()
        assert self.notebook.page.evaluate(WIDER) == []


def differences(drawn, wanted, path=""):
    """Where `drawn` lacks or changes what is `wanted`; floats up to 1e-4."""
    if isinstance(wanted, dict):
        inner = [(k, drawn.get(k), v) for k, v in wanted.items()]
    elif isinstance(wanted, list) and len(wanted) == len(drawn or []):
        inner = [(i, *pair) for i, pair in enumerate(zip(drawn, wanted, strict=True))]
    elif isinstance(wanted, float) and isinstance(drawn, int | float):
        same = drawn == pytest.approx(wanted, rel=1e-4, abs=1e-6)
        return [] if same else [f"{path}: {drawn}, not {wanted}"]
    else:
        return [] if drawn == wanted else [f"{path}: {drawn!r}, not {wanted!r}"]
    return [line for key, *two in inner for line in differences(*two, f"{path}/{key}")]


def stop_being_busy(notebook):
    """Interrupt what make_busy computes, so that nothing waits for its end."""
    notebook.page.evaluate(f"() => {SESSION}.session.kernel.interrupt()")
    notebook.expect_kernel_error("KeyboardInterrupt")


@pytest.mark.parametrize("name", CALLS)
def test_what_an_explorer_shows_is_what_its_view_says(lab, setup, name):
    notebook = lab.run([SETUP, f"panel = {CALLS[name]}\npanel"])
    page = Page(notebook, eval(CALLS[name], setup))
    controls, tabulated = page.twin.controls, page.twin.positions
    assert tabulated
    page.expect()
    notebook.screenshot(f"explorers/{name}-light", panel=0)
    page.check_looks()
    for control in controls:
        page.move(control, to=0.8)
    page.wait_for_table()  # of what is chosen now
    for control in controls:
        page.move(control, to=0.25)
    for label, places in page.twin.picture.presets:
        page.push(label, places)

    notebook.set_theme("dark")
    notebook.screenshot(f"explorers/{name}-dark", panel=0)
    page.check_looks()
    notebook.page.set_viewport_size({"width": 700, "height": 900})
    notebook.settle()
    notebook.screenshot(f"explorers/{name}-narrow", panel=0)
    page.check_width()
    notebook.page.set_viewport_size({"width": 1280, "height": 900})

    page.wait_for_table()
    notebook.make_busy(60)
    for control in tabulated:
        page.move(control, to=0.6)
    assert notebook.is_busy()
    stop_being_busy(notebook)

    page.wait_for_table()
    notebook.kill_kernel()
    for control in tabulated:
        page.move(control, to=0.2)
    page.push(*page.twin.picture.presets[-1])


def test_every_explorer_is_among_them():
    found = set()
    for file in Path(kdlab.__file__).parent.glob("explorers*.py"):
        module = importlib.import_module(f"kdlab.{file.stem}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if name.endswith("_explorer") and function.__module__ == module.__name__:
                found.add(name)
    tried = {call.partition("(")[0] for call in CALLS.values()}
    assert len(found) > 5 and found - tried == LIVE
