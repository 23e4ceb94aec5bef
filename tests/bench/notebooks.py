"""Every notebook from top to bottom: seconds, and the memory of its kernel."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import psutil
import torch

from bench.pages import laboratory, opened, run_until_drawn, wait_for_cells
from bench.table import Measurement
from browser.conftest import Notebook

FOLDER = Path(__file__).parents[2] / "notebooks"
AFTERWARDS = 5  # seconds, in which tables of pictures are drawn
TORCH = """import psutil, torch
memory = psutil.Process().memory_full_info()
print(memory.rss, memory.uss)"""


def measure() -> Iterator[Measurement]:
    """Each notebook in a new kernel, and a Python that only imports torch."""
    with laboratory() as lab:
        with opened(lab, ["0"]) as warm:  # the server's first notebook is a slow one
            run_until_drawn(warm, 0)
            wait_for_cells(warm)
        for path in sorted(FOLDER.glob("[0-9]*.ipynb")):
            cells = nbformat.read(path, as_version=4).cells
            code = [cell.source for cell in cells if cell.cell_type == "code"]
            with opened(lab, code) as notebook:
                yield from measure_notebook(notebook, path.stem)
    told = subprocess.run(
        [sys.executable, "-c", TORCH], capture_output=True, check=True
    )
    rss, uss = (int(text) / 1e9 for text in told.stdout.split())
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU"
    what = f"a Python that only imports torch (build for {build}): RSS"
    yield Measurement("notebooks", what, rss, "GB", besides={"private (USS)": uss})


def measure_notebook(notebook: Notebook, name: str) -> Iterator[Measurement]:
    """Run-all, the first picture, and the kernel's peak until all is quiet."""
    kernel = psutil.Process(int(notebook.execute("import os; print(os.getpid())")))
    stop, peaks = threading.Event(), {"rss": 0, "uss": 0}
    watch = threading.Thread(target=watch_memory, args=(kernel, stop, peaks))
    watch.start()
    try:
        started = time.monotonic()
        first = run_until_drawn(notebook, 1)
        wait_for_cells(notebook)
        seconds = time.monotonic() - started
        notebook.page.wait_for_timeout(1000 * AFTERWARDS)
    finally:
        stop.set()
        watch.join()
    trains = dict.fromkeys(["03", "04", "05"], (90, 0.9)) | {"06": (150, 1.6)}
    trains |= dict.fromkeys(["07", "08", "09", "10", "11", "12", "13"], (120, 0.9))
    longest, largest = trains.get(name[:2], (60, 0.6))
    gigabytes = {kind: peak / 1e9 for kind, peak in peaks.items()}
    yield Measurement("notebooks", f"{name}: Run-all", seconds, "s", longest)
    yield Measurement("notebooks", f"{name}: first picture", first, "s", 10)
    besides = {"private (USS)": gigabytes["uss"]}
    what = f"{name}: kernel's peak memory (RSS)"
    yield Measurement(
        "notebooks", what, gigabytes["rss"], "GB", largest, besides=besides
    )


def watch_memory(
    kernel: psutil.Process, stop: threading.Event, peaks: dict[str, int]
) -> None:
    """Keep the highest resident and private memory, four times a second."""
    while not stop.wait(0.25):
        memory = kernel.memory_full_info()
        for kind in peaks:
            peaks[kind] = max(peaks[kind], getattr(memory, kind))
