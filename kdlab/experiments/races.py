"""How long nets take in which engine: races, on the machine that runs the command.

A row is one runner of one race. What a time depends on is part of the setting, so that
a machine of another processor, or with other versions, adds its rows to the table.
"""

import os
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from torch import Tensor, nn

from kdlab import compression as small
from kdlab.data import load_images
from kdlab.experiments.students import new_cnn
from kdlab.experiments.sweep import SEEDS, Experiment, Setting
from kdlab.metrics import accuracy, agreement, nll
from kdlab.training import predict
from kdlab.weights import load_teacher

EAGER, FLOAT, INT8 = "torch eager", "float32", "int8"
SEVEN, EVERY = "int8, weights of 7 bits", "int8, every layer"
TO_INT8 = {INT8: {}, SEVEN: {"reduce_range": True}, EVERY: {"every_layer": True}}
Runners = dict[str, Callable[[Tensor], Tensor]]
Kinds = dict[str, dict[str, bool]]  # of int8: options of `to_int8`
RUNNERS = [EAGER, FLOAT, *TO_INT8]
CALIBRATION = 500  # images without labels that tell the ranges of activations
ROUNDS = {1: 1000, 128: 100}  # by the batch
WIDTHS = 8, 16, 32, 64
TEACHER = "cnn-16-32-128"
UNKNOWN = "teacher temperature soft_weight labels epochs train_seconds".split()
UNKNOWN += "test_accuracy test_nll teacher_agreement".split()


def net_of(name: str) -> nn.Module:
    """The stored teacher of MNIST, or an untrained net such as "cnn-8-16-32"."""
    if name == TEACHER:
        return load_teacher("mnist")[0]
    return new_cnn(name).eval()


def runners_of(
    model: nn.Module, images: Tensor, threads: int = 1, kinds: Kinds | None = None
) -> tuple[Runners, dict[str, int]]:
    """{runner: images -> logits} of a net, and {runner: bytes of its file}.

    Ranges of activations are measured on these images [N, C, H, W]; `kinds` of int8 are
    those of TO_INT8, if none are given.
    """
    with TemporaryDirectory() as folder:
        files = {FLOAT: small.export(model, Path(folder, "float32.onnx"), images)}
        for runner, how in (kinds or TO_INT8).items():
            file = Path(folder, f"{runner}.onnx")
            files[runner] = small.to_int8(files[FLOAT], file, images, **how)
        found = {name: small.engine(file, threads) for name, file in files.items()}
        sizes = {name: small.file_bytes(file) for name, file in files.items()}
    return {EAGER: model, **found}, {EAGER: small.model_bytes(model), **sizes}


@lru_cache(maxsize=2)
def runners(name: str, threads: int) -> tuple[Runners, dict[str, int]]:
    """`runners_of` a net of this name."""
    images = load_images("mnist", "train")["images"][:CALIBRATION]
    return runners_of(net_of(name), images, threads)


@lru_cache(maxsize=1)
def raced(name: str, threads: int, batch: int, seed: int) -> pd.DataFrame:
    """One race of all runners, and how busy the machine was when it began."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None  # not on Windows
    images = load_images("mnist", "test")["images"][:batch]
    all_of_them, _ = runners(name, threads)
    rounds = ROUNDS[batch] // (1 if name == TEACHER else 3)
    table = small.race(all_of_them, images, rounds=rounds, threads=threads)
    return table.assign(load=load).round(4)


@lru_cache(maxsize=16)
def judged(name: str, runner: str) -> Setting:
    """What a runner answers to all test images, beside the net it was made from."""
    test_set, answer = load_images("mnist", "test"), runners(name, 1)[0][runner]
    own = predict(net_of(name), test_set["images"])
    logits: Tensor = own if runner == EAGER else answer(test_set["images"])
    found = {
        "test_accuracy": accuracy(logits, test_set["labels"]),
        "test_nll": nll(logits, test_set["labels"]),
        "teacher_agreement": agreement(logits, own),
    }
    return {key: round(value.item(), 6) for key, value in found.items()}


def race_run(setting: Setting) -> Setting:
    """The row of one runner; its race is run when its first row is asked for."""
    net, runner, threads = (setting[key] for key in ("student", "method", "threads"))
    found = raced(net, threads, setting["batch"], setting["seed"]).loc[runner]
    row = {**setting, **dict.fromkeys(UNKNOWN), **found[["ms", "low", "high", "load"]]}
    row["bytes"] = runners(net, threads)[1][runner]
    return row | (judged(net, runner) if net == TEACHER else {})


def races(names: Iterable[str], threads: Iterable[int]) -> list[Setting]:
    """Settings of five races of each net, on so many threads, for 1 image and 128."""
    return [
        {"dataset": "mnist", "student": name, "threads": number, "batch": batch}
        | {"seed": seed, "method": runner, **small.processor()}
        for name in names
        for number in threads
        for batch in ROUNDS
        for seed in SEEDS
        for runner in RUNNERS
    ]


def of_widths() -> list[Setting]:
    """Untrained nets: a time does not depend on what the weights are."""
    names = [f"cnn-{width}-{2 * width}-{4 * width}" for width in WIDTHS]
    return races(names, [1])


race = Experiment(race_run, lambda: races([TEACHER], [1, 2]), in_turn=True)
int8_width = Experiment(race_run, of_widths, in_turn=True)
