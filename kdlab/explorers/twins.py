"""Real training as a slider: five seeds of twins, retrained at every new position."""

from collections.abc import Generator
from functools import partial

import ipywidgets as widgets
import torch

from kdlab.controls import share_slider, student_controls
from kdlab.data import Columns, count
from kdlab.experiments import student_steps, with_label_noise
from kdlab.figures import (
    LABEL_COLOR,
    OTHER_COLOR,
    STUDENT_COLOR,
    Drawn,
    axis,
    side_by_side,
)
from kdlab.figures_runs import dots, in_words, mean_spread, mean_words, spared_dots
from kdlab.panels import StepsPanel, explore_steps
from kdlab.teachers import some_of
from kdlab.training import evaluate, places_to_stop

TEACHER, LABELS, SMOOTHING = "with the teacher", "labels", "smoothing 0.1"
COLORS = {TEACHER: STUDENT_COLOR, LABELS: LABEL_COLOR, SMOOTHING: OTHER_COLOR}
WIDEST = 0.08  # of the test images: the ends of the axis of differences

Errors = dict[str, list[int]]  # {"labels": [733, ...]}: test errors, seed by seed


def retrain_explorer(
    train_set: Columns, test_set: Columns, *, seeds: int = 5, **start: object
) -> StepsPanel:
    """Twins of the same seeds, with and without the teacher, at settings you move.

    Both sets have a column teacher_logits [N, classes]. `start` sets controls, such as
    temperature=4.0 or width=32. `await panel.finished()` gives the errors of each arm,
    {"with the teacher": [...], "labels": [...]}, or None if it was stopped. What needs
    no teacher is trained once for all temperatures and weights.
    """
    known: dict[tuple, int] = {}  # twins already trained

    def errors_of(arm: str, chosen: Columns, **what: object) -> Generator:
        """Train one student, each step a place to stop; its test errors."""
        method = "teacher" if arm == TEACHER else arm
        key = (method, count(chosen), *what.values())
        if key not in known:
            noise, options = what.pop("label_noise"), {"method": method, **what}
            noisy = with_label_noise(chosen, noise, what["seed"])
            student = yield from places_to_stop(student_steps(noisy, **options))
            known[key] = evaluate(student, test_set)["errors"]
        return known[key]

    def retrained(
        labels: int, width: int, smoothing: bool, **setting: float
    ) -> Generator[object, None, Errors]:
        arms = [TEACHER, LABELS, *([SMOOTHING] if smoothing else [])]
        blend = {name: setting.pop(name) for name in ("temperature", "soft_weight")}
        errors: Errors = {arm: [] for arm in arms}
        chosen = some_of(train_set, labels)
        picture = partial(twins_picture, errors, count(test_set), seeds, blend)
        yield picture()
        for seed in range(seeds):
            for arm in arms:
                what = {"student": f"mlp-{width}", "seed": seed, **setting}
                what |= blend if arm == TEACHER else {}
                errors[arm].append((yield from errors_of(arm, chosen, **what)))
                yield picture
        return errors

    smoothing = widgets.Checkbox(False, description="and with label smoothing 0.1")
    noise = share_slider("wrong labels, share", 0.0, 0.5)
    more = {"label_noise": noise, "smoothing": smoothing}
    controls = student_controls(count(train_set), 1.0, **more)
    return explore_steps(retrained, presets=PRESETS, begin=start, **controls)


PRESETS = {
    "no patience": {"width": 32, "epochs": 8},
    "the same, patient": {"width": 32, "epochs": 60},
    "teacher at T = 1": {"temperature": 1.0, "soft_weight": 1.0},
    "noisy labels": {"label_noise": 0.3},
}


def twins_picture(
    errors: Errors, examples: int, seeds: int, blend: dict[str, float]
) -> Drawn:
    """Test errors of each arm, and how many of them each arm spares its twin.

    The axes are shares of the test images, so that they stay while settings change.
    """
    spared = {
        arm: [twin - own for own, twin in zip(found, errors[LABELS], strict=False)]
        for arm, found in errors.items()
    }
    spared[LABELS] = []  # its row stays, so that rows stand beside each other
    widest = WIDEST * examples
    tens = torch.tensor([0.012, 0.95]).mul(examples).log10().tolist()
    ticks = {
        f"{round(s * examples):,}": s * examples for s in (0.02, 0.05, 0.1, 0.2, 0.5)
    }
    left = axis(f"test errors of {examples:,}", tens, log=True, ticks=ticks)
    right = axis("errors spared, beside the twin on labels", [-widest, widest])
    pairs = spared_dots(spared, right, COLORS)
    pairs["y"] |= {"showticklabels": False}
    figure = side_by_side(
        title_of(spared[TEACHER], examples, seeds),
        dots(errors, left, COLORS),
        pairs,
        widths=[1, 1],
        height=340,
    )
    return figure, sentence_of(errors, spared, examples, seeds, blend)


def title_of(gains: list[int], examples: int, seeds: int) -> str:
    """What the teacher spares, so far."""
    if not gains:
        return "The twins are training"
    verb = "spares" if sum(gains) >= 0 else "costs"
    said = mean_words(gains).removeprefix("-")
    so_far = "" if len(gains) == seeds else f" ({len(gains)} of {seeds} seeds)"
    return f"The teacher {verb} {said} errors{so_far}"


def sentence_of(
    errors: Errors, spared: Errors, examples: int, seeds: int, blend: dict[str, float]
) -> str:
    """The same in words, with the spread and the control."""
    if not spared[TEACHER]:
        return f"Training the first of {seeds} pairs of twins from the same weights."
    pairs = len(spared[TEACHER])
    text = f"Errors of {examples:,}: {in_words(errors)}; {pairs} of {seeds} seeds."
    mean, spread = mean_spread(spared[TEACHER])
    if spread > 0:
        better = sum(gain > 0 for gain in spared[TEACHER])
        text += f" In {better} of {pairs} pairs the teacher helps: "
        text += f"{mean:.0f} on average, {abs(mean) / spread:.1f} spreads."
    if spared.get(SMOOTHING):
        text += f" Label smoothing spares {mean_spread(spared[SMOOTHING])[0]:.0f}."
    if blend["soft_weight"] == 0:
        text += " At weight 0 nobody listens to the teacher, so T does nothing."
    return text
