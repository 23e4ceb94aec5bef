"""Mistakes that are known, as a student writes them: read from a mistakes.toml.

    "share_right(logits, labels)" = [
        ["That is the number of right answers. Divide by the number of images.",
         "return (logits.argmax(1) == labels).sum()"],
    ]

On the left the first line of the exercise; then a hint, and the code that deserves it.
An answer that does exactly the same gets this hint.
"""

import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from textwrap import indent

import torch
import torch.nn.functional as F
from torch import nn

from kdlab.exercises.checks import Function

NAMES = {"F": F, "math": math, "nn": nn, "torch": torch}  # what a notebook imports


def load_mistakes(
    path: Path, names: Mapping[str, object] = NAMES
) -> dict[str, dict[str, Function]]:
    """{exercise: {hint: a function that makes the mistake}}; `names` the code may use.

    Line breaks in a hint are spaces.
    """
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        line.partition("(")[0]: {
            " ".join(hint.split()): written(line, code, names) for hint, code in known
        }
        for line, known in content.items()
    }


def written(line: str, code: str, names: Mapping[str, object] = NAMES) -> Function:
    """The function with this first line and these lines below it."""
    space = {**NAMES, **names}
    exec(f"def {line}:\n{indent(code.strip(chr(10)), '    ')}", space)
    return space[line.partition("(")[0]]
