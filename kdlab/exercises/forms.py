"""The forms an answer comes in: what is the same, and what is right but for its form.

A slip of form (a loss for each image, a table lying on its side, a factor) is read here
once for all exercises; what is particular to one stands among its mistakes.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor

MANY = 1000  # parts of a generator that are looked at: it may never end


def plain(value: object) -> tuple[object, str]:
    """The value, a generator as a list; and what to say if it was one."""
    known = isinstance(value, Tensor | str | Mapping | list | tuple)
    if known or hasattr(value, "__array__") or not isinstance(value, Iterable):
        return value, ""
    return list(islice(value, MANY)), (
        f"The content is right, but in a {type(value).__name__}, which is not kept and "
        "cannot be counted: hand over a list, list(...)."
    )


def numbers(value: object) -> Tensor | None:
    """As a tensor in double precision, a list of numbers too; None if it holds none."""
    try:
        if isinstance(value, list | tuple):
            return torch.stack([numbers(part) for part in value])
        return torch.as_tensor(value).detach().cpu().double()
    except (TypeError, ValueError, RuntimeError):
        return None


def has_fractions(value: object) -> bool:
    """Whether its numbers are of a kind that may have fractions."""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return numbers(value) is not None and torch.as_tensor(value).is_floating_point()


def is_counted(value: object, sizes: Mapping[str, float]) -> bool:
    """Whether it is a number of so many, or a share of them: those agree by chance."""
    counts = [numbers(value) * size for size in (1, *sizes.values())]
    return any(same(count, count.round(), 1e-6) for count in counts)


def parts_of(value: object) -> list | tuple | None:
    """The parts of a list, a tuple, or a tensor that is used as one."""
    if isinstance(value, list | tuple):
        return value
    rows = numbers(value)
    return None if rows is None or not rows.dim() else rows.unbind()


def same(found: object, wanted: object, rtol: float = 1e-4) -> bool:
    """Equal up to rounding; tuples and lists part by part, errors by their words."""
    if isinstance(wanted, Exception):
        return type(found) is type(wanted) and str(found) == str(wanted)
    if isinstance(wanted, list | tuple):
        parts = parts_of(found)
        fits = parts is not None and len(parts) == len(wanted)
        return fits and all(map(same, parts, wanted))
    one, two = numbers(found), numbers(wanted)
    if one is None or two is None or one.shape != two.shape:
        return False
    return torch.allclose(one, two, rtol=rtol, atol=1e-2 * rtol, equal_nan=True)


class Reading(NamedTuple):
    """An answer as it is if a certain slip is taken back."""

    words: str  # the slip, as a clause
    mended: Tensor
    form: bool = False  # whether only the form is wrong
    of: Callable[[Tensor], Tensor] = lambda target: target  # the slip, on the target
    rtol: float = 2e-5  # strict: among so many readings one might fit by chance

    def fits(self, target: object) -> bool:
        """Whether the answer is the target, but for the slip."""
        target = numbers(target)
        if target is None or not target.any():  # too much comes to 0
            return False
        return same(self.mended, self.of(target), self.rtol)

    def tell(self, hint: str = "") -> str:
        """The slip in a sentence, after the hint to a mistake if there is one too."""
        start = "Right, but" if self.form else "It is"
        end = "" if self.words.endswith("?") else "."
        return f"{f'{hint} Besides, it is' if hint else start} {self.words}{end}"


def readings(
    found: object, wanted: object, sizes: Mapping[str, float]
) -> Iterator[Reading]:
    """What the answer may be but for one slip; `sizes` by name, for factors."""
    one, two = numbers(found), numbers(wanted)
    if one is None or two is None or isinstance(wanted, list | tuple):
        return
    if one.shape != two.shape:
        yield from _of_shape(one, two)
        return
    if not has_fractions(wanted):
        return  # whole numbers agree by chance
    if not has_fractions(found):
        words = "cut to whole numbers: // and int() lose the fraction"
        yield Reading(words, one, True, torch.trunc)
    elif getattr(found, "dtype", None) in (torch.float16, torch.bfloat16):
        words = f"in {found.dtype}, which is too coarse: compute in float32"
        yield Reading(words, one, True, rtol=1e-2)
    yield Reading("of the wrong sign", -one)
    yield Reading("1 minus what is asked for", 1 - one)
    yield Reading("a percentage: a share is between 0 and 1", one / 100)
    yield Reading("twice what is asked for: is a half missing?", one / 2)
    yield Reading("half of what is asked for", 2 * one)
    yield Reading("in nats: divide by ln 2 for bits", one / math.log(2))
    yield Reading("off by ln 2: nats and bits are mixed", one * math.log(2))
    for name, size in sizes.items():
        told = f"what is asked for, and {size:g} is {name}: once too often"
        yield Reading(f"{size:g} times {told} multiplied or summed?", one / size)
        yield Reading(f"1/{size:g} of {told} divided or averaged?", one * size)


def _of_shape(one: Tensor, two: Tensor) -> Iterator[Reading]:
    asked = str(list(two.shape)) if two.dim() else "one number"
    if one.numel() == two.numel():
        words = f"in shape {list(one.shape)}: {asked} is asked for"
        yield Reading(words, one.reshape(two.shape), True)
    if one.dim() == two.dim() == 2:
        words = f"with rows and columns exchanged: {asked} is asked for"
        yield Reading(words, one.T, True)
    if one.dim() == 1 and not two.dim():
        words = "one for each image: give one number, their mean"
        yield Reading(words, one.mean(), True)
        yield Reading("in parts: give one number, their sum", one.sum(), True)
    if one.dim() == 2 and two.dim() < 2:
        mean = "" if two.dim() else ", and take the mean over the images"
        words = f"one for each image and class: add up the classes, dim=1{mean}"
        yield Reading(words, one.sum(1) if two.dim() else one.sum(1).mean(), True)
    if two.dim() and not one.dim():
        words = f"one number for all: {asked} is asked for"
        yield Reading(words, one, True, torch.mean)
        yield Reading(words, one, True, torch.sum)
