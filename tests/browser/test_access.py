"""The course without a mouse and without eyes, in a real JupyterLab.

How explorers, panels that train, exercises and the pocket look is judged where they are
shown anyway, by `must_be_for_all`. Here: all prose, every key, and what is read aloud.
"""

import json

import nbformat
import numpy as np
import pytest

import claims
from browser.axe import findings, must_be_for_all
from browser.contrast import contrast

CELLS = [
    """import time
import torch
from ipywidgets import IntSlider
from kdlab import figures as fig
from kdlab.data import load_images
from kdlab.explorers import pad_explorer
from kdlab.panels import explore_live
from kdlab.training import predict
from kdlab.weights import load_teacher
from lessons import soft_targets as lesson
from lessons.arena import Pocket
from lessons.loss_blend import forces_explorer

teacher, test_set = load_teacher("digits")[0], load_images("digits", "test")
test_set["teacher_logits"] = predict(teacher, test_set["images"])
def picture(step):
    bars = fig.class_bars(torch.tensor([step / 30, 0.5]), ["a", "b"])
    return fig.picture(f"step {step}", bars, says=f"Step {step} of 30.")
def training(rate):
    for step in range(31):
        yield lambda: picture(step)
        time.sleep(0.06)""",
    "forces_explorer()",
    "lesson.answer_explorer(test_set)",
    'pad_explorer(teacher, examples={"another": test_set["images"][1]})',
    'explore_live(training, rate=IntSlider(1, max=3, description="rate"))',
    'guess = lesson.predict("hesitates")\nguess',
    "guess.reveal(0.5, hesitant=2, images=360)",
    "lesson.quiz()",
    "Pocket(teacher, 'digits', test_set)",
]
FORCES, ANSWER, PAD, LIVE = range(4)
# What Tab must reach, in this order: one radio button of each group.
STOPS = """() => { const ours = '.kdlab-panel, .kdlab-exercise, .kdlab-pocket';
    const groups = new Set();
    const first = e => e.type !== 'radio'
        || !groups.has(e.form) && groups.add(e.form);
    window.__stops = [...document.querySelectorAll('button, input, select, summary,'
        + '[tabindex], [contenteditable]')].filter(e => e.closest(ours)
        && !e.disabled && e.tabIndex >= 0
        && e.checkVisibility({ visibilityProperty: true }) && first(e));
    return window.__stops.map(e => e.outerHTML.slice(0, 120)); }"""
# Where the focus is: its number among the stops, and the ring around it.
RING = """() => { const e = document.activeElement, style = getComputedStyle(e);
    const color = style.outlineColor.match(/[\\d.]+/g).slice(0, 3).map(Number);
    return [window.__stops.indexOf(e), style.outlineStyle,
        parseFloat(style.outlineWidth), color]; }"""
PAGE = """() => getComputedStyle(document.querySelector('.jp-Notebook'))
    .backgroundColor.match(/[\\d.]+/g).slice(0, 3).map(Number)"""
LISTEN = """panel => { const spoken = panel.querySelector('.kdlab-spoken');
    const told = window.__told = [];
    const hear = () => spoken.textContent && told.push(spoken.textContent.trim());
    new MutationObserver(hear).observe(spoken,
        { childList: true, characterData: true, subtree: true }); }"""
WIDER = """() => [...document.querySelectorAll('html, .jp-RenderedMarkdown')]
    .filter(e => e.scrollWidth > e.clientWidth + 1)
    .map(e => e.textContent.slice(0, 80))"""


@pytest.fixture(scope="module")
def page(module_lab):
    """A panel of each kind, a prediction, a quiz and the pocket."""
    notebook = module_lab.run(CELLS)
    notebook.page.locator(".kdlab-panel").nth(LIVE).get_by_role(
        "button", name="Run again"
    ).wait_for(timeout=60_000)
    return notebook


def focus(notebook, role, name, panel):
    found = notebook.panel(panel).get_by_role(role, name=name, exact=True)
    found.focus()
    return found


def keys(notebook, *names):
    for name in names:
        notebook.page.keyboard.press(name)


def told(notebook, last=""):
    """What was read aloud, up to what begins so, and whatever follows within 0.6 s."""
    notebook.page.wait_for_function(
        "last => window.__told.at(-1)?.startsWith(last)", arg=last, timeout=10_000
    )
    notebook.page.wait_for_timeout(600)
    return notebook.page.evaluate("window.__told.splice(0)")


# --- prose ----------------------------------------------------------------------------


def test_prose_of_all_notebooks_is_for_all(lab):
    notebooks = [json.loads(path.read_text(encoding="utf-8")) for path in claims.ALL]
    cells = [
        nbformat.v4.new_markdown_cell("".join(cell["source"]))
        for notebook in notebooks
        for cell in notebook["cells"]
        if cell["cell_type"] == "markdown"
    ]
    notebook = lab.open(cells)
    notebook.settle(quiet=1)
    for theme in ("light", "dark"):
        notebook.set_theme(theme)
        assert findings(notebook.page, ".jp-RenderedMarkdown") == []
    # Formulas have an invisible text for screen readers, which has no width of its own.
    unseen = "mjx-assistive-mml { display: none !important }"
    notebook.page.add_style_tag(content=unseen)
    for width in (700, 640):  # 640 is 1,280 at a zoom of 200 %
        notebook.page.set_viewport_size({"width": width, "height": 900})
        notebook.settle()
        assert notebook.page.evaluate(WIDER) == [], width


# --- keys -----------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_tab_goes_through_all_and_back_and_is_seen(page, theme):
    page.set_theme(theme)
    stops = page.page.evaluate(STOPS)
    assert len(stops) > 35
    page.page.evaluate("window.__stops[0].focus()")
    keys(page, "Tab", "Shift+Tab")  # by keys: with a ring
    background, seen = page.page.evaluate(PAGE), []
    for _ in range(2 * len(stops)):
        at, style, width, color = page.page.evaluate(RING)
        if at >= 0:
            seen.append(at)
            assert style != "none" and width >= 2, stops[at]
            assert contrast(np.array(color), np.array(background)) > 3, stops[at]
        if at == len(stops) - 1:
            break
        keys(page, "Tab")
    assert seen == [*range(len(stops))], [
        stops[n] for n in {*range(len(stops))} - {*seen}
    ]
    for _ in range(2 * len(stops)):
        if seen[-1] == 0:
            break
        keys(page, "Shift+Tab")
        at = page.page.evaluate(RING)[0]
        seen += [at] if at >= 0 else []
    assert seen[len(stops) :] == [*range(len(stops) - 1)][::-1]


def test_every_kind_of_control_obeys_keys_and_keeps_the_focus(page):
    def moves(panel, control, *names):
        before = page.sentence(panel)
        cell = page.page.evaluate(CELL)
        keys(page, *names)
        page.page.wait_for_function(
            """([n, before]) => before !== document.querySelectorAll('.kdlab-panel')[n]
            .querySelector('.kdlab-sentence').textContent""",
            arg=[panel, before],
        )
        assert control.evaluate("e => e.contains(document.activeElement)"), names
        assert page.page.evaluate(CELL) == cell  # JupyterLab took none of the keys

    slider = focus(page, "slider", "temperature T", FORCES)
    moves(FORCES, slider, "ArrowRight")
    moves(FORCES, slider, "ArrowLeft", "ArrowLeft")
    box = focus(page, "textbox", "temperature T", FORCES)
    moves(FORCES, box, "ControlOrMeta+a", "2", "Enter")
    moves(FORCES, focus(page, "combobox", "student", FORCES), "ArrowDown")
    moves(FORCES, focus(page, "checkbox", "factor T²", FORCES), " ")
    moves(FORCES, focus(page, "button", "Reset", FORCES), "Enter")
    chosen = page.panel(ANSWER).locator("[aria-checked=true]")
    chosen.focus()
    pictures = page.panel(ANSWER).get_by_role("radiogroup")
    moves(ANSWER, pictures, "ArrowRight")
    moves(ANSWER, pictures, "End")
    assert chosen.evaluate("e => e === document.activeElement")


CELL = "window.jupyterapp.shell.currentWidget.content.activeCellIndex"


def test_arrow_keys_draw_and_a_button_that_is_spent_hands_the_focus_on(page):
    focus(page, "application", "draw a digit", PAD)
    keys(page, *["ArrowUp"] * 7, *["ArrowLeft"] * 4, " ", *["ArrowRight"] * 8)
    keys(page, *["ArrowDown"] * 15, " ", "ArrowLeft")
    page.page.wait_for_timeout(300)
    assert "The teacher says" in page.sentence(PAD)
    bounds = (
        page.panel(PAD)
        .locator(".kdlab-paper")
        .evaluate(
            """paper => { const { data } = paper.getContext('2d').getImageData(
            0, 0, paper.width, paper.height), { width } = paper, ink = [];
        for (let i = 0; i < data.length; i += 4)
            if (data[i] > 250 && data[i + 2] > 250)
                ink.push([i / 4 % width, i / 4 / width]);
        return [0, 1].flatMap(n => [Math.min(...ink.map(p => p[n])),
            Math.max(...ink.map(p => p[n]))]).map(end => end / width * 252); }"""
        )
    )
    assert bounds == pytest.approx([78 - 12, 174 + 12, 42 - 12, 222 + 12], abs=3)
    clear = focus(page, "button", "Clear", PAD)
    keys(page, "Enter")
    page.page.wait_for_timeout(300)
    assert clear.is_disabled()
    paper = page.panel(PAD).locator(".kdlab-paper")
    assert paper.evaluate("e => e === document.activeElement")
    keys(page, "Tab", "Enter")  # Undo
    page.page.wait_for_timeout(300)
    assert "The teacher says" in page.sentence(PAD)
    focus(page, "button", "another", PAD)  # a real digit, without any pen
    keys(page, "Enter")
    page.page.wait_for_timeout(300)
    assert "The teacher says" in page.sentence(PAD)


# --- ears -----------------------------------------------------------------------------


def test_a_sentence_is_read_once_when_the_hand_rests(page):
    page.panel(FORCES).evaluate(LISTEN)
    focus(page, "slider", "temperature T", FORCES)
    keys(page, *["ArrowRight"] * 6)
    assert told(page) == [page.sentence(FORCES)]
    frame = page.panel(FORCES).locator(".kdlab-frame")
    assert frame.get_attribute("role") == "img"
    assert frame.get_attribute("aria-label") == page.sentence(FORCES)
    page.panel(FORCES).get_by_role("button", name="Reset").click()
    assert told(page) == [page.sentence(FORCES)]


def test_of_a_training_only_begin_and_end_are_read(page):
    page.panel(LIVE).evaluate(LISTEN)
    button = focus(page, "button", "Run again", LIVE)
    keys(page, "Enter")
    assert told(page, last="Ended.") == ["Running.", "Ended. Step 30 of 30."]
    button = page.panel(LIVE).get_by_role("button", name="Run again")
    assert button.evaluate("e => e === document.activeElement")
    keys(page, "Enter")
    stop = page.panel(LIVE).get_by_role("button", name="Stop")
    page.page.wait_for_function("e => !e.disabled", arg=stop.element_handle())
    stop.focus()
    keys(page, "Enter")
    first, last = told(page, last="Ended.")
    assert first == "Running." and last.startswith("Ended. Step")
    assert button.evaluate("e => e === document.activeElement")  # not lost with Stop


# --- colours of the system ------------------------------------------------------------


def test_all_can_be_read_in_the_colours_of_the_system(page):
    """High contrast of Windows: the system's own few colours replace the page's."""
    page.set_theme("light")
    page.page.emulate_media(forced_colors="active")
    page.page.wait_for_timeout(300)
    must_be_for_all(page.page, ".kdlab-panel", ".kdlab-exercise", ".kdlab-pocket")
    bar = page.page.locator(".kdlab-bar > i > i").first
    color = "e => getComputedStyle(e).backgroundColor"
    assert bar.evaluate(color) == "rgb(213, 94, 0)"
    page.screenshot("forced-colors")
    page.page.emulate_media(forced_colors="none")
