"""From the pen to changed bars in Chromium, while a digit is drawn on a pad."""

import math
import statistics

from bench.pages import opened, run_until_drawn, wait_for_cells
from bench.table import Measurement
from browser.conftest import Lab, Notebook

CELLS = [
    """from kdlab.data import course_dataset
from kdlab.explorers import pad_explorer
from kdlab.weights import load_teacher
pad_explorer(load_teacher(course_dataset())[0], temperature=8.0)"""
]
MOVES, BEGUN = 40, 40  # pairs that are timed; moves before, until there is a digit
# Times of the pen's moves, and of the frames in which the bars differ.
WATCH = """() => {
    const look = () => [...document.querySelectorAll('.kdlab-frame .bars path')]
        .map(bar => bar.getAttribute('d')).join();
    const seen = window.__seen = { pen: [], bars: [] };
    let before = look();
    document.querySelector('.kdlab-paper').addEventListener('pointermove',
        () => seen.pen.push(performance.now()), true);
    const watch = () => {
        const now = look();
        if (now !== before) seen.bars.push(performance.now());
        before = now;
        requestAnimationFrame(watch);
    };
    watch();
}"""


def pen_to_bars(lab: Lab) -> Measurement:
    """Moves in pairs: the pad lets the second one wait, as it does while one draws."""
    with opened(lab, CELLS) as notebook:
        run_until_drawn(notebook, 1)
        wait_for_cells(notebook)
        notebook.settle()
        notebook.page.evaluate(WATCH)
        times = sorted(latencies(notebook))
    besides = {"p50": statistics.median(times), "moves": len(times)}
    p95 = statistics.quantiles(times, n=20)[-1]
    what = "pad: pen to bars, kernel here, p95"
    return Measurement("latency", what, p95, "ms", 100, besides=besides)


def latencies(notebook: Notebook) -> list[float]:
    """Draw a spiral; milliseconds from every second move to the last change of bars."""
    page, times = notebook.page, []
    left, top, side, _ = page.locator(".kdlab-paper").bounding_box().values()

    def move(step: float) -> None:
        angle, radius = step / 12, side * (0.1 + step / 500)
        x, y = radius * math.cos(angle), radius * math.sin(angle)
        page.mouse.move(left + side / 2 + x, top + side / 2 + y)

    move(0)
    page.mouse.down()
    for step in range(1, 2 * MOVES + BEGUN):
        move(step)
        if step < BEGUN:
            page.wait_for_timeout(50)
        elif step % 2:
            page.wait_for_timeout(400)
            pen, bars = page.evaluate("[__seen.pen, __seen.bars]")
            if bars[-1] > pen[-1]:  # else it changed nothing
                times.append(bars[-1] - pen[-1])
        else:
            page.wait_for_timeout(10)
    page.mouse.up()
    if len(times) < MOVES / 2:
        raise TimeoutError(f"{len(times)} of {MOVES} moves changed the bars in time.")
    return times
