"""The live pair: twins trained side by side, one with a teacher."""

import math
from collections.abc import Generator, Sequence
from functools import partial

from torch import nn

from kdlab.data import Columns, count, sample
from kdlab.experiments import new_student, student_steps
from kdlab.explorers.answers import names_of, picked_images
from kdlab.explorers.pair import (
    LABELS,
    POINTS,
    TAUGHT,
    Watch,
    in_pairs,
    pair_picture,
)
from kdlab.panels import LivePanel, choice, explore_live, student_controls

RATES = [1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.2, 10.0]
BATCH_SIZE = student_steps.__kwdefaults__["batch_size"]  # an epoch is counted by it
PRESETS = {
    "teacher alone": {"soft_weight": 1.0},
    "few labels": {"labels": 100, "epochs": 60},
    "learning rate too high": {"learning_rate": 10.0},
}


def pair_explorer(
    train_set: Columns,
    test_set: Columns,
    class_names: Sequence[str] | None = None,
    twins: dict[str, nn.Module] | None = None,
    **start: object,
) -> LivePanel:
    """Twins from the same weights, trained in turns, with what they do as they learn.

    Both sets have a column teacher_logits [N, classes]. `start` sets controls, such as
    width=32. `await panel.finished()` gives the test errors of both, so far if it was
    stopped; the nets are put into `twins`, {"on labels": net, ...}, as they begin.
    """
    class_names = names_of(test_set, class_names)
    torn = picked_images(test_set, torn=1)[-1]  # the image whose answers are shown
    twins = {} if twins is None else twins
    most = count(train_set)
    presets = {k: p for k, p in PRESETS.items() if p.get("labels", 0) <= most}

    def trained(
        labels: int, width: int, temperature: float, soft_weight: float, **length: float
    ) -> Generator[object, None, dict[str, int]]:
        blend = {"temperature": temperature, "soft_weight": soft_weight}
        told = {LABELS: {"method": "labels"}, TAUGHT: {"method": "teacher", **blend}}
        steps, of_epoch = [], math.ceil(labels / BATCH_SIZE)
        for name, how in told.items():
            net = new_student(f"mlp-{width}", seed=0, classes=len(class_names))
            twins[name] = net
            how |= {"model": net, "batch_size": BATCH_SIZE, **length}
            steps.append(student_steps(sample(train_set, labels), **how))
        seen = Watch(test_set, torn, twins, of_epoch * length["epochs"] // POINTS)
        picture = partial(pair_picture, seen, class_names, length["epochs"])
        return in_pairs(seen, steps, picture, of_epoch, of_epoch)

    rate = choice("learning rate", RATES, 1e-2)
    controls = student_controls(most, 0.9, learning_rate=rate)
    return explore_live(
        trained, presets=presets, button="Start", values=start, **controls
    )
