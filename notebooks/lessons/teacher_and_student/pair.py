"""The live pair of notebook 05: twins trained side by side, one with a teacher."""

import math
from collections.abc import Generator, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from kdlab.controls import choice, student_controls
from kdlab.data import Columns, count
from kdlab.experiments import new_student, student_steps
from kdlab.explorers import DIGITS, picked_images
from kdlab.figures import (
    LABEL_COLOR,
    OTHER_COLOR,
    STUDENT_COLOR,
    TEACHER_COLOR,
    Drawn,
    Part,
    axis,
    grouped_bars,
    side_by_side,
)
from kdlab.figures_runs import unnamed
from kdlab.metrics import soften
from kdlab.panels import StepsPanel, explore_steps
from kdlab.teachers import some_of
from kdlab.training import evaluate, predict

LABELS, TAUGHT = "on labels", "with the teacher"
COLORS = {LABELS: LABEL_COLOR, TAUGHT: STUDENT_COLOR}
TERMS = {  # of the loss: whose it is, its colour and dash
    "loss on labels": (LABEL_COLOR, "solid"),
    "taught: labels' part": (OTHER_COLOR, "dot"),
    "taught: teacher's part": (STUDENT_COLOR, "dash"),
}
RATES = [1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.2, 10.0]
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
    class_names: Sequence[str] = DIGITS,
    **start: object,
) -> StepsPanel:
    """Twins from the same weights, trained in turns, with what they do as they learn.

    Both sets have a column teacher_logits [N, classes]. `start` sets controls, such as
    width=32. `await panel.finished()` gives the test errors of both, or None if it was
    stopped; `panel.twins` holds the nets as far as they are trained.
    """
    torn = picked_images(test_set, torn=1)[-1]  # the image whose answers are shown
    twins: dict[str, nn.Module] = {}

    def trained(
        labels: int, width: int, temperature: float, soft_weight: float, **length: float
    ) -> Generator[object, None, dict[str, int]]:
        blend = {"temperature": temperature, "soft_weight": soft_weight}
        told = {LABELS: {"method": "labels"}, TAUGHT: {"method": "teacher", **blend}}
        chosen, of_epoch = some_of(train_set, labels), math.ceil(labels / 64)
        steps = []
        for name, how in told.items():
            twins[name] = new_student(f"mlp-{width}", seed=0)
            steps.append(student_steps(chosen, model=twins[name], **how, **length))
        seen = Watch(test_set, torn, twins, of_epoch * length["epochs"] // POINTS)
        picture = partial(pair_picture, seen, class_names, length["epochs"])
        yield picture
        for number, pair in enumerate(zip(*steps, strict=True), start=1):
            seen.note(number / of_epoch, [terms for _, terms in pair])
            if number % of_epoch == 0:
                seen.test(number // of_epoch)
            yield picture if number % seen.every == 0 else None
        return {name: curve[-1][1] for name, curve in seen.errors.items()}

    rate = choice("learning rate", RATES, 1e-2)
    controls = student_controls(count(train_set), 0.9, learning_rate=rate)
    panel = explore_steps(
        trained, presets=PRESETS, start="Start", begin=start, **controls
    )
    panel.twins = twins
    return panel


class Watch:
    """What is seen of a pair while it trains: losses, test errors and one answer."""

    def __init__(
        self, test_set: Columns, torn: int, twins: dict[str, nn.Module], every: int
    ):
        """`every`: steps whose losses are averaged to a point of a curve."""
        self.test_set, self.torn, self.twins = test_set, torn, twins
        self.every = max(1, every)
        self.losses: Curves = {name: [] for name in TERMS}
        self.errors: Curves = {name: [] for name in twins}
        self.sums: list[list[Tensor]] = [[] for _ in TERMS]
        self.first = math.nan
        self.test(0)

    def note(self, epoch: float, terms: list[dict[str, Tensor]]) -> None:
        """The loss terms of one step of both twins. FloatingPointError: it diverges."""
        alone, taught = terms
        values = alone["hard"], taught.get("hard"), taught.get("soft")
        for of_term, value in zip(self.sums, values, strict=True):
            if value is not None:
                of_term.append(value)
        if math.isnan(self.first):
            self.first = sum(of_term[0].item() for of_term in self.sums if of_term)
        if len(self.sums[0]) < self.every:
            return
        for curve, of_term in zip(self.losses.values(), self.sums, strict=True):
            if of_term:
                curve.append((epoch, torch.stack(of_term).mean().item()))
                of_term.clear()
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
        found = {"teacher": (told, TEACHER_COLOR)}
        for name, twin in self.twins.items():
            found[name] = soften(predict(twin, image)[0], 1.0), COLORS[name]
        return found


def pair_picture(seen: Watch, class_names: Sequence[str], epochs: int) -> Drawn:
    """Answers to one image, the loss terms, and the test errors of both twins."""
    examples = count(seen.test_set)
    ticks = {f"{round(s * examples):,}": s * examples for s in (0.03, 0.1, 0.3, 0.9)}
    wide = [math.log10(0.015 * examples), math.log10(examples)]
    time = axis("epoch", [0, epochs * 1.02])
    loss = axis("loss", [-4.3, 2.5], log=True)
    right = axis("test errors", wide, log=True, ticks=ticks)
    styles = {name: (color, "solid") for name, color in COLORS.items()}
    figure = side_by_side(
        title_of(seen.errors),
        unnamed(grouped_bars(seen.answers(), class_names)),
        lines(seen.losses, TERMS, time, loss),
        unnamed(lines(seen.errors, styles, time, right)),
        widths=[1, 1.3, 1.2],
        height=450,
        legend=True,
    )
    alone, taught = (round(curve[-1][1]) for curve in seen.errors.values())
    epoch = seen.errors[LABELS][-1][0]
    terms = [f"{name}: {c[-1][1]:.3g}" for name, c in seen.losses.items() if c]
    label = class_names[seen.test_set["labels"][seen.torn]]
    return figure, (
        f"After {epoch} of {epochs} epochs: {alone:,} errors on labels, {taught:,} "
        f"with the teacher, of {examples:,}. Loss terms: {'; '.join(terms) or 'none'}. "
        f"On the left, answers to one test image, a {label}: blue the teacher's, grey "
        "on labels, orange with the teacher."
    )


def title_of(errors: Curves) -> str:
    """Who is ahead, and by how much."""
    alone, taught = (round(curve[-1][1]) for curve in errors.values())
    verb = "spares" if taught <= alone else "costs"
    return f"The teacher {verb} {abs(alone - taught):,} errors in this pair"


def lines(curves: Curves, styles: dict[str, tuple], x: dict, y: dict) -> Part:
    """A named line through each curve's points."""
    traces = []
    for name, points in curves.items():
        color, dash = styles[name]
        line = {"color": color, "dash": dash, "width": 3}
        place = {"x": [x for x, _ in points], "y": [y for _, y in points]}
        traces.append(
            {"type": "scatter", "mode": "lines", "name": name, "line": line, **place}
        )
    return {"traces": traces, "x": x, "y": y}
