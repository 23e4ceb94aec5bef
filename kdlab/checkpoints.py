"""The state of a training on disk, from which it goes on as if it had never stopped."""

import io
import os
import shutil
import warnings
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path

import torch

from kdlab.demands import peaks
from kdlab.speed import Way, device_of

Parts = dict[str, object]  # of a run: they have state_dict and load_state_dict


def resumed(
    path: Path | None, parts: Parts, numbers: dict[str, int], way: Way
) -> tuple[list[dict], Way, Callable[[list[dict]], None]]:
    """Go on from the last epoch that is stored: the history, and what stores another.

    In between, the way of computing: on the same kind of device that in which the run
    began. The numbers, such as epochs and seed, and the parts, among them model and
    optimizer, say which run it is: ValueError if the checkpoint is that of another.
    """
    if path is None:
        return [], way, lambda history: None
    path, groups = Path(path), parts["optimizer"].param_groups
    parts = {name: part for name, part in parts.items() if part is not None}
    settings = {k: list(v.shape) for k, v in parts["model"].named_parameters()}
    settings |= {name: type(part).__name__ for name, part in parts.items()}
    settings |= {name: int(number) for name, number in numbers.items()}
    settings["learning rate"] = peaks(groups)
    settings["weight decay"] = [float(g.get("weight_decay", 0)) for g in groups]
    found, kind = stored(path), device_of(parts["model"]).type
    if found:
        check_run(path, found["settings"], settings)
        way = Way(*found["ways"].get(kind, way))
        for name, part in parts.items():
            part.load_state_dict(found["states"][name])
    found = {"history": [], "ways": {}, **found, "settings": settings}
    found["ways"][kind] = tuple(way)
    return found["history"], way, partial(save, path, parts, found)


def save(path: Path, parts: Parts, found: dict, history: list[dict]) -> None:
    """Write the state after an epoch; the one before is kept as `<name>.previous`.

    Killed at any instant, the file is whole. Raises OSError if the disk is full.
    """
    states = {name: part.state_dict() for name, part in parts.items()}
    buffer = io.BytesIO()
    torch.save({**found, "states": states, "history": history}, buffer)
    content = buffer.getvalue()
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(f"{path}.unfinished")
    with unfinished.open("wb") as file:
        file.write(content + sha256(content).digest())  # torch.load passes over that
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        shutil.copyfile(path, f"{path}.previous")
    unfinished.replace(path)


def stored(path: Path) -> dict[str, object]:
    """What was saved last, or before it where that is damaged; else an empty dict."""
    while path.exists():
        content = path.read_bytes()
        if sha256(content[:-32]).digest() == content[-32:]:
            return torch.load(path, map_location="cpu", weights_only=True)
        previous, place = Path(f"{path}.previous"), "from the beginning"
        if previous.exists():
            place = "from the epoch before"
            previous.replace(path)
        else:
            path.replace(f"{path}.torn")
        told = f"The checkpoint {path.name} was damaged: the training goes on {place}."
        warnings.warn(told, stacklevel=2)
    return {}


def check_run(path: Path, there: dict[str, object], here: dict[str, object]) -> None:
    """Raise ValueError that names what differs between a checkpoint and this run."""
    names = [name for name in here | there if here.get(name) != there.get(name)]
    if names:
        told = [f"{k} {there.get(k)}, here {here.get(k)}" for k in names[:3]]
        raise ValueError(
            f"{path.name} is the checkpoint of another run: {'; '.join(told)}. Choose "
            "another file name, or delete it."
        )
