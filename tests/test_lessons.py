"""What every lesson owes: its explorers, exercises, words and stored runs, one by one.

Lessons are found by looking: a new folder in notebooks/lessons is tested here as it is.
"""

import inspect
import re
import runpy
from functools import cache
from importlib import import_module

import nbformat
import plotly.graph_objects as go
import pytest
import torch

import claims
import lessons
from kdlab.exercises import load_words, verdict
from kdlab.experiments.__main__ import experiments_of
from kdlab.experiments.sweep import key_of
from kdlab.panels import LivePanel
from kdlab.results import RESULTS, stored_rows
from lessons.samples import pictures, prose, sixty_images, student_answers

NAMES = [path.stem[3:] for path in claims.ALL]
FACES = {name: import_module(f"lessons.{name}") for name in NAMES}
TASKS = {
    (lesson, name): task
    for lesson in NAMES
    for name, task in import_module(f"lessons.{lesson}.exercises").TASKS.items()
}
MISTAKES = [(*key, hint) for key, task in TASKS.items() for hint in task.mistakes]
WORDS = {
    name: load_words(claims.home_of(path) / "words.toml")
    for name, path in zip(NAMES, claims.ALL, strict=True)
}


def explorers_of(lesson):
    """{name: how to make it} of the explorers that are tabulated, on sixty images."""
    columns = sixty_images()
    samples = import_module(f"lessons.{lesson}.test_lesson").explorers
    return samples(columns, student_answers(columns))


EXPLORERS = [(lesson, name) for lesson in NAMES for name in explorers_of(lesson)]


@cache
def drawn(lesson, name):
    """All pictures of an explorer; drawn once for all tests."""
    return pictures(explorers_of(lesson)[name]())


def test_every_notebook_has_a_home_and_every_home_a_notebook():
    homes = (path.parent.name for path in claims.NOTEBOOKS.glob("lessons/*/words.toml"))
    assert sorted(homes) == sorted(NAMES) and len(NAMES) > 5
    assert sorted(lessons.__path__) == [str(claims.NOTEBOOKS / "lessons")]


# --- explorers ---------------------------------------------------------------------


@pytest.mark.parametrize("lesson", NAMES)
def test_every_explorer_of_the_face_is_among_the_samples(lesson):
    face = FACES[lesson]
    assert sorted(face.__all__) == face.__all__, "sort __all__"
    offered = {name for name in face.__all__ if name.endswith("_explorer")}
    live = {
        name
        for name in offered
        if "LivePanel" in str(inspect.signature(getattr(face, name)).return_annotation)
    }
    samples = {name for of, name in EXPLORERS if of == lesson}
    for name in offered - live:
        own = name.removesuffix("_explorer")
        assert any(sample.startswith(own) for sample in samples), name
    assert offered and LivePanel


@pytest.mark.parametrize(("lesson", "name"), EXPLORERS)
def test_every_position_has_a_picture_a_title_and_a_sentence(lesson, name):
    rows = drawn(lesson, name)
    assert len(rows) > 1
    for row in rows:
        assert row.figure is not None, row.sentence
        assert row.figure.layout.title.text
        assert re.search(r"\d", row.sentence) and "nan" not in row.sentence
    assert len({row.figure.to_json() for row in rows}) > 1


@pytest.mark.parametrize(("lesson", "name"), EXPLORERS)
def test_a_view_gives_a_plain_dict_that_plotly_knows(lesson, name):
    panel = explorers_of(lesson)[name]()
    figure, _ = panel.view(**panel.values())
    assert type(figure) is dict and set(figure) == {"data", "layout"}
    go.Figure(figure)  # refuses a misspelt key


@pytest.mark.parametrize(("lesson", "name"), EXPLORERS)
def test_the_scale_does_not_move_with_the_slider(lesson, name):
    ranges = {}
    for row in drawn(lesson, name):
        # What is drawn, not how much of it:
        choosing = "image_number", "log", "cost", "fault", "group", "tool", "student"
        still = {n: v for n, v in row.values.items() if n in choosing}
        layout = row.figure.to_plotly_json()["layout"]
        axes = {n: a.get("range") for n, a in layout.items() if "axis" in n}
        assert ranges.setdefault(str(still), axes) == axes
        shown = [a for a in layout.values() if isinstance(a, dict) and "anchor" in a]
        assert all("range" in a or a.get("type") in ("log", "category") for a in shown)


# --- exercises ---------------------------------------------------------------------


def nothing(*args):
    """A stub."""


@pytest.mark.parametrize(("lesson", "name"), TASKS)
def test_the_reference_is_right_and_a_stub_is_not_attempted(lesson, name):
    task = TASKS[lesson, name]
    assert verdict(task, task.reference).kind == "right"
    assert verdict(task, nothing).kind == "not attempted"


@pytest.mark.parametrize(("lesson", "name", "hint"), MISTAKES)
def test_each_known_mistake_gets_its_own_hint(lesson, name, hint):
    task = TASKS[lesson, name]
    found = verdict(task, task.mistakes[hint])
    assert (found.kind, found.text) == ("known mistake", hint)


def test_the_classic_mistakes_are_among_them():
    hints = " ".join(hint for *_, hint in MISTAKES)
    for words in (
        "teacher's side only",
        "student's side only",
        "T² is forgotten",
        "arguments of KL are swapped",
        "mean over all elements",
        "not in the order of the images",
        "weights are swapped",
    ):
        assert words in hints, words


@pytest.mark.parametrize(("lesson", "name"), TASKS)
def test_what_is_wrong_in_a_new_way_is_said_and_never_raised(lesson, name):
    def raises(*args):
        raise RuntimeError("three of us")

    def odd(*args):
        return "forty-two"

    def zeros(*args):
        return torch.zeros(3, 7)

    task = TASKS[lesson, name]
    assert verdict(task, raises).text.endswith("with RuntimeError: three of us")
    assert verdict(task, odd).kind == verdict(task, zeros).kind == "wrong"


def stubs_of(notebook):
    """{task: source} of the cells in which exercises are checked."""
    cells = nbformat.read(notebook, as_version=4).cells
    found = [(re.search(r"lesson\.check\((\w+)\)", c.source), c.source) for c in cells]
    return {match[1]: source for match, source in found if match}


@pytest.mark.parametrize("path", claims.ALL, ids=lambda path: path.stem)
def test_every_task_has_a_stub_and_a_solution_that_passes(path, capsys):
    lesson, home = path.stem[3:], claims.home_of(path)
    stubs, solutions = stubs_of(path), runpy.run_path(str(home / "solutions.py"))
    assert list(stubs) == [name for of, name in TASKS if of == lesson]
    for name, source in stubs.items():
        function = solutions[name]
        assert function.__doc__, f"{name}: say why in a docstring"
        assert verdict(TASKS[lesson, name], function).kind == "right", name
        exec(source, {"lesson": FACES[lesson]})
        assert capsys.readouterr().out.startswith("Not attempted yet:"), name


# --- words -------------------------------------------------------------------------


def texts_of(words):
    """Every text that a student reads."""
    for question in words["question"]:
        yield question["text"]
        for option in question["options"]:
            yield from (option["text"], option["feedback"])
    for prediction in words["predict"].values():
        yield from (prediction["question"], *prediction["choices"])
        yield from (prediction["measured"], prediction["explanation"])


@pytest.mark.parametrize("lesson", NAMES)
def test_the_words_are_plain_text(lesson):
    for text in texts_of(WORDS[lesson]):
        assert text.count("`") % 2 == 0, f"unpaired ` in {text!r}"
        assert "*" not in text and "$" not in text, f"markup in {text!r}"


@pytest.mark.parametrize("lesson", NAMES)
def test_no_answer_of_the_quiz_is_told_by_its_length(lesson):
    longest = shortest = 0
    for question in WORDS[lesson]["question"]:
        right, wrong = (
            [len(o["text"]) for o in question["options"] if o["right"] is kind]
            for kind in (True, False)
        )
        assert right[0] <= 1.4 * max(wrong), question["text"]
        longest += right[0] > max(wrong)
        shortest += right[0] < min(wrong)
    assert max(longest, shortest) <= 2, (
        f"the right answer is the longest in {longest} questions of {lesson}, the "
        f"shortest in {shortest}: who knows nothing may go by that"
    )


# --- stored runs -------------------------------------------------------------------


def experiments():
    """{name: experiment} of the package and of all lessons."""
    found = experiments_of("kdlab")
    for name, path in zip(NAMES, claims.ALL, strict=True):
        if (claims.home_of(path) / "experiments.py").exists():
            found |= experiments_of(f"lessons.{name}")
    return found


STORED = experiments()
MACHINE = ["processor", "instructions", "engine"]


def test_every_table_belongs_to_an_experiment_and_is_described():
    tables = {path.stem for path in RESULTS.glob("*.csv")}
    assert tables == set(STORED)
    described = (RESULTS.parent / "README.md").read_text(encoding="utf-8")
    for name in tables:
        assert f"`results/{name}.csv`" in described, name
    for one in STORED.values():
        assert set(one.after) <= set(STORED)


@pytest.mark.parametrize("name", STORED)
def test_the_stored_rows_are_those_of_the_settings(name):
    wanted, rows = STORED[name].settings(), stored_rows(RESULTS / f"{name}.csv")
    columns, machines = list(wanted[0]), [rows]
    if STORED[name].in_turn:  # each machine that measured has all rows
        columns = [column for column in columns if column not in MACHINE]
        own = [row for row in rows if row["low"]]  # others are as they were read
        keys = {key_of(row, MACHINE): None for row in own}
        machines = [[r for r in own if key_of(r, MACHINE) == key] for key in keys]
    for stored in machines:
        assert [key_of(row, columns) for row in stored] == [
            key_of(one, columns) for one in wanted
        ], f"run the experiment {name} again: data/README.md says how"


# --- where a new lesson is announced -----------------------------------------------


def test_the_readme_names_every_notebook_and_its_question():
    readme = (claims.NOTEBOOKS.parent / "README.md").read_text(encoding="utf-8")
    for path in claims.ALL:
        (asked,) = re.findall(r"\*\*Question\.\*\* ([^?]*\?)", prose(path.stem))
        question = asked.replace("$", "")
        assert f"](notebooks/{path.name}) | {question} |" in readme, path.name
