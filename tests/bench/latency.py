"""To changed pixels in Chromium: from a pen, and from the slider of each explorer."""

import statistics
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
from bench.pen import pen_to_bars
from bench.table import Measurement, failure
from bench.views import SIX, steady_explorers
from browser.conftest import Lab, Notebook
from browser.proxy import DelayingProxy
from browser.timing import Latency, measure_latency

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


def measure() -> Iterator[Measurement]:
    """The pen; the sliders in one page; then the same page over a slow network."""
    names = steady_explorers()
    with laboratory() as lab:
        yield pen_to_bars(lab)
        yield from measure_page(lab, names, None, "kernel here")
        with DelayingProxy(lab.server.port, NETWORK_SECONDS) as proxy:
            far = f"network {1000 * NETWORK_SECONDS:.0f} ms each way"
            yield from measure_page(lab, names, proxy.port, far)


def measure_page(
    lab: Lab, names: Sequence[str], port: int | None, network: str
) -> Iterator[Measurement]:
    """Latencies in a new page at this port; the FigureWidgets' are the measure."""
    cells = [START, *map(explorer_cell, names), *map(rival_cell, SIX)]
    with opened(lab, cells, port) as notebook:
        run_until_drawn(notebook, len(names))
        wait_for_cells(notebook)
        wait_for_tables(notebook, names)
        theirs, ours = {}, {}
        for number, name in enumerate(SIX):
            what = f"FigureWidget of {name}, {network}, p95"
            box = f".bench-rival >> nth={number}"
            theirs[name] = row(what, notebook, box, SLIDER, ".js-plotly-plot")
            yield theirs[name]
        for number, name in enumerate(names):
            box = f".kdlab-panel >> nth={number}"
            by = SLIDER if has(notebook, box, SLIDER) else PICKER
            what = f"{name}: {by.name} to pixels, {network}, p95"
            ours[name] = row(what, notebook, box, by, OURS, target=50)
            yield ours[name]
        both = [ours[n].besides["p50"] / theirs[n].besides["p50"] for n in SIX]
        what = f"six explorers: median of FigureWidget's median, {network}"
        yield Measurement("latency", what, statistics.median(both), "times", 0.35)


def has(notebook: Notebook, box: str, control: Control) -> bool:
    """Whether the panel's first control is of this kind."""
    first = notebook.page.locator(box).locator(":scope > *").first
    return first.locator(control.selector).count() > 0


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
