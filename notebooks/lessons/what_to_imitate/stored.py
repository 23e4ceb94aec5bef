"""What the stored runs say: what was imitated, where, from whom, and how loud."""

import pandas as pd

from kdlab import figures as fig
from kdlab.panels import Explorer, choice, dropdown, explore
from kdlab.results import spared

from .students import SOURCES, WAYS

FROM = {"the teacher": "teacher", **SOURCES, "the pixels": "pixels"}
COLORS = {"labels alone": fig.LABELS, "the teacher": fig.TEACHER}
COLORS |= {"an untrained net": fig.STUDENT, "another image of the class": fig.OTHER}
COLORS |= {"the pixels": fig.SOFTENED}


def rows_of(
    runs: pd.DataFrame,
    method: str,
    layer: str | None = None,
    source: str = "teacher",
    **more: object,
) -> pd.DataFrame:
    """The runs of one way to learn, in the order of seeds; `more` are other columns."""
    wanted = {"method": method, "source": source, "soft_weight": 0.0, "labels": 1000}
    wanted |= {"teacher": "course"} | ({"layer": layer} if layer else {}) | more
    there = (runs[[*wanted]] == pd.Series(wanted)).all(axis=1)
    return runs[there].sort_values("seed")


def gain(runs: pd.DataFrame, *arm: str, **more: object) -> list[float]:
    """Errors that it spares its twins on labels, seed by seed."""
    twins = rows_of(runs, "labels", labels=more.get("labels", 1000))
    return spared(rows_of(runs, *arm, **more), twins)


def gains_picture(runs: pd.DataFrame) -> fig.Drawn:
    """Errors that each loss spares its twins on labels, seed by seed, and two controls."""
    gains = {way: gain(runs, *where) for way, where in WAYS.items()}
    gains["label smoothing"] = gain(runs, "smoothing 0.1")
    gains["answers, no label"] = gain(runs, "teacher", soft_weight=1.0)
    colors = {way: fig.STUDENT for way, (_, layer) in WAYS.items() if layer == "last"}
    x = fig.axis("errors of 10,000 spared, beside the twin on labels", [-100, 300])
    return fig.picture(
        "Errors that each loss spares, at the maps or at the last layer",
        fig.spared_dots(gains, x, colors | {"answers, no label": fig.TEACHER}),
        says=f"Errors spared: {fig.in_words(gains)}.",
        height=480,
    )


def weights_explorer(tuning: pd.DataFrame) -> Explorer:
    """Held-out errors over the weight of a loss, a line for each source."""
    search = {"teacher": "other 1", "learning_rate": 0.02}
    alone = rows_of(tuning, "labels", **search)["test_errors"].mean()
    every = [10.0**power for power in range(-2, 7)]
    ticks = {f"{n:,}": n for n in (300, 500, 1000, 2000)}
    y = fig.axis("held-out errors of 10,000", [2.45, 3.35], log=True, ticks=ticks)
    axes = fig.axis("weight", [-2.2, 6.2], log=True), y

    def view(way: str, weight: float) -> fig.Drawn:
        lines, said = {"labels alone": [alone] * len(every)}, []
        for words in [*COLORS][1:]:
            runs = rows_of(tuning, *WAYS[way], FROM[words], **search)
            means = runs.groupby("weight")["test_errors"].mean()
            lines[words if len(means) else f"({words})"] = [means.get(w) for w in every]
            if len(means):
                here = f"{means[weight]:,.0f}" if weight in means else "not tried"
                said.append(
                    f"{words}: {here}, fewest {means.min():,.0f} at {means.idxmin():g}"
                )
        colors = [COLORS[name.strip("()")] for name in lines]
        return fig.picture(
            f"{way[0].upper()}{way[1:]}: errors over the weight of its loss",
            fig.curves(every, lines, weight, axes, colors),
            says=f"Means of two seeds. Labels alone: {alone:.0f} errors. At weight "
            f"{weight:g} with features of {'; '.join(said)}.",
            height=420,
            legend=True,
        )

    way = dropdown("what", list(WAYS), "hint, the last layer")
    return explore(view, tabulate=2, way=way, weight=choice("weight", every, 10.0))
