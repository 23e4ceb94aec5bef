"""Explorers that train: from the release of a slider to the first dot, and to the last.

Pause and Stop are timed from the click to the button that says so, while the kernel
trains.
"""

import time
from collections.abc import Iterator

from bench.pages import laboratory, opened, run_until_drawn, wait_for_cells
from bench.table import Measurement
from browser.conftest import Notebook

SETS = """from kdlab.data import load_images, sample
from kdlab.training import predict
from kdlab.weights import load_teacher
teacher, _ = load_teacher("mnist")
train_set = sample(load_images("mnist", "train"), 10_000)
test_set = load_images("mnist", "test")
for columns in (train_set, test_set):
    columns["teacher_logits"] = predict(teacher, columns["images"])"""
RETRAIN = """from kdlab.explorers import retrain_explorer
panel = retrain_explorer(train_set, test_set)
panel"""
PLAYGROUND = """from lessons.loss_blend import playground_explorer
panel = playground_explorer()
panel"""
PAIR = """from lessons.teacher_and_student import pair_explorer
panel = pair_explorer(train_set, test_set)
panel"""
SENTENCE = "document.querySelector('.kdlab-sentence').textContent"
NEW = f"""([before, pattern]) => {SENTENCE} !== before
    && new RegExp(pattern).test({SENTENCE})"""
ENDED = """() => [...document.querySelectorAll('.kdlab-buttons button')]
    .some(e => e.textContent === 'Stop' && e.disabled)"""
RELEASES = 6
EPOCHS_SLIDER = 4  # its place among the sliders of `retrain_explorer`


def measure() -> Iterator[Measurement]:
    """Each of them in a page of its own."""
    with laboratory() as lab:
        with opened(lab, [SETS, RETRAIN]) as notebook:
            until_ended(notebook)
            yield from measure_retraining(notebook)
        with opened(lab, [PLAYGROUND]) as notebook:
            until_ended(notebook)
            yield from measure_playground(notebook)
        with opened(lab, [SETS, PAIR]) as notebook:
            started = time.monotonic()
            until_ended(notebook)
            seconds = time.monotonic() - started
            what = "pair: both twins at the default, with the teacher's answers"
            yield Measurement("live", what, seconds, "s", 30)
            yield from measure_buttons(notebook)


def until_ended(notebook: Notebook) -> None:
    """Run all cells, and wait until the training has ended."""
    run_until_drawn(notebook, 1)
    wait_for_cells(notebook)
    notebook.page.wait_for_function(ENDED, timeout=120_000)


def measure_retraining(notebook: Notebook) -> Iterator[Measurement]:
    """A new temperature needs five students, a new number of epochs five pairs."""
    first, all_five = [], []
    for key in ["ArrowLeft"] * RELEASES:
        first.append(released(notebook, 0, key, "; 1 of 5 seeds"))
        all_five.append(first[-1] + seconds_until(notebook, "; 5 of 5 seeds"))
        notebook.page.wait_for_function(ENDED)
    yield median_of("retrain: release of T to the first dot", first, 0.8)
    yield median_of("retrain: release of T to five pairs", all_five, 8)
    anew = released(notebook, EPOCHS_SLIDER, "ArrowLeft", "; 5 of 5 seeds")
    yield Measurement("live", "retrain: new epochs (8), five pairs", anew, "s", 8)
    again = released(notebook, EPOCHS_SLIDER, "ArrowRight", "; 5 of 5 seeds")
    yield Measurement("live", "retrain: back to 15, twins are known", again, "s", 8)


def measure_playground(notebook: Notebook) -> Iterator[Measurement]:
    """A new temperature, to the last picture."""
    found = []
    for _ in range(RELEASES):
        started = time.monotonic()
        press(notebook, 0, "ArrowLeft")
        notebook.page.wait_for_timeout(30)
        notebook.page.wait_for_function(ENDED, polling="raf")
        found.append(time.monotonic() - started)
    yield median_of("playground: release of its first slider to the end", found, 1)


def measure_buttons(notebook: Notebook) -> Iterator[Measurement]:
    """Click to the label that has changed, six times each."""
    pauses, stops = [], []
    for _ in range(RELEASES):
        notebook.push("Start")
        notebook.page.wait_for_timeout(700)
        for found, pressed, shown in (
            (pauses, "Pause", "Resume"),
            (pauses, "Resume", "Pause"),
            (stops, "Stop", "Start"),
        ):
            started = time.monotonic()
            notebook.push(pressed)
            button = notebook.panel().get_by_role("button", name=shown, exact=True)
            button.wait_for()
            found.append(time.monotonic() - started)
            notebook.page.wait_for_timeout(300)
    yield Measurement(
        "live", "pair: Pause and Resume act, slowest", max(pauses), "s", 0.3
    )
    yield Measurement("live", "pair: Stop acts, slowest", max(stops), "s", 0.3)


def press(notebook: Notebook, slider: int, key: str) -> None:
    """A key on the handle of this slider; letting it go is the release."""
    notebook.page.locator(".noUi-handle").nth(slider).focus()
    notebook.page.keyboard.press(key)


def released(notebook: Notebook, slider: int, key: str, pattern: str) -> float:
    """Seconds from a key until the sentence is a new one and matches."""
    before = notebook.page.evaluate(SENTENCE)
    started = time.monotonic()
    press(notebook, slider, key)
    return seconds_until(notebook, pattern, before, started)


def seconds_until(
    notebook: Notebook, pattern: str, before: str = "", started: float | None = None
) -> float:
    """Seconds from `started`, or from now, until another sentence matches."""
    started = started or time.monotonic()
    notebook.page.wait_for_function(
        NEW, arg=[before, pattern], polling="raf", timeout=60_000
    )
    return time.monotonic() - started


def median_of(what: str, found: list[float], target: float) -> Measurement:
    """The median of the seconds, with the slowest besides."""
    middle = sorted(found)[len(found) // 2]
    besides = {"slowest": max(found), "moves": len(found)}
    return Measurement("live", what, middle, "s", target, besides=besides)
