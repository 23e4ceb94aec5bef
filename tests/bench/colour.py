"""A colour student in the course's loop beside the loop everybody writes, in one run.

Alone, on a machine that has torch, torchvision and pandas, but no JupyterLab:
PYTHONPATH=.:tests python -m bench.colour --device cuda --images FILE --out FILE.json
"""

import argparse
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torchvision
from torch import nn

from bench.colour_loops import CACHED, CROP, LOOPS, USUAL, Setup
from bench.table import Measurement, as_json, as_table, processor
from kdlab.data import Columns, count, load_images
from kdlab.models import build_model, whiten
from kdlab.speed import Way, fastest_way
from kdlab.training import best_device, evaluate, predict
from kdlab.weights import WEIGHTS, load_model

TEACHER = {"widths": [64, 256, 256], "divisor": 9.0}
STORED = WEIGHTS / "cifar10_unsmoothed.safetensors"
TRAIN = 50_000  # the first rows of a file of images; the others are the test set
ROUNDS, WARM_UP, SEEDS = 3, 6, (0, 1, 2)
MEMORY = 1.6  # GB, of a kernel that trains on a CPU
BARS = "amx_bf16", "avx512_bf16", "avx512f", "avx2"  # what a processor computes with
LIMITS = "ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY"  # and what keeps torch from it


class Amount(NamedTuple):
    """How much is measured on a device, and what is asked of it."""

    seconds: float  # of the speed, all loops together
    images: int  # that the loops go over while their speed is measured
    learnt: int  # images of a whole training, whose accuracy is compared
    epochs: int
    tested: int
    times: float  # as many images per second as the usual loop


AMOUNTS = {
    "cpu": Amount(60, 4_992, 3_840, 4, 2_000, 2),  # whole batches
    "cuda": Amount(20, 49_920, 9_984, 8, 10_000, 5),
}


def with_answers(teacher: nn.Module, columns: Columns, way: Way) -> Columns:
    """The columns with what the teacher says of the images, and of them mirrored."""
    ask = partial(predict, teacher, way=way)
    told = {"teacher_logits": ask(columns["images"])}
    told["mirrored_logits"] = ask(columns["images"].flip(3))
    return {**columns, **told}


def speeds(setup: Setup, columns: Columns, seconds: float) -> dict[str, list[float]]:
    """Images per second of each loop, in turn, so many rounds."""
    students = {loop: setup.student(columns, 0) for loop in LOOPS}
    steps = {
        loop: setup.steps(loop, student, columns, 1_000, 0)
        for loop, student in students.items()
    }
    found = {loop: [] for loop in LOOPS}
    for running in steps.values():
        speed(running, 0, setup.device)  # a device's first steps are slow
    for number in range(ROUNDS):
        for loop, running in steps.items():
            share = seconds / ROUNDS / len(LOOPS)
            found[loop].append(speed(running, share, setup.device))
        told = ", ".join(f"{loop} {found[loop][-1]:,.0f}/s" for loop in LOOPS)
        print(f"  round {number + 1}: {told}", flush=True)
    for running in steps.values():
        running.close()
    return found


def speed(steps: Iterator[int], seconds: float, device: str) -> float:
    """Images per second; the first steps do not count: what was loaded before is used.

    A GPU is waited for at both ends.
    """
    images = 0
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    for _ in range(WARM_UP):
        next(steps)
    wait()
    started = time.perf_counter()
    while not images or time.perf_counter() - started < seconds:
        images += next(steps)
    wait()
    return images / (time.perf_counter() - started)


def trainings(
    setup: Setup, columns: Columns, test_set: Columns, epochs: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Test accuracy and seconds of whole trainings: by loop, one for each seed."""
    right, seconds = ({loop: [] for loop in LOOPS} for _ in range(2))
    for seed in SEEDS:
        for loop in LOOPS:
            student = setup.student(columns, seed)
            started = time.perf_counter()
            for _ in setup.steps(loop, student, columns, epochs, seed):
                pass
            seconds[loop].append(time.perf_counter() - started)
            right[loop].append(evaluate(student, test_set)["accuracy"])
        told = ", ".join(f"{loop} {right[loop][-1]:.4f}" for loop in LOOPS)
        print(f"  seed {seed}: {told}", flush=True)
    return right, seconds


def measure(
    device: str | None = None,
    file: Path | None = None,
    seconds: float | None = None,
    stored: Path = STORED,
) -> Iterator[Measurement]:
    """Speed, accuracy and memory."""
    device = device or best_device()
    amount = AMOUNTS[device]
    torch.set_num_threads(2)  # the targets are stated for two cores
    print(f"  {device_name(device)}", flush=True)
    train_set = pictures(file, "train")
    columns = {name: column[: amount.images] for name, column in train_set.items()}
    setup = setup_for(device, columns, stored)
    taught = f"by {stored.name}" if setup.soft_weight else "without a stored teacher"
    print(f"  {setup.way}; {taught}", flush=True)
    started = time.perf_counter()
    columns = with_answers(setup.teacher, columns, setup.way)
    once = time.perf_counter() - started
    asked = setup._replace(soft_weight=1.0)  # any teacher takes as long
    found = speeds(asked, columns, seconds or amount.seconds)
    yield from of_speed(setup, amount, found)
    what = f"the teacher on {count(columns):,} images, and mirrored, once"
    yield Measurement("colour", what, once, "s")
    columns = {name: column[: amount.learnt] for name, column in columns.items()}
    test_set = pictures(file, "test")
    test_set = {name: column[: amount.tested] for name, column in test_set.items()}
    found = trainings(setup, columns, test_set, amount.epochs)
    yield from of_accuracy(setup, amount, *found)
    if device == "cpu":
        yield memory(file)


def setup_for(device: str, columns: Columns, stored: Path = STORED) -> Setup:
    """The stored teacher, or one that says nothing; and how the student computes."""
    if stored.exists():
        teacher, soft_weight = load_model(stored)[0], 1.0
    else:
        teacher, soft_weight = (
            build_model("convnet", **TEACHER).requires_grad_(False),
            0,
        )
        whiten(teacher, columns["images"][:2_000])
    setup = Setup(device, teacher.eval().to(device), soft_weight, Way())
    return setup._replace(way=fastest_way(setup.student(columns, 0), columns))


def of_speed(
    setup: Setup, amount: Amount, found: dict[str, list[float]]
) -> Iterator[Measurement]:
    """The usual loop's images per second; of each other loop how many times that."""
    usual = statistics.median(found[USUAL])
    yield Measurement("colour", f"{USUAL}", usual, "images/s")
    for loop in (CACHED, CROP):
        pairs = zip(found[loop], found[USUAL], strict=True)
        times = [ours / theirs for ours, theirs in pairs]
        yield Measurement(
            "colour",
            f"images per second, of the usual loop's, with {loop}",
            statistics.median(times),
            "times",
            amount.times,
            at_least=True,
            besides={
                "images/s": statistics.median(found[loop]),
                "rounds": " and ".join(f"{ratio:.3g}" for ratio in times),
                "computed in": str(setup.way),
            },
        )


def of_accuracy(
    setup: Setup,
    amount: Amount,
    right: dict[str, list[float]],
    seconds: dict[str, list[float]],
) -> Iterator[Measurement]:
    """How much more is right than after the usual loop, but for chance."""
    variance = statistics.mean(map(statistics.variance, right.values()))
    error = (2 * variance / len(SEEDS)) ** 0.5  # of a difference of two means
    mean = {loop: statistics.mean(values) for loop, values in right.items()}
    whose = "" if setup.soft_weight else " (labels only)"
    for loop in (CACHED, CROP):
        took = [statistics.median(seconds[name]) for name in (USUAL, loop)]
        yield Measurement(
            "colour",
            f"accuracy above the usual loop's, {loop}{whose}; −2 standard errors",
            mean[loop] - mean[USUAL],
            target=-2 * error,
            at_least=True,
            besides={
                **{name: spread(right[name]) for name in (USUAL, loop)},
                "of": f"{amount.learnt:,} images, {amount.epochs} epochs, "
                f"{len(SEEDS)} seeds, {amount.tested:,} test images",
                "seconds": " and ".join(f"{time:.3g}" for time in took),
            },
        )


def spread(values: list[float]) -> str:
    """Mean ± standard deviation."""
    return f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}"


def memory(file: Path | None) -> Measurement:
    """The peak of a process that holds CIFAR-10 and trains a student on it."""
    command = [sys.executable, "-m", "bench.colour", "--memory"]
    command += ["--images", str(file)] if file else []
    where = {"PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.run(
        command, check=True, capture_output=True, text=True, env=os.environ | where
    )
    return Measurement(
        "colour",
        "peak memory of a process that trains on all of CIFAR-10, RSS",
        float(told.stdout.split()[-1]) / 1e6,
        "GB",
        MEMORY,
    )


def train_and_tell_memory(file: Path | None) -> None:
    """Print the peak in kB, of a student that asks a teacher about the same crop.

    Linux's getrusage would tell the peak of the parent, where that is larger.
    """
    torch.set_num_threads(2)
    train_set, test_set = (pictures(file, split) for split in ("train", "test"))
    setup = setup_for("cpu", train_set)._replace(soft_weight=1.0)
    student = setup.student(train_set, 0)
    steps = setup.steps(CROP, student, train_set, 1, 0)
    for _ in range(20):
        next(steps)
    evaluate(student, {name: column[:2_000] for name, column in test_set.items()})
    status = Path("/proc/self/status").read_text()
    print(re.search(r"VmHWM:\s*(\d+) kB", status)[1])


def pictures(file: Path | None, split: str) -> Columns:
    """CIFAR-10, of the data folder or of one .npz or .pt of all images and labels."""
    if file is None:
        return load_images("cifar10", split)
    if file.suffix == ".npz":
        with np.load(file) as arrays:
            whole = {name: arrays[name] for name in ("images", "labels")}
        whole = {name: torch.from_numpy(array) for name, array in whole.items()}
    else:
        whole = torch.load(file, weights_only=True)
    rows = slice(TRAIN) if split == "train" else slice(TRAIN, None)
    return {"images": whole["images"][rows], "labels": whole["labels"][rows].long()}


def device_name(device: str) -> str:
    """What computes, and in which number types: a GPU's name, or a processor's."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    info = Path("/proc/cpuinfo")
    known = info.read_text().split() if info.exists() else []
    words = [processor(), *(bar for bar in BARS if bar in known)]
    limits = [f"{name}={os.environ[name]}" for name in LIMITS if name in os.environ]
    return " ".join([*words, *limits])


def facts(device: str) -> dict[str, object]:
    """The machine, without psutil."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "device": device_name(device),
        "processor": device_name("cpu"),
        "cores": len(os.sched_getaffinity(0)),
        "load_average": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "system": f"{sys.platform}, Python {platform.python_version()}",
        "torch": f"{torch.__version__}, torchvision {torchvision.__version__}",
    }


def main() -> None:
    """Measure without the other parts; one table, and JSON where it is wanted."""
    parser = argparse.ArgumentParser(prog="bench.colour", description=__doc__)
    parser.add_argument("--device", choices=AMOUNTS, default=best_device())
    parser.add_argument("--images", type=Path, help=".npz or .pt: 60,000 images")
    parser.add_argument("--seconds", type=float, help="of the speed, all loops")
    parser.add_argument("--teacher", type=Path, default=STORED, help=".safetensors")
    parser.add_argument("--out", type=Path, help="a file for the JSON")
    parser.add_argument(
        "--memory", action="store_true", help="only this, in kB, on a CPU"
    )
    given = parser.parse_args()
    if given.memory:
        train_and_tell_memory(given.images)
        return
    machine, found = facts(given.device), []
    wanted = given.device, given.images, given.seconds, given.teacher
    for measurement in measure(*wanted):
        found.append(measurement)
        if given.out:  # as soon as it is there: the machine may be taken away
            given.out.write_text(as_json(found, machine) + "\n", encoding="utf-8")
    print(*(f"{name}: {fact}" for name, fact in machine.items()), "", sep="\n")
    print(as_table(found))


if __name__ == "__main__":
    main()
