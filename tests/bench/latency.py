"""From the slider to changed pixels in Chromium: every explorer, and FigureWidgets."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from playwright.sync_api import Locator, Page

from bench.pages import (
    OURS,
    START,
    explorer_cell,
    laboratory,
    opened,
    rival_cell,
    run_until_drawn,
    wait_for_cells,
    wait_for_tables,
)
from bench.table import Measurement, failure
from bench.views import ALL
from browser.conftest import Lab, Notebook
from browser.proxy import DelayingProxy
from browser.timing import Latency, measure_latency

RIVALS = "temperature", "second_answer"  # many traces, and few
MOVES, PAUSE = 25, 0.1
NETWORK_SECONDS = 0.1  # each way


class Control(NamedTuple):
    """What the arrow keys move; the keys of `start` come first, and are not timed."""

    name: str
    selector: str
    focus: str
    start: Sequence[str]


# From within its range each step of every slider changes the picture.
SLIDER = Control("slider", ".noUi-handle", ".noUi-handle", ["PageUp"] * 3)
RADIOS = "[role=radiogroup]"
PICKER = Control("image picker", RADIOS, f"{RADIOS} [aria-checked=true]", ["End"])
CELLS = [
    f"{START}\ncalls = explorer_calls(columns, quick_student(columns))",
    *map(explorer_cell, ALL),
    *map(rival_cell, RIVALS),
]


def measure() -> Iterator[Measurement]:
    """All of them in one page; then the same page over a slow network."""
    with laboratory() as lab:
        yield from measure_page(lab, None, "kernel here")
        with DelayingProxy(lab.server.port, NETWORK_SECONDS) as proxy:
            far = f"network {1000 * NETWORK_SECONDS:.0f} ms each way"
            yield from measure_page(lab, proxy.port, far)


def measure_page(lab: Lab, port: int | None, network: str) -> Iterator[Measurement]:
    """Latencies in a new page at this port."""
    with opened(lab, CELLS, port) as notebook:
        run_until_drawn(notebook, len(ALL))
        wait_for_cells(notebook)
        wait_for_tables(notebook, ALL)
        for number, name in enumerate(ALL):
            by = PICKER if name == "label" else SLIDER
            what = f"{name}: {by.name} to pixels, {network}, p95"
            box = f".kdlab-panel >> nth={number}"
            yield row(what, notebook, box, by, OURS, target=80)
        for number, name in enumerate(RIVALS):
            what = f"FigureWidget of {name}, {network}, p95"
            box = f".bench-rival >> nth={number}"
            yield row(what, notebook, box, SLIDER, ".js-plotly-plot")


def row(
    what: str,
    notebook: Notebook,
    box: str,
    by: Control,
    picture: str,
    target: float | None = None,
) -> Measurement:
    """The 95th percentile, in milliseconds; where nothing moves, why."""
    try:
        seen = latency(notebook.page, notebook.page.locator(box), by, picture)
    except Exception as error:  # the other explorers go on
        return failure("latency", error, what)
    besides = {"p50": 1000 * seen.median, "moves": seen.moves}
    return Measurement("latency", what, 1000 * seen.p95, "ms", target, besides=besides)


def latency(page: Page, box: Locator, by: Control, picture: str) -> Latency:
    """Press keys on the first control of a box until its picture has changed."""
    page.evaluate(
        """document.querySelectorAll('.timed')
        .forEach(e => { e.classList.remove('timed'); })"""
    )
    for what in (by.selector, picture):
        box.locator(what).first.evaluate("e => { e.classList.add('timed'); }")
    box.locator(by.focus).first.focus()
    for key in by.start:
        page.keyboard.press(key)
        page.wait_for_timeout(400)
    marked = f"{by.selector}.timed", f"{picture}.timed"
    return measure_latency(page, *marked, moves=MOVES, pause=PAUSE)
