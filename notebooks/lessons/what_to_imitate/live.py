"""The comparison, live: answers, and one thing more, beside a control of it."""

import math
from collections.abc import Generator

from torch import nn

from kdlab import figures as fig
from kdlab.data import Columns, count, sample
from kdlab.explorers.twins import in_turns
from kdlab.panels import LivePanel, choice, dropdown, explore_live
from kdlab.training import evaluate

from .students import imitation_steps, layers_of, told

LABELS, ANSWERS, KD = "labels", "answers of the teacher", {"soft_weight": 1.0}
KD |= {"temperature": 8.0}
WHAT = {  # {words: (method, layer)}
    "a hint, the maps": ("hint", "maps"),
    "a hint, the last layer": ("hint", "last"),
    "attention": ("attention", "maps"),
    "Gram matrices": ("gram", "maps"),
    "flow": ("flow", "maps"),
    "distances, the maps": ("distances", "maps"),
    "distances, the last layer": ("distances", "last"),
    "angles, the last layer": ("angles", "last"),
    "similarity, the last layer": ("similarity", "last"),
}
FROM = {
    "the teacher": "teacher",
    "an untrained net": "untrained",
    "another image of the class": "class mates",
    "any other image": "shuffled",
}
COLORS = {LABELS: fig.LABELS, ANSWERS: fig.TEACHER}


def arms_explorer(
    teacher: nn.Module, train_set: Columns, test_set: Columns, *, seeds: int = 5
) -> LivePanel:
    """Students on labels, on answers, and on labels and one thing more; five seeds.

    Both sets have a column teacher_logits. `await panel.finished()` gives the errors of
    each arm, seed by seed, so far if it was stopped.
    """
    known: dict[tuple, int] = {}  # what students reached that are trained already

    def trained(
        what: str, source: str, weight: float, labels: int, epochs: int
    ) -> Generator:
        method, layer = WHAT[what]
        name = f"labels and {what}"
        arms = {LABELS: {}, ANSWERS: KD}
        arms[name] = {"method": method, "layer": layer, "weight": weight}

        def train(arm: str, seed: int) -> Generator:
            key = (seed, labels, epochs, source, *arms[arm].items())
            if arm != name:
                key = (seed, labels, epochs, arm)
            if key not in known:
                columns = sample(train_set, labels, seed)
                if arm == name:
                    layers = layers_of(method, layer)
                    columns = told(columns, teacher, layers, FROM[source], seed)
                how = {**arms[arm], "epochs": epochs, "seed": seed}
                net = yield from imitation_steps(columns, **how)
                known[key] = evaluate(net, test_set)["errors"]
            return known[key]

        def draw(errors: fig.Runs) -> fig.Drawn:
            return drawn(errors, name, f"{what}, from {source}", count(test_set))

        return in_turns(arms, seeds, train, draw)

    counts = [n for n in (100, 200, 500, 1000) if n <= count(train_set)]
    counts = counts or [count(train_set)]
    return explore_live(
        trained,
        what=dropdown("and", list(WHAT), "a hint, the maps"),
        source=dropdown("from", list(FROM)),
        weight=choice("weight", [0.1, 1.0, 10.0, 100.0, 1000.0, 1e4, 1e5], 10.0),
        labels=choice("images", counts, counts[-1]),
        epochs=choice("epochs", (5, 10, 20), 10),
    )


def drawn(errors: fig.Runs, name: str, words: str, examples: int) -> fig.Drawn:
    """Errors of each arm, and what it spares its twins on labels."""
    spared = {
        arm: [twin - own for own, twin in zip(found, errors[LABELS], strict=False)]
        for arm, found in errors.items()
    }
    spared[LABELS] = []
    ticks = fig.ticks_at(examples, (0.02, 0.05, 0.1, 0.2, 0.5))
    ends = [math.log10(share * examples) for share in (0.015, 0.95)]
    x = fig.axis(f"test errors of {examples:,}", ends, log=True, ticks=ticks)
    widest = 0.06 * examples
    zero = fig.axis("errors spared, beside labels", [-widest, widest])
    colors = {**COLORS, name: fig.STUDENT}
    pairs = fig.spared_dots(spared, zero, colors)
    pairs["y"] |= {"showticklabels": False}
    gains, done = spared[name], min(map(len, errors.values()))
    verb = "spares" if sum(gains) >= 0 else "costs"
    said = fig.mean_words(gains).removeprefix("-") if gains else ""
    return fig.picture(
        f"{words}: {verb} {said} errors" if gains else f"{words}: the first one trains",
        fig.dots(errors, x, colors),
        pairs,
        says=f"Errors of {examples:,}: {fig.in_words(errors)}; {done} seeds are done."
        + (
            f" The answers alone spare {fig.mean_words(spared[ANSWERS])}."
            if gains
            else ""
        ),
        height=330,
    )
