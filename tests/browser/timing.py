"""From a moved slider to changed pixels, measured inside the page."""

import statistics
from typing import NamedTuple

# What a picture looks like, as text: the SVG, the pixels of canvases, the images.
SIGNATURE = """frame => [...frame.querySelectorAll('svg, canvas, img')].map(e =>
    e.tagName === 'CANVAS' ? e.toDataURL() : e.tagName === 'IMG' ? e.src : e.innerHTML
).join('|')"""

WATCH = """([slider, picture, signature]) => {
    signature = eval(signature);
    const times = window.__latencies = [], handle = document.querySelector(slider);
    handle.addEventListener('keydown', () => {
        const frame = document.querySelector(picture);
        const pressed = performance.now(), before = signature(frame);
        const look = () => {
            if (performance.now() - pressed > 3000) return times.push(null);
            if (signature(frame) === before) return requestAnimationFrame(look);
            times.push(performance.now() - pressed);
        };
        requestAnimationFrame(look);
    }, true);
    handle.focus();
    const [now, min, max] = ['now', 'min', 'max'].map(
        limit => Number(handle.getAttribute('aria-value' + limit)));
    return now > (min + max) / 2;
}"""


class Latency(NamedTuple):
    """Seconds from key to changed pixels."""

    median: float
    p95: float
    moves: int


def measure_latency(
    page, slider=".noUi-handle", picture=".kdlab-frame", moves=40, pause=0.15
):
    """Press arrow keys on a slider; seconds until the picture differs: a Latency.

    `slider` and `picture` are selectors, the first match counts; a time stamp is taken
    at the key event, then each animation frame compares the picture's SVG and canvases.
    The slider goes five steps towards its middle, five back, and so on.
    Raises TimeoutError if a move changes nothing for three seconds.
    """
    upper_half = page.evaluate(WATCH, [slider, picture, SIGNATURE])
    for move in range(moves):
        right = (move // 5 % 2 == 0) != upper_half
        page.keyboard.press("ArrowRight" if right else "ArrowLeft")
        done = "n => window.__latencies.length > n"
        page.wait_for_function(done, arg=move, timeout=5000)
        page.wait_for_timeout(pause * 1000)
    times = page.evaluate("window.__latencies")
    if None in times:
        raise TimeoutError(f"{times.count(None)} of {moves} moves changed nothing.")
    p95 = statistics.quantiles(times, n=20)[-1]
    return Latency(statistics.median(times) / 1000, p95 / 1000, moves)
