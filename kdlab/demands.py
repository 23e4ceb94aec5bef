"""What the loop demands of its parts, often a student's own code, said in words.

Each raises an error, most a ValueError: what was expected, what was received, what to
do. None of them waits for a GPU.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from numbers import Integral

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

AN_OBJECTIVE = """def objective(student, batch):
    logits = student(batch["images"])
    return {"hard": F.cross_entropy(logits, batch["labels"])}"""
CUT_OFF = (
    "a loss without a gradient, from which nobody learns. Take .item(), .detach() and "
    "torch.no_grad() out of it; a frozen model needs model.requires_grad_(True)"
)


def total(terms: dict[str, Tensor], first: dict[str, Tensor] | None = None) -> Tensor:
    """The sum of an objective's terms, which bear the names of the `first` ones."""
    if not isinstance(terms, dict) or not terms:
        got = "an empty dict" if terms == {} else kind_of(terms)
    elif not all(isinstance(t, Tensor) and t.ndim == 0 for t in terms.values()):
        got = f"{ {name: kind_of(term) for name, term in terms.items()} }"
        got += ". Each is one number, such as .mean() gives, and still a tensor"
    elif first and terms.keys() != first.keys():
        got = f"{[*terms]} after {[*first]}. The names stay the same at every step"
    elif "epoch" in terms:
        got = "'epoch', which is another column of the history: choose another name"
    elif (loss := sum(terms.values())).requires_grad:
        return loss
    else:
        got = CUT_OFF
    raise ValueError(
        "An objective returns the terms of the loss, a dict of tensors [], got "
        f"{got}. Such as:\n\n{AN_OBJECTIVE}"
    )


def check_logits(answer: object, examples: int) -> None:
    """Of a model's answer to so many examples: [examples, classes]."""
    if isinstance(answer, Tensor) and answer.ndim == 2 and len(answer) == examples:
        return
    raise ValueError(
        f"A model returns logits [{examples}, classes] for {examples} images, got "
        f"{kind_of(answer)}. Return the logits alone, not with features in a tuple or "
        "a dict."
    )


def check_model(model: object) -> None:
    """A net: not its class, and not a function."""
    if not isinstance(model, nn.Module):
        raise ValueError(
            'Expected a model, such as build_model("mlp"), got '
            f"{kind_of(model)}. A class is called first: Net()."
        )


def check_parts(model: object, objective: object, optimizer: object) -> None:
    """The optimizer moves this model, and the objective can be called."""
    check_model(model)
    if not callable(objective) or isinstance(objective, type | nn.modules.loss._Loss):
        raise ValueError(
            f"Expected an objective, got {kind_of(objective)}. Such as:\n\n"
            f"{AN_OBJECTIVE}"
        )
    own = {id(parameter) for parameter in model.parameters()}
    if not own:
        raise ValueError("The model has no parameters: there is nothing to train.")
    make = "torch.optim.Adam(model.parameters())"
    if not isinstance(optimizer, Optimizer):
        raise ValueError(
            f"Expected an optimizer, such as {make}, got {kind_of(optimizer)}."
        )
    moved = chain.from_iterable(group["params"] for group in optimizer.param_groups)
    if not any(id(parameter) in own for parameter in moved):
        raise ValueError(
            "The optimizer holds no parameter of this model. A new model needs a new "
            f"optimizer: {make}."
        )


def check_last_batch(
    training: Mapping[nn.Module, bool], examples: int, batch_size: int
) -> None:
    """No BatchNorm in train mode is given one example alone, which has no spread."""
    alone = (examples % batch_size or batch_size) == 1
    norms = [part for part in training if isinstance(part, nn.BatchNorm1d)]
    if alone and any(training[part] for part in norms):
        raise ValueError(
            f"Of {examples:,} examples in batches of {batch_size} the last one is "
            "alone, and BatchNorm cannot learn from one. Choose another batch_size, or "
            "leave one example out."
        )


def check_finite(row: dict[str, float], optimizer: Optimizer) -> None:
    """Of the losses of an epoch, or FloatingPointError: what to do."""
    if not all(map(math.isfinite, row.values())):
        rates = sorted({f"{rate:.3g}" for rate in peaks(optimizer.param_groups)})
        raise FloatingPointError(
            f"The loss is not finite: {row}, with a learning rate up to "
            f"{' and '.join(rates)}. Try a smaller learning rate, a third of it; in an "
            "objective of your own look for log(0) and 0 / 0."
        )


def peaks(groups: list[dict]) -> list[float]:
    """The highest learning rates of an optimizer's groups, also under a schedule."""
    return [float(g.get("max_lr", g.get("initial_lr", g["lr"]))) for g in groups]


@contextmanager
def enough_memory(batch_size: int) -> Iterator[None]:
    """Inside, a batch fits on the GPU, or MemoryError says what to do."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise MemoryError(
            f"The GPU's memory does not hold a step of batch_size={batch_size}. Try "
            f"batch_size={max(1, batch_size // 2)}, or shut down other notebooks."
        ) from error


def check_options(epochs: object, batch_size: object) -> None:
    """Whole numbers of at least one."""
    if not all(isinstance(n, Integral) and n >= 1 for n in (epochs, batch_size)):
        raise ValueError(
            "epochs and batch_size must be at least 1, and whole, got "
            f"{epochs!r} and {batch_size!r}."
        )


def kind_of(value: object) -> str:
    """A word for what somebody's code has returned."""
    if isinstance(value, Tensor):
        return f"a tensor {list(value.shape)}"
    return "nothing (None)" if value is None else type(value).__name__
