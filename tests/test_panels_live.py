"""Live panels without a browser: a thread drives a generator, and it can be stopped."""

import asyncio
import gc
import itertools
import subprocess
import sys
import threading
import time
from contextlib import suppress

import ipywidgets as widgets
import pytest
import torch

from kdlab.data import load_images, sample
from kdlab.experiments import student_steps
from kdlab.explorers.twins import in_turns
from kdlab.panels import choice, explore_live
from test_panels import bar, unpacked


class Steps:
    """A generator of sixty pictures that notes what happens; its end may be held up."""

    def __init__(self):
        self.events, self.inside, self.most = [], 0, 0
        self.may_end = threading.Event()
        self.may_end.set()

    def __call__(self, width):
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            for step in range(60):
                time.sleep(0.005)
                yield lambda step=step: (bar(width), f"{width}: {step}")
            return "trained"
        except GeneratorExit:
            self.events.append(f"closed {width}")
            raise
        finally:
            self.may_end.wait(60)  # a slow ending: the next must wait for it
            self.inside -= 1


class Nodding(Steps):
    """A generator that waits for a nod before each step."""

    def __init__(self):
        super().__init__()
        self.nods = threading.Semaphore(0)

    def __call__(self, width):
        try:
            for step in itertools.count():
                assert self.nods.acquire(timeout=60)
                yield lambda step=step: (bar(width), f"{width}: {step}")
        except GeneratorExit:
            self.events.append(f"closed {width}")
            raise


def width():
    return widgets.IntSlider(3, max=9)


def sentence_of(panel):
    return next(unpacked(panel.picture.now))[2] if panel.picture.now else ""


def result_of(panel):
    return asyncio.run(panel.finished())


def wait_until(condition):
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    raise TimeoutError("not within a minute")


def driving():
    """The threads that drive a generator now."""
    return [t for t in threading.enumerate() if t.name == "kdlab"]


def test_a_new_position_closes_the_generator_and_starts_another():
    wait_until(lambda: not driving())  # those of other tests
    steps = Steps()
    panel = explore_live(steps, width=width())
    wait_until(lambda: sentence_of(panel).startswith("3: "))
    steps.may_end.clear()
    panel.controls["width"].value = 4
    panel.controls["width"].value = 5
    time.sleep(0.1)
    assert steps.inside == 1  # 3 has not ended yet, and the others wait
    steps.may_end.set()
    wait_until(lambda: sentence_of(panel).startswith("5: "))
    assert steps.events == ["closed 3"] and steps.most == 1  # 4 never began
    wait_until(lambda: len(driving()) == 1)
    panel.close()
    wait_until(lambda: not driving())
    assert steps.events in (["closed 3", "closed 5"], ["closed 3"])  # or at its end


def test_stop_and_run_again():
    steps = Nodding()
    panel = explore_live(steps, width=width())
    assert panel.picture.state == "running"
    steps.nods.release()
    wait_until(lambda: sentence_of(panel) == "3: 0")
    panel.picture._handle_custom_msg("stop", [])
    assert panel.picture.state == "ended"  # at once, while a step is under way
    steps.nods.release()
    assert result_of(panel) is None
    assert steps.events == ["closed 3"]
    panel.generator = Steps()
    panel.picture._handle_custom_msg("start", [])
    assert panel.picture.state == "running"
    assert result_of(panel) == "trained"
    assert sentence_of(panel) == "3: 59" and panel.picture.state == "ended"


def test_a_run_that_ends_while_it_is_paused_is_over():
    go, last = threading.Event(), threading.Event()

    def one_picture():
        yield lambda: (bar(1), "done")
        go.wait(60)
        last.set()

    panel = explore_live(one_picture)
    with panel.lock:  # nobody is told yet that the run has ended
        go.set()
        assert last.wait(60)
        time.sleep(0.1)
        panel.pause()
        assert panel.picture.state == "paused"
    result_of(panel)
    assert panel.picture.state == "ended"


def test_a_run_that_ends_after_a_new_position_does_not_end_that_one():
    steps = Nodding()
    panel = explore_live(steps, width=width())
    old = panel.drive
    panel.controls["width"].value = 4
    panel._ended(old)
    assert panel.picture.state == "running"
    panel.close()
    steps.nods.release(2)


def test_stopped_before_there_was_a_picture_it_says_so():
    nod = threading.Event()

    def silent():
        while True:
            nod.wait(60)
            yield None

    panel = explore_live(silent)
    panel.stop()
    nod.set()
    result_of(panel)
    assert sentence_of(panel) == "Stopped before there was a picture."


@pytest.mark.parametrize(
    "place",
    [None, (bar(1), "a picture, but no function"), bar(1), (3, {"hard": 0.5}), "hard"],
)
def test_whatever_is_no_function_is_a_place_to_stop(place):
    nods, closed = threading.Semaphore(0), []

    def steps():
        yield lambda: (bar(1), "drawn")
        try:
            while True:
                assert nods.acquire(timeout=60)
                yield place
        except GeneratorExit:
            closed.append(True)
            raise

    panel = explore_live(steps)
    wait_until(lambda: sentence_of(panel) == "drawn")
    nods.release(3)
    wait_until(lambda: not nods._value)
    assert sentence_of(panel) == "drawn"
    panel.stop()
    nods.release()
    assert result_of(panel) is None and closed
    assert sentence_of(panel) == "drawn"


def test_a_generator_may_end_without_a_picture():
    def steps():
        yield "nothing to see"
        return 7

    panel = explore_live(steps)
    assert result_of(panel) == 7
    assert panel.picture.now == b"" and panel.picture.state == "ended"


# a panel that is refused is thrown away, and that makes no noise
@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_controls_begin_as_told_or_it_says_what_is_wrong():
    steps = Steps()
    panel = explore_live(steps, values={"width": 5}, width=width())
    assert panel.values() == {"width": 5}
    assert panel.picture.presets[0] == ["Reset", {"width": 5}]
    panel.close()
    for values, complaint in (({"T": 4}, "No control 'T'"), ({"width": 99}, "cannot")):
        with pytest.raises(ValueError, match=complaint):
            explore_live(steps, values=values, width=width())
    with pytest.raises(ValueError, match="'bad': width cannot be 99"):
        explore_live(steps, presets={"bad": 99}, width=width())
    gc.collect()


def test_presets_are_those_of_explorers_and_the_button_says_what_it_does():
    presets = {"wide": 9, "narrow": {"width": 1}}
    panel = explore_live(Steps(), presets=presets, button="Train", width=width())
    assert panel.picture.presets[1:] == [
        ["wide", {"width": 9}],
        ["narrow", {"width": 1}],
    ]
    assert panel.picture.start == "Train"
    assert not panel.controls["width"].continuous_update  # a new run on release only
    panel.close()
    panel = explore_live(Steps(), width=width())
    assert panel.picture.start == "Run again"
    panel.close()


ENDING = """
import time
import torch
from kdlab.panels import explore_live

def steps():
    weights = torch.randn(300, 300, requires_grad=True)
    while True:
        (weights @ weights).sum().backward()
        yield lambda: ({"data": [], "layout": {}}, "working")

panel = explore_live(steps)
time.sleep(0.1)
"""


def test_a_process_that_ends_while_a_panel_works_ends_well():
    done = subprocess.run([sys.executable, "-c", ENDING], capture_output=True)
    assert done.returncode == 0, done.stderr


def test_pause_draws_the_step_it_stands_at_and_resume_goes_on():
    steps = Nodding()
    panel = explore_live(steps, width=width())
    steps.nods.release()
    wait_until(lambda: sentence_of(panel) == "3: 0")
    panel.picture._handle_custom_msg("pause", [])
    assert panel.picture.state == "paused"
    steps.nods.release(2)  # the step under way ends, and is drawn however soon
    wait_until(lambda: sentence_of(panel) == "3: 1")
    time.sleep(0.2)
    assert steps.nods._value == 1 and sentence_of(panel) == "3: 1"
    panel.picture._handle_custom_msg("resume", [])
    assert panel.picture.state == "running"
    wait_until(lambda: sentence_of(panel) == "3: 2")
    panel.picture._handle_custom_msg("pause", [])
    steps.nods.release()
    wait_until(lambda: sentence_of(panel) == "3: 3")
    assert not steps.events
    panel.picture._handle_custom_msg("stop", [])  # also while it is paused
    wait_until(lambda: steps.events == ["closed 3"])


def test_a_preview_draws_the_first_picture_until_the_button_is_pressed():
    panel = explore_live(Steps(), preview=True, width=width())
    assert result_of(panel) is None
    assert sentence_of(panel) == "3: 0" and panel.picture.state == "ended"
    panel.controls["width"].value = 4
    result_of(panel)
    assert sentence_of(panel) == "4: 0"
    panel.picture._handle_custom_msg("start", [])
    assert result_of(panel) == "trained"
    assert sentence_of(panel) == "4: 59"


def test_a_picture_that_is_not_drawn_is_not_made():
    made = []

    def steps():
        for step in range(200):
            yield lambda step=step: made.append(step) or (bar(1), f"{step}")
            yield None  # nothing new, but a place to stop at

    started = time.monotonic()
    panel = explore_live(steps)
    result_of(panel)
    most = 20 * (time.monotonic() - started) + 2
    assert made[0] == 0 and made[-1] == 199 and len(made) < min(most, 200)
    assert sentence_of(panel) == "199"


def test_at_most_twenty_pictures_a_second_and_the_last_one_always():
    drawn, started = [], time.monotonic()
    panel = explore_live(Steps(), width=width())
    panel.picture.observe(lambda change: drawn.append(change.new), "now")
    result_of(panel)
    seconds = time.monotonic() - started
    assert 2 < len(drawn) <= 20 * seconds + 2
    assert sentence_of(panel) == "3: 59"


def failing(error):
    def generator(width):
        yield lambda: (bar(width), "began")
        raise error

    return explore_live(generator, width=widgets.IntSlider(3, max=9))


@pytest.mark.parametrize("error", [ValueError, FloatingPointError])
def test_an_expected_error_is_the_sentence(error):
    panel = failing(error("the loss is not finite"))
    assert result_of(panel) is None
    ((_, figure, sentence),) = unpacked(panel.picture.now)
    assert figure is None and sentence == "the loss is not finite"


def test_an_unexpected_error_is_shown_and_raised_by_finished():
    panel = failing(KeyError("teacher"))
    with pytest.raises(KeyError, match="teacher"):
        result_of(panel)
    assert sentence_of(panel) == "KeyError: 'teacher'"
    panel.controls["width"].value = 4  # the next run has an error of its own
    with pytest.raises(KeyError):
        result_of(panel)


def test_an_error_of_a_drawing_is_shown_and_raised_by_finished():
    def steps():
        yield lambda: (bar(1), "one")
        yield lambda: (bar(2), f"{1 / 0}")

    panel = explore_live(steps)
    with pytest.raises(ZeroDivisionError):
        result_of(panel)
    assert sentence_of(panel).startswith("ZeroDivisionError: ")
    assert panel.picture.state == "ended"


@pytest.fixture(scope="module")
def digits():
    columns = sample(load_images("digits", "train"), 60)
    draw = torch.Generator().manual_seed(0)
    return {**columns, "teacher_logits": torch.randn(60, 10, generator=draw)}


def test_a_training_that_is_yielded_from_gives_its_student(digits):
    def steps(width):
        how = {"student": f"mlp-{width}", "epochs": 2}
        student = yield from student_steps(digits, **how)
        yield lambda: (bar(width), "trained")
        return student[2].out_features

    panel = explore_live(steps, width=width())
    assert result_of(panel) == 3 and sentence_of(panel) == "trained"


def test_a_training_that_diverges_is_the_sentence_and_not_a_picture_of_nothing(digits):
    def steps(rate):
        how = {"student": "mlp-8", "epochs": 2, "learning_rate": rate}
        yield lambda: (bar(1), "begins")
        yield from student_steps(digits, **how)
        yield lambda: (bar(2), "trained")

    panel = explore_live(steps, rate=choice("rate", [0.01, 1e30], 1e30))
    assert result_of(panel) is None
    assert sentence_of(panel).startswith("The loss is not finite")
    panel.controls["rate"].value = 0.01
    result_of(panel)
    assert sentence_of(panel) == "trained"


def test_a_stopped_generator_may_return_what_it_has():
    nods = threading.Semaphore(0)

    def steps():
        found = []
        with suppress(GeneratorExit):
            for step in itertools.count():
                yield lambda step=step: (bar(1), f"{step}")
                assert nods.acquire(timeout=60)
                found.append(step)
        return found

    panel = explore_live(steps)
    nods.release(3)
    wait_until(lambda: not nods._value)
    panel.stop()
    nods.release()
    assert result_of(panel) in ([0, 1, 2], [0, 1, 2, 3])


def test_a_stopped_generator_that_goes_on_is_told():
    nod = threading.Event()

    def steps():
        try:
            yield lambda: (bar(1), "one")
            nod.wait(60)
            yield
        except GeneratorExit:
            yield

    panel = explore_live(steps)
    panel.stop()
    nod.set()
    with pytest.raises(RuntimeError, match="GeneratorExit|must end"):
        result_of(panel)


def test_twins_that_are_stopped_give_what_they_found():
    nods = threading.Semaphore(0)

    def train(arm, seed):
        assert nods.acquire(timeout=60)
        yield  # a step
        return seed

    panel = explore_live(lambda: in_turns("ab", 5, train, lambda found: (bar(1), ".")))
    nods.release(3)
    wait_until(lambda: not nods._value)
    panel.stop()
    nods.release(1)
    found = result_of(panel)
    assert found["a"][:1] == [0] and len(found["a"]) + len(found["b"]) in (2, 3, 4)
