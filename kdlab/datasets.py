"""The course's images: fetched, checked and read, or scikit-learn's digits instead."""

import gzip
import hashlib
import os
import pickle
import queue
import re
import socket
import tempfile
import threading
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO
from urllib.request import urlopen

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

ROOT = Path(__file__).resolve().parent.parent
SPLITS = "train", "test", "fit", "held_out"
HELD_OUT = {"mnist": 10_000, "cifar10": 5_000, "digits": 180}  # rows kept from `fit`
CONNECT_SECONDS = 3.0  # until a host without an answer counts as unreachable
STALL_SECONDS = 15.0  # until a download that delivers nothing is given up

# torchvision checks archives only, so a byte flipped after unpacking would load
# silently: these are the MD5 sums of the unpacked files.
FILES = {
    "mnist": {
        "MNIST/raw/train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "MNIST/raw/train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "MNIST/raw/t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "MNIST/raw/t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    },
    "cifar10": {
        "cifar-10-batches-py/data_batch_1": "c99cafc152244af753f735de768cd75f",
        "cifar-10-batches-py/data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "cifar-10-batches-py/data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "cifar-10-batches-py/data_batch_4": "634d18415352ddfa80567beed471001a",
        "cifar-10-batches-py/data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "cifar-10-batches-py/test_batch": "40351d587109b95175f43aff81a1287e",
    },
}
# One address per dataset from which torchvision downloads, to ask whether anybody
# answers before torchvision is imported (2.5 s and 180 MB that a reader never needs).
ADDRESSES = {
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/t10k-labels-idx1-ubyte.gz",
    "cifar10": "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
}


def load_images(name: str, split: str) -> dict[str, Tensor]:
    """Images uint8 [N, C, H, W] and labels int64 [N] of "mnist", "cifar10" or "digits".

    `train` and `test` are the published sets; `fit` and `held_out` are the first and
    the last part of `train`. What is missing or damaged is downloaded.

    Raises ValueError for an unknown name or split, and FileNotFoundError, with what to
    do, if the dataset is neither on disk nor on-line.
    """
    check_choice("dataset", name, HELD_OUT)
    check_choice("split", split, SPLITS)
    read = {"mnist": _read_mnist, "cifar10": _read_cifar10, "digits": _read_digits}
    images, labels = read[name](_folder_with(name), test=split == "test")
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
    forced = os.environ.get("KDLAB_DATASET")
    if forced:
        check_choice("KDLAB_DATASET", forced, ("mnist", "digits"))
        print(f"Course dataset: {forced}, because KDLAB_DATASET says so.")
        return forced
    try:
        folder = _folder_with("mnist")
    except FileNotFoundError as error:
        print(f"Course dataset: scikit-learn's digits, for this kernel. {error}")
        return "digits"
    except KeyboardInterrupt:
        print(
            "Course dataset: scikit-learn's digits, because the download of MNIST was "
            "interrupted; restart the kernel to try again."
        )
        return "digits"
    print(f"Course dataset: MNIST, from {folder}.")
    return "mnist"


def course_images(split: str) -> dict[str, Tensor]:
    """Images and labels of the dataset that the course runs on, as `load_images`."""
    return load_images(course_dataset(), split)


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
    if _laid(path) == path:
        return np.fromfile(path, np.uint8, offset=header)
    with _open(path) as file:
        return np.frombuffer(bytearray(file.read()), np.uint8, offset=header)


def _read_cifar10(folder: Path, test: bool) -> tuple[Tensor, Tensor]:
    names = ["test_batch"] if test else [f"data_batch_{n}" for n in range(1, 6)]
    paths = [folder / "cifar-10-batches-py" / name for name in names]
    # a pickle may run code; these are opened only with the published checksum
    parts = [pickle.loads(path.read_bytes(), encoding="latin1") for path in paths]
    images = np.concatenate([part["data"] for part in parts]).reshape(-1, 3, 32, 32)
    labels = torch.cat([torch.tensor(part["labels"]) for part in parts])
    return torch.from_numpy(images), labels


def _read_digits(folder: Path | None, test: bool) -> tuple[Tensor, Tensor]:
    """1,797 digits of 8×8 pixels, drawn as MNIST draws: 20×20 with a margin of 4."""
    from sklearn.datasets import load_digits

    stored = load_digits()
    small = torch.from_numpy(stored.images)[:, None] * 255 / 16
    large = F.interpolate(small, size=(20, 20), mode="bicubic").round().clamp(0, 255)
    rows = slice(-360, None) if test else slice(-360)
    images = F.pad(large, (4, 4, 4, 4)).to(torch.uint8)
    return images[rows], torch.from_numpy(stored.target)[rows]


def _folder_with(name: str) -> Path:
    """The data folder, once every file of the dataset is right: if need be, fetched."""
    folder = data_folder()
    if name == "digits" or not (faults := _faults(name, folder)):
        if name != "digits":
            _unpack(name, folder)
        return folder
    try:
        _download(name, folder, faults)
    except (OSError, RuntimeError, ValueError, HTTPException) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        home = Path(next(iter(FILES[name]))).parent.as_posix()
        raise FileNotFoundError(
            f"{name} is not in {folder} ({faults}) and cannot be downloaded ({why}). "
            f"Go on-line once, or set KDLAB_DATA to a folder that holds {home} or that "
            'you may write to. The dataset "digits" needs no download.'
        ) from error
    return folder


def _faults(name: str, folder: Path) -> str:
    """The files that are missing or damaged, in words; empty if all are right."""
    found = {
        Path(file).name: _fault(folder / file, FILES[name][file])
        for file in FILES[name]
    }
    kinds = set(found.values())
    if len(kinds) == 1:
        return f"every file is {found.popitem()[1]}" if any(kinds) else ""
    return ", ".join(f"{file} is {fault}" for file, fault in found.items() if fault)


def _fault(path: Path, md5: str) -> str:
    try:
        state = _laid(path).stat()
        right = _md5(path, state.st_size, state.st_mtime_ns) == md5
    except FileNotFoundError:
        return "missing"
    except (EOFError, zlib.error, gzip.BadGzipFile):  # of an archive
        right = False
    except OSError as error:
        return f"unreadable ({error.strerror})"
    return "" if right else "damaged (its MD5 checksum is wrong)"


@cache
def _md5(path: Path, size: int, changed: int) -> str:
    """Checksum of a file; size and time of change make the cache forget old ones."""
    with _open(path) as file:
        weak = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
    return weak.hexdigest()


def _laid(path: Path) -> Path:
    """The file; its archive, `file.gz`, where somebody laid only that by hand."""
    archive = path.with_name(f"{path.name}.gz")
    return archive if archive.exists() and not path.exists() else path


def _open(path: Path) -> BinaryIO:
    """The content of the file, or of its archive."""
    return path.open("rb") if _laid(path) == path else gzip.open(_laid(path))


def _unpack(name: str, folder: Path) -> None:
    """Put files beside their archives; where none may be written, they are read."""
    for path in (folder / file for file in FILES[name] if not (folder / file).exists()):
        with (
            suppress(OSError),
            tempfile.TemporaryDirectory(suffix=".unfinished", dir=folder) as unfinished,
            _open(path) as file,
        ):
            part = Path(unfinished, path.name)
            part.write_bytes(file.read())
            part.replace(path)


def _download(name: str, folder: Path, faults: str) -> None:
    """Fetch a dataset beside its place; move it there once every file is right."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with (
            tempfile.TemporaryDirectory(suffix=".unfinished", dir=folder) as unfinished,
            _stalling_at_most(STALL_SECONDS),
        ):
            _connect(ADDRESSES[name])
            print(f"Downloading {name} to {folder} ({faults}); interrupt to stop.")
            from torchvision import datasets

            dataset = {"mnist": datasets.MNIST, "cifar10": datasets.CIFAR10}[name]
            dataset(unfinished, train=False, download=True)
            if wrong := _faults(name, Path(unfinished)):
                raise OSError(f"What came is not right: {wrong}.")
            for file in FILES[name]:
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                (Path(unfinished) / file).replace(folder / file)
    finally:
        with suppress(OSError):  # a folder that holds something cannot be removed
            for path in made:
                path.rmdir()


@contextmanager
def _stalling_at_most(seconds: float) -> Iterator[None]:
    """Let reads that deliver nothing fail; torchvision has no setting for that."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _connect(address: str) -> None:
    """Raise OSError unless the address answers within three seconds.

    In a thread, because no timeout covers the look-up of a name.
    """
    answers: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()

    def ask() -> None:
        try:
            urlopen(address, timeout=CONNECT_SECONDS).close()
            answers.put(None)
        except Exception as error:  # of any kind: a proxy's address may be nonsense
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        error = answers.get(timeout=CONNECT_SECONDS)
    except queue.Empty:
        error = TimeoutError(f"no answer within {CONNECT_SECONDS:.0f} s: {address}")
    if error:
        raise error
