"""Two comparisons, live: who taught the student, and how clients' answers are joined."""

from collections.abc import Callable, Generator
from functools import partial

import torch
from torch import Tensor, nn

from kdlab import figures as fig
from kdlab.data import Columns, count, sample
from kdlab.experiments import student_steps
from kdlab.explorers.twins import in_turns
from kdlab.objectives import label_loss
from kdlab.panels import LivePanel, choice, dropdown, explore_live
from kdlab.training import evaluate, predict

from .clients import RULES, combined, local_steps, private
from .senses import moved
from .sides import MOVED, learning, new_net, on_moved, steps

MOVED_ONE, STILL_ONE, LABELS = "moved teacher", "unmoved teacher", "labels"
COLORS = dict.fromkeys([MOVED_ONE, STILL_ONE, "the surer"], fig.STUDENT)
KINDS = {"an MLP": ("mlp-256", 5e-3), "a CNN": ("cnn-4-8-32", 1e-2)}
SHARES = 0.02, 0.05, 0.1, 0.2, 0.5  # of the test images, at ticks


def arms_picture(what: str, examples: int, seeds: int, errors: fig.Runs) -> fig.Drawn:
    """Test errors of each arm so far, the first two compared."""
    first, second = [*errors][:2]
    pairs = [b - a for a, b in zip(errors[first], errors[second], strict=False)]
    fewer = f"{fig.mean_words(pairs)} fewer than {second}" if pairs else "training"
    tens = torch.tensor([0.02 * examples, 1.15 * examples]).log10().tolist()
    ticks = fig.ticks_at(examples, SHARES)
    x = fig.axis(f"test errors of {examples:,}", tens, log=True, ticks=ticks)
    return fig.picture(
        f"{what}: {first} {fewer}",
        fig.dots(errors, x, COLORS),
        says=f"{len(pairs)} of {seeds} seeds: {first} beside {second}. "
        f"Errors of {examples:,}: "
        f"{fig.in_words(errors) or 'none yet'}.",
        height=340,
    )


def once(known: dict, key: tuple, make: Callable[[], Generator]) -> Generator:
    """What was made of this key before, or is made now, step by step."""
    if key not in known:
        known[key] = yield from make()
    return known[key]


def parts(columns: Columns, first: int, whole: int, seed: int) -> list[Columns]:
    """So many images, drawn at random: the first, and the rest."""
    drawn = sample(columns, min(whole, count(columns)), seed)
    sides = slice(first), slice(first, None)
    return [{name: column[side] for name, column in drawn.items()} for side in sides]


def habit_explorer(
    train_set: Columns, test_set: Columns, *, seeds: int = 5
) -> LivePanel:
    """Students who see unmoved digits, judged on moved ones; two teachers, and none.

    Each seed draws the images of both sides, and trains its teachers.
    `await panel.finished()` gives the errors of each arm, seed by seed.
    """
    known: dict[tuple, nn.Module] = {}
    pupils = min(2000, count(train_set) // 3)

    def taught(arm: str, seed: int, kind: str) -> Generator:
        own, told = parts(train_set, pupils, pupils + 10_000, seed)
        how = {"method": "labels", "learning_rate": 5e-3}
        if arm != LABELS:
            name, peak = KINDS[kind]
            goal = on_moved(label_loss, MOVED if arm == MOVED_ONE else 0)
            net, length = new_net(name, 100 + seed), steps(900, told)
            teacher = yield from learning(net, told, goal, peak, seed=seed, **length)
            own["teacher_logits"] = predict(teacher, own["images"])
            how = {"temperature": 8.0, "learning_rate": 1e-2}
        how |= {"student": "mlp-256", "seed": seed, **steps(480, own)}
        return (yield from student_steps(own, **how))

    def judged(kind: str, pixels: int) -> Generator:
        judges = {**test_set, "images": moved(test_set["images"], pixels)}

        def train(arm: str, seed: int) -> Generator:
            make = partial(taught, arm, seed, kind)
            net = yield from once(known, (arm, seed, arm != LABELS and kind), make)
            return evaluate(net, judges)["errors"]

        shown = partial(arms_picture, f"Moved by {pixels} px", count(judges), seeds)
        return in_turns((MOVED_ONE, STILL_ONE, LABELS), seeds, train, shown)

    return explore_live(
        judged,
        kind=dropdown("the teacher is", [*KINDS]),
        pixels=choice("test digits moved by, px", range(7), 2),
    )


def server_explorer(
    train_set: Columns, test_set: Columns, *, seeds: int = 5
) -> LivePanel:
    """A net that learns from clients' answers to public images, by three rules.

    Each seed draws the images, and trains its five clients. `await panel.finished()`
    gives the errors of each rule, seed by seed.
    """
    known: dict[tuple, object] = {}
    shared = min(2000, count(train_set) // 3)

    def answers(public: Tensor, own: list[Columns], seed: int) -> Generator:
        nets = yield from local_steps(own, seed)
        return torch.stack([predict(net, public) for net in nets])

    def served(public: str, images: int) -> Generator:
        def train(rule: str, seed: int) -> Generator:
            shown, own = parts(train_set, shared, 20_000, seed)
            if public == "noise":
                draw = torch.Generator().manual_seed(seed)
                shape = shown["images"].shape
                shown["images"] = torch.rand(shape, generator=draw)
            key, own = (seed, public, images), private(own, images)
            make = partial(answers, shown["images"], own, seed)
            said = yield from once(known, key, make)
            told = {**shown, "teacher_logits": combined(said, RULES[rule])}
            how = {"temperature": 1.0, "seed": seed, **steps(480, told)}
            make = partial(student_steps, told, **how)
            net = yield from once(known, (rule, *key), make)
            return evaluate(net, test_set)["errors"]

        what = f"Public {public}"
        shown = partial(arms_picture, what, count(test_set), seeds)
        return in_turns(("the surer", "mean", *[*RULES][1::2]), seeds, train, shown)

    return explore_live(
        served,
        public=dropdown("public images", ["digits", "noise"]),
        images=choice("images of each digit", (30, 100, 300), 300),
    )
