"""Notebooks in a JupyterLab of their own, for the parts that need a browser."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from browser.conftest import (
    ARGUMENTS,
    NO_CHROMIUM,
    SESSION,
    Lab,
    Notebook,
    find_chromium,
    jupyterlab,
)

TESTS = Path(__file__).parents[1]
START = f"""import sys
sys.path.insert(0, {str(TESTS)!r})
from bench.views import answered_test_set, explorer_calls, student_answers
columns = answered_test_set()
calls = explorer_calls(columns, student_answers(columns))"""
RUN_ALL = "() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }"
DONE = f"""() => {SESSION}.session.kernel.status === 'idle' &&
    ![...document.querySelectorAll('.jp-InputPrompt')]
        .some(e => e.textContent.includes('*'))"""
DRAWN = """([picture, number]) => number <= [...document.querySelectorAll(picture)]
    .filter(e => e.querySelector('svg.main-svg')).length"""
TABLES = """import asyncio, time
stop = time.monotonic() + 120
def tabulated():
    return all(p.covered and p.covered.covers(p.places()) for p in ({panels}))
while not tabulated() and time.monotonic() < stop:
    await asyncio.sleep(0.2)
print(tabulated())"""
OURS, RIVAL = ".kdlab-frame", ".bench-rival .js-plotly-plot"


@contextmanager
def laboratory() -> Iterator[Lab]:
    """A JupyterLab and Chromium with an empty cache."""
    path = find_chromium()
    if not path:
        raise RuntimeError(NO_CHROMIUM)
    with (
        tempfile.TemporaryDirectory() as folder,
        jupyterlab(Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield Lab(server, chromium.new_context(), Path(folder))
        finally:
            chromium.close()


@contextmanager
def opened(
    lab: Lab, cells: Sequence[str], port: int | None = None
) -> Iterator[Notebook]:
    """A notebook with a kernel, not yet run; both are closed at the end."""
    notebook = lab.open(cells, port=port)
    try:
        yield notebook
    finally:
        lab.opened.remove(notebook)
        for complaint in notebook.close():
            print(f"\n  went wrong in the page: {complaint}")


def run_until_drawn(notebook: Notebook, pictures: int, picture: str = OURS) -> float:
    """Run all cells; seconds until so many pictures are drawn."""
    started = time.monotonic()
    notebook.page.evaluate(RUN_ALL)
    notebook.page.wait_for_function(DRAWN, arg=[picture, pictures], timeout=120_000)
    return time.monotonic() - started


def wait_for_cells(notebook: Notebook) -> None:
    """Until the last cell is done."""
    notebook.page.wait_for_timeout(100)  # the first one is marked as running by then
    notebook.page.wait_for_function(DONE, timeout=180_000)


def wait_for_tables(notebook: Notebook, names: Sequence[str]) -> None:
    """Until the browser has the tables of the explorers with these variables.

    One message to the kernel, for each would be counted with the explorers' bytes.
    """
    notebook.settle()
    panels = "".join(f"{name}, " for name in names)
    if notebook.execute(TABLES.format(panels=panels)).strip() != "True":
        raise TimeoutError(f"Not all of {names} were tabulated in time.")
    notebook.settle()


def explorer_cell(name: str) -> str:
    """The cell that shows an explorer, and keeps it as a variable."""
    return f"{name} = calls[{name!r}]()\n{name}"


def rival_cell(name: str) -> str:
    """The cell that shows the same view in a FigureWidget."""
    return f"from bench.rivals import rival\nrival(calls[{name!r}])"
