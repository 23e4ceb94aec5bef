"""What the stored runs say: what was imitated, where, and from whom."""

import pandas as pd

from kdlab import figures as fig
from kdlab.panels import Explorer, dropdown, explore
from kdlab.results import spared

from .students import WAYS

LABELS = "on labels"
ANSWERS = {"answers alone": {"method": "teacher", "soft_weight": 1.0}}
PLAIN = {LABELS: {"method": "labels"}, "smoothing 0.1": {"method": "smoothing 0.1"}}
PLAIN |= ANSWERS
SOURCES = {"": "teacher", "of another image of the class": "class mates"}
SOURCES |= {"of any other image": "shuffled", "of an untrained net": "untrained"}
SOURCES |= {"of the pixels": "pixels"}
COLORS = {LABELS: fig.LABELS, "answers alone": fig.TEACHER, "smoothing 0.1": fig.OTHER}


def ways(place: str, **more: object) -> dict[str, dict]:
    """All ways to be told of this place, and those that hear answers only."""
    found = {name: pair for name, pair in WAYS.items() if name.endswith(place)}
    said = {
        n.partition(",")[0]: {"method": m, "layer": k} for n, (m, k) in found.items()
    }
    return PLAIN | {name: {**arm, **more} for name, arm in said.items()}


def whose(way: str, *sources: str) -> dict[str, dict]:
    """One way to be told, from the teacher and from these others."""
    method, layer = WAYS[way]
    found = {source or way: {"source": SOURCES[source]} for source in ("", *sources)}
    arms = {n: {"method": method, "layer": layer, **s} for n, s in found.items()}
    return {LABELS: PLAIN[LABELS]} | arms


EVERY = [*SOURCES][1:]
GROUPS = {  # {words: {row: what its runs are}}
    "the maps": ways("maps"),
    "the last layer": ways("last layer"),
    "the last layer, with answers": ANSWERS
    | {n: ways("last layer")[n] | {"soft_weight": 1.0} for n in ("hint", "similarity")},
    "whose hint, at the maps": whose("hint, the maps", EVERY[2]),
    "whose hint, at the last layer": whose("hint, the last layer", *EVERY[:2]),
    "whose distances": whose("distances, the last layer", EVERY[0], EVERY[3]),
}


def rows_of(
    runs: pd.DataFrame,
    method: str,
    layer: str | None = None,
    source: str = "teacher",
    soft_weight: float = 0.0,
    labels: int = 1000,
    teacher: str = "course",
) -> pd.DataFrame:
    """The runs of one way to learn, in the order of seeds."""
    there = (runs["method"] == method) & (runs["source"] == source)
    there &= (runs["soft_weight"] == soft_weight) & (runs["labels"] == labels)
    there &= runs["teacher"] == teacher
    if layer:
        there &= runs["layer"] == layer
    return runs[there].sort_values("seed")


def gain(runs: pd.DataFrame, *arm: str, **more: object) -> list[float]:
    """Errors that it spares its twins on labels, seed by seed."""
    twins = rows_of(runs, "labels", labels=more.get("labels", 1000))
    return spared(rows_of(runs, *arm, **more), twins)


def imitation_explorer(runs: pd.DataFrame) -> Explorer:
    """Errors of everybody in one of GROUPS."""

    def view(group: str) -> fig.Drawn:
        found = {
            row: rows_of(runs, **arm)["test_errors"].tolist()
            for row, arm in GROUPS[group].items()
        }
        ticks = {f"{n:,}": n for n in (300, 400, 500, 700, 1000)}
        x = fig.axis("test errors of 10,000", [2.38, 3.1], log=True, ticks=ticks)
        means = {row: fig.mean_spread(some)[0] for row, some in found.items()}
        colors = {row: COLORS.get(row, fig.STUDENT) for row in found}
        return fig.picture(
            f"{group[0].upper()}{group[1:]}: fewest errors {min(means, key=means.get)}",
            fig.dots(found, x, colors),
            says=f"Errors of 10,000, five seeds: {fig.in_words(found)}.",
            height=420,
        )

    return explore(view, group=dropdown("compare", list(GROUPS)))
