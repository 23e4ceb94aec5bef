"""The course's images: fetched, checked and read, or scikit-learn's digits instead."""

import math
import os
import pickle
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from kdlab.fetching import FILES, complete, open_file

ROOT = Path(__file__).resolve().parent.parent
SPLITS = "train", "test", "fit", "held_out"
# the last rows of `train`, which are not in `fit`
HELD_OUT = {"mnist": 10_000, "cifar10": 5_000, "digits": 180, "colour_digits": 1_080}
TITLES = {
    "mnist": "MNIST",
    "cifar10": "CIFAR-10",
    "digits": "scikit-learn's digits",
    "colour_digits": "scikit-learn's digits on colours",
}


def load_images(name: str, split: str) -> dict[str, Tensor]:
    """Images uint8 [N, C, H, W] and labels int64 [N] of a dataset, see `TITLES`.

    "mnist" and "digits" are grey, 28×28; "cifar10" and "colour_digits" have three
    colours, 32×32. `train` and `test` are the published sets, `fit` and `held_out` the
    first and the last part of `train`. What is missing or damaged is downloaded.

    Raises ValueError for an unknown name or split, and FileNotFoundError, with what to
    do, if the dataset is neither on disk nor on-line.
    """
    check_choice("dataset", name, HELD_OUT)
    check_choice("split", split, SPLITS)
    folder = data_folder()
    if name in FILES:
        complete(name, folder)
    images, labels = READ[name](folder, test=split == "test")
    last = len(labels) - HELD_OUT[name]
    parts = {"fit": slice(last), "held_out": slice(last, None)}
    rows = parts.get(split, slice(None))
    if split == "held_out":  # a copy, so that the other images need not stay in memory
        return {"images": images[rows].clone(), "labels": labels[rows].clone()}
    return {"images": images[rows], "labels": labels[rows]}


@cache
def course_dataset() -> str:
    """Choose "mnist", or "digits" where MNIST cannot be had; once per kernel, aloud.

    The environment variable KDLAB_DATASET, if set, decides instead.
    """
    return _chosen("Course", "mnist", otherwise="digits")


def course_images(split: str) -> dict[str, Tensor]:
    """Images and labels of the dataset that the course runs on, as `load_images`."""
    return load_images(course_dataset(), split)


@cache
def colour_dataset() -> str:
    """Choose "cifar10", or "colour_digits", as `course_dataset` does for grey images.

    KDLAB_DATASET decides: "cifar10", "colour_digits", or "digits", which means both.
    """
    return _chosen("Colour", "cifar10", otherwise="colour_digits")


def colour_images(split: str) -> dict[str, Tensor]:
    """Images and labels of the colour dataset, as `load_images`."""
    return load_images(colour_dataset(), split)


def _chosen(what: str, name: str, otherwise: str) -> str:
    """The dataset of that name, or the other if it cannot be had; says which."""
    if forced := os.environ.get("KDLAB_DATASET"):
        check_choice("KDLAB_DATASET", forced, HELD_OUT)
        if forced == name or otherwise.endswith(forced):  # "digits" means both kinds
            choice = name if forced == name else otherwise
            print(f"{what} dataset: {choice}, because KDLAB_DATASET says so.")
            return choice
    try:
        complete(name, folder := data_folder())
    except FileNotFoundError as error:
        why = f", for this kernel. {error}"
    except KeyboardInterrupt:
        why = ", for this kernel: the download was interrupted. Restart it to go on."
    else:
        print(f"{what} dataset: {TITLES[name]}, from {folder}.")
        return name
    print(f"{what} dataset: {TITLES[otherwise]}{why}")
    return otherwise


def class_names(name: str) -> list[str]:
    """What each label means, in the order of the labels."""
    check_choice("dataset", name, HELD_OUT)
    if name == "cifar10":
        return "airplane automobile bird cat deer dog frog horse ship truck".split()
    return [str(digit) for digit in range(10)]


def data_folder() -> Path:
    """Where datasets lie: KDLAB_DATA, if relative inside the repository, or `data`.

    `~`, `$NAME`, and blanks or quotes around it are understood; what no path holds
    raises ValueError, lest a folder of that name be made.
    """
    received = os.environ.get("KDLAB_DATA", "")
    name = re.sub(r"""^\s*(["']?)\s*(.*?)\s*\1\s*$""", r"\2", received) or "data"
    name = os.path.expandvars(name)
    name = os.path.expanduser(name)  # noqa: PTH111 - leaves the name of a stranger
    if odd := re.search(r"""[\0\n"“”„]|^'|'$|^~[^/]*|\$[\w{(]+|%\w+%|^\w+://""", name):
        raise ValueError(
            f"KDLAB_DATA must be the path of a folder, got {received!r}, where "
            f"{odd[0]!r} says nothing. Write it out: KDLAB_DATA=/path/to/folder."
        )
    return ROOT / name


def check_choice(what: str, chosen: str, valid: Iterable[str]) -> None:
    """Raise ValueError, naming the valid ones, unless the choice is among them."""
    if chosen not in valid:
        raise ValueError(f"{what} must be one of {[*valid]}, got {chosen!r}.")


def _read_mnist(folder: Path, test: bool) -> tuple[Tensor, Tensor]:
    start = folder / "MNIST" / "raw" / ("t10k" if test else "train")
    # IDX: a header of 16 (images) or 8 (labels) bytes, then one byte per number
    images = _numbers(Path(f"{start}-images-idx3-ubyte"), header=16)
    labels = _numbers(Path(f"{start}-labels-idx1-ubyte"), header=8)
    return torch.from_numpy(images).view(-1, 1, 28, 28), torch.from_numpy(labels).long()


def _numbers(path: Path, header: int) -> np.ndarray:
    with open_file(path) as file:
        return np.frombuffer(bytearray(file.read()), np.uint8, offset=header)


def _read_cifar10(folder: Path, test: bool) -> tuple[Tensor, Tensor]:
    names = ["test_batch"] if test else [f"data_batch_{n}" for n in range(1, 6)]
    paths = [folder / "cifar-10-batches-py" / name for name in names]
    images, labels = None, []
    for number, path in enumerate(paths):
        with open_file(path) as file:
            # a pickle may run code; these are opened only with the published checksum
            part = pickle.load(file, encoding="latin1")
        if images is None:  # one array for all: a copy would be another 154 MB
            images = np.empty((len(paths), *part["data"].shape), np.uint8)
        images[number] = part["data"]
        labels += part["labels"]
    return torch.from_numpy(images.reshape(-1, 3, 32, 32)), torch.tensor(labels)


def _read_digits(_: Path, test: bool) -> tuple[Tensor, Tensor]:
    """1,797 digits of 8×8 pixels, drawn as MNIST draws: 20×20 with a margin of 4."""
    from sklearn.datasets import load_digits

    stored = load_digits()
    small = torch.from_numpy(stored.images)[:, None] * 255 / 16
    large = F.interpolate(small, size=(20, 20), mode="bicubic").round().clamp(0, 255)
    rows = slice(-360, None) if test else slice(-360)
    images = F.pad(large, (4, 4, 4, 4)).to(torch.uint8)
    return images[rows], torch.from_numpy(stored.target)[rows]


def _read_colour_digits(_: Path, test: bool) -> tuple[Tensor, Tensor]:
    images, labels = map(torch.tensor, _drawn_on_colours(test))  # copies
    return images, labels


@cache
def _drawn_on_colours(test: bool) -> tuple[np.ndarray, np.ndarray]:
    """The digits on smooth random colours: |texture - digit|, as MNIST-M has it.

    Each of the 1,437 training digits comes six times, each of the 360 test digits three
    times, always on another texture and up to two pixels off the middle; all copies of
    a digit are in `fit`, or all in `held_out`. The bytes are the same everywhere: PCG64
    draws them, and sums of whole numbers below 2^24 are exact in float32.

    Source: Ganin et al. 2016, Domain-Adversarial Training of Neural Networks, JMLR 17.
    """
    from sklearn.datasets import load_digits

    source = np.random.PCG64(int(test))

    def draw(*shape: int) -> np.ndarray:
        words = source.random_raw(-(-math.prod(shape) // 8)).astype("<u8")
        return words.view(np.uint8)[: math.prod(shape)].reshape(shape)

    parts = [(1437, 1797, 3)] if test else [(0, 1257, 6), (1257, 1437, 6)]
    rows = np.concatenate([np.tile(np.arange(a, b), n) for a, b, n in parts])
    images = np.zeros((len(rows), 3, 32 * 32), np.float32)
    # colours that change over 32 pixels, light over 8, a finer pattern over 4
    for spacing, channels, weight in (32, 3, 3), (8, 1, 32), (4, 3, 32):
        tents = _tents(spacing, 32 // spacing + 1)
        heights = draw(len(rows), channels, tents.shape[1] ** 2).astype(np.float32)
        images += (heights - 128) @ (weight * np.kron(tents, tents).T)
    images /= 2048
    images += 120 + (draw(*images.shape) >> 4)  # grain
    digits = load_digits()
    down, right = (_tents(3, 8, start=3 + draw(len(rows)) % 5) for _ in range(2))
    ink = down @ digits.images[rows].astype(np.float32) @ right.swapaxes(1, 2)
    images = images.clip(0, 255, out=images).reshape(-1, 3, 32, 32)
    images -= np.minimum(2 * ink, 255)[:, None]
    return np.abs(images, out=images).astype(np.uint8), digits.target[rows]


def _tents(spacing: int, count: int, start: int | np.ndarray = 0) -> np.ndarray:
    """What each of so many knots gives to each of 32 pixels: most at its own place."""
    knots = np.asarray(start)[..., None, None] + spacing * np.arange(count)
    return (spacing - abs(np.arange(32)[:, None] - knots)).clip(0).astype(np.float32)


READ = {
    "mnist": _read_mnist,
    "cifar10": _read_cifar10,
    "digits": _read_digits,
    "colour_digits": _read_colour_digits,
}
