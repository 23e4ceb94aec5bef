"""Six explorers in one notebook, beside the same six views in FigureWidgets."""

from collections.abc import Iterator

from bench.pages import (
    OURS,
    RIVAL,
    START,
    explorer_cell,
    laboratory,
    opened,
    rival_cell,
    run_until_drawn,
    wait_for_cells,
    wait_for_tables,
)
from bench.table import Measurement
from bench.views import SIX
from browser.conftest import Lab
from browser.proxy import DelayingProxy


def measure() -> Iterator[Measurement]:
    """Seconds and bytes; what the same page without explorers gets is subtracted."""
    ours = [START, *map(explorer_cell, SIX)]
    rivals = [START, *map(rival_cell, SIX)]
    with laboratory() as lab, DelayingProxy(lab.server.port, delay=0) as proxy:
        cold = run_cells(lab, proxy, ours, OURS, SIX)[1]
        alone = run_cells(lab, proxy, [START, *("0" for _ in SIX)])[1]
        seconds, received = run_cells(lab, proxy, ours, OURS, SIX)
        theirs = run_cells(lab, proxy, rivals, RIVAL)
    megabytes = {
        name: (count - alone) / 1e6
        for name, count in (("warm", received), ("cold", cold), ("rival", theirs[1]))
    }
    what = "six explorers in a notebook: from Run-all to the last picture"
    besides = {"six FigureWidgets": f"{theirs[0]:.3g} s"}
    yield Measurement("six", what, seconds, "s", 5, besides=besides)
    besides = {
        "six FigureWidgets": f"{megabytes['rival']:.3g} MB",
        "first visit, JupyterLab's plotly.js included": f"{megabytes['cold']:.3g} MB",
    }
    what = "six explorers in a notebook: to the browser, tables included"
    yield Measurement("six", what, megabytes["warm"], "MB", 0.5, besides=besides)


def run_cells(
    lab: Lab, proxy: DelayingProxy, cells: list[str], picture: str = "", tables=()
) -> tuple[float, int]:
    """Seconds until six pictures are drawn; bytes until all tables have come, too."""
    with opened(lab, cells, proxy.port) as notebook:
        notebook.settle()
        before = proxy.received
        pictures = len(SIX) if picture else 0
        seconds = run_until_drawn(notebook, pictures, picture or OURS)
        wait_for_cells(notebook)
        wait_for_tables(notebook, tables)
        return seconds, proxy.received - before
