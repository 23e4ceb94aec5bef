"""The course as pages: what they keep of widgets, their words, and what is refused."""

import base64
import re
import shutil
from pathlib import Path

import ipywidgets
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from kdlab.panels import drawing_pad, explore
from kdlab.panels.controls import choice, temperature_slider
from kdlab.panels.table import Table
from teaching import executed, pages, site, tables, widgets

PIXEL = "data:image/png;base64,iVBORw0KGgo="


def view(**values):
    return {"data": [], "layout": {}}, str(values)


def explorer(**controls):
    return explore(view, tabulate=0, presets=controls.pop("presets", {}), **controls)


# --- tables that cover all controls ---------------------------------------------------


def test_a_page_covers_every_control_that_can_be_counted():
    made = explorer(
        temperature=temperature_slider(),
        image=ipywidgets.IntSlider(3, max=9),
        log=ipywidgets.Checkbox(),
    )
    made.tabulate_now(tables.page_positions(made))
    axes = {name: len(axis) for name, axis in made.covered.axes.items()}
    assert axes == {"temperature": 43, "image": 10, "log": 2}
    assert len(made.covered.rows) == 43 * 10 * 2


def test_too_many_positions_are_thinned_but_not_those_of_buttons():
    made = explorer(
        share=ipywidgets.FloatSlider(0.31, min=0, max=1, step=0.01),
        kind=ipywidgets.Dropdown(options=range(50)),
        presets={"odd": 0.57},
    )
    axes = tables.page_positions(made)
    shares = list(axes["share"])
    assert len(shares) * len(axes["kind"]) <= tables.MOST and len(axes["kind"]) == 50
    assert shares[0] == 0 and shares[-1] == 1 and shares == sorted(shares)
    assert any(abs(share - 0.31) < 1e-9 for share in shares)
    assert any(abs(share - 0.57) < 1e-9 for share in shares)


def test_a_pad_has_the_positions_that_its_buttons_set():
    drawn = base64.b64encode(bytes(783) + b"\xff").decode()
    made = explorer(
        temperature=temperature_slider(),
        drawing=drawing_pad(),
        presets={"a digit": {"drawing": drawn}},
    )
    assert list(tables.page_positions(made)["drawing"]) == ["", drawn]


def test_what_remains_too_much_needs_a_kernel():
    options = [choice(str(n), range(20), 0) for n in range(3)]
    made = explorer(one=options[0], two=options[1], three=options[2])
    assert list(tables.page_positions(made)) == ["one", "two"]


# --- what a page keeps of a widget ----------------------------------------------------


def saved(name, state, **buffers):
    packed = [
        {"path": [key], "data": base64.b64encode(data).decode(), "encoding": "base64"}
        for key, data in buffers.items()
    ]
    return {"model_name": name, "state": state, "buffers": packed}


def notebook_of(models, *shown):
    outputs = [
        new_output("display_data", {widgets.VIEW: {"model_id": one}, "text/plain": one})
        for one in shown
    ]
    notebook = new_notebook(cells=[new_code_cell("", outputs=outputs)])
    notebook.metadata.widgets = {widgets.STATE: {"state": models}}
    return notebook


def small_panel(covered=(1.0, 2.0), index=(0,)):
    table = Table({"T": list(covered), "kind": list(index)})
    for _ in range(len(covered) * len(index)):
        table.add({"data": [], "layout": {}}, "Said.")
    slider = {"value": 2.0, "min": 1.0, "max": 4.0, "readout_format": ".2f"}
    drop = {"index": 0, "_options_labels": ["a", "b"], "description": "kind"}
    controls = {"T": "IPY_MODEL_t", "kind": "IPY_MODEL_k"}
    traits = {"_anywidget_id": "kdlab.panels.panel.Picture", "controls": controls}
    children = [*controls.values(), "IPY_MODEL_p"]
    return {
        "t": saved("FloatLogSliderModel", {**slider, "description": "T"}),
        "k": saved("DropdownModel", drop),
        "p": saved("AnyModel", {**traits, "_esm": "x"}, table=table.packed()),
        "box": saved("VBoxModel", {"children": children, "_dom_classes": ["x"]}),
    }


def test_a_slider_keeps_the_positions_of_its_table_and_their_texts():
    models = widgets.page_models(notebook_of(small_panel(), "box"))
    assert list(models) == ["box", "t", "k", "p"]
    assert models["t"]["places"] == [1.0, 2.0] and not models["t"]["needsKernel"]
    assert models["t"]["texts"] == ["1.00", "2.00"] and models["t"]["value"] == 2.0
    assert models["box"]["widget"] == "column" and "_esm" not in models["p"]


def test_a_control_that_no_table_covers_says_so():
    models = widgets.page_models(notebook_of(small_panel(), "box"))
    assert models["k"]["needsKernel"] and models["k"]["texts"] == ["a"]
    models = widgets.page_models(notebook_of(small_panel(index=(0, 1)), "box"))
    assert not models["k"]["needsKernel"] and models["k"]["texts"] == ["a", "b"]


def test_a_widget_that_no_page_can_draw_is_told_and_becomes_its_words():
    models = {**small_panel(), "b": saved("ButtonModel", {})}
    notebook = notebook_of(models, "box", "b", "closed")
    told = widgets.unknown(notebook)
    assert told == {"b": ["ButtonModel"], "closed": ["a widget that was closed"]}
    drawn = set(widgets.page_models(notebook))
    assert "b" not in drawn
    html, _ = pages.Exporter().from_notebook_node(widgets.with_stills(notebook, drawn))
    assert re.findall('data-model="(.*?)"', html) == ["box"]
    assert "<pre>b</pre>" in html and "<pre>closed</pre>" in html


def test_a_script_that_is_no_plain_one_is_refused(monkeypatch):
    class Strange:
        _esm = "import x from 'y';\nexport default {}"

    monkeypatch.setattr(widgets, "module_of", lambda name: Strange)
    with pytest.raises(ValueError, match="no import"):
        site.script_of("a.Strange")


# --- words ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", executed.ALL, ids=lambda path: path.stem)
def test_every_formula_and_link_of_a_notebook_is_made_for_a_page(path):
    notebook = nbformat.read(path, as_version=4)
    told = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    html = "\n".join(map(pages.to_html, told))
    formulas = re.findall(r"<math.*?</math>", html, flags=re.S)
    assert "\\" not in "".join(formulas), "a command that latex2mathml does not know"
    words = re.sub(
        r"<math.*?</math>|<code.*?</code>|<pre.*?</pre>", "", html, flags=re.S
    )
    assert "$" not in words
    assert ".ipynb" not in words and ".py)" not in words
    assert pages.sections_of(html) and pages.question_of(notebook)


def test_what_a_cell_shows_leads_to_pages_too():
    shown = '<a href="02_temperature.ipynb#x">02</a><a href="https://x.org/a.py">x</a>'
    cell = new_code_cell(outputs=[new_output("display_data", {"text/html": shown})])
    html = pages.notebook_page(new_notebook(cells=[new_markdown_cell("# 1"), cell]), [])
    assert (
        'href="02_temperature.html#x"' in html and 'href="https://x.org/a.py"' in html
    )


@pytest.mark.parametrize("path", executed.ALL, ids=lambda path: path.stem)
def test_a_page_speaks_of_what_a_page_has(path):
    notebook = nbformat.read(path, as_version=4)
    told = [new_output("stream", text="2\nNot attempted yet: f still returns None.\n")]
    notebook.cells.append(new_code_cell("lesson.check(f)", outputs=told))
    html = pages.notebook_page(notebook, [])
    for of_jupyter in ("progress.json", "Shut ?Down", "Not attempted", "Restart Kern"):
        assert not re.search(of_jupyter, html)
    assert html.count("To fill these in") == 1 and "<pre>2\n</pre>" in html
    assert html.index("To fill these in") > html.index('<h2 id="exercises">')


def exercise(kind, **state):
    return saved("AnyModel", {"_anywidget_id": "x", "kind": kind, **state})


def test_all_between_a_prediction_and_its_result_is_folded():
    models = {name: exercise("prediction") for name in ("one", "two")}
    for name in ("one", "two"):
        models["found " + name] = exercise("result", prediction="IPY_MODEL_" + name)
    models |= {"quiz": exercise("quiz"), **small_panel()}
    shown = ["box", "one", "box", "two", "quiz", "box"]
    shown += ["found one", "box", "found two", "box"]
    notebook = notebook_of(models, *shown)
    pages.fold(notebook, widgets.page_models(notebook))
    marked = [output.get("after") for output in notebook.cells[0].outputs]
    both = "found one found two"
    assert marked[:6] == [None, None, "found one", None, None, both]
    assert marked[6:] == [None, "found two", None, None]


def test_a_page_names_the_repository_that_made_it(monkeypatch):
    monkeypatch.setenv("GITHUB_REPOSITORY", "somebody/course")
    html = pages.start_page()
    assert "https://github.com/somebody/course#start" in html and "OWNER" not in html


def test_a_formula_has_room_around_the_names_of_functions():
    assert '<mo lspace="0.17em" rspace="0.17em" form="infix">ln</mo>' in pages.to_html(
        r"$p \ln q$"
    )


def test_the_start_page_is_a_map_of_all_notebooks():
    html = pages.start_page()
    for path in executed.ALL:
        assert html.count(f'href="{path.stem}.html"') == 1
    assert "mybinder.org/badge" not in html and 'lang="en"' in html


# --- what must hold -------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "assets").mkdir()
    for name in ("site.css", "site.js"):
        shutil.copy(pages.HERE / name, tmp_path / "assets")
    for name in ("widgets.js", "widgets.css", "math.woff", "plotly.min.js"):
        (tmp_path / "assets" / name).touch()
    shutil.copy(executed.ROOT / "data/pictures/explorer.png", tmp_path / "assets")
    (tmp_path / "index.html").write_text(pages.start_page(), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    "content, wrong",
    [
        ('<img alt="x" src="https://example.org/x.png">', "asks another host"),
        ('<script src="//cdn.org/x.js"></script>', "asks another host"),
        ('<link rel="stylesheet" href="https://cdn.org/x.css">', "asks another host"),
        (f'<img src="{PIXEL}">', "1 pictures without words"),
        ('<img alt="x" src="assets/none.png">', "loads assets/none.png"),
        ('<a href="nowhere.html">x</a>', "leads to nowhere.html"),
        ('<a href="#nowhere">x</a>', "leads to #nowhere"),
        ("x" * site.LARGEST, "at most 3,000,000"),
        ('<a href="https://arxiv.org">x</a><a href="02_temperature.html">x</a>', None),
    ],
)
def test_what_must_not_be_in_a_page_is_told(folder, content, wrong):
    (folder / "x.html").write_text(pages.page(content, "x"), encoding="utf-8")
    told = site.complaints(folder)
    assert [wrong in one for one in told] == [True] if wrong else told == []


def test_a_style_that_loads_from_elsewhere_is_told(folder):
    (folder / "assets/x.css").write_text("p { background: url(https://x.org/a.png) }")
    assert "x.css loads https://x.org/a.png" in site.complaints(folder)[0]


def test_a_notebook_is_run_again_only_if_something_has_changed(tmp_path, monkeypatch):
    path = executed.ALL[2]
    names = {file.name for file in executed.reads(path)}
    assert {path.name, "words.toml", "table.py", "tables.py", "tuning.csv"} <= names
    assert not any(name.endswith((".pyc", ".js")) for name in names)
    ran = []
    monkeypatch.setattr(
        executed, "run", lambda path: ran.append(path) or new_notebook()
    )
    for dataset in ("digits", "digits", "mnist"):
        monkeypatch.setenv("KDLAB_DATASET", dataset)
        executed.executed(path, tmp_path)
    assert len(ran) == 2 and len(list(tmp_path.iterdir())) == 1


def test_a_page_tells_no_folder_of_the_machine_that_ran_it(monkeypatch):
    monkeypatch.setenv("KDLAB_DATA", "/srv/class/data/")
    told = (
        f"from /srv/class/data, {executed.ROOT}/x.py, {Path.home()}/y, /srv/class/data2"
    )
    assert executed.without_places(told) == "from data, ./x.py, ~/y, /srv/class/data2"
