"""Every explorer in a real JupyterLab: what it shows is what its view says.

All explorers of a lesson stand in one page, on digits and their stored teacher. They
are made here, too, without a browser: each *twin* follows the moves and says what the
page must show, by `look`. First the hand, presets, themes and widths; then the kernel
is busy, and at last dead.
"""

import itertools
import json
import time

import ipywidgets as widgets
import plotly.graph_objects as go
import pytest

import claims
from browser.axe import must_be_for_all
from kdlab.panels import Explorer
from kdlab.panels.pad import DrawingPad
from kdlab.panels.panel import positions
from kdlab.panels.picker import ImagePicker

LESSONS = [path.stem[3:] for path in claims.ALL]
SETUP = """from importlib import import_module
from kdlab.data import load_images
from kdlab.training import predict
from kdlab.weights import load_teacher
from lessons.samples import student_answers

columns = load_images("digits", "test")
columns["teacher_logits"] = predict(load_teacher("digits")[0], columns["images"])
home = import_module("lessons.{lesson}.test_lesson")
explorers = home.explorers(columns, student_answers(columns))"""

TEXTS = """frame => {
    const all = frame.getBoundingClientRect(), style = getComputedStyle(frame);
    const rgb = color => color.match(/[\\d.]+/g).slice(0, 3).join();
    const texts = [...frame.querySelectorAll('text')].filter(e => e.textContent.trim());
    return texts.map(e => { const box = e.getBoundingClientRect(); return {
        words: e.textContent, box: [box.left, box.top, box.right, box.bottom],
        size: parseFloat(getComputedStyle(e).fontSize),
        cell: !!e.closest('.heatmaplayer'),
        colored: !!e.closest('.heatmaplayer')  // on cells of any colour
              || rgb(getComputedStyle(e).fill) === rgb(style.color),
        inside: box.left >= all.left - 1 && box.right <= all.right + 1
             && box.top >= all.top - 1 && box.bottom <= all.bottom + 1 }; }); }"""
ROLES = {"Dropdown": "combobox", "Checkbox": "checkbox", "ImagePicker": "radiogroup"}
ROLES |= dict.fromkeys(["IntSlider", "FloatSlider", "SelectionSlider"], "slider")
ROLES |= {"FloatLogSlider": "slider", "FloatText": "spinbutton"}
ROLES |= {"DrawingPad": "application"}  # the arrow keys are its own
SOLID = """frame => {
    const solid = color => !/none|, 0\\)|transparent/.test(color);
    const painted = ({ fill, fillOpacity, backgroundColor }) => solid(backgroundColor)
        || solid(fill) && fillOpacity !== '0';
    return [...frame.querySelectorAll('.bg')].filter(e => painted(getComputedStyle(e)))
        .map(e => e.outerHTML); }"""
WIDER = """() => [...document.querySelectorAll('html, .jp-OutputArea-output')]
    .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.className)"""


# Whether the frame looks as its figure does in a plot of its own: "" or where not.
# Names made up by plotly are left out, and the ink of numbers on cells, which is ours:
# test_access looks at it. Automatic margins settle when a plot is redrawn.
DIFFERENCE = """async frame => {
    const names = /(clip|trace|legend|defs-|hidden-|layer-|g|cb|p|-)[0-9a-f]{6,8}/g;
    const anonymous = text => text.replace(names, '$1');
    const words = node => {
        if (node.nodeType !== 1) return node.nodeType === 3 ? node.data : '';
        const { style, attributes } = node, own = [...attributes]
            .filter(a => a.name !== 'style').map(a => a.name + '=' + a.value);
        const ours = k => k === 'fill' && node.closest('.heatmap-label');
        const styles = [...style].filter(k => !ours(k))
            .map(k => k + ': ' + style.getPropertyValue(k));
        const tag = ['<' + node.tagName, ...own.sort(), ...styles.sort()];
        return anonymous(tag.join(' '))
            + '>\\n' + [...node.childNodes].map(words).join('');
    };
    const look = plot => [...plot.querySelectorAll('.main-svg')].map(words).join('');
    const { width, height } = frame._fullLayout, fresh = document.createElement('div');
    fresh.className = 'kdlab-frame';
    fresh.style.width = width + 'px';
    const { data, layout } = frame;
    const copied = JSON.parse(JSON.stringify({ data, layout }));
    frame.after(fresh);
    await Plotly.newPlot(fresh, copied.data, copied.layout, { displayModeBar: false });
    const shown = look(frame), wanted = [look(fresh)];
    for (let again = 0; again < 2; again++) {
        await Plotly.redraw(fresh);
        wanted.push(look(fresh));
    }
    Plotly.purge(fresh);
    fresh.remove();
    if (wanted.includes(shown)) return '';
    const lines = shown.split('\\n'), other = wanted.at(-1).split('\\n');
    const at = lines.findIndex((line, n) => line !== other[n]);
    return `line ${at}: ${lines[at]}, not ${other[at]}`; }"""


def difference(notebook, panel=0):
    """Where the picture is not the one drawn from nothing; "" if nowhere."""
    notebook.page.wait_for_timeout(60)
    frame = notebook.panel(panel).locator(".kdlab-frame")
    return frame.evaluate(DIFFERENCE)


class Page:
    """An explorer in the browser and its twin here, moved together."""

    def __init__(self, notebook, name: str, number: int, twin: Explorer):
        self.notebook, self.name, self.number = notebook, name, number
        self.twin, self.panel = twin, notebook.panel(number)

    def screenshot(self, kind: str):
        self.notebook.screenshot(f"explorers/{self.name}-{kind}", panel=self.number)

    def expect(self):
        """Sentence and picture become what the view says where the twin is."""
        figure, sentence = self.twin.look(self.twin.values())
        self.notebook.wait_for_sentence(sentence, self.number)
        wanted = json.loads(go.Figure(figure).to_json())
        drawn = self.notebook.figure(self.number)
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
        before, stood = self.notebook.picture(self.number), self.twin.values()
        self.by_hand(self.twin.controls[name], to)
        assert self.twin.values() != stood, f"{name} did not move"
        self.expect()
        drawn = [
            go.Figure(self.twin.look(values)[0]).to_json()
            for values in (stood, self.twin.values())
        ]
        changed = self.notebook.picture(self.number) != before
        assert changed == (drawn[0] != drawn[1]), name
        assert difference(self.notebook, self.number) == "", (self.name, name, to)

    def by_hand(self, control: widgets.Widget, to: float):
        label, notebook, at = control.description, self.notebook, self.number
        if isinstance(control, ImagePicker):
            control.value = round(to * control.max)
            notebook.pick(control.names[control.value], panel=at)
        elif isinstance(control, DrawingPad):
            notebook.draw([(0.3, 0.2), (to, 0.8)], panel=at)
            (name,) = (n for n, c in self.twin.controls.items() if c is control)
            told = [control.value]
            for _ in range(50):  # until it stays: the last one may be on its way
                notebook.page.wait_for_timeout(200)
                value = f"print(panels[{at}].controls[{name!r}].value)"
                told.append(notebook.execute(value).strip())
                if told[-1] == told[-2] != control.value:
                    break
            control.value = told[-1]
        elif isinstance(control, widgets.Checkbox):
            control.value = not control.value
            notebook.control(label, at).locator("input").click()
        elif isinstance(control, widgets.SelectionSlider):
            names = [name for name, _ in control._options_full]
            for place in (to, 1 - to, 1):  # where there are few, it may be here
                notebook.drag_slider(label, place, panel=at)
                if notebook.readout(label, at) != control.label:
                    break
            control.index = names.index(notebook.readout(label, at))
        elif isinstance(control, widgets.Dropdown):
            index = round(to * (len(control.options) - 1))
            control.index = (index + (index == control.index)) % len(control.options)
            notebook.choose(label, control.label, panel=at)
        else:
            notebook.drag_slider(label, to, panel=at)
            shown = float(notebook.readout(label, at).replace("−", "-"))
            values = positions(control).values()
            control.value = min(values, key=lambda value: abs(value - shown))

    def push(self, label: str, places: dict):
        """Press Reset or a preset; check the page."""
        self.notebook.push(label, panel=self.number)
        for name, place in places.items():
            control = self.twin.controls[name]
            setattr(control, "index" if hasattr(control, "options") else "value", place)
        self.expect()

    def check_looks(self):
        """All words are inside the picture, in the page's colour, on its background."""
        for text in self.texts():
            assert text["inside"], f"{text['words']!r} is cut off"
            assert text["colored"], f"{text['words']!r} has another colour"
        assert self.panel.locator(".kdlab-frame").evaluate(SOLID) == []
        self.check_width()

    def check_width(self):
        assert not self.notebook.overflows(self.number)
        assert self.notebook.page.evaluate(WIDER) == []

    def check_narrow(self):
        """Text keeps its size, none lies on another: the parts stand in a column."""
        self.check_looks()
        texts = [text for text in self.texts() if text["box"][0] < text["box"][2]]
        sizes = [text["size"] for text in texts if not text["cell"]]
        assert min(sizes) > 14, self.name
        for one, other in itertools.combinations(texts, 2):
            both = f"{self.name}: {one['words']!r} and {other['words']!r}"
            assert not overlap(one["box"], other["box"]), both

    def check_names(self):
        """A screen reader finds each control by its label; sliders say what is seen."""
        for control in self.twin.controls.values():
            role = ROLES[type(control).__name__]
            found = self.panel.get_by_role(role, name=control.description, exact=True)
            assert found.count() == 1, (self.name, control.description)
            if role == "slider":
                shown = self.notebook.readout(control.description, self.number)
                assert found.get_attribute("aria-valuetext") == shown


def overlap(one, other):
    """Do two boxes, (left, top, right, bottom), share more than an edge?"""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    return wide > 1 and min(one[3], other[3]) - max(one[1], other[1]) > 4


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


def wait_for_tables(notebook, seconds=90):
    """Until the kernel has tabulated all views: then it is not needed any more."""
    covered = "print(all(p.covered and p.covered.covers(p.places()) for p in panels))"
    end = time.monotonic() + seconds
    while notebook.execute(covered).strip() != "True":
        assert time.monotonic() < end, f"no tables after {seconds} s"
        notebook.page.wait_for_timeout(200)
    notebook.settle()  # the browser has them, too


def samples_of(lesson):
    """{name: how to make it} of a lesson's explorers, as the notebook's first cell."""
    names = {}
    exec(SETUP.format(lesson=lesson), names)
    return names["explorers"]


@pytest.mark.parametrize("lesson", LESSONS)
def test_what_an_explorer_shows_is_what_its_view_says(lab, lesson):
    samples = samples_of(lesson)
    cells = [f"panels.append(explorers[{n!r}]())\npanels[-1]" for n in samples]
    notebook = lab.run([f"{SETUP.format(lesson=lesson)}\npanels = []", *cells])
    pages = [
        Page(notebook, name, number, make())
        for number, (name, make) in enumerate(samples.items())
    ]
    for page in pages:
        try_by_hand(page)
    for page in pages:
        page.check_looks()
    must_be_for_all(notebook.page, ".kdlab-panel")
    notebook.set_theme("dark")
    notebook.settle()
    for page in pages:
        page.screenshot("dark")
        page.check_looks()
    must_be_for_all(notebook.page, ".kdlab-panel")
    notebook.page.set_viewport_size({"width": 640, "height": 900})  # 1,280 at 200 %
    notebook.settle()
    for page in pages:
        page.screenshot("narrow")
        page.check_narrow()
        page.check_names()
    notebook.page.set_viewport_size({"width": 1280, "height": 900})
    try_without_the_kernel(notebook, pages)


def try_by_hand(page):
    """Each control, and each preset."""
    assert page.twin.positions, page.name
    page.expect()
    page.screenshot("light")
    for control in page.twin.controls:
        page.move(control, to=0.8)
    wait_for_tables(page.notebook)  # of what is chosen now
    for control in page.twin.controls:
        page.move(control, to=0.25)
    for label, places in page.twin.picture.presets:
        page.push(label, places)


def try_without_the_kernel(notebook, pages):
    """The tabulated controls answer while it computes, and when it is dead."""
    wait_for_tables(notebook)
    notebook.make_busy(120)
    for page in pages:
        for control in page.twin.positions:
            page.move(control, to=0.6)
    assert notebook.is_busy()
    notebook.stop_being_busy()
    wait_for_tables(notebook)
    notebook.kill_kernel()
    for page in pages:
        for control in page.twin.positions:
            page.move(control, to=0.2)
        page.push(*page.twin.picture.presets[-1])
