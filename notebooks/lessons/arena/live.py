"""A recipe followed live, step by step: what each step costs, and what it gives back."""

import math
from collections.abc import Generator
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from torch import nn

from kdlab import compression as small
from kdlab import figures as fig
from kdlab.data import Columns, count, sample
from kdlab.experiments import SEEDS
from kdlab.panels import LivePanel, choice, dropdown, explore_live
from kdlab.training import evaluate

from .experiments import arm
from .recipes import ORDERS, WIDE, begun, changed, learning_steps, steps_of

RECIPES = {" → ".join(order): ", ".join(["train", *order]) for order in ORDERS}
LEARNING_RATE = 1e-2


def build_explorer(
    train_set: Columns,
    test_set: Columns,
    teacher: nn.Module,
    *,
    seeds: int = 3,
    **start: object,
) -> LivePanel:
    """Follow a recipe from 2,000 labels on; errors and bytes after each of its steps.

    `start` sets controls, such as bits=2.
    `await panel.finished()` gives {step: [test errors, seed by seed]}, in order.
    """
    images = sample(train_set, min(2000, count(train_set)))

    def built(order: str, recover: str, bits: int, epochs: int) -> Generator:
        told = {"bits": bits, "epochs": epochs, "learning_rate": LEARNING_RATE}
        setting = arm(WIDE, RECIPES[order], recover.split()[-1], **told)
        errors: dict[str, list[int]] = {}
        sizes: dict[str, float] = {}
        for step in steps_of(setting["method"]):
            changes = [f"{step}: at once"] * (step in ("prune", "quantize"))
            errors |= {name: [] for name in [*changes, f"{step}: after learning"]}
        draw = partial(built_picture, errors, sizes, count(test_set), seeds)
        with suppress(GeneratorExit):
            yield draw
            for seed in SEEDS[:seeds]:
                setting = {**setting, "seed": seed}
                net = begun(setting, teacher)
                for place, step in enumerate(steps_of(setting["method"])):
                    net = changed(net, step, bits)
                    if step in ("prune", "quantize"):
                        found = evaluate(net, test_set)["errors"]
                        errors[f"{step}: at once"].append(found)
                        yield draw
                    yield from learning_steps(net, place, images, setting)
                    after = f"{step}: after learning"
                    errors[after].append(evaluate(net, test_set)["errors"])
                    sizes[after] = bytes_of(net)
                    yield draw
        return errors

    return explore_live(
        built,
        values=start,
        order=dropdown("order", [*RECIPES]),
        recover=dropdown("recover", ["on the teacher", "on labels"]),
        bits=choice("bits of a weight", [2, 3, 4, 8], 8),
        epochs=choice("epochs in all", [8, 24, 60], 24),
    )


def bytes_of(net: nn.Module) -> int:
    """Bytes of the weights, packed if they are on a grid."""
    if not any(map(small.grid_of, small.layers_of(net).values())):
        return small.model_bytes(net)
    with TemporaryDirectory() as folder:
        return small.save_packed(Path(folder) / "packed.safetensors", net)


def built_picture(
    errors: dict[str, list[int]], sizes: dict[str, int], examples: int, seeds: int
) -> fig.Drawn:
    """Errors after each step, and the bytes that are left."""
    done = [name for name, found in errors.items() if found]
    shares = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5]
    ends = [math.log10(0.006 * examples), math.log10(examples)]
    ticks = fig.ticks_at(examples, shares)
    x = fig.axis(f"test errors of {examples:,}", ends, log=True, ticks=ticks)
    kilobytes = {n: [sizes[n] / 1000] if n in sizes else [] for n in errors}
    y = fig.axis("kB of weights", [0.6, 3], log=True)
    left, right = fig.dots(errors, x), fig.dots(kilobytes, y)
    right["y"] |= {"showticklabels": False}
    last, whole = (done or ["nothing"])[-1], [*errors][-1]
    so_far = "" if len(errors[whole]) == seeds else ", so far"
    return fig.picture(
        f"{last}: {fig.mean_words(errors[last])} errors{so_far}"
        if done
        else "It begins",
        left,
        right,
        says=f"Test errors of {examples:,}, {len(errors[whole])} of {seeds} seeds: "
        f"{fig.in_words(errors) or 'none yet'}.",
        widths=[1.6, 1],
        height=360,
    )
