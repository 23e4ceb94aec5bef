"""Explorers that train, in a real JupyterLab: progress, Pause, Stop, both themes."""

import re
import time

import pytest

from browser.test_explorers import TEXTS

SETUP = """from kdlab.explorers_cell import cell_explorer
from kdlab.explorers_omitted import omitted_explorer
from kdlab.explorers_pair import pair_explorer
from kdlab.explorers_playground import playground_explorer
from kdlab.explorers_similarity import gain_explorer
from kdlab.results import load_runs
from kdlab.teachers import images_of, some_of, teacher_of
from kdlab.training import predict
teacher = teacher_of("digits", "course", 0, 0)
train_set, test_set = some_of(images_of("digits", "train"), 600), dict(
    images_of("digits", "test"))
for columns in (train_set, test_set):
    columns["teacher_logits"] = predict(teacher, columns["images"])
gain = load_runs("gain")
gain = gain[gain["method"].isin(["labels", "teacher", "shuffled"])]"""
CALLS = {  # what is shown, and a pattern of its last sentence
    "omitted": ("omitted_explorer(train_set, test_set, test_set)", r"T = 20: \d+ %"),
    "gain": ("gain_explorer(train_set, test_set, gain, seeds=2)", "off the scale"),
    "cell": ("cell_explorer(load_runs('blend'), train_set, test_set)", "stored"),
    "playground": ("playground_explorer()", "The teacher has"),
    "pair": ("pair_explorer(train_set, test_set, epochs=4)", "After 4 of 4 epochs"),
}
SAYS = """pattern => new RegExp(pattern).test(
    document.querySelector('.kdlab-sentence')?.textContent)"""


def wait_until_it_says(notebook, pattern):
    notebook.page.wait_for_function(SAYS, arg=pattern, timeout=60_000)


@pytest.mark.parametrize("name", CALLS)
def test_it_ends_by_itself_and_can_be_read_in_both_themes_and_narrow(lab, name):
    call, last = CALLS[name]
    notebook = lab.run([SETUP, f"panel = {call}\npanel", "r = await panel.finished()"])
    wait_until_it_says(notebook, last)
    frame = notebook.panel().locator(".kdlab-frame")
    for theme in ("dark", "light"):
        notebook.set_theme(theme)
        notebook.settle()
        notebook.screenshot(f"live/{name}-{theme}", panel=0)
        for text in frame.evaluate(TEXTS):
            assert text["inside"], text
            assert text["colored"] or name == "playground", text
    notebook.page.set_viewport_size({"width": 700, "height": 900})
    notebook.settle()
    assert not notebook.overflows()


def test_a_cell_is_trained_when_the_button_is_pressed(lab):
    notebook = lab.run([SETUP, f"panel = {CALLS['cell'][0]}\npanel"])
    wait_until_it_says(notebook, "stored")
    assert "(live)" not in notebook.sentence()
    notebook.push("Train this cell now")
    wait_until_it_says(notebook, r"\(live\)")
    notebook.panel().get_by_role("button", name="Train this cell now").wait_for()


def test_the_playground_answers_every_release(lab):
    notebook = lab.run([SETUP, f"panel = {CALLS['playground'][0]}\npanel"])
    wait_until_it_says(notebook, "The teacher has")
    before = notebook.sentence()
    for preset in ("wrong labels", "too hot"):  # the first one is cancelled
        notebook.push(preset)
    wait_until_it_says(notebook, "This is one sample of 100 points")
    assert notebook.sentence() != before
    assert notebook.panel().locator(".kdlab-frame image").count() == 3


def test_pause_resume_and_stop_act_while_the_kernel_trains(lab):
    # twenty seconds: not over before the hand is at the button
    many = (
        "many = {k: column.repeat_interleave(20, 0) for k, column in train_set.items()}"
    )
    call = "pair_explorer(many, test_set, epochs=60, labels=10_000)"
    notebook = lab.run([SETUP, f"{many}\npanel = {call}\npanel"])
    wait_until_it_says(notebook, "After [1-9]")
    button = notebook.panel().get_by_role("button", name="Pause", exact=True)
    notebook.push("Pause")
    notebook.panel().get_by_role("button", name="Resume", exact=True).wait_for()
    notebook.page.wait_for_timeout(300)
    still = notebook.sentence()
    notebook.page.wait_for_timeout(300)
    assert notebook.sentence() == still
    notebook.push("Resume")
    button.wait_for()
    notebook.page.wait_for_function(
        "text => document.querySelector('.kdlab-sentence').textContent !== text",
        arg=still,
    )
    started = time.monotonic()
    notebook.push("Stop")
    notebook.panel().get_by_role("button", name="Start", exact=True).wait_for()
    assert time.monotonic() - started < 2  # 0.3 on a quiet machine: see the bench
    stopped = notebook.sentence()
    epochs = re.search(r"After (\d+) of 60", stopped)
    assert int(epochs[1]) < 60
    said = notebook.execute("print(sorted(panel.twins))")
    assert "on labels" in said and "with the teacher" in said


def test_a_pair_that_diverges_is_said_in_the_panel(lab):
    notebook = lab.run([SETUP, f"panel = {CALLS['pair'][0]}\npanel"])
    wait_until_it_says(notebook, "After 4 of 4")
    notebook.push("learning rate too high")
    wait_until_it_says(notebook, "diverges. Try a smaller learning rate")
    assert not notebook.kernel_errors()
