"""One point, live: nets on a grid of so many bits, as they are and trained on."""

import math
from collections.abc import Generator
from functools import partial

from torch import nn

from kdlab import figures as fig
from kdlab.compression import on_grid
from kdlab.data import Columns, count
from kdlab.explorers.twins import in_turns
from kdlab.objectives import label_loss
from kdlab.panels import LivePanel, choice, explore_live
from kdlab.training import cycle_of, evaluate, training_steps

from . import experiments as of
from .stored import COLORS

WAYS = [of.FLOAT, of.AFTER, of.STRAIGHT, of.LEARNED, of.TAUGHT]


def rescue_explorer(
    train_set: Columns, test_set: Columns, *, seeds: int = 3, **start: int
) -> LivePanel:
    """Students on a grid of so many bits, as they are and trained on, seed by seed.

    `start` sets controls, such as bits=3. `await panel.finished()` gives the test
    errors of each way, {"float32": [...], ...}, so far if it was stopped. The nets in
    float32 are trained once for all positions.
    """
    nets: dict[int, nn.Module] = {}

    def rescued(bits: int, epochs: int) -> Generator:
        def train(way: str, seed: int) -> Generator:
            if seed not in nets:
                net, how = of.new_net(seed), {"rate": of.RATE, "epochs": 15}
                yield from steps(net, (train_set, label_loss), seed, **how)
                nets[seed] = net
            net = nets[seed]
            if way != of.FLOAT:
                net = on_grid(net, bits, learned="learned" in way, clip="error")
            if way not in (of.FLOAT, of.AFTER):
                how = {"rate": of.best_rate(way, bits), "epochs": epochs}
                told = of.told(nets[seed], train_set, way)
                yield from steps(net, told, seed, **how)
            return evaluate(net, test_set)["errors"]

        draw = partial(rescue_picture, count(test_set), seeds, bits)
        return in_turns(WAYS, seeds, train, draw)

    bits = choice("bits", of.BITS, 2)
    epochs = choice("epochs on the grid", [1, 2, 4, 8], 4)
    return explore_live(rescued, values=start, bits=bits, epochs=epochs)


def steps(
    net: nn.Module, told: tuple, seed: int, rate: float, epochs: int
) -> Generator:
    """Those of one training, of columns and an objective."""
    columns, objective = told
    cycle = cycle_of(net, columns, rate, epochs=epochs, batch_size=of.BATCH)
    yield from training_steps(net, columns, objective, seed=seed, **cycle)


def rescue_picture(examples: int, seeds: int, bits: int, errors: fig.Runs) -> fig.Drawn:
    """Test errors of each way; the axis is shares of the test images, and stays."""
    ends = [math.log10(0.008 * examples), math.log10(examples)]
    ticks = fig.ticks_at(examples, (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1))
    x = fig.axis(f"test errors of {examples:,}", ends, log=True, ticks=ticks)
    title, done = f"{bits} bits: the nets are training", len(errors[of.TAUGHT])
    if done:
        after, best = (fig.mean_words(errors[way]) for way in (of.AFTER, of.TAUGHT))
        so_far = "" if done == seeds else f" ({done} of {seeds} seeds)"
        title = f"{bits} bits: {after} errors {of.AFTER}, {best} when taught{so_far}"
    return fig.picture(
        title,
        fig.dots(errors, x, dict(zip(WAYS[1:], COLORS, strict=True))),
        says=f"Weights of {bits} bits; errors of {examples:,} images: "
        f"{fig.in_words(errors) or 'none yet'}.",
        height=380,
    )
