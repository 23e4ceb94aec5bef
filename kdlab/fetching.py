"""A dataset's files on disk: checked, unpacked, and fetched where they are missing."""

import gzip
import hashlib
import io
import queue
import tarfile
import tempfile
import threading
import zlib
from contextlib import suppress
from functools import cache
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO
from urllib.request import Request, urlopen

from tqdm.auto import tqdm

CONNECT_SECONDS = 3.0  # until a host without an answer counts as unreachable
STALL_SECONDS = 15.0  # until a download that delivers nothing is given up
UNFINISHED = ".unfinished"  # so ends the name of what is not yet right
TORN = EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError  # of an archive

# The published MD5 sums of the unpacked files, not of the archives alone: a byte that
# flips after unpacking would load silently.
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
# what is downloaded, its size, and what holds the files
ADDRESSES = {
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "cifar10": "https://www.cs.toronto.edu/~kriz/",
}
SIZES = {"mnist": "12 MB", "cifar10": "170 MB"}
ARCHIVES = {
    "mnist": [f"{file}.gz" for file in FILES["mnist"]],
    "cifar10": ["cifar-10-python.tar.gz"],
}


def complete(name: str, folder: Path) -> None:
    """Return once every file of the dataset is right: if need be, fetched.

    Raises FileNotFoundError, with what to do, if that cannot be.
    """
    _unpack(name, folder)
    if not (faults := _faults(name, folder)):
        return
    try:
        _download(name, folder, faults)
    except (OSError, ValueError, HTTPException) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        home = Path(next(iter(FILES[name]))).parent.as_posix()
        raise FileNotFoundError(
            f"{name} is not in {folder} ({faults}) and cannot be downloaded ({why}). "
            f"Go on-line once, or set KDLAB_DATA to a folder that holds {home} or that "
            'you may write to. The datasets "digits" and "colour_digits" need none.'
        ) from error


def laid(path: Path) -> Path:
    """The file; or, where somebody laid only that by hand, the archive with it."""
    alone = path.with_name(f"{path.name}.gz")
    together = path.parent.with_name("cifar-10-python.tar.gz")
    return next((p for p in (path, alone, together) if p.exists()), path)


def open_file(path: Path) -> BinaryIO:
    """The content of the file, or of the archive that holds it."""
    archive = laid(path)
    if archive == path:
        return path.open("rb")
    if not archive.name.endswith(".tar.gz"):
        return gzip.open(archive)
    with tarfile.open(archive) as tar:
        for member in tar:  # one after the other: to look for a name reads all of it
            if member.isfile() and Path(member.name).name == path.name:
                return io.BytesIO(tar.extractfile(member).read())
    raise FileNotFoundError(f"{archive} holds no {path.name}.")


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
    except TORN:
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


def _unpack(name: str, folder: Path) -> None:
    """Put right files beside their archives; where none may be written, they stay."""
    for file, md5 in FILES[name].items():
        path = folder / file
        with suppress(OSError, *TORN):
            if laid(path) == path:
                continue
            with tempfile.TemporaryDirectory(suffix=UNFINISHED, dir=folder) as home:
                part = Path(home, path.name)
                with open_file(path) as packed:
                    part.write_bytes(packed.read())
                if not _fault(part, md5):
                    path.parent.mkdir(exist_ok=True)
                    part.replace(path)


def _download(name: str, folder: Path, faults: str) -> None:
    """Fetch a dataset beside its place; move it there once every file is right."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(suffix=UNFINISHED, dir=folder) as temporary:
            home = Path(temporary)
            _connect(ADDRESSES[name] + Path(ARCHIVES[name][0]).name).close()
            what = f"{name} ({SIZES[name]}) to {folder} ({faults})"
            print(f"Downloading {what}; interrupt to stop.")
            for archive in ARCHIVES[name]:
                path = home / archive
                path.parent.mkdir(parents=True, exist_ok=True)
                kept = folder / f"{path.name}{UNFINISHED}"
                _fetch(ADDRESSES[name] + path.name, path, kept)
            _unpack(name, home)
            if wrong := _faults(name, home):
                raise OSError(f"What came is not right: {wrong}.")
            for file in FILES[name]:
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                (home / file).replace(folder / file)
    finally:
        with suppress(OSError):  # a folder that holds something cannot be removed
            for path in made:
                path.rmdir()


def _fetch(address: str, path: Path, kept: Path) -> None:
    """Download to `path`; what comes of a download that is cut is kept for the next."""
    with suppress(FileNotFoundError):
        kept.replace(path)  # moved: another kernel may be downloading, too
    try:
        with path.open("ab") as file:
            start = max(0, file.tell() - 1)  # one byte must be left to ask for
            answer = _connect(address, start)
            start = start if answer.status == 206 else 0  # some hosts send all again
            file.truncate(start)
            whole = start + (answer.length or 0)
            shown = {"desc": path.name, "unit": "B", "unit_scale": True}
            with answer, tqdm(total=whole, initial=start, **shown) as bar:
                while piece := answer.read(1 << 16):
                    file.write(piece)
                    bar.update(len(piece))
            if answer.length:
                raise OSError(f"{path.name} broke off; what came is kept for next time")
    except BaseException as error:
        # 416: there is more than the host has, so it is not the beginning of that
        if path.stat().st_size and getattr(error, "code", 0) != 416:
            path.replace(kept)
        raise


def _connect(address: str, start: int = 0) -> HTTPResponse:
    """The answer, from that byte on; OSError unless it begins within three seconds.

    In a thread, because no timeout covers the look-up of a name.
    """
    request = Request(address, headers={"Range": f"bytes={start}-"} if start else {})
    answers: queue.SimpleQueue[HTTPResponse | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(urlopen(request, timeout=STALL_SECONDS))
        except Exception as error:  # of any kind: a proxy's address may be nonsense
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=CONNECT_SECONDS)
    except queue.Empty:
        what = f"no answer within {CONNECT_SECONDS:.0f} s: {address}"
        raise TimeoutError(what) from None
    if isinstance(answer, Exception):
        raise answer
    return answer
