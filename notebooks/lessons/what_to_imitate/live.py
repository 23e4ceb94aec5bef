"""The comparison, live: labels, answers, and labels with one thing more."""

from collections.abc import Generator
from functools import partial

import torch
from torch import nn

from kdlab.data import Columns, count, sample
from kdlab.explorers.twins import ALONE, in_turns, twins_picture
from kdlab.panels import LivePanel, choice, dropdown, explore_live
from kdlab.training import evaluate

from .students import SOURCES, WAYS, imitation_steps, layers_of, told

MORE, ANSWERS = "one thing more", "answers alone"  # these need no label
PLAIN = {ALONE: {}, ANSWERS: {"soft_weight": 1.0, "temperature": 16.0}}
WEIGHTS = [0.1, 1.0, 10.0, 100.0, 1000.0, 10_000.0]
BUTTONS = {  # {label: what, weight}
    "late hint": ("hint, the last layer", 10.0),
    "early hint": ("hint, the maps", 100.0),
    "late similarity": ("similarity, the last layer", 10_000.0),
}
PRESETS = {
    label: {"what": what, "source": "the teacher", "weight": weight}
    for label, (what, weight) in BUTTONS.items()
}


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
        arms = {MORE: {"method": method, "layer": layer, "weight": weight}} | PLAIN

        def train(arm: str, seed: int) -> Generator:
            whose = arm == MORE and (source, *arms[arm].values())
            key = arm, seed, epochs, arm != ANSWERS and labels, whose
            if key not in known:
                columns = sample(train_set, images, seed)
                columns["labelled"] = (torch.arange(images) < labels) * images / labels
                if arm == MORE:
                    whom = layers_of(method, layer), SOURCES[source], seed
                    columns = told(columns, teacher, *whom)
                steps = imitation_steps(columns, **arms[arm], epochs=epochs, seed=seed)
                known[key] = evaluate((yield from steps), test_set)["errors"]
            return known[key]

        said = f"One thing more is {what}, from {source}, times {weight:g}."
        who = f"{what[0].upper()}{what[1:]}, from {source},"
        shown = partial(twins_picture, count(test_set), seeds, said)
        return in_turns(arms, seeds, train, partial(shown, who=who, widest=0.2))

    counts = [*(n for n in (50, 100, 300) if n < images), images]
    return explore_live(
        trained,
        presets=PRESETS,
        what=dropdown("more", list(WAYS), "hint, the last layer"),
        source=dropdown("from", [*SOURCES][:-1]),
        weight=choice("weight", WEIGHTS, 10.0),
        labels=choice("images with a label", counts, images),
        epochs=choice("epochs", (5, 10, 20), 20),
    )
