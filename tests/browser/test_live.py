"""Explorers that train, in a real JupyterLab: progress, Pause, Stop, both themes."""

import re
from importlib import import_module

import pytest

from browser.axe import must_be_for_all
from browser.test_engine import wait_until_it_says
from browser.test_explorers import LESSONS, TEXTS

SETUP = """from kdlab.data import load_images, sample
from kdlab.training import predict
from kdlab.weights import load_teacher
from lessons.{lesson}.test_lesson import live
teacher, _ = load_teacher("digits")
train_set = sample(load_images("digits", "train"), 600)
test_set = load_images("digits", "test")
for columns in (train_set, test_set):
    columns["teacher_logits"] = predict(teacher, columns["images"])
panels = live(train_set, test_set)"""
LONG = """from lessons.teacher_and_student import pair_explorer
many = {k: column.repeat_interleave(20, 0) for k, column in train_set.items()}
pair = pair_explorer(many, test_set, epochs=60, labels=10_000)
pair"""


def names_of(lesson):
    """The panels that train, which a lesson offers to the tests."""
    home = import_module(f"lessons.{lesson}.test_lesson")
    return list(home.live(None, None)) if hasattr(home, "live") else []


TRAINING = [lesson for lesson in LESSONS if names_of(lesson)]


@pytest.fixture(scope="module")
def shown(module_lab):
    """shown(lesson): a notebook of all its panels that train, once they have ended.

    One for all tests here: each moves a panel of its own, {name: number of the panel}.
    """
    pages = {}

    def of(lesson):
        if lesson not in pages:
            names = names_of(lesson)
            setup = SETUP.format(lesson=lesson)
            cells = [f"{n} = panels[{n!r}]()\n{n}" for n in names]
            ends = [f"await {n}.finished()" for n in names]
            notebook = module_lab.run([setup, *cells, *ends])
            pages[lesson] = notebook, {name: n for n, name in enumerate(names)}
        return pages[lesson]

    return of


@pytest.mark.parametrize("lesson", TRAINING)
def test_they_end_and_can_be_read_in_both_themes_and_narrow(shown, lesson):
    notebook, panels = shown(lesson)
    for theme in ("dark", "light"):
        notebook.set_theme(theme)
        notebook.settle()
        for name, number in panels.items():
            notebook.screenshot(f"live/{name}-{theme}", panel=number)
            frame = notebook.panel(number).locator(".kdlab-frame")
            for text in frame.evaluate(TEXTS):
                assert text["inside"], (name, text)
                assert text["colored"], (name, text)
        must_be_for_all(notebook.page, ".kdlab-panel")
    notebook.page.set_viewport_size({"width": 700, "height": 900})
    notebook.settle()
    for name, number in panels.items():
        assert not notebook.overflows(number), name
        state = notebook.execute(f"print({name}.picture.state)").strip()
        assert state == "ended", name
    notebook.page.set_viewport_size({"width": 1280, "height": 900})


def test_a_cell_is_trained_when_the_button_is_pressed(shown):
    notebook, panels = shown("loss_blend")
    number = panels["blend_map"]
    wait_until_it_says(notebook, "stored", number)
    assert "(live)" not in notebook.sentence(number)
    notebook.push("Train this cell now", panel=number)
    wait_until_it_says(notebook, r"\(live\)", number)
    button = notebook.panel(number).get_by_role("button", name="Train this cell now")
    button.wait_for()


def test_the_playground_answers_every_release(shown):
    notebook, panels = shown("loss_blend")
    number = panels["playground"]
    wait_until_it_says(notebook, "The teacher has", number)
    before = notebook.sentence(number)
    for preset in ("wrong labels", "too hot"):  # the first one is cancelled
        notebook.push(preset, panel=number)
    wait_until_it_says(notebook, "This is one sample of 100 points", number)
    assert notebook.sentence(number) != before
    assert notebook.panel(number).locator(".kdlab-frame image").count() == 3


def test_a_pair_that_diverges_is_said_in_the_panel(shown):
    notebook, panels = shown("teacher_and_student")
    wait_until_it_says(notebook, "After 4 of 4", panels["pair"])
    notebook.push("learning rate too high", panel=panels["pair"])
    wait_until_it_says(
        notebook, "diverges. Try a smaller learning rate", panels["pair"]
    )
    assert not notebook.kernel_errors()


def test_pause_resume_and_stop_act_while_the_kernel_trains(lab):
    # a minute: not over before the hand is at the button, also where it is slow
    notebook = lab.run([SETUP.format(lesson="teacher_and_student"), LONG])
    wait_until_it_says(notebook, "After [1-9]")
    button = notebook.panel().get_by_role("button", name="Pause", exact=True)
    notebook.push("Pause")
    notebook.panel().get_by_role("button", name="Resume", exact=True).wait_for()
    notebook.wait_for_output("print(pair.drive.paused.is_set())", "True")
    notebook.page.wait_for_timeout(500)  # the step under way ends, and is drawn
    still = notebook.sentence()
    notebook.page.wait_for_timeout(500)
    assert notebook.sentence() == still
    notebook.push("Resume")
    button.wait_for()
    notebook.page.wait_for_function(
        "text => document.querySelector('.kdlab-sentence').textContent !== text",
        arg=still,
    )
    notebook.push("Stop")
    notebook.panel().get_by_role("button", name="Start", exact=True).wait_for()
    epochs = re.search(r"After (\d+) of 60", notebook.sentence())
    assert int(epochs[1]) < 60
