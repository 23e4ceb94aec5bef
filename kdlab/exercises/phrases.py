"""What is said of an answer that nobody knows: where it differs, or why it stopped."""

import re
import tomllib
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from kdlab.exercises.forms import numbers, parts_of, same

ADVICE = tomllib.loads(Path(__file__).with_name("advice.toml").read_text("utf-8"))[
    "advice"
]


def stopped(error: Exception, answer: Callable) -> str:
    """Which line stopped with which error, and what it mostly means."""
    code = getattr(answer, "__code__", None)
    file, first = (code.co_filename, code.co_firstlineno) if code else ("", 0)
    frames = traceback.extract_tb(error.__traceback__)
    own = [x.line for x in frames if x.filename == file and x.lineno >= first]
    line = f" at `{own[-1]}`" if own and own[-1] else ""
    said = f"{type(error).__name__}: {error}"
    advice = next((a for words, a in ADVICE if re.search(words, said)), "")
    said = f"It stopped{line} with {said}"
    return f"{said.rstrip('.')}. {' '.join(advice.split())}" if advice else said


def path_to(found: object, wanted: object) -> list[int]:
    """The way to the first part that differs; none where there are no parts."""
    parts = parts_of(found) if isinstance(wanted, list | tuple) else None
    if parts is None or len(parts) != len(wanted):
        return []
    unlike = (not same(one, two) for one, two in zip(parts, wanted, strict=True))
    place = next((n for n, differs in enumerate(unlike) if differs), 0)
    return [place, *path_to(parts[place], wanted[place])]


def part_at(value: object, path: Sequence[int]) -> object:
    """The part to which the path leads; None if there is none."""
    for place in path:
        parts = parts_of(value)
        if parts is None or place >= len(parts):
            return None
        value = parts[place]
    return value


def difference(found: object, wanted: object) -> str:
    """In words, what was found instead of what."""
    if isinstance(wanted, list | tuple):
        parts = parts_of(found)
        got = f"a {type(found).__name__}" if parts is None else len(parts)
        return f"{len(wanted)} parts are expected, got {got}."
    one, two = numbers(found), numbers(wanted)
    asked = f"{list(two.shape)}" if two.dim() else "one number"
    if one is None:
        kind = "A tensor" if two.dim() else "One number"
        return f"{kind} is expected, got a {type(found).__name__}."
    if one.shape != two.shape:
        return f"The shape should be {asked}, got {list(one.shape) or 'one number'}."
    if not one.isfinite().all() and two.isfinite().all():
        kind = "a NaN" if one.isnan().any() else "an infinite number"
        return f"There is {kind} in it. Where does a 0 meet a logarithm or a division?"
    if two.dim() == 2 and same(two.sum(1), ones := torch.ones(len(two))):
        sums = one.sum(1)
        if not same(sums, ones):
            odd = sums[int((sums - 1).abs().argmax())]
            return f"A row should add up to 1, as probabilities do; one has {odd:.4g}."
    ratio, gap = float((one / two).nanmedian()), float((one - two).median())
    if one.numel() > 1 and ratio and same(one / ratio, two, 2e-5):
        return f"It is {ratio:.4g} times what is expected, everywhere."
    if one.numel() > 1 and same(one - gap, two, 2e-5):
        more = "more" if gap > 0 else "less"
        return f"It is {abs(gap):.4g} {more} than expected, everywhere."
    worst = int((one - two).abs().nan_to_num().argmax())
    place = torch.unravel_index(torch.tensor(worst), two.shape)
    at = f", at {[int(n) for n in place]}," if two.dim() else ""
    values = told_apart(two.flatten()[worst].item(), one.flatten()[worst].item())
    said = "On an example{} {} is expected, got {}.".format(at, *values)
    if (one - two).abs().max() < 0.02 * two.abs().max():
        said += " That is close: is it rounded, or a small number added in a logarithm?"
    return said


def told_apart(wanted: float, found: float) -> tuple[str, str]:
    """Both with as many digits as it takes to see that they differ."""
    for digits in range(4, 18):
        said = f"{wanted:.{digits}g}", f"{found:.{digits}g}"
        if said[0] != said[1]:
            break
    return said
