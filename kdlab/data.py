"""Columns: dicts of equally long tensors, drawn from, changed, and checked before use.

The course's own images come from `datasets`; their names are offered here, too.
"""

import math
from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from kdlab.datasets import (
    check_choice,
    class_names,
    colour_dataset,
    colour_images,
    course_dataset,
    course_images,
    data_folder,
    load_images,
)

Columns = dict[str, Tensor]  # such as {"images": ..., "labels": ...}
BLOB_CENTRES = (-1.5, -1.0), (1.5, -1.0), (0.0, 1.5)  # of the toy set "blobs"


def count(columns: Columns) -> int:
    """Number of examples, read from the first column."""
    check_kind(columns)
    return len(next(iter(columns.values())))


def scaled(images: Tensor) -> Tensor:
    """Images in [0, 1] as float32, from bytes; floats pass unchanged.

    Raises ValueError for other whole numbers, whose scale nobody knows.
    """
    if images.is_floating_point():
        return images
    if images.dtype != torch.uint8:
        raise ValueError(
            f"Images must be floats in [0, 1] or bytes (uint8), got {images.dtype}. "
            "Numbers from 0 to 255 become bytes with images.byte()."
        )
    return images / 255


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

    Raises ValueError if there are not so many, none is asked for, or the columns are
    not such as `check_columns` asks for.
    """
    check_columns(columns)
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

    Raises ValueError naming the classes that no row has, and as `check_columns` does.
    """
    check_columns(columns, needed=["labels"])
    there = set(columns["labels"].tolist())
    if missing := set(classes) - there:
        raise ValueError(
            f"No image shows a {sorted(missing)}; the classes here are {sorted(there)}."
        )
    rows = torch.isin(columns["labels"], torch.tensor(sorted(classes)))
    return {name: column[rows] for name, column in columns.items()}


def with_label_noise(
    columns: Columns, share: float, seed: int = 0, classes: int | None = None
) -> Columns:
    """The columns with about this share of the labels [N] replaced by wrong ones.

    Each other of the `classes` is as likely: by default as many as teacher_logits have,
    or without them as the highest label says, which may be too few in a small sample.

    Raises ValueError for a share outside [0, 1], and if there is no other class.
    """
    check_columns(columns, needed=["labels"])
    if not 0 <= share <= 1:
        raise ValueError(f"The share of wrong labels must be in [0, 1], got {share}.")
    draw, labels = torch.Generator().manual_seed(seed), columns["labels"]
    if classes is None and "teacher_logits" in columns:
        classes = columns["teacher_logits"].shape[1]
    check_labels(labels, classes)
    classes = classes or int(labels.max()) + 1
    if share == 0:
        return dict(columns)
    if classes < 2:
        raise ValueError("Labels of one class cannot be wrong: give `classes`.")
    wrong = torch.rand(len(labels), generator=draw) < share
    other = labels + torch.randint(1, classes, labels.shape, generator=draw)
    return {**columns, "labels": torch.where(wrong, other % classes, labels)}


def check_kind(columns: object) -> None:
    """Raise ValueError unless it is a dict of tensors, with at least one."""
    found, way = (
        type(columns).__name__,
        "`fit` makes the batches, without a DataLoader.",
    )
    if isinstance(columns, Mapping):
        wrong = {
            name: type(column).__name__
            for name, column in columns.items()
            if not isinstance(column, Tensor) or column.ndim == 0
        }
        if columns and not wrong:
            return
        found = wrong or "none: there is nothing to train on"
        way = "Make tensors of them: torch.as_tensor(...)." if wrong else ""
    raise ValueError(
        'Columns are tensors of equal length by name, such as {"images": images, '
        f'"labels": labels}}, got {found}. {way}'.strip()
    )


def check_columns(
    columns: Columns, classes: int | None = None, needed: Collection[str] = ()
) -> None:
    """Raise ValueError unless the columns can be trained on: what `fit` asks first.

    A dict of tensors with those `needed`, equal lengths, at least one row, finite
    numbers, images as `check_images` wants them, labels that are whole numbers from 0
    to `classes` - 1.
    """
    check_kind(columns)
    if missing := [name for name in needed if name not in columns]:
        raise ValueError(f"There is no column {missing}; there are {[*columns]}.")
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"Columns must have equally many rows, got {lengths}.")
    if not any(lengths.values()):
        raise ValueError(f"There is nothing to train on: the columns hold {lengths}.")
    for name, column in columns.items():
        if name == "images":
            check_images(column)
        elif column.is_floating_point() and not column.isfinite().all():
            raise ValueError(f"The column {name!r} holds NaN or infinity.")
    if "labels" in columns:
        check_labels(columns["labels"], classes)


def check_images(images: Tensor) -> None:
    """Raise ValueError unless they are bytes, or finite floats that are no bytes.

    Only pictures, [N, C, H, W], are asked for their scale: other inputs may have any.
    """
    if not isinstance(images, Tensor):
        raise ValueError(
            f"Expected a tensor of images, got {type(images).__name__}. Images are a "
            'column, columns["images"].'
        )
    if not images.is_floating_point():
        scaled(images[:0])
        return
    if not images.numel():
        return
    low, high = (end.item() for end in images.aminmax())  # NaN if any is
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("The column 'images' holds NaN or infinity.")
    if images.ndim > 2 and low >= 0 and high > 2:
        raise ValueError(
            f"Images must be floats in [0, 1] or bytes (uint8), got floats up to "
            f"{high:g}. Divide them by 255, or make bytes of them: images.byte()."
        )


def check_labels(labels: Tensor, classes: int | None = None) -> None:
    """Raise ValueError unless they are int64 [N], from 0 to `classes` - 1."""
    if labels.dtype != torch.int64 or labels.ndim != 1:
        way = "labels.long()"
        if labels.ndim == 2:  # one column, or one-hot rows
            way = "labels[:, 0]" if labels.shape[1] == 1 else "labels.argmax(dim=1)"
            way += ".long()" if labels.shape[1] == 1 else ", if the rows are one-hot"
        raise ValueError(
            "labels must be the numbers of the classes, int64 [N], got "
            f"{labels.dtype} {list(labels.shape)}; convert them with {way}."
        )
    if not len(labels):
        return
    lowest, highest = labels.min().item(), labels.max().item()
    if lowest < 0 or (classes is not None and highest >= classes):
        allowed = "at least 0" if classes is None else f"from 0 to {classes - 1}"
        raise ValueError(f"labels must be {allowed}, got {lowest} to {highest}.")


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
