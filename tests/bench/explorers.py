"""Pictures in the kernel: the view of every explorer at each tabulated position."""

import itertools
import statistics
import time
from collections.abc import Iterator

from bench.table import Measurement
from bench.views import answered_test_set, explorer_calls, quick_student
from kdlab.panels import Explorer
from kdlab.training import one_cpu_thread

LOOKS = 5  # at each position: the quickest counts, the others met other processes


def measure() -> Iterator[Measurement]:
    """The slowest picture of each explorer, and the seconds of all their tables."""
    columns = answered_test_set()
    calls = explorer_calls(columns, quick_student(columns))
    seconds, pictures = 0.0, 0
    with one_cpu_thread():
        for name, make in calls.items():
            panel = make()
            times = [1000 * seconds for seconds in seconds_by_position(panel)]
            besides = {"median": statistics.median(times), "positions": len(times)}
            what = f"{name}: slowest picture in the kernel"
            yield Measurement("explorers", what, max(times), "ms", 5, besides=besides)
            seconds += seconds_of_table(panel)
            pictures += len(times)
    what = f"tables of {len(calls)} explorers, {pictures:,} pictures, drawn and packed"
    yield Measurement("explorers", what, seconds, "s")


def seconds_by_position(panel: Explorer) -> list[float]:
    """Seconds of `panel.look` at each position of its table, the first try apart."""
    times = []
    axes = [axis.values() for axis in panel.positions.values()]
    for point in itertools.product(*axes):
        values = {**panel.values(), **dict(zip(panel.positions, point, strict=True))}
        if not times:
            panel.look(values)
        tries = []
        for _ in range(LOOKS):
            started = time.perf_counter()
            panel.look(values)
            tries.append(time.perf_counter() - started)
        times.append(min(tries))
    return times


def seconds_of_table(panel: Explorer) -> float:
    """Seconds to draw all positions of the table and to pack it."""
    started = time.perf_counter()
    table = panel._new_table()
    for _ in panel._fill(table):
        pass
    table.packed()
    return time.perf_counter() - started
