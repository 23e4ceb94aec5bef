"""The exercises as assignments for nbgrader, one a lesson: `make grading`.

    python -m teaching.grading [FOLDER] [--all]    # build/nbgrader if none is named

Each is made anew from the notebook (what is asked), solutions.py (one answer) and
guide.toml (questions that a person grades) of its lesson; with --all questions on what
the plans skip, too. It needs no data set.
"""

import argparse
import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode

from teaching.guide_toml import guide_of, with_numbers

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
PARTS = Path(__file__).with_suffix("")  # the hidden test, nbgrader's settings
MARKS = (4, "full"), (2, "half")  # of a question
POINTS = 4  # of an exercise, as the hidden test gives them, and of a question
BASICS = (
    "import math\n\nimport torch\nimport torch.nn.functional as F\nfrom torch import nn"
)
NUMBERED = r"\*\*(?:\d+\.|An exercise)\*\*(?: \(.*?solutions\.py\)\))?:? *"
INTRODUCTION = """\
# {title}: exercises

Those of the notebook {title}, to hand in. Where a prompt speaks of
other cells, it means that notebook's. Run the cells from the top: `lesson.check` says
of an answer what it said there. A right answer has {points} points; right numbers with
something wrong besides have 3; a mistake that the course knows has 1."""


class Exercise(NamedTuple):
    """What a notebook asks to be written."""

    name: str
    prompt: str
    stub: str  # the function's first lines and docstring
    rest: str  # the lines below it, which check the answer


def home_of(notebook: Path) -> Path:
    """The folder of its lesson: that of 02_temperature.ipynb is lessons/temperature."""
    return notebook.parent / "lessons" / notebook.stem[3:]


def exercises_of(notebook: NotebookNode) -> Iterator[Exercise]:
    """Each cell that checks a function, with the words above it."""
    for before, cell in zip(notebook.cells, notebook.cells[1:], strict=False):
        if cell.cell_type == "code" and "lesson.check(" in cell.source:
            function = ast.parse(cell.source).body[0]
            lines = cell.source.splitlines()
            stub, rest = lines[: function.end_lineno], lines[function.end_lineno :]
            asked = re.split(NUMBERED, before.source)[-1].strip()
            prompt = asked[0].upper() + asked[1:]
            yield Exercise(function.name, prompt, "\n".join(stub), "\n".join(rest))


def body_of(solutions: str, name: str) -> str:
    """The lines of a solution below its docstring."""
    functions = ast.parse(solutions).body
    found = next(x for x in functions if getattr(x, "name", "") == name)
    first = found.body[1].lineno - 1
    return "\n".join(solutions.splitlines()[first : found.end_lineno])


def set_up(lesson: str, solutions: str) -> str:
    """What the notebooks import, and what a solution takes from the course."""
    of_course = [
        ast.unparse(node)
        for node in ast.parse(solutions).body
        if isinstance(node, ast.ImportFrom) and node.module.startswith("kdlab")
    ]
    return "\n".join([BASICS, *of_course, f"from lessons import {lesson} as lesson"])


def marked(kind: str, source: str, name: str, **marks: object) -> NotebookNode:
    """A cell that nbgrader knows by its name; locked unless it is a solution."""
    new = {
        "code": nbformat.v4.new_code_cell,
        "markdown": nbformat.v4.new_markdown_cell,
    }[kind]
    own = {"schema_version": 3, "grade_id": name, "grade": False, "solution": False}
    own |= {"locked": not marks.get("solution"), "task": False, "cell_type": kind}
    return new(source, id=name[:64], metadata={"nbgrader": own | marks})


def hidden_test(lesson: str, name: str) -> str:
    """The graded cell; students see its first line."""
    lines = (PARTS / "hidden.py").read_text("utf-8")
    return (
        f"# Graded: {name}. The feedback says what the test found.\n"
        f"### BEGIN HIDDEN TESTS\n{lines}\n\n"
        f'_award("{lesson}", "{name}", globals().get("{name}"))\n'
        "### END HIDDEN TESTS"
    )


def of_exercise(
    number: int, exercise: Exercise, lesson: str, solutions: str
) -> Iterator[NotebookNode]:
    """The prompt, the answer, and the test."""
    name, prompt, stub, rest = exercise
    yield marked(
        "markdown",
        f"## {number}. `{name}` ({POINTS} points)\n\n{prompt}",
        f"{name}-prompt",
    )
    body = body_of(solutions, name)
    answer = f"{stub}\n    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION\n{rest}"
    yield marked("code", answer, name, solution=True)
    test = hidden_test(lesson, name)
    yield marked("code", test, f"{name}-test", grade=True, points=POINTS)


def of_question(number: int, question: dict[str, str]) -> Iterator[NotebookNode]:
    """A question that a person grades; what a good answer says is its solution."""
    name, asked = f"question-{number}", question["question"].strip()
    heading = f"## Question {number} ({POINTS} points)\n\n{asked}"
    yield marked("markdown", heading, f"{name}-prompt")
    marks = {"grade": True, "solution": True, "points": POINTS}
    earns = [f"{points} points: {question[key].strip()}" for points, key in MARKS]
    good = "\n\n".join([question["good"].strip(), *earns])
    yield marked("markdown", good, name, **marks)


def questions_of(home: Path, skipped: bool = False) -> dict[int, dict[str, str]]:
    """{number in the guide: question}; those on what the plans skip only if asked."""
    guide = with_numbers(guide_of(home) or {})
    asked = enumerate(guide.get("discussion", []), start=1)
    return {number: one for number, one in asked if skipped or "needs" not in one}


def assignment(notebook: Path, skipped: bool = False) -> NotebookNode:
    """All that a lesson asks, as nbgrader's source: with solutions and hidden tests."""
    asked, home = nbformat.read(notebook, as_version=4), home_of(notebook)
    solutions = (home / "solutions.py").read_text("utf-8")
    title = asked.cells[0].source.splitlines()[0].lstrip("# ")
    words = INTRODUCTION.format(title=title, points=POINTS)
    cells = [marked("markdown", words, "introduction")]
    cells += [marked("code", set_up(home.name, solutions), "set-up")]
    for number, exercise in enumerate(exercises_of(asked), start=1):
        cells += of_exercise(number, exercise, home.name, solutions)
    for number, question in questions_of(home, skipped).items():
        cells += of_question(number, question)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.validate(made)
    return made


def write(folder: Path, skipped: bool = False) -> None:
    """The sources anew; settings that are there already stay, for they are yours."""
    for notebook in NOTEBOOKS:
        name = home_of(notebook).name
        (folder / "source" / name).mkdir(parents=True, exist_ok=True)
        made = assignment(notebook, skipped)
        nbformat.write(made, folder / "source" / name / f"{name}.ipynb")
    settings = folder / "nbgrader_config.py"
    if not settings.exists():
        shutil.copyfile(PARTS / settings.name, settings)


def main() -> None:
    """Write, and say where, and what comes next."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default="build/nbgrader")
    help = "questions on sections that the plans skip, too"
    parser.add_argument("--all", action="store_true", help=help)
    asked = parser.parse_args()
    folder = asked.folder
    write(folder, asked.all)
    print(f"{len(NOTEBOOKS)} assignments are in {folder}; teaching/README.md goes on.")


if __name__ == "__main__":
    main()
