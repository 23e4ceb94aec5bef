"""Run-all of each notebook on one core, and on two beside a busy neighbour, as ratios.

Without a browser: what is timed is the kernel. The ratios are to the same notebook on
two quiet cores, run just before.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import claims
from bench.table import Measurement

ONE_CORE, ONE_NEIGHBOUR, THREE = 2.0, 3.0, 8.0  # at most so many times as long
RUN = """import sys, nbformat, claims
claims.run(nbformat.read(sys.argv[1], as_version=4))"""
FOREVER = "while True: pass"


def measure() -> Iterator[Measurement]:
    """Each notebook, and the one that trains most also beside three neighbours."""
    for path in claims.ALL:
        quiet = seconds_of(path)
        yield Measurement("busy", f"{path.stem}: Run-all, two quiet cores", quiet, "s")
        for neighbours, cores, most in ((0, 1, ONE_CORE), (1, 2, ONE_NEIGHBOUR)):
            yield ratio(path, quiet, neighbours, cores, most)
        if path.stem.startswith("03"):
            yield ratio(path, quiet, 3, 2, THREE)


def ratio(
    path: Path, quiet: float, neighbours: int, cores: int, most: float
) -> Measurement:
    """How many times as long it takes there."""
    with busy(neighbours):
        found = seconds_of(path, cores) / quiet
    what = f"{path.stem}: on {'two cores' if cores > 1 else 'one core'}"
    beside = f" beside {neighbours} busy" if neighbours else ""
    return Measurement("busy", what + beside, found, "times", most)


def seconds_of(path: Path, cores: int = 2) -> float:
    """Run a notebook from top to bottom in a new kernel, on so many cores."""
    start = time.monotonic()
    command = [sys.executable, "-c", RUN, str(path)]
    where = {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(command, check=True, env=os.environ | where, preexec_fn=keep(cores))
    return time.monotonic() - start


def keep(cores: int) -> Callable[[], None] | None:
    """What keeps a new process, and all it starts, on the first so many cores."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    first = sorted(os.sched_getaffinity(0))[:cores]
    return lambda: os.sched_setaffinity(0, first)


@contextmanager
def busy(neighbours: int) -> Iterator[None]:
    """So many processes that compute without a pause, on the same cores."""
    processes = [
        subprocess.Popen([sys.executable, "-c", FOREVER]) for _ in range(neighbours)
    ]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
