"""Small samples on which any lesson's explorers can be shown, in tests and elsewhere."""

import asyncio
import gzip
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import plotly.graph_objects as go
import torch
import torch.nn.functional as F
from torch import Tensor

from kdlab import figures as fig
from kdlab.data import Columns, data_folder
from kdlab.panels import Explorer, LivePanel

# Whoever names a folder of data wants its tests run, and failing where it is not there.
NO_MNIST = not (data_folder() / "MNIST").exists() and "KDLAB_DATA" not in os.environ


def sixty_images() -> Columns:
    """Sixty images of ten classes and a teacher that hesitates on every fifth."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(10).repeat(6)
    logits = torch.randn(60, 10, generator=generator) + 8 * F.one_hot(labels, 10)
    logits[::5] += 7 * F.one_hot(labels[::5].flip(0), 10)
    images = torch.randint(256, (60, 1, 28, 28), generator=generator).byte()
    return {"images": images, "labels": labels, "teacher_logits": logits}


def some_images(
    images: int, classes: int, *, shown: int | None = None, errs: bool = True
) -> Columns:
    """So many images of the first `shown` of the classes, the teacher's errors or none.

    They are few enough for some classes to have one image, or none.
    """
    generator = torch.Generator().manual_seed(classes)
    labels = torch.arange(images) % min(shown or classes, classes)
    logits = 2 * torch.randn(images, classes, generator=generator)
    logits += (6 if errs else 60) * F.one_hot(labels, classes)
    pixels = torch.randint(256, (images, 1, 28, 28), generator=generator).byte()
    return {"images": pixels, "labels": labels, "teacher_logits": logits}


def student_answers(columns: Columns) -> Tensor:
    """Logits [N, classes] of a student that is less sure than the teacher, and errs."""
    told = columns["teacher_logits"]
    noise = torch.Generator().manual_seed(1)
    return told / 3 + torch.randn(told.shape, generator=noise)


class Row(NamedTuple):
    """One picture of an explorer, seen without a browser."""

    values: dict[str, object]
    figure: go.Figure | None  # None: the view refuses these values
    sentence: str


def pictures(panel: Explorer) -> list[Row]:
    """All rows of an explorer's table, the other controls at their present values."""
    looks = [(values, *panel.look(values)) for values in panel.points()]
    return [Row(v, figure and go.Figure(figure), says) for v, figure, says in looks]


def result(panel: LivePanel) -> object:
    """Wait for the end of a panel that trains; what it found."""
    return asyncio.run(panel.finished())


def sentence(panel: LivePanel) -> str:
    """What a panel that trains says now."""
    while not panel.picture.now:
        time.sleep(0.01)
    return json.loads(gzip.decompress(panel.picture.now))["sentences"][0]


def prose(notebook: str) -> str:
    """All markdown of a notebook in one line, such as prose("02_temperature")."""
    path = Path(__file__).resolve().parent.parent / f"{notebook}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    texts = ("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    return " ".join(" ".join(texts).split())


def words(values: Sequence[float]) -> str:
    """'1,524 ± 145', as pages say it: mean and spread; of one run '459'."""
    mean, spread = fig.mean_spread(values)
    return f"{mean:,.0f}" + (f" ± {spread:,.0f}" if len(values) > 1 else "")
