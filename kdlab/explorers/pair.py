"""Twins trained side by side, one with a teacher: what is seen of them, and drawn."""

import math
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import suppress

import torch
from torch import Tensor, nn

from kdlab import figures as fig
from kdlab.data import Columns, count, sample
from kdlab.metrics import soften
from kdlab.speed import PLAIN
from kdlab.training import evaluate, predict

LABELS, TAUGHT = "on labels", "with the teacher"
TERMS = {  # of the loss: colour and dash
    "loss on labels": (fig.LABELS, "solid"),
    "taught: labels' part": (fig.OTHER, "dot"),
    "taught: teacher's part": (fig.STUDENT, "dash"),
}
STYLES = {LABELS: (fig.LABELS, "solid"), TAUGHT: (fig.STUDENT, "dash"), **TERMS}
POINTS = 150  # of each curve, however long the training is
Curves = dict[str, list[tuple[float, float]]]  # name -> points (time, value)


class Watch:
    """What is seen of a pair while it trains: losses, test errors and one answer."""

    def __init__(
        self,
        test_set: Columns,
        torn: int,
        twins: Mapping[str, nn.Module],
        every: int,
        unit: str = "epoch",
        judges: int | None = None,
    ):
        """`every`: steps whose losses are averaged to a point of a curve.

        `torn` is the row whose answers are shown, `unit` that of the time. With
        `judges` so many test images, drawn once, tell the errors until the end.
        """
        self.test_set, self.torn, self.twins = test_set, torn, twins
        self.every, self.unit = max(1, every), unit
        few = judges is not None and judges < count(test_set)
        self.judges = sample(test_set, judges) if few else test_set
        self.way = PLAIN  # how the twins are computed
        self.losses: Curves = {name: [] for name in TERMS}
        self.errors: Curves = {name: [] for name in twins}
        self.steps: list[dict[str, Tensor]] = []  # since the last point
        self.first: float | None = None

    def note(
        self, time: float, alone: dict[str, Tensor], taught: dict[str, Tensor]
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
            self.losses[name].append((time, mean))
        self.steps.clear()
        now = sum(curve[-1][1] for curve in self.losses.values() if curve)
        if not now < 5 * self.first:
            raise FloatingPointError(
                f"After {time:.1f} {self.unit}s the losses have grown from "
                f"{self.first:.3g} to {now:.3g}: the training diverges. "
                "Try a smaller learning rate."
            )

    def test(self, time: float) -> None:
        """Test errors of both twins, as far as the judges can tell."""
        share = count(self.judges) / count(self.test_set)
        for name, twin in self.twins.items():
            errors = evaluate(twin, self.judges, self.way)["errors"]
            self.errors[name].append((time, round(errors / share)))

    def answers(self) -> dict[str, tuple[Tensor, str]]:
        """What teacher and twins answer to one test image: probabilities and colour."""
        image = self.test_set["images"][[self.torn]]
        told = soften(self.test_set["teacher_logits"][self.torn], 1.0)
        found = {"teacher": (told, fig.TEACHER)}
        for name, twin in self.twins.items():
            found[name] = soften(predict(twin, image)[0], 1.0), STYLES[name][0]
        return found


def in_pairs(
    seen: Watch,
    steps: Iterable[Generator],
    picture: Callable[[], fig.Drawn],
    test_every: int,
    of_unit: int = 0,
) -> Generator[object, None, dict[str, int]]:
    """A step of each twin in turn; yields pictures, returns the last test errors.

    Stopped, it returns those so far. Steps are counted in units of so many; without a
    unit one by one, and the first picture waits for no test.
    """
    unit = of_unit or 1
    with suppress(GeneratorExit):
        if not of_unit:
            yield picture
        seen.test(0)
        yield picture
        for number, pair in enumerate(zip(*steps, strict=True), start=1):
            seen.note(number / unit, *(terms for _, terms in pair))
            if number % test_every == 0:
                seen.test(number // unit)
            yield picture if number % seen.every == 0 else None
        if seen.judges is not seen.test_set:
            seen.judges = seen.test_set  # in the place of what the sample told
            for curve in seen.errors.values():
                del curve[-1:]
            seen.test(number // unit)
            yield picture
    return {name: curve[-1][1] for name, curve in seen.errors.items() if curve}


def pair_picture(
    seen: Watch,
    class_names: Sequence[str],
    length: int,
    lowest: float = 0.015,
    shows: bool = False,
    more: str = "",
) -> fig.Drawn:
    """Answers to one image, the loss terms, and the test errors of both twins.

    The axis of time has this `length`, that of errors begins at the share `lowest`.
    With `shows` the image is shown, too; `more` is said behind the errors.
    """
    examples = count(seen.test_set)
    ticks = fig.ticks_at(examples, (0.03, 0.1, 0.3, 0.9))
    wide = [math.log10(lowest * examples), math.log10(examples)]
    time = fig.axis(seen.unit, [0, length * 1.02])
    loss = fig.axis("loss", [-4.3, 2.5], log=True)
    right = fig.axis("test errors", wide, log=True, ticks=ticks)
    terms = [f"{name}: {c[-1][1]:.3g}" for name, c in seen.losses.items() if c]
    label = class_names[seen.test_set["labels"][seen.torn]]
    title, says = words_of(seen, length)
    bars = fig.unnamed(fig.grouped_bars(seen.answers(), class_names))
    if shows:
        image = fig.image_address(seen.test_set["images"][seen.torn])
        place = {"x": 1.5, "y": len(class_names) / 2 - 0.5, "xanchor": "right"}
        size = {"sizex": 0.5, "sizey": len(class_names), "yanchor": "middle"}
        bars["images"] = [{"source": image, **place, **size}]
        bars["x"] |= {"range": [0, 1.6], "tickvals": [0, 0.5, 1]}
    return fig.picture(
        title,
        bars,
        lines(seen.losses, time, loss),
        fig.unnamed(lines(seen.errors, time, right)),
        says=f"{says}{more} Loss terms: "
        f"{'; '.join(terms) or 'none'}. On the left, answers to one test image, a "
        f"{label}: plain and blue the teacher's, striped and grey on labels, crossed "
        "and orange with the teacher.",
        widths=[1.5 if shows else 1, 1.3, 1.2],
        height=450,
        legend=True,
    )


def words_of(seen: Watch, length: int) -> tuple[str, str]:
    """A title and a sentence: what the test errors say so far."""
    if not seen.errors[LABELS]:
        return "The twins are training", "There are no test errors yet."
    (time, alone), (_, taught) = (curve[-1] for curve in seen.errors.values())
    verb, about, of = "spares" if taught <= alone else "costs", "", ""
    if seen.judges is not seen.test_set:
        about, of = "about ", f", as {count(seen.judges):,} of them tell"
    return (
        f"The teacher {verb} {about}{abs(alone - taught):,} errors in this pair",
        f"After {time} of {length} {seen.unit}s: {about}{alone:,} errors on labels, "
        f"{taught:,} with the teacher, of {count(seen.test_set):,}{of}.",
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
