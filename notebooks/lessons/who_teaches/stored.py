"""What the stored runs say: crowds of teachers, peers, exits and generations."""

import pandas as pd

from kdlab import figures as fig
from kdlab.panels import Explorer, dropdown, explore

from .crowds import CNN, MLP
from .experiments import EXITS, PEER, SETS, STRANGERS, TWINS

LABELS, SMOOTH = "labels", "smoothing 0.1"
COLORS = {LABELS: fig.LABELS, SMOOTH: fig.OTHER}
PLAIN = {"labels": 2000, "unlabelled": 0, "own": False, "liars": 0}
PEERS = {  # the pair, and whose errors
    "each of two MLPs": (TWINS, "each_errors"), "two MLPs together": (TWINS, "test_errors"),
    "an MLP beside a CNN": (STRANGERS, "errors_0"),
    "a CNN beside an MLP": (STRANGERS, "errors_1"),
    "a CNN's early exit": (EXITS, "errors_0"), "its final exit": (EXITS, "errors_1"),
}  # fmt: skip
AND_MORE = {0: "", 8000: ", and 8,000 without", 9700: ", and 9,700 without"}


def errors(
    runs: pd.DataFrame, method: str, column: str = "test_errors", **wanted: object
) -> list[float]:
    """Errors of the runs with these values, seed by seed; else as in PLAIN."""
    there = {k: v for k, v in PLAIN.items() if k in runs} | {"method": method} | wanted
    found = runs[(runs[[*there]] == pd.Series(there)).all(axis=1)]
    return found.sort_values("seed")[column].tolist()


def gain(own: list[float], twins: list[float]) -> list[float]:
    """Errors fewer than the twins have, seed by seed."""
    return [twin - one for one, twin in zip(own, twins, strict=True)]


def crowd_tables(runs: pd.DataFrame) -> dict[str, fig.Runs]:
    """Students of one to eight teachers, for each kind and each set of images."""
    tables = {}
    for labels, more in SETS:
        for kind, teacher in {"MLPs": MLP, "CNNs": CNN}.items():
            rows = {m: errors(runs, m, labels=labels) for m in (LABELS, SMOOTH)}
            of = {"labels": labels, "unlabelled": more, "teacher": teacher}
            for n in (1, 2, 4, 8):
                mean = {**of, "teachers": n, "rule": "probabilities"}
                rows[f"taught by {n}"] = errors(runs, "teacher", **mean)
            rows["majority of 8"] = errors(runs, "arg max", **of)
            rows = {row: found for row, found in rows.items() if found}
            if "majority of 8" in rows:  # else these runs are of other images
                tables[f"{kind} of {labels:,} labels{AND_MORE[more]}"] = rows
    return tables


def self_tables(selves: pd.DataFrame, chains: pd.DataFrame) -> dict[str, fig.Runs]:
    """Students without a teacher: peers, exits, generations."""
    tables = {}
    for name, (student, column) in PEERS.items():
        of = {"student": student, "column": column}
        rows = {m: errors(selves, m, **of) for m in (LABELS, SMOOTH, PEER)}
        rows["with 8,000 more"] = errors(selves, PEER, unlabelled=8000, **of)
        tables[name] = rows
    for labels, more in (SETS[0], SETS[-1]):
        of = {"student": "mlp-128", "labels": labels}
        rows = {
            LABELS: [],
            SMOOTH: errors(chains, SMOOTH, epochs=15, generation=0, **of),
        }
        for n, row in enumerate((LABELS, *(f"generation {n}" for n in (1, 2, 3)))):
            rows[row] = errors(chains, "teacher", generation=n, unlabelled=more, **of)
        tables[f"born again of {labels:,} labels{AND_MORE[more]}"] = rows
    return tables


def runs_explorer(tables: dict[str, fig.Runs]) -> Explorer:
    """Test errors of each row, and how many it spares its twins, seed by seed."""
    ticks = {f"{n:,}": n for n in (300, 500, 1000, 2000)}
    left = fig.axis("test errors of 10,000", [2.45, 3.3], log=True, ticks=ticks)

    def view(what: str, beside: str) -> fig.Drawn:
        rows, colors = tables[what], dict.fromkeys(tables[what], fig.STUDENT) | COLORS
        twins = rows[beside] or rows[LABELS]
        spared = {row: gain(own, twins[: len(own)]) for row, own in rows.items()}
        ends = [-250, 900] if "300 labels" in what else [-200, 300]
        right = fig.axis(f"errors fewer than with {beside}", ends)
        best = min(rows, key=lambda row: sum(rows[row]) or 1e9)
        pairs = fig.spared_dots(spared, right, colors)
        pairs["y"] |= {"showticklabels": False}
        others = {row: found for row, found in spared.items() if row != beside}
        return fig.picture(
            f"{what[0].upper()}{what[1:]}: fewest errors {best}",
            fig.dots(rows, left, colors),
            pairs,
            says=f"Errors of 10,000: {fig.in_words(rows)}. "
            f"Fewer than with {beside}: {fig.in_words(others)}.",
            height=400,
        )

    what, beside = dropdown("who", [*tables]), dropdown("beside", [LABELS, SMOOTH])
    return explore(view, tabulate=2, what=what, beside=beside)
