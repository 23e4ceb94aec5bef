"""What the stored runs say: crowds of teachers, peers, exits and generations."""

import pandas as pd

from kdlab import figures as fig
from kdlab.panels import Explorer, dropdown, explore

from .crowds import CNN, MLP
from .experiments import EXITS, PEER, SETS, STRANGERS, TWINS

LABELS, SMOOTH, SMOOTHER = "labels", "smoothing 0.1", "smoothing 0.3"
COLORS = {LABELS: fig.LABELS, SMOOTH: fig.OTHER, SMOOTHER: fig.OTHER}
PLAIN = {"labels": 2000, "unlabelled": 0, "own": False, "liars": 0}
PEERS = {  # the pair, and whose errors
    "each of two MLPs": (TWINS, "each_errors"), "two MLPs together": (TWINS, "test_errors"),
    "an MLP with a CNN": (STRANGERS, "errors_0"),
    "a CNN with an MLP": (STRANGERS, "errors_1"),
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
            rows = {m: errors(runs, m, labels=labels) for m in COLORS}
            of = {"labels": labels, "unlabelled": more, "teacher": teacher}
            for n in (1, 2, 4, 8):
                mean = {**of, "teachers": n, "rule": "probabilities"}
                rows[f"taught by {n}"] = errors(runs, "teacher", **mean)
            rows["majority of 8"] = errors(runs, "arg max", **of)
            rows = {row: found for row, found in rows.items() if found}
            if "majority of 8" in rows:  # else these runs are of other images
                tables[f"{kind} of {labels:,} labels{AND_MORE[more]}"] = rows
    return tables


def self_tables(selves: pd.DataFrame) -> dict[str, fig.Runs]:
    """Nets that teach one another: peers and exits."""
    tables = {}
    for name, (student, column) in PEERS.items():
        of = {"student": student, "column": column}
        rows = {m: errors(selves, m, **of) for m in (LABELS, SMOOTH, PEER)}
        rows["with 8,000 more"] = errors(selves, PEER, unlabelled=8000, **of)
        tables[name] = rows
    return tables


def born_tables(chains: pd.DataFrame, *crowds: pd.DataFrame) -> dict[str, fig.Runs]:
    """Generations, of many labels and of few; smoothing is that of these crowds."""
    tables = {}
    for (labels, more), crowd in zip((SETS[0], SETS[-1]), crowds, strict=True):
        of = {"student": "mlp-128", "labels": labels, "unlabelled": more}
        born = [errors(chains, "teacher", generation=n, **of) for n in range(4)]
        rows = {m: errors(crowd, m, labels=labels) for m in COLORS} | {LABELS: born[0]}
        rows |= {f"generation {n}": born[n] for n in (1, 2, 3)}
        tables[f"born again of {labels:,} labels{AND_MORE[more]}"] = rows
    return tables


def runs_explorer(tables: dict[str, fig.Runs]) -> Explorer:
    """Test errors of each row, and how many it spares its twins, seed by seed."""
    ticks = {f"{n:,}": n for n in (200, 300, 500, 1000)}
    left = fig.axis("test errors of 10,000", [2.25, 3.3], log=True, ticks=ticks)
    pairs = [
        (r, t[b]) for t in tables.values() for r in t.values() for b in (LABELS, SMOOTH)
    ]
    most = 1.1 * max(abs(fewer) for pair in pairs for fewer in gain(*pair))

    def view(what: str, beside: str) -> fig.Drawn:
        rows, colors = tables[what], dict.fromkeys(tables[what], fig.STUDENT) | COLORS
        spared = {row: gain(own, rows[beside]) for row, own in rows.items()}
        right = fig.axis(f"errors fewer than with {beside}", [-most, most])
        best = min(rows, key=lambda row: sum(rows[row]))
        pairs = fig.spared_dots(spared, right, colors)
        pairs["y"] |= {"showticklabels": False}
        others = {row: found for row, found in spared.items() if row != beside}
        return fig.picture(
            f"{what[0].upper()}{what[1:]}; fewest errors: {best}",
            fig.dots(rows, left, colors),
            pairs,
            says=f"Errors of 10,000: {fig.in_words(rows)}. "
            f"Fewer than with {beside}: {fig.in_words(others)}.",
        )

    what, beside = dropdown("who", [*tables]), dropdown("beside", [LABELS, SMOOTH])
    return explore(view, tabulate=2, what=what, beside=beside)
