"""The one training loop of the course, and what is measured after it."""

import math
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import groupby

import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR
from tqdm.auto import tqdm

from kdlab.data import Columns, batches, check_columns, count, scaled
from kdlab.losses import soft_target_loss
from kdlab.metrics import accuracy, agreement, calibration_error, nll

Objective = Callable[
    [nn.Module, Columns], dict[str, Tensor]
]  # loss terms, to be summed


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
) -> Iterator[tuple[int, dict[str, Tensor]]]:
    """Train in place; after each step yield the epoch and the detached loss terms.

    Works on the model's device. The seed decides the order of the examples and all
    random numbers of a step (dropout, augmentation); no others are touched.
    """
    device = device_of(model)
    train_set = {name: column.to(device) for name, column in train_set.items()}
    order = torch.Generator().manual_seed(seed)
    step = 0
    with one_cpu_thread():
        for epoch in range(1, epochs + 1):
            for batch in batches(train_set, batch_size, order):
                with random_numbers_of(seed, step, device):
                    model.train()
                    terms = objective(model, batch)
                    optimizer.zero_grad()
                    sum(terms.values()).backward()
                    optimizer.step()
                if schedule is not None:
                    schedule.step()
                step += 1
                yield epoch, {name: term.detach() for name, term in terms.items()}


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
    progress: bool = True,
) -> pd.DataFrame:
    """Take all training steps; one row per epoch: each loss term, mean over batches.

    Args:
        model: trained in place, on its device.
        train_set: columns, such as images [N, C, H, W], labels [N], teacher_logits.
        objective: (model, batch) -> named loss terms, summed by the loop.
        optimizer: of the model's parameters.
        epochs: how often all examples are seen.
        batch_size: examples a step; the last step of an epoch may have fewer.
        schedule: stepped after each batch, such as `one_cycle`.
        seed: decides the order of the examples, dropout and augmentation.
        progress: show a bar.

    Raises:
        ValueError: before the first step, if the columns are empty, of unequal length,
            not finite, or hold labels that are no classes.
        FloatingPointError: at the end of the epoch in which a loss is not finite.
    """
    check_columns(train_set, classes_of(model, train_set))
    check_options(epochs, batch_size)
    steps = training_steps(
        model,
        train_set,
        objective,
        optimizer,
        epochs=epochs,
        batch_size=batch_size,
        schedule=schedule,
        seed=seed,
    )
    history = []
    by_epoch = groupby(steps, key=lambda step: step[0])
    bar = tqdm(by_epoch, total=epochs, desc="epochs", disable=not progress)
    for epoch, group in bar:
        terms = [terms for _, terms in group]
        values = torch.stack([torch.stack(list(step.values())) for step in terms])
        means = values.mean(dim=0).tolist()  # the only wait for a GPU
        history.append({"epoch": epoch, **dict(zip(terms[0], means, strict=True))})
        if not all(math.isfinite(mean) for mean in means):
            raise FloatingPointError(
                f"The loss is not finite: {history[-1]}. Try a smaller learning rate."
            )
    return pd.DataFrame(history)


def places_to_stop(steps: Generator) -> Generator:
    """The same steps, each yielded as None: nothing to draw; returns what they do."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
        yield None


def last_of(steps: Generator) -> object:
    """Drain a generator; what it returns."""
    while True:
        try:
            next(steps)
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


@torch.no_grad()
def predict(model: nn.Module, images: Tensor, *, batch_size: int = 200) -> Tensor:
    """Logits [examples, classes] in evaluation mode, on the device of the images.

    Images [examples, ...] in [0, 1] or uint8. The model's mode is left as it was.
    Small batches: at 1,000 images the activations of a CNN take 0.16 GB more.
    """
    device, was_training = device_of(model), model.training
    model.eval()
    try:
        parts = [model(scaled(part.to(device))) for part in images.split(batch_size)]
    finally:
        model.train(was_training)
    return torch.cat(parts).to(images.device)


def evaluate(model: nn.Module, columns: Columns) -> dict[str, float]:
    """Accuracy, errors, nll (nats) and calibration error on labelled images.

    With a column teacher_logits also the agreement with the teacher's top answers, over
    all images and over those on which the teacher errs, and KL(teacher ‖ student).
    """
    check_columns(columns)
    logits, labels = predict(model, columns["images"]), columns["labels"]
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


def device_of(model: nn.Module) -> torch.device:
    """Where the model's parameters are."""
    return next(model.parameters()).device


def classes_of(model: nn.Module, columns: Columns) -> int | None:
    """How many classes the model answers for; None where there are no images to ask."""
    images = columns.get("images", [])
    return predict(model, images[:1]).shape[1] if len(images) else None


def best_device() -> str:
    """The fastest device of this machine: "cuda", "mps" or "cpu"."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def check_options(epochs: int, batch_size: int) -> None:
    """Raise ValueError unless both are at least one."""
    if epochs < 1 or batch_size < 1:
        raise ValueError(
            f"epochs and batch_size must be at least 1, got {epochs} and {batch_size}."
        )


@contextmanager
def one_cpu_thread() -> Iterator[None]:
    """Nets this small train slower on two threads: where cores are shared, they wait.

    Measured on two busy cores: 2 to 13 times slower. Restores the number afterwards.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def random_numbers_of(seed: int, step: int, device: torch.device) -> Iterator[None]:
    """Inside, random numbers follow from seed and step; outside, nothing has moved."""
    gpu = [] if device.type in ("cpu", "meta") else [device]
    with torch.random.fork_rng(gpu, device_type=device.type if gpu else "cuda"):
        number = 1_000_003 * seed + step
        torch.default_generator.manual_seed(number)  # of the CPU, and only that
        if gpu:
            torch.get_device_module(device).manual_seed(number)
        yield
