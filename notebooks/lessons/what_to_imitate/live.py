"""The comparison, live: labels, one thing more of the teacher's, and its control."""

from collections.abc import Generator
from functools import partial

import torch
from torch import nn

from kdlab.data import Columns, count, sample
from kdlab.explorers.twins import ALONE, in_turns, twins_picture
from kdlab.panels import LivePanel, choice, dropdown, explore_live
from kdlab.training import evaluate

from .students import SOURCES, WAYS, imitation_steps, layers_of, told

MORE, CONTROL = "one thing more", "its control"
ANSWERS = {"temperature": 16.0, "soft_weight": 1.0}  # the teacher's, without any label
CONTROLS = {f"the same, from {words}": source for words, source in SOURCES.items()}
CONTROLS |= {"the teacher's answers alone": None}
PRESETS = {
    "late hint": {"what": "hint, the last layer", "weight": 10.0},
    "early hint": {"what": "hint, the maps", "weight": 100.0},
    "late similarity": {"what": "similarity, the last layer", "weight": 10_000.0},
}


def arms_of(what: str, control: str, weight: float) -> dict[str, tuple]:
    """{arm: whose features it is told of, if of any, and how it learns}."""
    (method, layer), source = WAYS[what], CONTROLS[control]
    more = {"method": method, "layer": layer, "weight": weight}
    beside = (source, more) if source else (None, ANSWERS)
    return {MORE: ("teacher", more), ALONE: (None, {}), CONTROL: beside}


def arms_explorer(
    teacher: nn.Module, train_set: Columns, test_set: Columns, *, seeds: int = 5
) -> LivePanel:
    """Students on labels, on labels and one thing more, and on its control; five seeds.

    All are shown all images; of the labels they may be given a part. Both sets have a
    column teacher_logits. `await panel.finished()` gives the errors of each arm, seed by
    seed, so far if it was stopped.
    """
    images, known = count(train_set), {}  # errors of students that are trained already

    def trained(
        what: str, control: str, weight: float, labels: int, epochs: int
    ) -> Generator:
        arms, layers = arms_of(what, control, weight), layers_of(*WAYS[what])

        def train(arm: str, seed: int) -> Generator:
            (source, how), length = arms[arm], {"epochs": epochs, "seed": seed}
            key = source, labels, *how.values(), *length.values()
            if key not in known:
                columns = sample(train_set, images, seed)
                columns["labelled"] = (torch.arange(images) < labels) * images / labels
                if source:
                    columns = told(columns, teacher, layers, source, seed)
                net = yield from imitation_steps(columns, **how, **length)
                known[key] = evaluate(net, test_set)["errors"]
            return known[key]

        said = f"One thing more is {what}, times {weight:g}; its control is {control}."
        ends = {"who": f"{what[0].upper()}{what[1:]},"}
        ends["widest"] = 0.05 if labels == images else 0.2
        shown = partial(twins_picture, count(test_set), seeds, said, **ends)
        return in_turns(arms, seeds, train, shown)

    counts = [*(n for n in (50, 100, 300) if n < images), images]
    return explore_live(
        trained,
        presets=PRESETS,
        what=dropdown("more", list(WAYS), "hint, the last layer"),
        control=dropdown("its control", list(CONTROLS), list(CONTROLS)[1]),
        weight=choice("weight", [10.0**power for power in range(-1, 5)], 10.0),
        labels=choice("images with a label", counts, images),
        epochs=choice("epochs", (5, 10, 20), 20),
    )
