"""What the stored runs say: what was imitated, from whom, and how loudly."""

import pandas as pd

from kdlab import figures as fig
from kdlab.panels import Explorer, dropdown, explore
from kdlab.results import spared

PLACES = {"maps": "the maps", "last": "the last layer"}
KINDS = {
    "hint": "hint",
    "attention": "attention",
    "gram": "Gram",
    "flow": "flow",
    "distances": "distances",
    "angles": "angles",
    "similarity": "similarity",
}
FIRST = {"on labels": ("labels", None, "teacher", 0.0)}
FIRST |= {"smoothing 0.1": ("smoothing 0.1", None, "teacher", 0.0)}
FIRST |= {"answers alone": ("teacher", None, "teacher", 1.0)}


def layered(kind: str, layer: str) -> str:
    """'distances, the last layer'."""
    return f"{KINDS[kind]}, {PLACES[layer]}"


def arm_rows(*arms: tuple[str, str, str, float], names: dict[str, str]) -> dict:
    """{words: arm}, an arm being method, layer, source and weight of the answers."""
    said = {}
    for method, layer, source, soft in arms:
        name = layered(method, layer) if source == "teacher" else names[source]
        said["answers and " + name if soft else name] = (method, layer, source, soft)
    return said


SOURCES = {
    "untrained": "of an untrained net",
    "class mates": "of another image of the class",
    "shuffled": "of any other image",
    "pixels": "of the pixels",
}
EARLY = [("hint", "maps"), ("attention", "maps"), ("gram", "maps"), ("flow", "maps")]
EARLY += [("distances", "maps"), ("similarity", "maps")]
LATE = [("hint", "last"), ("distances", "last"), ("angles", "last")]
LATE += [("similarity", "last")]


def group(pairs: list[tuple[str, str]], soft: float = 0.0) -> dict:
    """The first rows, and these ways, from the teacher."""
    return FIRST | arm_rows(*((*p, "teacher", soft) for p in pairs), names={})


def controls(method: str, layer: str, *sources: str) -> dict:
    """Labels, one way from the teacher, and the same from these sources."""
    every = ((method, layer, source, 0.0) for source in ("teacher", *sources))
    return {"on labels": FIRST["on labels"]} | arm_rows(*every, names=SOURCES)


GROUPS = {  # {words: {row: arm}}
    "the maps": group(EARLY),
    "the last layer": group(LATE),
    "with the teacher's answers": group([EARLY[0], LATE[0], LATE[1], LATE[3]], 1.0),
    "whose hint, the maps": controls("hint", "maps", "untrained"),
    "whose hint, the last layer": controls(
        "hint", "last", "untrained", "class mates", "shuffled"
    ),
    "whose distances": controls(
        "distances", "last", "untrained", "class mates", "shuffled", "pixels"
    ),
}
COLORS = {"on labels": fig.LABELS, "answers alone": fig.TEACHER}
COLORS["smoothing 0.1"] = fig.OTHER


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
    there &= runs["teacher"] == teacher if teacher else runs["teacher"] != "course"
    if layer:
        there &= runs["layer"] == layer
    return runs[there].sort_values("seed")


def gain(runs: pd.DataFrame, *arm: object, **more: object) -> list[float]:
    """Errors that it spares its twins on labels, seed by seed."""
    twins = rows_of(runs, "labels", labels=more.get("labels", 1000))
    return spared(rows_of(runs, *arm, **more), twins)


def imitation_explorer(runs: pd.DataFrame) -> Explorer:
    """Errors of everybody in one of GROUPS."""

    def view(what: str) -> fig.Drawn:
        found = {
            row: rows_of(runs, *arm)["test_errors"].tolist()
            for row, arm in GROUPS[what].items()
        }
        ticks = {f"{n:,}": n for n in (300, 400, 500, 600, 800)}
        x = fig.axis("test errors of 10,000", [2.38, 2.95], log=True, ticks=ticks)
        means = {row: fig.mean_spread(some)[0] for row, some in found.items()}
        colors = {row: COLORS.get(row, fig.STUDENT) for row in found}
        return fig.picture(
            f"{what[0].upper()}{what[1:]}: fewest errors {min(means, key=means.get)}",
            fig.dots(found, x, colors),
            says=f"Errors of 10,000, five seeds: {fig.in_words(found)}.",
            height=420,
        )

    return explore(view, what=dropdown("compare", list(GROUPS)))


def weights_explorer(tried: pd.DataFrame) -> Explorer:
    """Errors on held-out images over the weight of each loss that was tried."""
    pairs = {layered(*pair): pair for pair in EARLY + LATE}

    def view(what: str) -> fig.Drawn:
        some = rows_of(tried, *pairs[what], teacher="")
        by = {w: g["test_errors"].tolist() for w, g in some.groupby("weight")}
        plain = rows_of(tried, "labels", teacher="")
        plain = plain.groupby("learning_rate")["test_errors"].mean().min()
        ticks = {f"{10.0**n:g}" if n < 5 else f"1e{n}": 10.0**n for n in range(-2, 7)}
        x = fig.axis("weight of the loss", [-2.4, 6.4], log=True, ticks=ticks)
        y = fig.axis("errors on 10,000 held-out images", [250, 750])
        part = fig.lines_with_spread(
            [*by], {what: [*by.values()]}, (x, y), [fig.STUDENT]
        )
        line = {"type": "scatter", "mode": "lines", "name": "labels alone"}
        line |= {"x": [1e-3, 1e7], "y": [plain, plain]}
        line |= {"line": {"color": fig.LABELS, "dash": "dot", "width": 2}}
        means = {w: sum(found) / len(found) for w, found in by.items()}
        best = min(means, key=means.get)
        return fig.picture(
            f"{what[0].upper()}{what[1:]}: best at a weight of {best:g}",
            {**part, "traces": [*part["traces"], line]},
            says="Errors by weight, two seeds: "
            + "; ".join(f"{w:g}: {mean:.0f}" for w, mean in means.items())
            + f". Labels alone: {plain:.0f}.",
            legend=True,
        )

    return explore(view, what=dropdown("loss", list(pairs)))
