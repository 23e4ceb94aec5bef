"""The live pair: twins trained side by side, one with a teacher."""

import math
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from functools import partial

import torch
from torch import Tensor, nn

from kdlab import figures as fig
from kdlab.data import Columns, count, sample
from kdlab.experiments import new_student, student_steps
from kdlab.explorers.answers import names_of, picked_images
from kdlab.metrics import soften
from kdlab.panels import LivePanel, choice, explore_live, student_controls
from kdlab.training import evaluate, predict

LABELS, TAUGHT = "on labels", "with the teacher"
TERMS = {  # of the loss: colour and dash
    "loss on labels": (fig.LABELS, "solid"),
    "taught: labels' part": (fig.OTHER, "dot"),
    "taught: teacher's part": (fig.STUDENT, "dash"),
}
STYLES = {LABELS: (fig.LABELS, "solid"), TAUGHT: (fig.STUDENT, "solid"), **TERMS}
RATES = [1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.2, 10.0]
BATCH_SIZE = student_steps.__kwdefaults__["batch_size"]  # an epoch is counted by it
POINTS = 150  # of each curve, however long the training is
PRESETS = {
    "teacher alone": {"soft_weight": 1.0},
    "few labels": {"labels": 100, "epochs": 60},
    "learning rate too high": {"learning_rate": 10.0},
}
Curves = dict[str, list[tuple[float, float]]]  # name -> points (epoch, value)


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
        with suppress(GeneratorExit):
            yield picture
            for number, pair in enumerate(zip(*steps, strict=True), start=1):
                seen.note(number / of_epoch, *(terms for _, terms in pair))
                if number % of_epoch == 0:
                    seen.test(number // of_epoch)
                yield picture if number % seen.every == 0 else None
        return {name: curve[-1][1] for name, curve in seen.errors.items()}

    rate = choice("learning rate", RATES, 1e-2)
    controls = student_controls(most, 0.9, learning_rate=rate)
    return explore_live(
        trained, presets=presets, button="Start", values=start, **controls
    )


class Watch:
    """What is seen of a pair while it trains: losses, test errors and one answer."""

    def __init__(
        self, test_set: Columns, torn: int, twins: Mapping[str, nn.Module], every: int
    ):
        """`every`: steps whose losses are averaged to a point of a curve."""
        self.test_set, self.torn, self.twins = test_set, torn, twins
        self.every = max(1, every)
        self.losses: Curves = {name: [] for name in TERMS}
        self.errors: Curves = {name: [] for name in twins}
        self.steps: list[dict[str, Tensor]] = []  # since the last point
        self.first: float | None = None
        self.test(0)

    def note(
        self, epoch: float, alone: dict[str, Tensor], taught: dict[str, Tensor]
    ) -> None:
        """The loss terms of one step of each twin. FloatingPointError: it diverges."""
        terms = alone["hard"], taught.get("hard"), taught.get("soft")
        named = zip(TERMS, terms, strict=True)
        self.steps.append({name: term for name, term in named if term is not None})
        if self.first is None:
            self.first = sum(term.item() for term in self.steps[0].values())
        if len(self.steps) < self.every:
            return
        for name in self.steps[0]:
            mean = torch.stack([step[name] for step in self.steps]).mean().item()
            self.losses[name].append((epoch, mean))
        self.steps.clear()
        now = sum(curve[-1][1] for curve in self.losses.values() if curve)
        if not now < 5 * self.first:
            raise FloatingPointError(
                f"After {epoch:.1f} epochs the losses have grown from {self.first:.3g} "
                f"to {now:.3g}: the training diverges. Try a smaller learning rate."
            )

    def test(self, epoch: int) -> None:
        """Test errors of both twins after an epoch."""
        for name, twin in self.twins.items():
            self.errors[name].append((epoch, evaluate(twin, self.test_set)["errors"]))

    def answers(self) -> dict[str, tuple[Tensor, str]]:
        """What teacher and twins answer to one test image: probabilities and colour."""
        image = self.test_set["images"][[self.torn]]
        told = soften(self.test_set["teacher_logits"][self.torn], 1.0)
        found = {"teacher": (told, fig.TEACHER)}
        for name, twin in self.twins.items():
            found[name] = soften(predict(twin, image)[0], 1.0), STYLES[name][0]
        return found


def pair_picture(seen: Watch, class_names: Sequence[str], epochs: int) -> fig.Drawn:
    """Answers to one image, the loss terms, and the test errors of both twins."""
    examples = count(seen.test_set)
    ticks = fig.ticks_at(examples, (0.03, 0.1, 0.3, 0.9))
    wide = [math.log10(0.015 * examples), math.log10(examples)]
    time = fig.axis("epoch", [0, epochs * 1.02])
    loss = fig.axis("loss", [-4.3, 2.5], log=True)
    right = fig.axis("test errors", wide, log=True, ticks=ticks)
    alone, taught = (round(curve[-1][1]) for curve in seen.errors.values())
    epoch = seen.errors[LABELS][-1][0]
    terms = [f"{name}: {c[-1][1]:.3g}" for name, c in seen.losses.items() if c]
    label = class_names[seen.test_set["labels"][seen.torn]]
    verb = "spares" if taught <= alone else "costs"
    return fig.picture(
        f"The teacher {verb} {abs(alone - taught):,} errors in this pair",
        fig.unnamed(fig.grouped_bars(seen.answers(), class_names)),
        lines(seen.losses, time, loss),
        fig.unnamed(lines(seen.errors, time, right)),
        says=f"After {epoch} of {epochs} epochs: {alone:,} errors on labels, "
        f"{taught:,} with the teacher, of {examples:,}. Loss terms: "
        f"{'; '.join(terms) or 'none'}. On the left, answers to one test image, a "
        f"{label}: blue the teacher's, grey on labels, orange with the teacher.",
        widths=[1, 1.3, 1.2],
        height=450,
        legend=True,
    )


def lines(curves: Curves, x: dict, y: dict) -> fig.Part:
    """A line through each curve's points, in the style of its name.

    No errors, or no loss, have no place on the axis: they stand at its edge.
    """
    traces, within = [], fig.held_by(y)
    for name, points in curves.items():
        color, dash = STYLES[name]
        line = {"color": color, "dash": dash, "width": 3}
        trace = {"type": "scatter", "mode": "lines", "name": name, "line": line}
        trace |= {"x": [x for x, _ in points], "y": [within(y) for _, y in points]}
        traces.append(trace)
    return {"traces": traces, "x": x, "y": y}
