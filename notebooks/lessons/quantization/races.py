"""Stored races: how much faster a runner is than float32 in the same engine."""

import pandas as pd

from kdlab import figures as fig
from kdlab.experiments import EAGER, FLOAT, INT8
from kdlab.panels import Explorer, choice, explore

SHOWN = {EAGER: fig.LABELS, FLOAT: fig.SOFTENED, INT8: fig.STUDENT}
SHOWN |= {"int8, weights of 7 bits": fig.OTHER, "int8, every layer": fig.TEACHER}
KINDS = {"with VNNI": True, "without": False}
TIMES = {"1/8": 1 / 8, "1/4": 1 / 4, "1/2": 1 / 2, "1": 1, "2": 2, "4": 4}


def gains_of(runs: pd.DataFrame) -> pd.DataFrame:
    """A row for each race: of each runner, how many times as fast as float32."""
    runs = runs.assign(vnni=runs["instructions"].str.contains("VNNI|dot product"))
    by = ["vnni", "processor", "student", "threads", "batch", "seed"]
    ms = runs.pivot_table("ms", by, "method")
    return ms.rdiv(ms[FLOAT], axis=0).reset_index()


def times_axis(title: str = "times as fast as float32, same engine") -> dict:
    """From an eighth to six times, on a logarithmic scale."""
    return fig.axis(title, [-1.05, 0.8], log=True, ticks=TIMES)


def races_explorer(runs: pd.DataFrame) -> Explorer:
    """The course's teacher in its runners, on processors with VNNI and without."""
    gains = gains_of(runs)

    def found(kind: str, threads: int, batch: int) -> fig.Runs:
        here = gains.query(f"vnni == {KINDS[kind]} and threads == {threads}")
        here = here[here["batch"] == batch]
        return {name: here[name].dropna().tolist() for name in SHOWN}

    def view(batch: int, threads: int) -> fig.Drawn:
        both = {kind: found(kind, threads, batch) for kind in KINDS}
        parts = [fig.dots(rows, times_axis(k), SHOWN) for k, rows in both.items()]
        for part in parts:
            part["traces"].insert(
                0, fig.upright(1, [-0.5, len(SHOWN) - 0.5], "float32")
            )
        parts[1]["y"] |= {"showticklabels": False}
        means = {kind: fig.mean_spread(rows[INT8])[0] for kind, rows in both.items()}
        says = (f"{kind}: {fig.in_words(rows, 2)}" for kind, rows in both.items())
        return fig.picture(
            f"{batch} at once, {threads} thread{'s' * (threads > 1)}: int8 is "
            + ", ".join(f"{mean:.2g} times as fast {k}" for k, mean in means.items()),
            *parts,
            says="The teacher of MNIST, times as fast as float32 in ONNX Runtime. "
            f"{'. '.join(says)}.",
            height=380,
        )

    batch = choice("images at once", [1, 128], 128)
    return explore(view, tabulate=2, batch=batch, threads=choice("threads", [1, 2], 1))


def widths_explorer(runs: pd.DataFrame) -> Explorer:
    """How int8's gain grows with the width of a net."""
    gains = gains_of(runs)
    gains["width"] = gains["student"].str.split("-").str[1].astype(int)
    gains = gains[gains["vnni"]]
    widths = sorted(gains["width"].unique().tolist())
    ticks = {f"{width}": width for width in widths}
    x = fig.axis("channels of the first layer", [0.8, 1.9], log=True, ticks=ticks)

    def view(batch: int) -> fig.Drawn:
        here = gains[gains["batch"] == batch]
        lines = {
            name: [here[here["width"] == width][name].tolist() for width in widths]
            for name in (INT8, "int8, every layer")
        }
        colors = [SHOWN[name] for name in lines]
        part = fig.lines_with_spread(widths, lines, (x, times_axis()), colors)
        one = {"type": "scatter", "mode": "lines", "x": [6, 80], "y": [1, 1]}
        one |= {"line": {"color": fig.LABELS, "dash": "dot"}, "name": "float32"}
        first, *_, last = (fig.mean_spread(runs)[0] for runs in lines[INT8])
        words = (
            f"{width}: {fig.mean_words(runs, 2)}"
            for width, runs in zip(widths, lines[INT8], strict=True)
        )
        return fig.picture(
            f"{batch} at once: int8 is {first:.2g} times as fast with {widths[0]} "
            f"channels, {last:.2g} times with {widths[-1]}",
            {**part, "traces": [*part["traces"], one]},
            says="Untrained nets of two convolutions, one thread, with VNNI; times as "
            f"fast as float32 in the same engine, by channels: {'; '.join(words)}.",
            height=400,
            legend=True,
        )

    return explore(view, batch=choice("images at once", [1, 128], 128))


def gains_by_width(runs: pd.DataFrame) -> dict[int, float]:
    """{channels: times as fast as float32}, 128 images, on the processor with VNNI."""
    gains = gains_of(runs).query("vnni and batch == 128")
    means = gains.groupby("student")[INT8].mean()
    return {int(name.split("-")[1]): mean for name, mean in means.items()}
