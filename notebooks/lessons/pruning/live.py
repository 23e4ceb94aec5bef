"""Channels removed, and the rest trained again, live, over five seeds."""

import math
from collections.abc import Generator
from functools import partial

from torch import nn

from kdlab import figures as fig
from kdlab.data import Columns, count, sample
from kdlab.explorers.twins import in_turns
from kdlab.panels import LivePanel, choice, dropdown, explore_live
from kdlab.training import evaluate

from .pruned import pruning_steps
from .stored import COLORS, TAUGHT

ARMS = {  # {row: (way, or None for the one that is chosen; method; learning rate, of the stored search)}
    "on labels": (None, "labels", 3e-3),
    TAUGHT: (None, "teacher", 1e-2),
    "from scratch, on labels": ("from scratch", "labels", 2e-2),
    "from scratch, taught": ("from scratch", "teacher", 4e-2),
}
COUNTS = 200, 500, 1000, 2000
HOWS = {"smallest channels": "channels", "channels by lot": "random channels"}
HOWS["smallest channels, in three stages"] = "gradual channels"


def train_again_explorer(
    net: nn.Module, train_set: Columns, test_set: Columns, *, seeds: int = 5
) -> LivePanel:
    """What is left learns again in two ways, and the same shape from scratch in two.

    Both sets have a column teacher_logits [N, classes], what the whole net says; the
    net stays as it is. All arms take equally many steps. `await panel.finished()` gives
    the errors of each, {"on labels": [...]}, so far if it was stopped.
    """

    def trained(share: float, how: str, labels: int, epochs: int) -> Generator:
        chosen = sample(train_set, labels)

        def train(arm: str, seed: int) -> Generator:
            way, method, rate = ARMS[arm]
            told = {"how": way or how, "share": share, "method": method}
            told |= {"temperature": 4.0, "learning_rate": rate, "epochs": epochs}
            made = yield from pruning_steps(net, chosen, seed=seed, **told)
            return evaluate(made, test_set)["errors"]

        return in_turns(ARMS, seeds, train, partial(drawn, share, count(test_set)))

    counts = [n for n in COUNTS if n <= count(train_set)] or [count(train_set)]
    shares = [(fig.percent(share, 0), share) for share in (0.25, 0.5, 0.75)]
    return explore_live(
        trained,
        share=choice("channels removed", shares, 0.75),
        how=dropdown("which", [*HOWS.items()]),
        labels=choice("images", counts, counts[-1]),
        epochs=choice("epochs", (3, 6, 15), 3),
    )


def drawn(share: float, examples: int, errors: fig.Runs) -> fig.Drawn:
    """Test errors of each arm, as far as they are known."""
    ends = [math.log10(share * examples) for share in (0.008, 0.95)]
    ticks = fig.ticks_at(examples, (0.01, 0.02, 0.05, 0.1, 0.2, 0.5))
    x = fig.axis(f"test errors of {examples:,}", ends, log=True, ticks=ticks)
    title = f"{100 * share:g} % of the channels removed"
    known = {name: found for name, found in errors.items() if found}
    best = min(known, key=lambda n: fig.mean_spread(known[n])[0], default="")
    done = min(map(len, errors.values()))
    return fig.picture(
        f"{title}, trained again: fewest errors {best}"
        if known
        else f"{title}: the first one trains",
        fig.dots(errors, x, COLORS),
        says=f"Errors of {examples:,}: {fig.in_words(known)}; {done} seeds are done.",
        height=320,
    )
