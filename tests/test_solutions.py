"""The solutions pass, the stubs of the notebooks do not yet."""

import re
import runpy
from pathlib import Path

import nbformat
import pytest

from kdlab.checks import TASKS, verdict

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
SOLUTIONS = sorted((FOLDER / "solutions").glob("*.py"))


def stubs(stem):
    """{task: cell} of a notebook's exercises."""
    cells = nbformat.read(FOLDER / f"{stem}.ipynb", as_version=4).cells
    found = [(re.search(r'check\("(.*?)"', c.source), c.source) for c in cells]
    return {match[1]: source for match, source in found if match}


def test_every_notebook_has_solutions_and_every_task_a_stub():
    notebooks = sorted(path.stem for path in FOLDER.glob("[0-9]*.ipynb"))
    assert [path.stem for path in SOLUTIONS] == notebooks
    assert {task for stem in notebooks for task in stubs(stem)} == set(TASKS)


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_solutions_pass(path):
    solutions = runpy.run_path(str(path))
    for task in stubs(path.stem):
        function = solutions[task.split(".")[1]]
        assert function.__doc__, f"{task}: say why in a docstring"
        assert verdict(task, function).kind == "right", task


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_stubs_read_not_attempted(path, capsys):
    for task, source in stubs(path.stem).items():
        names = {}
        exec("from kdlab.exercises import check\n" + source, names)
        assert capsys.readouterr().out.startswith("Not attempted yet:"), task
        assert callable(names[task.split(".")[1]])
