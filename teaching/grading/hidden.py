"""The hidden test of an exercise: these lines stand in each graded cell.

A submission may change whatever it can reach. So the course is imported afresh, and
afterwards all known mistakes are judged: who finds one right was tampered with.
"""

import sys
from builtins import (  # noqa: UP029 - whatever a submission calls by these names
    BaseException,
    Exception,
    any,
    callable,
    isinstance,
    print,
    str,
)
from contextlib import redirect_stderr
from importlib import import_module
from io import StringIO
from pathlib import Path
from textwrap import fill

RIGHT, BUT_FOR_A_SLIP, KNOWN_MISTAKE = 4, 3, 1  # points; all else is worth nothing


class _Lost(Exception):
    """No points: nbgrader counts a cell without an error as full."""

    def _render_traceback_(self):  # what IPython shows instead of a traceback
        return [str(self)]


def _afresh(lesson):
    """The judge and the lesson's tasks as the course has them, from no other folder."""
    for name in [*sys.modules]:
        if name.partition(".")[0] in ("kdlab", "lessons"):
            del sys.modules[name]
    sys.path[:] = [x for x in sys.path if x and Path(x) != Path.cwd()]
    tasks = import_module(f"lessons.{lesson}.exercises").TASKS
    return import_module("kdlab.exercises.checks"), tasks


def _judged(checks, task, answer):
    """The points of an answer, and what is said of it."""
    kind, said = checks.verdict(task, answer)
    if kind == "right":
        return RIGHT, said
    found = checks.run(task.probe, answer).value
    if checks.same(found, checks.run(task.probe, task.reference).value):
        return BUT_FOR_A_SLIP, said
    lost = any(x is None or isinstance(x, Exception) for x in checks.listed(found))
    return (KNOWN_MISTAKE if kind == "known mistake" and not lost else 0), said


def _award(lesson, name, answer):
    """The points, read by nbgrader as the cell's result; raises if there are none."""
    try:
        if not callable(answer):
            raise TypeError(f"There is no function {name}. Did its cell stop?")
        with redirect_stderr(StringIO()):  # a warning would cost all points
            checks, tasks = _afresh(lesson)
            task = tasks[name]
            points, said = _judged(checks, task, answer)
            for wrong in task.mistakes.values():
                if checks.verdict(task, wrong).kind == "right":
                    raise RuntimeError("The submission changes what judges it.")
    except KeyboardInterrupt:
        points, said = 0, f"{name} came to no end, and was stopped."
    except BaseException as error:  # sys.exit(), or whatever a submission thinks of
        points, said = 0, str(error) or type(error).__name__
    said = fill(f"{points} of {RIGHT} points. {said}", 96)  # the width of a page
    if not points:
        raise _Lost(said) from None
    print(said)
    return points
