"""The comparison, live: labels, answers, and labels with one thing more."""

from collections.abc import Generator
from functools import partial

import torch
from torch import nn

from kdlab.data import Columns, count, sample
from kdlab.explorers.twins import ALONE, TAUGHT, in_turns, twins_picture
from kdlab.panels import LivePanel, choice, dropdown, explore_live
from kdlab.training import evaluate

from .students import WAYS, imitation_steps, layers_of, told

ANSWERS = "answers alone"  # which need no label
PLAIN = {ALONE: {}, ANSWERS: {"soft_weight": 1.0, "temperature": 16.0}}
WEIGHTS = [0.1, 1.0, 10.0, 100.0, 1000.0, 10_000.0]
FROM = {"the teacher": "teacher", "an untrained net": "untrained"}
FROM |= {"another image of the class": "class mates", "any other image": "shuffled"}
BUTTONS = {  # {label: what, source, weight}
    "late hint": ("hint, the last layer", "the teacher", 10.0),
    "early hint": ("hint, the maps", "the teacher", 100.0),
    "knows nothing": ("hint, the maps", "an untrained net", 100.0),
    "late similarity": ("similarity, the last layer", "the teacher", 10_000.0),
}
NAMES = "what", "source", "weight"
PRESETS = {label: dict(zip(NAMES, p, strict=True)) for label, p in BUTTONS.items()}


def arms_explorer(
    teacher: nn.Module, train_set: Columns, test_set: Columns, *, seeds: int = 5
) -> LivePanel:
    """Students on labels, on answers, and on labels and one thing more; five seeds.

    All are shown all images; of the labels they may be given a part. Both sets have a
    column teacher_logits. `await panel.finished()` gives the errors of
    each arm, seed by seed, so far if it was stopped.
    """
    images = count(train_set)
    known: dict[tuple, int] = {}  # what students reached that are trained already

    def trained(
        what: str, source: str, weight: float, labels: int, epochs: int
    ) -> Generator:
        method, layer = WAYS[what]
        arms = {TAUGHT: {"method": method, "layer": layer, "weight": weight}} | PLAIN

        def train(arm: str, seed: int) -> Generator:
            whose = arm == TAUGHT and (source, *arms[arm].values())
            key = arm, seed, epochs, arm != ANSWERS and labels, whose
            if key not in known:
                columns = sample(train_set, images, seed)
                columns["labelled"] = (torch.arange(images) < labels) * images / labels
                if arm == TAUGHT:
                    layers = layers_of(method, layer)
                    columns = told(columns, teacher, layers, FROM[source], seed)
                how = {**arms[arm], "epochs": epochs, "seed": seed}
                net = yield from imitation_steps(columns, **how)
                known[key] = evaluate(net, test_set)["errors"]
            return known[key]

        said = f"The teacher's part is {what}, from {source}, times {weight:g}."
        draw = partial(twins_picture, count(test_set), seeds, said)
        return in_turns(arms, seeds, train, draw)

    counts = [*(n for n in (50, 100, 300) if n < images), images]
    return explore_live(
        trained,
        presets=PRESETS,
        what=dropdown("more", list(WAYS), "hint, the last layer"),
        source=dropdown("from", list(FROM)),
        weight=choice("weight", WEIGHTS, 10.0),
        labels=choice("images with a label", counts, images),
        epochs=choice("epochs", (5, 10, 20), 20),
    )
