"""Eight silent bugs of public code: one place of `my_distillation.py` changed in each."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

RIGHT = "the right code"
SOURCE = (Path(__file__).parent / "my_distillation.py").read_text(encoding="utf-8")
MUTANTS: Mapping[
    str, tuple[str, str]
] = {  # {name: (what stands there, what the bug makes of it)}
    "roles swapped": ("def distil(student, teacher,", "def distil(teacher, student,"),
    "teacher against itself": ("soft_loss(logits, told", "soft_loss(told[rows], told"),
    "cache not aligned": (
        "for rows in order.split(batch_size):",
        "for place, rows in enumerate(order.split(batch_size)):",
    ),
    "T on one side": ("student_logits / temperature", "student_logits"),
    "no T²": ("return temperature**2 * kl", "return kl"),
    "mean over all elements": ('reduction="batchmean")', 'reduction="none").mean()'),
    "KL arguments swapped": ("F.kl_div(log_q, log_p,", "F.kl_div(log_p, log_q,"),
    "teacher in train mode": ("teacher.eval()", "teacher.train()"),
}
ALSO = {"cache not aligned": ("told[rows]", "told.split(batch_size)[place]")}


def source_of(name: str) -> str:
    """The file with the bug of this name. ValueError: a bug that nobody knows."""
    if name == RIGHT:
        return SOURCE
    if name not in MUTANTS:
        raise ValueError(f"The bugs are {[*MUTANTS]}, got {name!r}.")
    source = SOURCE
    for there, bug in (MUTANTS[name], ALSO.get(name, ("", ""))):
        source = source.replace(there, bug) if there else source
    return source


def code_of(name: str) -> ModuleType:
    """The same as a module: what `import my_distillation` would give."""
    module = ModuleType(name)
    exec(source_of(name), module.__dict__)
    return module
