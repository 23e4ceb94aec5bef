"""Drawings in another form than the net has learnt: what it makes of them, counted."""

import pandas as pd
import torch
import torch.nn.functional as F

from kdlab.data import Columns, count, sample, scaled
from kdlab.metrics import accuracy
from kdlab.weights import WEIGHTS, load_model

from .exercises import centred


def forms_table(dataset: str, test_set: Columns) -> pd.DataFrame:
    """The page's student, in float32, on test images moved, inverted, and unscaled.

    Accuracy and mean highest probability, as the images come and once they are centred.
    What is moved over the edge is lost.
    """
    student, _ = load_model(WEIGHTS / f"{dataset}_student.safetensors")
    some = sample(test_set, min(2000, count(test_set)))
    ink, rows = scaled(some["images"])[:, 0], {}
    forms = {
        f"moved right by {n}": lambda ink, n=n: F.pad(ink, (n, 0))[..., :28]
        for n in range(7)
    }
    forms["black ink on white"] = lambda ink: 1 - ink
    forms["0 to 255, not 0 to 1"] = lambda ink: 255 * ink
    for name, change in forms.items():
        row = rows[name] = {}
        for how, place in {"": torch.clone, ", centred": centred}.items():
            # the net itself, in parts: `predict` would refuse images above 1
            sheets = (place(change(part)) for part in ink.split(100))
            logits = torch.cat([student(sheet[:, None]) for sheet in sheets])
            row[f"accuracy{how}"] = float(accuracy(logits, some["labels"]))
            row[f"how sure{how}"] = float(logits.softmax(1).amax(1).mean())
    return pd.DataFrame.from_dict(rows, orient="index").round(3)
