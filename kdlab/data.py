"""Columns: dicts of equally long tensors, drawn from, changed, and checked before use.

The course's own images come from `datasets`; their names are offered here, too.
"""

from collections.abc import Collection

import torch
from torch import Tensor

from kdlab.datasets import (
    check_choice,
    class_names,
    course_dataset,
    course_images,
    data_folder,
    load_images,
)

Columns = dict[str, Tensor]  # such as {"images": ..., "labels": ...}
BLOB_CENTRES = (-1.5, -1.0), (1.5, -1.0), (0.0, 1.5)  # of the toy set "blobs"


def count(columns: Columns) -> int:
    """Number of examples, read from the first column."""
    return len(next(iter(columns.values())))


def scaled(images: Tensor) -> Tensor:
    """Images in [0, 1] as float32, from bytes; floats pass unchanged."""
    return images if images.is_floating_point() else images / 255


def take(columns: Columns, rows: Tensor) -> Columns:
    """These rows of all columns, as a batch: images scaled to [0, 1].

    On a device `index_select` gathers bytes in a third of the time of `column[rows]`.
    """
    batch = {name: column.index_select(0, rows) for name, column in columns.items()}
    if "images" in batch:
        batch["images"] = scaled(batch["images"])
    return batch


def sample(columns: Columns, examples: int, draw: int = 0) -> Columns:
    """So many rows, drawn at random; another `draw` is another sample.

    Raises ValueError if there are not so many, or none is asked for.
    """
    if not 1 <= examples <= count(columns):
        raise ValueError(
            f"There are {count(columns):,} labelled images: ask for 1 to that many, "
            f"not for {examples:,}."
        )
    order = torch.Generator().manual_seed(draw)
    rows = torch.randperm(count(columns), generator=order)[:examples]
    return {name: column[rows] for name, column in columns.items()}


def only_classes(columns: Columns, classes: Collection[int]) -> Columns:
    """The rows whose label is one of these.

    Raises ValueError naming the classes that no row has.
    """
    there = set(columns["labels"].tolist())
    if missing := set(classes) - there:
        raise ValueError(
            f"No image shows a {sorted(missing)}; the classes here are {sorted(there)}."
        )
    rows = torch.isin(columns["labels"], torch.tensor(sorted(classes)))
    return {name: column[rows] for name, column in columns.items()}


def with_label_noise(columns: Columns, share: float, seed: int = 0) -> Columns:
    """The columns with about this share of the labels [N] replaced by wrong ones."""
    draw, labels = torch.Generator().manual_seed(seed), columns["labels"]
    wrong = torch.rand(len(labels), generator=draw) < share
    classes = int(labels.max()) + 1
    other = labels + torch.randint(1, classes, labels.shape, generator=draw)
    return {**columns, "labels": torch.where(wrong, other % classes, labels)}


def check_columns(columns: Columns, classes: int | None = None) -> None:
    """Raise ValueError unless the columns can be trained on: what `fit` asks first.

    Equal lengths, at least one row, finite numbers, labels that are whole numbers from
    0 to `classes` - 1.
    """
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"Columns must have equally many rows, got {lengths}.")
    if not any(lengths.values()):
        raise ValueError(f"There is nothing to train on: the columns hold {lengths}.")
    for name, column in columns.items():
        if column.is_floating_point() and not column.isfinite().all():
            raise ValueError(f"The column {name!r} holds NaN or infinity.")
    if "labels" in columns:
        _check_labels(columns["labels"], classes)


def toy_points(kind: str, points: int, *, noise: float, seed: int) -> Columns:
    """Points float32 [N, 2], mostly within ±3, and labels [N], for drawing in a plane.

    "moons" and "spirals" have two classes, "blobs" three; noise is the standard
    deviation of a point about its place. The scale never depends on the sample, so
    that two seeds are two samples of one problem.
    """
    check_choice("kind", kind, ("moons", "spirals", "blobs"))
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randperm(points, generator=draw) % (3 if kind == "blobs" else 2)
    along = torch.rand(points, generator=draw)
    if kind == "blobs":
        places = torch.tensor(BLOB_CENTRES)[labels]
    elif kind == "moons":
        angle = torch.pi * (along + labels)
        side = 1 - 2 * labels
        places = torch.stack([angle.cos() - side / 2, angle.sin() - side / 4], dim=1)
        places = 1.6 * places
    else:
        angle = torch.pi * (3 * along.sqrt() + labels)
        circle = torch.stack([angle.cos(), angle.sin()], dim=1)
        places = 2.6 * along.sqrt()[:, None] * circle
    scatter = noise * torch.randn(points, 2, generator=draw)
    return {"points": places + scatter, "labels": labels}


def _check_labels(labels: Tensor, classes: int | None) -> None:
    if labels.dtype != torch.int64 or labels.ndim != 1:
        raise ValueError(
            "labels must be int64 [N], got "
            f"{labels.dtype} {list(labels.shape)}; convert them with labels.long()."
        )
    lowest, highest = labels.min().item(), labels.max().item()
    if lowest < 0 or (classes is not None and highest >= classes):
        allowed = "at least 0" if classes is None else f"from 0 to {classes - 1}"
        raise ValueError(f"labels must be {allowed}, got {lowest} to {highest}.")
