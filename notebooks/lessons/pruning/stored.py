"""What the stored runs say: nets made smaller, as they are and trained again."""

import pandas as pd

from kdlab import figures as fig
from kdlab.panels import Explorer, choice, dropdown, explore

TAUGHT = "on what it said itself"
ROWS = {  # {row: (way, trained how)}
    "not trained again": ("channels", "none"),
    "with new statistics": ("channels", "recalibrated"),
    "on labels": ("channels", "labels"),
    TAUGHT: ("channels", "teacher"),
    "from scratch, on labels": ("from scratch", "labels"),
    "from scratch, taught": ("from scratch", "teacher"),
}
COLORS = {"on labels": fig.LABELS, TAUGHT: fig.TEACHER}
COLORS |= {"from scratch, taught": fig.STUDENT, "with new statistics": fig.OTHER}
DIGITS, COLOUR = "MNIST, no BatchNorm", "digits on colours, BatchNorm"
NETS = {  # {net: (words, test images, axis of its errors)}
    DIGITS: ("480 steps on 2,000 images.", "10,000", [1.6, 3.98]),
    COLOUR: ("160 steps on 2,000 pictures.", "1,080", [1.2, 3.1]),
}
REMOVED = {"75 % of the channels": ("channels", 0.75)}
REMOVED |= {f"{n} % of the weights": ("weights", n / 100) for n in (95, 98)}
WAYS = {"smallest, at once": "", "smallest, in three stages": "gradual "}
WAYS["by lot, at once"] = "random "


def axis_of(net: str) -> dict:
    """The axis of the errors of one of NETS."""
    _, images, ends = NETS[net]
    ticks = {f"{n:,}": n for n in (20, 50, 100, 300, 1000, 5000)}
    return fig.axis(f"test errors of {images}", ends, log=True, ticks=ticks)


def errors_of(
    runs: pd.DataFrame, how: str, share: float, method: str, labels: int = 2000
) -> list[float]:
    """Test errors of the runs of a way to make a net smaller, seed by seed."""
    is_here = (runs["how"] == how) & (runs["share"] == share)
    is_here &= (runs["method"] == method) & (runs["labels"] == labels)
    return runs[is_here].sort_values("seed")["test_errors"].tolist()


def training_explorer(runs: pd.DataFrame, norms: pd.DataFrame) -> Explorer:
    """Nets with channels removed, before and after training, and from scratch.

    `norms` are the runs of a net with BatchNorm.
    """

    def view(share: float, net: str) -> fig.Drawn:
        some, (name, images, _) = (runs, norms)[net == COLOUR], NETS[net]
        found = {row: errors_of(some, h, share, m) for row, (h, m) in ROWS.items()}
        here = some[(some["how"] == "channels") & (some["share"] == share)].iloc[0]
        return fig.picture(
            f"{100 * share:g} % of the channels gone: {fig.mean_words(found[TAUGHT])} errors "
            "after training",
            fig.dots(found, axis_of(net), COLORS),
            says=f"{name} {here.weights:,} parameters, {here.multiply_adds:,} "
            f"multiply-adds. Errors of {images}: {fig.in_words(found)}.",
        )

    shares = [(fig.percent(share, 0), share) for share in (0.25, 0.5, 0.75)]
    share = choice("channels removed", shares, 0.5)
    return explore(view, share=share, net=dropdown("net", list(NETS)))


def ways_explorer(runs: pd.DataFrame) -> Explorer:
    """What goes by size or by lot, at once or in stages; then trained alike."""

    def view(what: str) -> fig.Drawn:
        how, share = REMOVED[what]
        found = {
            row: errors_of(runs, way + how, share, "teacher")
            for row, way in WAYS.items()
        }
        known = {row: fig.mean_spread(some)[0] for row, some in found.items() if some}
        return fig.picture(
            f"{what} removed: fewest errors {min(known, key=known.get)}",
            fig.dots(found, axis_of(DIGITS)),
            says=f"Errors of 10,000: {fig.in_words(found)}. All were trained in 480 "
            "steps on what the whole net says of 2,000 images.",
        )

    return explore(view, what=dropdown("removed", list(REMOVED)))
