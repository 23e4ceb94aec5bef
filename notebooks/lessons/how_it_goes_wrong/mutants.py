"""Eight silent bugs of public code, each a change of `my_distillation.py`."""

from collections.abc import Iterator
from copy import deepcopy
from itertools import count
from pathlib import Path
from types import ModuleType

from torch import nn

from kdlab.data import Columns, scaled
from kdlab.seeds import random_numbers_from

RIGHT = "the right code"
SOURCE = Path(__file__).with_name("my_distillation.py").read_text(encoding="utf-8")
LOOP = "for rows in order.split(batch_size):"
MUTANTS = {  # {name: {what stands there: what the bug makes of it}}
    "roles swapped": {"distil(student, teacher,": "distil(teacher, student,"},
    "teacher against itself": {"soft_loss(logits,": "soft_loss(told[rows],"},
    "cache not aligned": {
        LOOP: "for place, rows in enumerate(order.split(batch_size)):",
        "told[rows]": "told.split(batch_size)[place]",
    },
    "T on one side": {"student_logits / temperature": "student_logits"},
    "no T²": {"return temperature**2 * kl": "return kl"},
    "mean over all elements": {'n="batchmean")': 'n="none").mean()'},
    "KL arguments swapped": {"(log_q, log_p,": "(log_p, log_q,"},
    "teacher in train mode": {"teacher.eval()": "teacher.train()"},
}


def source_of(name: str) -> str:
    """The file with the bug of this name, or as it is right."""
    source = SOURCE
    for right, wrong in MUTANTS[name].items() if name != RIGHT else ():
        source = source.replace(right, wrong)
    return source


def code_of(name: str) -> ModuleType:
    """The same as a module, as `import my_distillation` gives it."""
    module = ModuleType(name)
    exec(source_of(name), module.__dict__)
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
