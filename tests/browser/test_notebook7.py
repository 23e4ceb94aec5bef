"""The engine, the exercises and a whole notebook in Jupyter Notebook 7."""

import nbformat
import pytest

import claims
from browser.conftest import Server, jupyterlab, need_chromium
from browser.test_engine import (  # noqa: F401 - tests
    test_image_picker_by_mouse_keyboard_and_preset_then_a_busy_kernel,
    test_slider_answers_to_mouse_keyboard_and_number_box,
)
from browser.test_exercises import (  # noqa: F401 - tests
    test_a_prediction_made_by_keyboard_appears_on_the_result,
    test_a_quiz_answers_each_option_and_counts_first_tries,
)
from browser.test_other_browsers import (  # noqa: F401 - tests
    CELLS,
    test_a_panel_trains_pauses_goes_on_and_stops,
)

OLDER = "Jupyter Notebook before 7.6 has errors of its own (or none is here)"
pytest.importorskip("notebook", "7.6", reason=OLDER)


class Notebook7(Server):
    """Jupyter Notebook as `jupyter notebook` starts it."""

    def command(self):
        words = ["notebook" if w == "jupyterlab" else w for w in super().command()]
        return [*words, "--JupyterNotebookApp.expose_app_in_browser=True"]

    def environment(self, folder):
        return {**super().environment(folder), "KDLAB_DATASET": "digits"}

    def url(self, path, port=None):
        return super().url(path.replace("doc/tree", "notebooks"), port)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    need_chromium()
    with jupyterlab(tmp_path_factory.mktemp("notebook7"), Notebook7) as running:
        yield running


@pytest.fixture(scope="module")
def page(module_lab):
    return module_lab.run(CELLS)


def test_the_first_notebook_runs_and_its_slider_answers(lab):
    cells = claims.code_cells(nbformat.read(claims.ALL[0], as_version=4))
    notebook = lab.run([cell.source for cell in cells])
    before = notebook.sentence(), notebook.picture()
    notebook.press("temperature", *["ArrowRight"] * 8)
    notebook.settle()
    after = notebook.sentence(), notebook.picture()
    assert before[0] != after[0] and before[1] != after[1]
    assert "/notebooks/" in notebook.page.url  # no JupyterLab
