"""The one training loop of the course, and what is measured after it."""

import math
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR
from tqdm.auto import tqdm

from kdlab.checkpoints import resumed
from kdlab.data import (
    Columns,
    check_columns,
    check_images,
    check_kind,
    check_labels,
    count,
    scaled,
    take,
)
from kdlab.demands import (
    check_finite,
    check_last_batch,
    check_logits,
    check_model,
    check_options,
    check_parts,
    enough_memory,
    total,
)
from kdlab.losses import soft_target_loss
from kdlab.metrics import accuracy, agreement, calibration_error, nll
from kdlab.seeds import random_numbers_from
from kdlab.speed import PLAIN, Way, computing, cpu_threads, device_of

# (model, batch) -> named loss terms, which the loop sums
Objective = Callable[[nn.Module, Columns], dict[str, Tensor]]
one_cpu_thread = cpu_threads  # one is what it means by default


def training_steps(
    model: nn.Module,
    train_set: Columns,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    *,
    epochs: int,
    batch_size: int = 128,
    schedule: LRScheduler | None = None,
    seed: int = 0,
    way: Way = PLAIN,
    checkpoint: Path | None = None,
) -> Generator[tuple[int, dict[str, Tensor]], None, pd.DataFrame]:
    """Train in place; after each step yield the epoch and the detached loss terms.

    Returns the history, as `fit` does, whose arguments these are. Works on the model's
    device. The seed decides the order of the examples and all random numbers of a step
    (dropout, augmentation); no others are touched.

    With a checkpoint the state is stored after each epoch, as the next step is asked
    for. The same call, with model, optimizer and schedule made anew, goes on from it,
    on a CPU bit for bit; what an objective remembers by itself is lost.

    Each part of the model keeps its mode: one that is in evaluation mode, such as a
    frozen BatchNorm or a teacher inside, is trained in it; only a model that is so as a
    whole, as `load_model` gives it, is trained in train mode, and then set back.

    Raises:
        ValueError: before the first step, if the columns are empty, of unequal length,
            not finite, or hold labels that are no classes, if model, objective,
            optimizer or checkpoint do not fit; at a step, if its terms are no losses.
        FloatingPointError: at the end of the epoch in which a loss is not finite.
        MemoryError: if a step does not fit into the GPU's memory.
    """
    check_parts(model, objective, optimizer)
    check_options(epochs, batch_size)
    check_columns(train_set, classes_of(model, train_set))
    device, examples = device_of(model), count(train_set)
    train_set = {name: column.to(device) for name, column in train_set.items()}
    state = {"model": model, "optimizer": optimizer, "schedule": schedule}
    length = {"epochs": epochs, "batch_size": batch_size, "examples": examples}
    history, way, store = resumed(checkpoint, state, {"seed": seed, **length}, way)
    with in_train_mode(model) as modes:
        check_last_batch(modes, examples, batch_size)
        for epoch, shuffled in orders(examples, epochs, seed, done=len(history)):
            found: list[dict[str, Tensor]] = []
            batches = shuffled.to(device).split(int(batch_size))
            for step, rows in enumerate(batches, (epoch - 1) * len(batches)):
                drawn = random_numbers_from(1_000_003 * seed + step, device)
                with cpu_threads(way.threads), drawn, enough_memory(batch_size):
                    set_modes(modes)
                    with computing(model, way):
                        terms = objective(model, take(train_set, rows))
                    descend(total(terms, *found[:1]), optimizer, schedule)
                found.append({name: term.detach() for name, term in terms.items()})
                yield epoch, found[-1]
            history.append({"epoch": epoch, **means_of(found)})
            check_finite(history[-1], optimizer)
            store(history)
    return pd.DataFrame(history)


def orders(
    examples: int, epochs: int, seed: int, done: int = 0
) -> Iterator[tuple[int, Tensor]]:
    """Each epoch's number, from 1, and all rows in its order; but for those done."""
    draw = torch.Generator().manual_seed(seed)
    for epoch in range(1, epochs + 1):
        shuffled = torch.randperm(examples, generator=draw)
        if epoch > done:
            yield epoch, shuffled


def descend(
    loss: Tensor, optimizer: torch.optim.Optimizer, schedule: LRScheduler | None
) -> None:
    """One step down the gradient of the loss, and one of the schedule."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if schedule is not None:
        schedule.step()


def means_of(steps: list[dict[str, Tensor]]) -> dict[str, float]:
    """Each loss term's mean over steps."""
    rows = [torch.stack([terms[name] for name in steps[0]]) for terms in steps]
    values = torch.stack(rows)
    return dict(zip(steps[0], values.mean(dim=0).tolist(), strict=True))  # GPU: waits


def fit(
    model: nn.Module,
    train_set: Columns,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    *,
    epochs: int,
    batch_size: int = 128,
    schedule: LRScheduler | None = None,
    seed: int = 0,
    way: Way = PLAIN,
    checkpoint: Path | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Take all `training_steps`; one row per epoch: each loss term, mean over batches.

    Args:
        model: trained in place, on its device; its parts that are in evaluation mode
            stay so, unless all of it is.
        train_set: columns, such as images [N, C, H, W], labels [N], teacher_logits.
        objective: (model, batch) -> named loss terms, summed by the loop.
        optimizer: of the model's parameters.
        epochs: how often all examples are seen.
        batch_size: examples a step; the last step of an epoch may have fewer.
        schedule: stepped after each batch, such as `one_cycle`; has its state stored.
        seed: decides the order of the examples, dropout and augmentation.
        way: how the model computes, such as `fastest_way` finds.
        checkpoint: a file for the state after each epoch; the same call goes on from
            there, in the way it began. It stays at the end, and is yours to delete.
        progress: show a bar.

    Raises what `training_steps` raises.
    """
    how = {"epochs": epochs, "batch_size": batch_size, "schedule": schedule}
    how |= {"seed": seed, "way": way, "checkpoint": checkpoint}
    steps = training_steps(model, train_set, objective, optimizer, **how)
    with tqdm(total=epochs, desc="epochs", disable=not progress) as bar:
        history = last_of(steps, lambda step: bar.update(step[0] - 1 - bar.n))
        bar.update(epochs - bar.n)
    return history


def cycle_of(
    model: nn.Module, train_set: Columns, learning_rate: float, **length: int
) -> dict[str, object]:
    """Adam and its one cycle to this peak, as options of `training_steps`.

    `length` is epochs and batch_size. ValueError: a peak that is not positive.
    """
    if not learning_rate > 0:
        raise ValueError(f"learning_rate must be positive, got {learning_rate}.")
    adam = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
    schedule = one_cycle(adam, train_set, **length)
    return {"optimizer": adam, "schedule": schedule, **length}


def last_of(steps: Generator, see: Callable = lambda step: None) -> object:
    """Drain a generator, showing each item to `see`; what it returns."""
    try:
        while True:
            see(next(steps))
    except StopIteration as end:
        return end.value


def one_cycle(
    optimizer: torch.optim.Optimizer,
    train_set: Columns,
    *,
    epochs: int,
    batch_size: int = 128,
) -> LRScheduler:
    """Learning rate up to the optimizer's own and down to zero, in one cycle.

    Source: Smith & Topin (2019), https://arxiv.org/abs/1708.07120
    """
    check_options(epochs, batch_size)
    steps = epochs * math.ceil(count(train_set) / batch_size)
    peaks = [group["lr"] for group in optimizer.param_groups]
    return OneCycleLR(optimizer, max_lr=peaks, total_steps=steps)


def predict(
    model: nn.Module, images: Tensor, *, batch_size: int = 200, way: Way = PLAIN
) -> Tensor:
    """Logits [examples, classes] in evaluation mode, on the device of the images.

    Images [examples, ...] in [0, 1] or uint8. The mode of the model and of each of its
    parts is left as it was. Small batches: at 1,000 images the activations of a CNN
    take 0.16 GB more.

    Raises ValueError if these are no images, or the answers no logits.
    """
    check_images(images)
    return _answers(model, images, batch_size, way)


@torch.no_grad()
def _answers(
    model: nn.Module, images: Tensor, batch_size: int, way: Way = PLAIN
) -> Tensor:
    check_model(model)
    device, modes, parts = device_of(model), modes_of(model), []
    model.eval()
    try:
        with cpu_threads(way.threads), computing(model, way):
            for part in images.split(batch_size):
                parts.append(model(scaled(part.to(device))))
                check_logits(parts[-1], len(part))
    finally:
        set_modes(modes)
    return torch.cat(parts).to(images.device)


def evaluate(model: nn.Module, columns: Columns, way: Way = PLAIN) -> dict[str, float]:
    """Accuracy, errors, nll (nats) and calibration error on labelled images.

    With a column teacher_logits also the agreement with the teacher's top answers, over
    all images and over those on which the teacher errs (NaN if it never does), and
    KL(teacher ‖ student). Raises ValueError as `check_columns` and `predict` do.
    """
    check_columns(columns, needed=["images", "labels"])
    logits, labels = predict(model, columns["images"], way=way), columns["labels"]
    check_labels(labels, logits.shape[1])
    right = accuracy(logits, labels).item()
    facts = {
        "accuracy": right,
        "errors": round((1 - right) * len(labels)),
        "nll": nll(logits, labels).item(),
        "calibration_error": calibration_error(logits, labels).item(),
    }
    if "teacher_logits" in columns:
        told = columns["teacher_logits"]
        errs = told.argmax(dim=1) != labels
        facts["agreement"] = agreement(logits, told).item()
        facts["agreement_on_errors"] = agreement(logits[errs], told[errs]).item()
        facts["teacher_kl"] = soft_target_loss(logits, told, 1.0).item()
    return facts


def modes_of(model: nn.Module) -> dict[nn.Module, bool]:
    """Of each part of the model, itself among them, whether it is in train mode."""
    return {part: part.training for part in model.modules()}


def set_modes(modes: dict[nn.Module, bool]) -> None:
    """Put each part into its mode."""
    for part, mode in modes.items():
        if part.training is not mode:  # to set it is slow, at every step
            part.training = mode


@contextmanager
def in_train_mode(model: nn.Module) -> Iterator[dict[nn.Module, bool]]:
    """The modes in which a model is trained: set inside, and set back outside."""
    before = modes_of(model)
    model.train()  # which a model may do in its own way
    if any(before.values()):
        set_modes({part: False for part, mode in before.items() if not mode})
    try:
        yield modes_of(model)
    finally:
        set_modes(before)


def classes_of(model: nn.Module, columns: Columns) -> int | None:
    """How many classes the model answers for; None where there are no images to ask."""
    check_kind(columns)
    one = columns.get("images", torch.empty(0))[:1].to(device_of(model))  # stays there
    return _answers(model, one, 1).shape[1] if len(one) else None


def best_device() -> str:
    """ "cuda" where there is one, else "cpu".

    Not "mps": nets this small are no faster there, and two threads on it, a panel that
    trains and a cell, may end the kernel (PyTorch's issue 197805).
    """
    return "cuda" if torch.cuda.is_available() else "cpu"
