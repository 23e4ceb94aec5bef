"""How `check` judges: an answer is compared with the reference of its task.

First by its value alone: a known mistake is recognised because it does exactly the
same, or the same but for a slip of form. Only of a right value it matters what else the
answer did: who receives a gradient, and whether it changed what it was given.
"""

import dis
import inspect
import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from functools import cache
from re import search
from typing import NamedTuple

import torch
from torch import Tensor

from kdlab.exercises.forms import has_fractions, is_counted, plain, readings, same
from kdlab.exercises.phrases import difference, part_at, path_to, stopped
from kdlab.seeds import random_numbers_from

Function = Callable[..., object]
CHANGED = (
    "The result is right, but {0} is changed, which belongs to the caller. Work on a "
    "copy: {0}.clone()."
)


class Task(NamedTuple):
    """One exercise."""

    probe: Callable[[Function], object]  # calls an answer; gives its value, or a `Seen`
    reference: Function
    right: str  # what to say of a right answer
    mistakes: Mapping[str, Function]  # {hint: a function that makes the mistake}
    asked: str  # what is asked for, and how it comes about: for an unknown mistake
    parts: Sequence[str | Sequence[str]] = ()  # level by level: names, or "batch {}"


class Seen(NamedTuple):
    """What a probe saw of an answer."""

    value: object  # what it gave, or the error with which it stopped
    besides: str = ""  # a fault that its value does not show, in a sentence
    gradient: Tensor | None = None  # of the student's logits or weights
    sizes: Mapping[str, float] = {}  # by name: what a result may be off by
    printed: str = ""


class Verdict(NamedTuple):
    """What came out: "not attempted", "right", "known mistake" or "wrong"."""

    kind: str
    text: str


def verdict(task: Task, answer: Function) -> Verdict:
    """Judge the answer to a task."""
    seen, wanted = run(task.probe, answer), known_run(task.probe, task.reference)
    print(seen.printed, end="")
    found = seen.value
    if any(x is None or x is NotImplemented for x in listed(found)):
        return without_result(answer, seen)
    if same(found, wanted.value):
        hint = seen.besides
        if not hint and wanted.gradient is not None:
            if not same(seen.gradient, wanted.gradient, rtol=1e-3):
                hint = "The number is right, its gradient is not: is a part detached?"
        return Verdict("known mistake", hint) if hint else Verdict("right", task.right)
    hint = recognised(task, seen, wanted.value)
    if hint:
        return Verdict("known mistake", hint)
    if isinstance(found, Exception):
        return Verdict("wrong", stopped(found, answer))
    path = path_to(found, wanted.value)
    levels = zip(task.parts, path, strict=False)
    names = [x.format(n + 1) if isinstance(x, str) else x[n] for x, n in levels]
    said = difference(part_at(found, path), part_at(wanted.value, path))
    return Verdict("wrong", f"{': '.join([*names, said])} Asked for: {task.asked}")


def recognised(task: Task, seen: Seen, wanted: object) -> str:
    """The hint to a mistake that is known, or to a slip of form; empty if it is new."""
    wrong = task.mistakes.items()
    known = {hint: known_run(task.probe, mistake).value for hint, mistake in wrong}
    exact = next((hint for hint, x in known.items() if same(seen.value, x)), "")
    if exact or isinstance(seen.value, Exception):
        return exact
    path = path_to(seen.value, wanted)  # of a pair, say, only the half that is wrong
    found, wanted = part_at(seen.value, path), part_at(wanted, path)
    if path and not has_fractions(wanted):
        known = {}  # single whole numbers agree by chance
    known = {hint: part_at(x, path) for hint, x in known.items()}
    known = {hint: x for hint, x in known.items() if not same(x, wanted)}
    exact = next((hint for hint, x in known.items() if same(found, x)), "")
    if exact:
        return exact
    slips = list(readings(found, wanted, seen.sizes))
    for hint, target in {"": wanted, **known}.items():
        for slip in slips:
            if slip.fits(target):
                return slip.tell(hint)
        if slips and is_counted(found, seen.sizes):
            slips = [slip for slip in slips if slip.form]
    return ""


def listed(value: object) -> Sequence:
    """The parts of a list or a tuple; anything else is one part."""
    return value if isinstance(value, list | tuple) else [value]


def without_result(answer: Function, seen: Seen) -> Verdict:
    """Not attempted, or one of the ways to lose a result."""
    name, code = names_of(answer)[0], getattr(answer, "__code__", None)
    names = {x.opname for x in dis.get_instructions(code)} if code else {"LOAD_FAST"}
    stub = not any(x.startswith("LOAD_") and x != "LOAD_CONST" for x in names)
    if stub or seen.value is NotImplemented:
        return Verdict("not attempted", f"{name} still returns None.")
    if seen.printed:
        text = f"{name} prints, and returns None. Hand the result back with return."
    elif any(x is not None for x in listed(seen.value)):
        text = f"{name} sometimes returns None. Is there a way past its return?"
    else:
        text = f"{name} computes, and returns None. Is return missing?"
    return Verdict("known mistake", text)


def run(probe: Function, answer: Function) -> Seen:
    """Probe an answer with the same random numbers each time; nothing outside moves.

    It works on copies, so that it cannot spoil a probe; what it does besides is noted.
    """
    names = names_of(answer)[1:] + ["an input"] * 9  # for *args
    faults, sizes = [], {}

    def watched(*given: object) -> object:
        own = [x.clone() if isinstance(x, Tensor) else x for x in given]
        value, fault = plain(answer(*own))
        faults.append(fault)
        for name, before, after in zip(names, given, own, strict=False):
            if type(before) in (int, float):
                sizes.update({name: before, f"{name}²": before**2})
            elif isinstance(before, Tensor):
                rows = "the number of images", "the number of classes"
                several = before.ndim == 3  # nets, each with its images and classes
                sizes.update(zip(rows, before.shape[several:], strict=False))
                if not torch.equal(before, after):
                    faults.append(CHANGED.format(name))
        return value

    prints = redirect_stdout(io.StringIO())
    with random_numbers_from(0), torch.enable_grad(), prints as printed:
        try:
            seen = probe(watched)
        except Exception as error:  # the student's code may do anything
            stub = isinstance(error, NotImplementedError)  # torch, too, raises it
            stub = stub and not search("implemented for|not supported", str(error))
            seen = Seen(NotImplemented if stub else error)
    seen = seen if isinstance(seen, Seen) else Seen(seen)
    besides = seen.besides or next(filter(None, faults), "")
    return seen._replace(besides=besides, sizes=sizes, printed=printed.getvalue())


known_run = cache(run)  # of references and mistakes, which do not change


def names_of(answer: Function) -> list[str]:
    """What a function is called, and what it calls its arguments."""
    try:
        names = list(inspect.signature(answer).parameters)
    except (TypeError, ValueError):  # torch's own functions do not tell
        names = []
    return [getattr(answer, "__name__", type(answer).__name__), *names]
