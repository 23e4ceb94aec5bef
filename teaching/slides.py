"""Slides of a lesson: its key pictures, and its predictions, each before its answer.

Pictures are those of the lesson's own explorers, at the controls that its guide.toml
names, drawn as SVG.
"""

import base64
import json
import sys
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from inspect import getclosurevars, signature

import pandas as pd
import torch

from kdlab.data import course_dataset, course_images
from kdlab.models import build_model
from kdlab.objectives import label_loss
from kdlab.panels.panel import plain_figure
from kdlab.training import fit, predict
from kdlab.weights import load_teacher
from teaching.executed import ROOT

SPOKEN = {"mnist": "MNIST", "digits": "scikit-learn's digits, in MNIST's place"}


@cache
def columns_and_student() -> tuple[dict, torch.Tensor]:
    """The test images with the teacher's answers; those of 02's student on labels."""
    teacher, _ = load_teacher(course_dataset())
    columns = course_images("test")
    columns["teacher_logits"] = predict(teacher, columns["images"])
    student = build_model("mlp", widths=[64], seed=0)
    adam = torch.optim.Adam(student.parameters(), lr=1e-3)
    fit(student, course_images("fit"), label_loss, adam, epochs=5, progress=False)
    return columns, predict(student, columns["images"])


def explorers_of(home: str) -> dict[str, object]:
    """{name: how it is made}, of real images and answers, and of their teacher."""
    made = import_module(f"lessons.{home}.test_lesson").explorers
    if "teacher" in signature(made).parameters:  # the net itself is what they show
        made = partial(made, teacher=load_teacher(course_dataset())[0])
    return made(*columns_and_student())


def values_at(panel, asked: dict) -> dict[str, object]:
    """All controls, as asked for or as they are. Raises ValueError for unknown ones."""
    values = {}
    for name, control in panel.controls.items():
        values[name] = asked.get(name, control.value)
        options = [o[1] if isinstance(o, tuple) else o for o in offered(control)]
        if options and values[name] not in options:
            raise ValueError(f"{name} takes one of {options}, got {values[name]!r}.")
    if unknown := set(asked) - set(values):
        raise ValueError(f"No control {sorted(unknown)}; there are {sorted(values)}.")
    return values


def offered(control) -> tuple:
    """The options of a menu or of a slider over options."""
    return tuple(getattr(control, "options", ()) or ())


def slide(panel, picture: dict) -> dict:
    """The picture as SVG and its sentence, at the controls of the guide."""
    sys.path.insert(0, str(ROOT / "settings"))
    from still_pictures import png

    figure, sentence = panel.look(values_at(panel, picture.get("controls", {})))
    if figure is None:
        raise ValueError(f"{picture['explorer']} refuses: {sentence}")
    drawn = png(sent(figure), "svg")
    address = "data:image/svg+xml;base64," + base64.b64encode(drawn).decode()
    return {**picture, "svg": drawn, "sentence": sentence, "address": address}


def sent(figure: object) -> dict:
    """The figure as the browser gets it: plain lists."""

    def plain(value: object) -> object:
        return value.tolist() if hasattr(value, "tolist") else list(value)

    return json.loads(json.dumps(plain_figure(figure), default=plain))


def dataset_of(make: Callable) -> str:
    """The data set that an explorer is made of; "" if of stored runs or of none."""
    given = getclosurevars(make).nonlocals.values()
    stored = all(isinstance(one, pd.DataFrame) for one in given)
    return "" if stored else SPOKEN[course_dataset()]


def pictures_of(home: str, guide: dict) -> list[dict]:
    """The slide of each picture of the lesson's guide, and what data it shows."""
    asked = guide.get("picture", [])
    made = explorers_of(home) if asked else {}
    for picture in asked:
        if picture["explorer"] not in made:
            raise ValueError(f"No explorer {picture['explorer']!r}: {sorted(made)}.")
    makers = [made[picture["explorer"]] for picture in asked]
    return [
        {**slide(make(), picture), "dataset": dataset_of(make)}
        for make, picture in zip(makers, asked, strict=True)
    ]


def deck(asked: list[dict], slides: list[dict]) -> list[dict]:
    """The slides in the order of a class: no answer stands before its question."""
    place = {(key, one.get(key)) for one in slides for key in ("before", "after")}
    unknown = {name for _, name in place} - {None, *(one["name"] for one in asked)}
    if unknown:
        raise ValueError(f"Pictures of no prediction: {sorted(unknown)}.")
    shown = []
    for one in asked:
        shown += [s for s in slides if s.get("before") == one["name"]]
        shown += [{**one, "kind": "question"}, {**one, "kind": "answer"}]
        shown += [s for s in slides if s.get("after") == one["name"]]
    return [*shown, *(s for s in slides if not {"before", "after"} & set(s))]
