"""The state of a training on disk, from which it goes on as if it had never stopped."""

import hashlib
import io
import os
import shutil
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from kdlab.demands import peaks

Parts = dict[str, object]  # of a run: they have state_dict and load_state_dict


def resumed(
    path: Path | None, parts: Parts, numbers: dict[str, int]
) -> tuple[list[dict], Callable[[list[dict]], None]]:
    """Go on from the last epoch that is stored: the history, and what stores another.

    The numbers, such as epochs and seed, and the parts, among them model and optimizer,
    say which run it is. Raises ValueError if the checkpoint is that of another.
    """
    if path is None:
        return [], lambda history: None
    path, groups = Path(path), parts["optimizer"].param_groups
    parts = {name: part for name, part in parts.items() if part is not None}
    settings = {k: list(v.shape) for k, v in parts["model"].named_parameters()}
    settings |= {name: type(part).__name__ for name, part in parts.items()}
    settings |= {name: int(number) for name, number in numbers.items()}
    settings["learning rate"] = peaks(groups)
    settings["weight decay"] = [float(g.get("weight_decay", 0)) for g in groups]
    return restore(path, parts, settings), partial(save, path, parts, settings)


def save(path: Path, parts: Parts, settings: dict, history: list[dict]) -> None:
    """Write the state after an epoch; the one before is kept as `<name>.previous`.

    Killed at any instant, the file is whole. Raises OSError if the disk is full.
    """
    content, states = io.BytesIO(), {k: part.state_dict() for k, part in parts.items()}
    torch.save({"settings": settings, "history": history, "states": states}, content)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(f"{path}.unfinished")
    with unfinished.open("wb") as file:
        file.write(content.getvalue() + digest(content.getvalue()))
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        shutil.copyfile(path, f"{path}.previous")
    unfinished.replace(path)


def restore(path: Path, parts: Parts, settings: dict) -> list[dict]:
    """Put the parts into the state of the last epoch that is stored; the history.

    An empty one where no file is there, or none is whole.
    """
    while path.exists():
        content = path.read_bytes()
        if digest(content[:-32]) == content[-32:]:
            found = torch.load(path, map_location="cpu", weights_only=True)
            check_run(path, found["settings"], settings)
            for name, part in parts.items():
                part.load_state_dict(found["states"][name])
            return found["history"]
        previous, way = Path(f"{path}.previous"), "from the beginning"
        if previous.exists():
            way = "from the epoch before"
            previous.replace(path)
        else:
            path.replace(f"{path}.torn")
        told = f"The checkpoint {path.name} was damaged: the training goes on {way}."
        warnings.warn(told, stacklevel=2)
    return []


def check_run(path: Path, there: dict[str, object], here: dict[str, object]) -> None:
    """Raise ValueError that names what differs between a checkpoint and this run."""
    names = [name for name in here | there if here.get(name) != there.get(name)]
    if names:
        told = [f"{k} {there.get(k)}, here {here.get(k)}" for k in names[:3]]
        raise ValueError(
            f"{path.name} is the checkpoint of another run: {'; '.join(told)}. Choose "
            "another file name, or delete it."
        )


def digest(content: bytes) -> bytes:
    """A checksum, 32 bytes; torch.load passes over what stands at a file's end."""
    return hashlib.sha256(content).digest()
