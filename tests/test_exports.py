"""Pages made of a notebook: a still and its sentence, in the place of each panel."""

import base64
import gzip
import io
import json
import os
import re
import subprocess
import sys
from copy import deepcopy
from importlib import import_module
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image
from traitlets.config.loader import PyFileConfigLoader

import claims
from kdlab.panels.panel import plain_figure
from kdlab.panels.table import Table
from lessons.samples import sixty_images, student_answers

SETTINGS = Path(__file__).resolve().parents[1] / "settings"
sys.path.append(str(SETTINGS))
stills, still_pictures = import_module("stills"), import_module("still_pictures")
LESSONS = [path.stem[3:] for path in claims.ALL]
VIEW = "application/vnd.jupyter.widget-view+json"
CELLS = [
    """import numpy as np
import ipywidgets as widgets
from kdlab.panels import explore, explore_live
from kdlab.exercises.widgets import Prediction, Quiz

def view(width, kind):
    bars = {"type": "bar", "x": ["a", "b"], "y": [width, 1]}
    bars["marker"] = {"color": "#FF0000"}
    figure = {"data": [bars], "layout": {"title": {"text": kind}, "height": 300}}
    return figure, f"A {kind} bar, {width} < 9 high."

panel = explore(view, width=widgets.IntSlider(3, max=9),
    kind=widgets.Dropdown(options=["red", "tall"]))
panel.controls["width"].value = 5
panel""",
    """def steps():
    for step in range(3):
        yield lambda: (view(step, "live")[0], f"Step {step}.")
live = explore_live(steps)
live""",
    "await live.finished()",
    """words = {"question": "Higher or lower?", "choices": ["higher", "lower"]}
words |= {"bounds": [1.0], "measured": "{found:.1f}", "explanation": "So it is."}
made = Prediction(words)
made""",
    "made.reveal(2.0)",
    "made.committed = [0]",
    "other = Prediction(words)\nother.reveal(2.0)",
    """options = [{"text": "yes", "right": True, "feedback": "Indeed."},
    {"text": "no", "right": False, "feedback": "Look again."}]
asked = [{"text": "Is it so?", "options": options}]
Quiz(kind="quiz", questions=asked, tried=[[1]])""",
]


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """A notebook of all kinds of widgets, run without a browser."""
    path = tmp_path_factory.mktemp("export") / "small.ipynb"
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in CELLS])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, path)
    run = [sys.executable, "-m", "nbconvert", "--execute", "--to", "notebook", path]
    environment = {**os.environ, "JUPYTER_CONFIG_PATH": str(SETTINGS)}
    done = subprocess.run(
        [*run, "--inplace"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return nbformat.read(path, as_version=4)


def config():
    return PyFileConfigLoader(
        "jupyter_nbconvert_config.py", str(SETTINGS)
    ).load_config()


def test_a_notebook_that_is_run_keeps_its_widgets(executed):
    outputs = [output for cell in executed.cells for output in cell.outputs]
    assert len([output for output in outputs if VIEW in output.data]) == 6


def test_a_page_shows_pictures_sentences_and_words_without_any_script(executed):
    page, _ = HTMLExporter(config=config()).from_notebook_node(executed)
    assert "widget-view+json" not in page and "unpkg.com" not in page
    alts = re.findall(r'<img alt="([^"]*)" src="data:image/png', page)
    assert alts == ["A red bar, 5 &lt; 9 high.", "Step 2."]
    shown = re.sub(r"<script.*?</script>|<style.*?</style>", "", page, flags=re.S)
    words = " ".join(re.sub("<[^>]*>", "", shown).split())
    assert "A red bar, 5 &lt; 9 high." in words and "Step 2." in words
    assert "Predict first. Higher or lower? higher (predicted) lower" in words
    assert "You predicted: higher Found: lower (2.0) So it is." in words
    assert words.count("Found:") == 1 and "No prediction was made." in words
    assert "Is it so? yes no ✗ Look again." in words and "✓ Indeed." not in words


def test_what_is_no_page_gets_the_same_picture_and_words(executed):
    converted, _ = stills.Stills().preprocess(deepcopy(executed), {})
    outputs = [output for cell in converted.cells for output in cell.outputs]
    pictures = [o.data["image/png"] for o in outputs if "image/png" in o.data]
    red, _ = (Image.open(io.BytesIO(base64.b64decode(data))) for data in pictures)
    assert red.size == (1000, 300)
    colors = red.convert("RGB").getcolors(10_000)
    assert sum(n for n, color in colors if color == (255, 0, 0)) > 10_000  # the bars
    words = [o.data["text/markdown"] for o in outputs if "text/markdown" in o.data]
    assert words[:2] == ["A red bar, 5 < 9 high.", "Step 2."] and len(words) == 6


def test_panels_stay_alive_where_that_is_asked_for(executed, monkeypatch):
    monkeypatch.setenv("KDLAB_EXPORT", "1")
    page, _ = HTMLExporter(config=config()).from_notebook_node(executed)
    assert page.count("widget-view+json") >= 6


def test_the_table_of_the_browser_is_read_where_its_controls_are():
    table = Table({"T": [0.1 + 0.2, 1.0], "arm": [0, 1]})
    for place in range(4):
        figure = {"data": [{"y": [place]}], "layout": {"height": 300 + place}}
        table.add(*((None, "refused") if place == 2 else (figure, f"{place}")))
    read = json.loads(gzip.decompress(table.packed()))
    assert [stills.row_of(read, {"T": 0.3, "arm": arm}) for arm in (0, 1, 2)] == [
        0,
        1,
        None,
    ]
    last = {"data": [{"y": [3]}], "layout": {"height": 303}}
    assert stills.picture(read, stills.row_of(read, {"T": 1, "arm": 1})) == (last, "3")
    assert stills.picture(read, 2) == (None, "refused")


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_explorer_of_a_lesson_can_be_drawn(lesson):
    columns = sixty_images()
    home = import_module(f"lessons.{lesson}.test_lesson")
    for name, make in home.explorers(columns, student_answers(columns)).items():
        panel = make()
        figure = json.loads(as_sent(plain_figure(panel.look(panel.values())[0])))
        drawn = Image.open(io.BytesIO(still_pictures.png(figure))).convert("L")
        assert drawn.size == (1000, figure["layout"]["height"]), name
        assert drawn.getextrema()[0] < 100, f"{name} is empty"


def as_sent(figure):
    """The figure as the browser gets it."""
    table = Table({})
    table.add(figure, "")
    return json.dumps(stills.picture(json.loads(gzip.decompress(table.packed())), 0)[0])


def test_jupyterlab_saves_what_is_shown_and_exports_stills():
    own = json.loads(
        (SETTINGS / "labconfig/default_setting_overrides.json").read_text()
    )
    assert own["@jupyter-widgets/jupyterlab-manager:plugin"] == {"saveState": True}
    loader = PyFileConfigLoader("jupyter_server_config.py", str(SETTINGS))
    known = loader.load_config().TemplateExporter.default_preprocessors
    assert known.index("stills.Stills") == 1 + known.index(
        "nbconvert.preprocessors.ExecutePreprocessor"
    )


def test_the_buttons_under_the_map_of_the_course_are_left_out():
    kept = {"_anywidget_id": "lessons.start_here.progress.Keeper"}
    view = new_output("display_data", {VIEW: {"model_id": "buttons"}})
    (still,) = stills.stills(view, {"buttons": {"state": kept}})
    assert still.data == {"text/markdown": ""}
