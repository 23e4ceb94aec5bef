"""The smoke test of the engine and of exercises in Firefox and WebKitGTK, as stocked.

The tests are Chromium's, of browser/: here they meet other browsers, each with one page
that holds an explorer, a prediction, a quiz and a panel that trains. Without Firefox
(FIREFOX, or in PATH), or without WebKitWebDriver and Xvfb, they skip; with CI=true they
fail on Linux.
"""

import os
import sys
from types import SimpleNamespace

import pytest

from browser import test_engine, test_exercises
from browser.conftest import jupyterlab, watched
from browser.stock import find_firefox, find_webkit, firefox, webkit
from browser.test_engine import (  # noqa: F401
    test_image_picker_by_mouse_keyboard_and_preset_then_a_busy_kernel,
    test_slider_answers_to_mouse_keyboard_and_number_box,
)
from browser.test_exercises import (  # noqa: F401
    test_a_prediction_made_by_keyboard_appears_on_the_result,
    test_a_quiz_answers_each_option_and_counts_first_tries,
)

OTHERS = {
    "firefox": (firefox, find_firefox, "no Firefox found: install firefox-esr"),
    "webkit": (webkit, find_webkit, "no WebKitGTK: install webkit2gtk-driver, xvfb"),
}
TRAINING = test_engine.STEPS.replace("panel", "training").replace(
    "Slider(3", "Slider(4"
)
CELLS = [*test_engine.CELLS, *test_exercises.CELLS, TRAINING]


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
        ci = os.environ.get("CI") == "true" and sys.platform == "linux"
        (pytest.fail if ci else pytest.skip)(missing)
    folder = tmp_path_factory.mktemp(request.param)
    with start(folder) as page:
        browser = SimpleNamespace(new_page=lambda: page)
        with watched(server, browser, folder) as lab:
            yield lab.run(CELLS)


@pytest.fixture
def notebook(page):
    """The page run again: nothing is moved, predicted or tried; in the light theme."""
    page.set_theme("light")
    page.run_all()
    return page
