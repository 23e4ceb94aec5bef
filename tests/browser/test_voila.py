"""A notebook as voila serves it: no code, and controls that answer.

Once with the plotly.js that an extension of JupyterLab brings, once without: then the
kernel sends it, as it does wherever there is no JupyterLab (VS Code, Colab).
"""

import sys

import pytest

import claims
from browser.conftest import Notebook, Server, jupyterlab, need_chromium

pytest.importorskip("voila", reason="no voila: pip install it")

OF_NOTEBOOK7 = "@jupyter-notebook/lab-extension"  # stands beside voila only here
ICONS = "https://cdn.jsdelivr.net/npm/@fortawesome/**"  # voila's own; we use none


class Voila(Server):
    """`voila notebooks/00_start_here.ipynb`, on the digits."""

    without = [OF_NOTEBOOK7]

    def command(self):
        return [
            *(sys.executable, "-m", "voila", str(claims.ALL[0]), "--no-browser"),
            *("--Voila.ip=127.0.0.1", f"--port={self.port}"),
            *(f"--VoilaConfiguration.extension_denylist={w}" for w in self.without),
        ]

    def environment(self, folder):
        return {**super().environment(folder), "KDLAB_DATASET": "digits"}

    def url(self, path, port=None):
        return super().url(path.replace("api/status", "voila/static/voila.js"), port)


class WithoutPlotly(Voila):
    without = [OF_NOTEBOOK7, "jupyterlab-plotly"]


@pytest.fixture(scope="module", params=[Voila, WithoutPlotly])
def server(request, tmp_path_factory):
    need_chromium()
    with jupyterlab(tmp_path_factory.mktemp("voila"), request.param) as running:
        yield running


def test_sliders_pictures_and_the_quiz_answer(server, browser, tmp_path):
    page = browser.new_page()
    page.set_default_timeout(120_000)  # the page comes when all its cells have run
    page.route(ICONS, lambda route: route.fulfill(body="", content_type="text/css"))
    notebook = Notebook(page, tmp_path)
    notebook.harmless.append(ICONS.removesuffix("**"))
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(server.url(""))
    page.wait_for_selector(".kdlab-frame svg.main-svg")

    assert page.locator(".jp-CodeCell .jp-Editor").count() == 0  # no code
    before = notebook.sentence(), notebook.picture()
    notebook.press("temperature", *["ArrowRight"] * 8)
    page.wait_for_function(
        "old => document.querySelector('.kdlab-sentence').textContent !== old",
        arg=before[0],
    )
    page.wait_for_timeout(100)
    after = notebook.sentence(), notebook.picture()
    assert before[0] != after[0] and before[1] != after[1]
    notebook.push("Reset")
    notebook.wait_for_sentence(before[0])

    quiz = page.locator(".kdlab-exercise").last
    quiz.get_by_role("radio").first.check()
    quiz.get_by_role("button").first.click()
    quiz.locator(".feedback").first.wait_for()

    assert not [url for url in asked for name in server.without if name in url]
    assert notebook.complaints == []
    page.close()
