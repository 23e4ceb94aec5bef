"""`fit` beside the loop everybody writes: one student, one teacher, the same images."""

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import MNIST

from bench.table import Measurement
from kdlab.data import Columns, count, course_dataset, data_folder, load_images
from kdlab.losses import soft_target_loss
from kdlab.metrics import accuracy
from kdlab.models import build_model
from kdlab.training import fit, predict
from kdlab.weights import load_teacher

EPOCHS, ROUNDS, BATCH_SIZE, LEARNING_RATE, TEMPERATURE = 1, 2, 128, 1e-3, 4.0


def usual_loop(student: nn.Module, teacher: nn.Module, folder: Path) -> None:
    """Distillation as tutorials have it; both nets take normalised images."""
    transform = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))]
    )
    dataset = MNIST(folder, train=True, transform=transform)
    loader = DataLoader(dataset, batch_size=BATCH_SIZE, shuffle=True, num_workers=2)
    optimizer = torch.optim.Adam(student.parameters(), lr=LEARNING_RATE)
    teacher.eval()
    student.train()
    for _ in range(EPOCHS):
        for images, _labels in loader:
            with torch.no_grad():
                teacher_logits = teacher(images)
            student_logits = student(images)
            loss = TEMPERATURE**2 * F.kl_div(
                F.log_softmax(student_logits / TEMPERATURE, dim=1),
                F.softmax(teacher_logits / TEMPERATURE, dim=1),
                reduction="batchmean",
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def soft_targets(student: nn.Module, batch: Columns) -> dict[str, torch.Tensor]:
    """The same as an objective of the course."""
    logits = student(batch["images"])
    return {"soft": soft_target_loss(logits, batch["teacher_logits"], TEMPERATURE)}


def course_loop(student: nn.Module, train_set: Columns, seed: int) -> None:
    """The same by `fit`; the teacher's answers are a column."""
    adam = torch.optim.Adam(student.parameters(), lr=LEARNING_RATE)
    options = {"epochs": EPOCHS, "batch_size": BATCH_SIZE, "progress": False}
    fit(student, train_set, soft_targets, adam, seed=seed, **options)


def measure() -> Iterator[Measurement]:
    """Both loops in turn, twice."""
    dataset = course_dataset()
    train_set, test_set = (load_images(dataset, split) for split in ("train", "test"))
    teacher, _ = load_teacher(dataset)
    started = time.perf_counter()
    train_set["teacher_logits"] = predict(teacher, train_set["images"])
    once = time.perf_counter() - started
    seconds, right = {"loop": [], "fit": []}, {"loop": [], "fit": []}
    with folder_like_mnist(dataset, train_set) as folder:
        for seed in range(ROUNDS):
            students = {name: build_model("mlp", widths=[64]) for name in seconds}
            torch.manual_seed(seed)
            works = {  # the normalisation of the course's models is their first layer
                "loop": lambda s: usual_loop(s[1:], teacher[1:], folder),
                "fit": lambda s: course_loop(s, train_set, seed),  # noqa: B023
            }
            for name, student in students.items():
                started = time.perf_counter()
                works[name](student)
                seconds[name].append(time.perf_counter() - started)
                logits = predict(student, test_set["images"])
                right[name].append(accuracy(logits, test_set["labels"]).item())
    yield from compare(dataset, count(train_set), count(test_set), seconds, right)
    what = f"the teacher's outputs for {count(train_set):,} images, computed once"
    yield Measurement("fit", what, once, "s")


def compare(
    dataset: str, images: int, tested: int, seconds: dict, right: dict
) -> Iterator[Measurement]:
    """Speed and accuracy of the two loops; targets are those of MNIST."""
    speed = {name: images * EPOCHS / statistics.mean(s) for name, s in seconds.items()}
    mean = {name: statistics.mean(values) for name, values in right.items()}
    pairs = zip(seconds["loop"], seconds["fit"], strict=True)
    judged = dataset == "mnist"
    yield Measurement(
        "fit",
        f"examples per second, of the usual loop's, {dataset}",
        speed["fit"] / speed["loop"],
        "times",
        15 if judged else None,
        at_least=True,
        besides={
            "fit": f"{speed['fit']:,.0f}/s",
            "loop": f"{speed['loop']:,.0f}/s",
            "rounds": " and ".join(f"{loop / ours:.3g}" for loop, ours in pairs),
        },
    )
    noise = 2 * (2 * mean["fit"] * (1 - mean["fit"]) / tested) ** 0.5
    yield Measurement(
        "fit",
        f"gap of test accuracy after {EPOCHS} epoch, two standard errors",
        abs(mean["fit"] - mean["loop"]),
        target=noise if judged else None,
        besides={name: f"{value:.4f}" for name, value in mean.items()},
    )


@contextmanager
def folder_like_mnist(dataset: str, train_set: Columns) -> Iterator[Path]:
    """Where torchvision's MNIST reads these images: without MNIST, a copy of digits."""
    if dataset == "mnist":
        yield data_folder()
        return
    with tempfile.TemporaryDirectory() as folder:
        write_like_mnist(Path(folder), train_set)
        yield Path(folder)


def write_like_mnist(folder: Path, columns: Columns) -> None:
    """The four files of MNIST with these columns, as both train and test set."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    contents = columns["images"][:, 0], columns["labels"].byte()
    for start in ("train", "t10k"):
        for kind, numbers in zip(("images-idx3", "labels-idx1"), contents, strict=True):
            sizes = (length.to_bytes(4, "big") for length in numbers.shape)
            header = bytes([0, 0, 8, numbers.ndim]) + b"".join(sizes)
            path = raw / f"{start}-{kind}-ubyte"
            path.write_bytes(header + numbers.numpy().tobytes())
