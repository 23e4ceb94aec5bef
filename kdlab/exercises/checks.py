"""How `check` judges: an answer is compared with the reference of its task.

A known mistake is recognised because it does exactly the same.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch

from kdlab.seeds import random_numbers_from

Function = Callable[..., object]


class Task(NamedTuple):
    """One exercise."""

    probe: Callable[[Function], object]  # calls an answer, gives what is compared
    reference: Function
    right: str  # what to say of a right answer
    mistakes: dict[str, Function]  # {hint: a function that makes the mistake}


class Verdict(NamedTuple):
    """What came out: "not attempted", "right", "known mistake" or "wrong"."""

    kind: str
    text: str


def verdict(task: Task, answer: Function) -> Verdict:
    """Judge the answer to a task."""
    try:
        found = run(task, answer)
    except Exception as error:  # the student's code may do anything
        return Verdict("wrong", f"It stopped with {type(error).__name__}: {error}")
    if found is None or isinstance(found, tuple) and found[:1] == (None,):
        return Verdict("not attempted", f"{answer.__name__} still returns None.")
    wanted = run(task, task.reference)
    if same(found, wanted):
        return Verdict("right", task.right)
    for hint, mistake in task.mistakes.items():
        if same(found, run(task, mistake)):
            return Verdict("known mistake", hint)
    return Verdict("wrong", difference(found, wanted))


def run(task: Task, answer: Function) -> object:
    """Probe an answer with the same random numbers each time; none outside moves."""
    with random_numbers_from(0):
        return task.probe(answer)


def same(found: object, wanted: object) -> bool:
    """Equal up to rounding; tuples and lists part by part."""
    if isinstance(wanted, tuple | list):
        pairs = isinstance(found, tuple | list) and len(found) == len(wanted)
        return pairs and all(map(same, found, wanted))
    if found is None or wanted is None or isinstance(found, tuple | list):
        return found is wanted
    try:
        one, two = (torch.as_tensor(x).detach().double() for x in (found, wanted))
    except (TypeError, ValueError, RuntimeError):
        return False
    close = {"rtol": 1e-4, "atol": 1e-6, "equal_nan": True}
    return one.shape == two.shape and torch.allclose(one, two, **close)


def difference(found: object, wanted: object) -> str:
    """In words, what was found instead of what."""
    if isinstance(wanted, tuple | list) and isinstance(found, tuple | list):
        pairs = zip(found, wanted, strict=False)
        unlike = next((pair for pair in pairs if not same(*pair)), None)
        if unlike:
            return difference(*unlike)
        return f"{len(wanted)} parts are expected, got {len(found)}."
    if isinstance(found, tuple | list) or isinstance(wanted, tuple | list):
        kinds = type(wanted).__name__, type(found).__name__
        return "A {} is expected, got a {}.".format(*kinds)
    if found is None:
        return "The number is right, but no gradient reaches the student."
    try:
        one, two = (torch.as_tensor(x).detach() for x in (found, wanted))
    except (TypeError, ValueError, RuntimeError):
        return f"A {type(wanted).__name__} is expected, got a {type(found).__name__}."
    if one.shape != two.shape:
        return f"The shape should be {list(two.shape)}, got {list(one.shape)}."
    if one.isnan().any():
        return "There is a NaN in it. Where does a 0 meet a logarithm or a division?"
    worst = int((one.double() - two.double()).abs().argmax())
    values = (x.flatten()[worst].item() for x in (two, one))
    return "On an example {:.4g} is expected, got {:.4g}.".format(*values)
