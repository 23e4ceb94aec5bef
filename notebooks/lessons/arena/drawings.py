"""Drawings in another form than the net has learnt: what it makes of them, counted."""

from functools import partial

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from kdlab.data import Columns, count, sample, scaled
from kdlab.metrics import accuracy
from kdlab.weights import WEIGHTS, load_model

from .exercises import centred


def moved(ink: Tensor, by: int) -> Tensor:
    """Ink [N, H, W] moved all four ways [4N, H, W]; what goes over the edge is lost."""
    steps = (by, -by, 0, 0), (-by, by, 0, 0), (0, 0, by, -by), (0, 0, -by, by)
    return torch.cat([F.pad(ink, step) for step in steps])


def forms_table(dataset: str, test_set: Columns) -> pd.DataFrame:
    """The page's student, in float32, on test images moved, inverted, and unscaled.

    Accuracy as they come, the mean highest probability where it errs, and accuracy once
    they are centred.
    """
    student, _ = load_model(WEIGHTS / f"{dataset}_student.safetensors")
    some = sample(test_set, min(2000, count(test_set)))
    ink, rows = scaled(some["images"])[:, 0], {}
    forms = {f"moved by {n}": partial(moved, by=n) for n in range(0, 7, 2)}
    forms["black ink on white"] = lambda ink: 1 - ink
    forms["0 to 255, not 0 to 1"] = lambda ink: 255 * ink
    for name, change in forms.items():
        sheets = change(ink)
        labels = some["labels"].repeat(len(sheets) // len(ink))
        # the net itself, in parts: `predict` would refuse images above 1
        parts = [sheets.split(100), map(centred, sheets.split(100))]
        came, put = (torch.cat([student(s[:, None]) for s in each]) for each in parts)
        wrong = came.argmax(dim=1) != labels
        row = rows[name] = {"accuracy": float(accuracy(came, labels))}
        row["how sure when wrong"] = float(came[wrong].softmax(1).amax(1).mean())
        row["accuracy, centred"] = float(accuracy(put, labels))
    return pd.DataFrame.from_dict(rows, orient="index").round(3)
