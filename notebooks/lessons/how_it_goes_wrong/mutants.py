"""Eight silent bugs of public code, each a change of `my_distillation.py`."""

import shutil
from collections.abc import Iterator
from copy import deepcopy
from itertools import count
from pathlib import Path
from types import ModuleType

from torch import nn

from kdlab.data import Columns, scaled
from kdlab.seeds import random_numbers_from

RIGHT, HERE = "the right code", Path(__file__).parent
FILE, TESTS = "my_distillation.py", "test_my_distillation.py"
MUTANTS = {  # {name: {what stands there: what the bug makes of it}}
    "roles swapped": {"distil(student, teacher,": "distil(teacher, student,"},
    "teacher against itself": {"soft_loss(logits,": "soft_loss(told[rows],"},
    "cache not aligned": {
        "rows in order.split(size)": "place, rows in enumerate(order.split(size))",
        "told[rows]": "told.split(size)[place]",
    },
    "T on one side": {"student_logits / temperature": "student_logits"},
    "no T²": {"return temperature**2 * kl": "return kl"},
    "mean over all elements": {'n="batchmean")': 'n="none").mean()'},
    "KL arguments swapped": {"(log_q, log_p,": "(log_p, log_q,"},
    "teacher in train mode": {"teacher.eval()": "teacher.train()"},
}


def code_of(name: str) -> ModuleType:
    """The module with the bug of this name, or as it is right; `source` is its text."""
    module, source = ModuleType(name), (HERE / FILE).read_text(encoding="utf-8")
    for right, wrong in MUTANTS[name].items() if name != RIGHT else ():
        source = source.replace(right, wrong)
    exec(source, module.__dict__)
    module.source = source
    return module


def training(
    name: str, student: nn.Module, teacher: nn.Module, columns: Columns, **how: object
) -> Iterator[nn.Module]:
    """Train by the code of this name; after each epoch what it takes for the student.

    The teacher is a copy, in train mode, as a training leaves it. `how` is of `distil`.
    """
    nets, images = (student, deepcopy(teacher).train()), scaled(columns["images"])
    epochs = code_of(name).distil(*nets, images, columns["labels"], **how)
    for epoch in count(1000 * how["seed"]):
        with random_numbers_from(epoch):  # of dropout
            if (net := next(epochs, None)) is None:
                return
        yield net


def take_home(folder: str | Path = ".") -> Path:
    """Copy the tests into a folder that is there, and the right code if none is there."""
    there = Path(shutil.copy(HERE / TESTS, Path(folder, TESTS)))
    if not there.with_name(FILE).exists():
        shutil.copy(HERE / FILE, there.with_name(FILE))
    print(f"{there}: run `pytest {TESTS}` there, on your own {FILE}.")
    return there
