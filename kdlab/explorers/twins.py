"""Real training as a slider: five seeds of twins, retrained at every new position."""

from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from functools import partial

import torch

from kdlab import figures as fig
from kdlab.data import Columns, count, sample, with_label_noise
from kdlab.experiments import LEARNING_RATE, best_rates, nearest_rate, student_steps
from kdlab.panels import (
    LivePanel,
    explore_live,
    share_slider,
    student_controls,
    tick,
)
from kdlab.training import evaluate

TAUGHT, ALONE, SMOOTHING = "with the teacher", "labels", "smoothing 0.1"
COLORS = {TAUGHT: fig.STUDENT, ALONE: fig.LABELS, SMOOTHING: fig.OTHER}
WIDEST = 0.08  # of the test images: the ends of the axis of differences
PRESETS = {
    "no patience": {"width": 32, "epochs": 8, "one_rate": False},
    "the same, patient": {"width": 32, "epochs": 60, "one_rate": False},
    "no patience, one rate": {"width": 32, "epochs": 8, "one_rate": True},
    "teacher at T = 1": {"temperature": 1.0, "soft_weight": 1.0},
    "noisy labels": {"label_noise": 0.3},
}
Errors = dict[str, list[int]]  # {"labels": [733, ...]}: test errors, seed by seed


def in_turns(
    arms: Iterable[str],
    seeds: int,
    train: Callable[[str, int], Generator],
    draw: Callable[[dict], tuple],
) -> Generator[Callable, None, dict[str, list]]:
    """Train a student of each arm and seed; {arm: [what train(arm, seed) returns]}.

    The first seed of every arm comes before the second; `draw` shows what is found.
    Stopped, it returns what is found so far: lists may be shorter, or empty.
    """
    found: dict[str, list] = {arm: [] for arm in arms}
    with suppress(GeneratorExit):
        yield partial(draw, found)
        for seed in range(seeds):
            for arm in found:
                found[arm].append((yield from train(arm, seed)))
                yield partial(draw, found)
    return found


def retrain_explorer(
    train_set: Columns, test_set: Columns, *, seeds: int = 5, **start: object
) -> LivePanel:
    """Twins of the same seeds, with and without the teacher, at settings you move.

    Both sets have a column teacher_logits [N, classes]. `start` sets controls, such as
    temperature=4.0 or width=32. `await panel.finished()` gives the errors of each arm,
    {"with the teacher": [...], "labels": [...]}, so far if it was stopped. What needs
    no teacher is trained once for all temperatures and weights. Each arm learns at the
    rate of the nearest setting that was tuned (MNIST, held-out images), or all at one.
    """
    rates = best_rates()
    known: dict[tuple, dict] = {}  # what students reached that are trained already

    def retrained(
        temperature: float,
        soft_weight: float,
        width: int,
        labels: int,
        epochs: int,
        label_noise: float,
        smoothing: bool,
        one_rate: bool,
    ) -> Generator:
        arms = arms_of(temperature, soft_weight, smoothing)
        chosen = sample(train_set, labels)
        student = {"student": f"mlp-{width}", "epochs": epochs}
        for told in arms.values():
            near = nearest_rate(rates, {"labels": labels, **student, **told})
            told["learning_rate"] = LEARNING_RATE if one_rate else near

        def train(arm: str, seed: int) -> Generator:
            setting = {**student, **arms[arm], "seed": seed}
            key = (labels, label_noise, *setting.items())
            if key not in known:
                told = with_label_noise(chosen, label_noise, seed)
                trained = yield from student_steps(told, **setting)
                known[key] = evaluate(trained, test_set)
            return known[key]["errors"]

        draw = partial(twins_picture, count(test_set), seeds, how_they_learn(arms))
        return in_turns(arms, seeds, train, draw)

    noise = share_slider("wrong labels, share", 0.0, 0.5)
    more = {"label_noise": noise, "smoothing": tick("and with label smoothing 0.1")}
    more["one_rate"] = tick(f"one learning rate, {LEARNING_RATE:g}, for all")
    controls = student_controls(count(train_set), 1.0, **more)
    return explore_live(retrained, presets=PRESETS, values=start, **controls)


def arms_of(temperature: float, soft_weight: float, smoothing: bool) -> dict[str, dict]:
    """What each twin is told."""
    blend = {"temperature": temperature, "soft_weight": soft_weight}
    arms = {TAUGHT: {"method": "teacher", **blend}}
    for alone in (ALONE, SMOOTHING) if smoothing else (ALONE,):
        arms[alone] = {"method": alone, "temperature": None, "soft_weight": 0.0}
    return arms


def how_they_learn(arms: dict[str, dict]) -> str:
    """Their learning rates, and whether anybody listens to the teacher."""
    rates = {arm: f"{told['learning_rate']:g}" for arm, told in arms.items()}
    said = f"Learning rates: {', '.join(f'{arm} {r}' for arm, r in rates.items())}."
    if len({*rates.values()}) == 1:
        said = f"Learning rate: {rates[ALONE]} for all."
    if arms[TAUGHT]["soft_weight"] == 0:
        said += " At weight 0 nobody listens to the teacher, so T does nothing."
    return said


def twins_picture(
    examples: int,
    seeds: int,
    said: str,
    errors: Errors,
    who: str = "The teacher",
    widest: float = WIDEST,
) -> fig.Drawn:
    """Test errors of each arm, and how many of them each arm spares its twin.

    `said` is about how they learn, `who` tells the first arm. The axes are shares of
    the test images, so that they stay while settings change.
    """
    first = next(iter(errors))
    spared = {
        arm: [twin - own for own, twin in zip(found, errors[ALONE], strict=False)]
        for arm, found in errors.items()
    }
    spared[ALONE] = []  # its row stays, so that rows stand beside each other
    widest = max(2.0, widest * examples)
    tens = torch.tensor([0.012, 0.95]).mul(examples).log10().tolist()
    shares = (0.02, 0.05, 0.1, 0.2, 0.5)
    ticks = fig.ticks_at(examples, shares)
    left = fig.axis(f"test errors of {examples:,}", tens, log=True, ticks=ticks)
    right = fig.axis("errors spared, beside the twin on labels", [-widest, widest])
    colors = {first: fig.STUDENT} | COLORS
    pairs = fig.spared_dots(spared, right, colors)
    pairs["y"] |= {"showticklabels": False}
    return fig.picture(
        title_of(spared[first], seeds, who),
        fig.dots(errors, left, colors),
        pairs,
        says=f"{sentence_of(errors, spared, examples, seeds, who)} {said}",
        height=340,
    )


def title_of(gains: list[int], seeds: int, who: str) -> str:
    """What the first arm spares, so far."""
    if not gains:
        return "The twins are training"
    verb = "spares" if sum(gains) >= 0 else "costs"
    said = fig.mean_words(gains).removeprefix("-")
    so_far = "" if len(gains) == seeds else f" ({len(gains)} of {seeds} seeds)"
    return f"{who} {verb} {said} errors{so_far}"


def sentence_of(
    errors: Errors, spared: Errors, examples: int, seeds: int, who: str
) -> str:
    """The same in words, with the spread and the control."""
    gains = next(iter(spared.values()))
    if not gains:
        return f"Training the first of {seeds} pairs of twins from the same weights."
    pairs = len(gains)
    text = f"Errors of {examples:,}: {fig.in_words(errors)}; {pairs} of {seeds} seeds."
    mean, spread = fig.mean_spread(gains)
    if spread > 0:
        better = sum(gain > 0 for gain in gains)
        text += f" In {better} of {pairs} pairs {who[0].lower()}{who[1:]} helps: "
        text += f"{mean:.0f} on average, with a spread of {spread:.0f}."
    if spared.get(SMOOTHING):
        text += f" Label smoothing spares {fig.mean_spread(spared[SMOOTHING])[0]:.0f}."
    return text
