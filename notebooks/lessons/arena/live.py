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

from . import recipes
from .experiments import arm
from .recipes import CHANGES, RECIPES, TOLD, WIDE

KILOBYTES = {f"{size:,}": size for size in (10, 30, 100, 300)}
AT_ONCE, AFTER = "{}: at once", "{}: after learning"
Found = dict[str, list[float]]  # of each step, seed by seed


def build_explorer(
    train_set: Columns,
    test_set: Columns,
    teacher: nn.Module,
    *,
    seeds: int = 3,
    **start: object,
) -> LivePanel:
    """Follow a recipe from 2,000 labels on; errors and bytes after each of its steps.

    `start` sets controls, such as bits=2. `await panel.finished()` gives {step: [test
    errors, seed by seed]}, in order.
    """
    images = sample(train_set, min(2000, count(train_set)))

    def built(order: str, recover: str, bits: int, epochs: int) -> Generator:
        setting = arm(WIDE, RECIPES[order], TOLD[recover], bits=bits, epochs=epochs)
        steps = recipes.steps_of(setting["method"])
        errors, kilobytes = ({row: [] for row in rows_of(steps)} for _ in range(2))
        draw = partial(built_picture, errors, kilobytes, count(test_set), seeds)

        def judged(net: nn.Module, row: str) -> Generator:
            errors[row].append(evaluate(net, test_set)["errors"])
            kilobytes[row] = [bytes_of(net) / 1000]
            yield draw

        with suppress(GeneratorExit):
            yield draw
            for setting["seed"] in SEEDS[:seeds]:
                net = recipes.begun(setting, teacher)
                for place, step in enumerate(steps):
                    net = recipes.changed(net, step, bits)
                    if step in CHANGES:
                        yield from judged(net, AT_ONCE.format(step))
                    yield from recipes.learning_steps(net, place, images, setting)
                    yield from judged(net, AFTER.format(step))
        return errors

    controls = {"order": dropdown("order", [*RECIPES])}
    controls["recover"] = dropdown("recover", [*TOLD], "on the teacher")
    controls["bits"] = choice("bits of a weight", [2, 3, 4, 8], 8)
    controls["epochs"] = choice("epochs in all", [8, 24, 60], 24)
    return explore_live(built, values=start, **controls)


def rows_of(steps: list[str]) -> list[str]:
    """What is judged: each step after learning, and those that change the net before."""
    both = [(AT_ONCE, AFTER) if step in CHANGES else (AFTER,) for step in steps]
    return [n.format(s) for s, some in zip(steps, both, strict=True) for n in some]


def bytes_of(net: nn.Module) -> int:
    """Bytes of the weights, packed if they are on a grid."""
    if not any(map(small.grid_of, small.layers_of(net).values())):
        return small.model_bytes(net)
    with TemporaryDirectory() as folder:
        return small.save_packed(Path(folder) / "packed.safetensors", net)


def built_picture(
    errors: Found, kilobytes: Found, examples: int, seeds: int
) -> fig.Drawn:
    """Errors after each step, and the bytes that are left."""
    done, last = [name for name in errors if errors[name]], [*errors][-1]
    ends = [math.log10(0.006 * examples), math.log10(examples)]
    ticks = fig.ticks_at(examples, [0.01, 0.02, 0.05, 0.1, 0.2, 0.5])
    x = fig.axis(f"test errors of {examples:,}", ends, log=True, ticks=ticks)
    size = fig.axis("kB of weights", [0.6, 3], log=True, ticks=KILOBYTES)
    right = fig.dots(kilobytes, size)
    right["y"] |= {"showticklabels": False}
    so_far = "" if len(errors[last]) == seeds else ", so far"
    title = "The first net learns from labels"
    if done:
        title = f"{done[-1]}: {fig.mean_words(errors[done[-1]])} errors{so_far}"
    return fig.picture(
        title,
        fig.dots(errors, x),
        right,
        says=f"Test errors of {examples:,}, {len(errors[last])} of {seeds} seeds: "
        f"{fig.in_words(errors) or 'none yet'}.",
        widths=[1.6, 1],
        height=360,
    )
