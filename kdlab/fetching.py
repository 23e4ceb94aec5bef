"""A dataset's files on disk: checked, unpacked, and fetched where they are missing."""

import gzip
import hashlib
import queue
import socket
import tempfile
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO
from urllib.request import urlopen

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


def complete(name: str, folder: Path) -> None:
    """Return once every file of the dataset is right: if need be, fetched.

    Raises FileNotFoundError, with what to do, if that cannot be.
    """
    if not (faults := _faults(name, folder)):
        _unpack(name, folder)
        return
    try:
        _download(name, folder, faults)
    except (OSError, RuntimeError, ValueError, HTTPException) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        home = Path(next(iter(FILES[name]))).parent.as_posix()
        raise FileNotFoundError(
            f"{name} is not in {folder} ({faults}) and cannot be downloaded ({why}). "
            f"Go on-line once, or set KDLAB_DATA to a folder that holds {home} or that "
            'you may write to. The datasets "digits" and "colour_digits" need none.'
        ) from error


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
        state = laid(path).stat()
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
    with open_file(path) as file:
        weak = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
    return weak.hexdigest()


def laid(path: Path) -> Path:
    """The file; its archive, `file.gz`, where somebody laid only that by hand."""
    archive = path.with_name(f"{path.name}.gz")
    return archive if archive.exists() and not path.exists() else path


def open_file(path: Path) -> BinaryIO:
    """The content of the file, or of its archive."""
    return path.open("rb") if laid(path) == path else gzip.open(laid(path))


def _unpack(name: str, folder: Path) -> None:
    """Put files beside their archives; where none may be written, they are read."""
    for path in (folder / file for file in FILES[name] if not (folder / file).exists()):
        with (
            suppress(OSError),
            tempfile.TemporaryDirectory(suffix=".unfinished", dir=folder) as unfinished,
            open_file(path) as file,
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
