"""The engine and the exercises in Firefox and in WebKitGTK, as Debian ships them.

Most of these tests are Chromium's. They share one page a browser, with an explorer, a
prediction, a quiz and a panel that trains. Without Firefox (FIREFOX, or in PATH), or
without WebKitWebDriver and Xvfb, they skip; with CI=true they fail.
"""

import os
from types import SimpleNamespace

import pytest

from browser import test_engine, test_exercises
from browser.conftest import jupyterlab, watched
from browser.stock import (
    NO_FIREFOX,
    NO_WEBKIT,
    find_firefox,
    find_webkit,
    firefox,
    webkit,
)
from browser.test_engine import (  # noqa: F401 - tests
    test_image_picker_by_mouse_keyboard_and_preset_then_a_busy_kernel,
    test_slider_answers_to_mouse_keyboard_and_number_box,
    wait_until_it_says,
)
from browser.test_exercises import (  # noqa: F401 - tests
    test_a_prediction_made_by_keyboard_appears_on_the_result,
    test_a_quiz_answers_each_option_and_counts_first_tries,
)
from browser.test_explorers import TEXTS

OTHERS = {
    "firefox": (firefox, find_firefox, NO_FIREFOX),
    "webkit": (webkit, find_webkit, NO_WEBKIT),
}
TRAINS = test_engine.STEPS.replace("panel", "training").replace("Slider(3", "Slider(1")
CELLS = [*test_engine.CELLS, *test_exercises.CELLS, TRAINS]
CONTRAST = """e => {
    const light = text => { const [r, g, b] = text.match(/[\\d.]+/g).map(v => {
        v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const text = light(getComputedStyle(e).color);
    const page = light(getComputedStyle(document.querySelector('.jp-Notebook'))
        .backgroundColor);
    return (Math.max(text, page) + 0.05) / (Math.min(text, page) + 0.05); }"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A JupyterLab of these tests' own: Chromium's are run by another worker."""
    with jupyterlab(tmp_path_factory.mktemp("jupyterlab")) as running:
        yield running


@pytest.fixture(scope="module", params=OTHERS)
def page(request, server, tmp_path_factory):
    """One page in one of the browsers, with all that the tests here touch."""
    start, find, missing = OTHERS[request.param]
    if not find():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    folder = tmp_path_factory.mktemp(request.param)
    with start(folder) as page:
        browser = SimpleNamespace(new_page=lambda: page)
        with watched(server, browser, folder) as lab:
            yield lab.run(CELLS)


def test_a_panel_trains_pauses_goes_on_and_stops(notebook):
    number = 1  # the second panel
    notebook.wait_for_sentence("1: 4", number)
    notebook.set_slider("width", 3, number)
    wait_until_it_says(notebook, "^3: ", number)
    for press, then in (("Pause", "Resume"), ("Resume", "Pause")):
        notebook.push(press, number)
        notebook.panel(number).get_by_role("button", name=then).wait_for()
    notebook.push("Stop", number)
    notebook.panel(number).get_by_role("button", name="Run again").wait_for()
    notebook.page.wait_for_timeout(300)  # the last picture may follow
    stopped = notebook.sentence(number)
    notebook.page.wait_for_timeout(400)
    assert notebook.sentence(number) == stopped


def test_texts_are_readable_in_both_themes(notebook):
    words = ".kdlab-sentence, .widget-label, .kdlab-exercise :is(p, legend, label)"
    for theme in ("light", "dark"):
        notebook.set_theme(theme)
        notebook.screenshot(f"{type(notebook.page.browser).__name__}-{theme}")
        for text in notebook.page.locator(words).all():
            assert text.evaluate(CONTRAST) > 4.5, (theme, text.inner_text())
        for text in notebook.panel().locator(".kdlab-frame").evaluate(TEXTS):
            assert text["inside"] and text["colored"], (theme, text)
