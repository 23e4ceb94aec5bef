"""A net in several engines: raced here, and beside what was measured elsewhere."""

import math
from collections.abc import Callable

import pandas as pd
import torch
from torch import Tensor, nn

from kdlab import compression as small
from kdlab import figures as fig
from kdlab.experiments import EAGER, FLOAT, INT8, Runners, runners_of
from kdlab.panels import Explorer, choice, explore
from kdlab.results import load_runs
from kdlab.training import predict

ROUNDS = {1: 100, 128: 20}  # of a race, by the images at once
EVERY = "int8, every layer"
SHOWN = {EAGER: fig.LABELS, FLOAT: fig.SOFTENED, INT8: fig.STUDENT}
SHOWN |= {EVERY: fig.OTHER, "int8, weights of 7 bits": fig.STUDENTS[0]}
TIMES = {"1/8": 1 / 8, "1/4": 1 / 4, "1/2": 1 / 2, "1": 1, "2": 2, "4": 4}


def engines_of(model: nn.Module, images: Tensor) -> tuple[Runners, dict[str, int]]:
    """{name: images -> logits} of a net here and in another engine; bytes of each.

    The ranges of activations are measured on these images [N, C, H, W]. Without the
    extra `compress` the net is alone, and one line says what to install.
    """
    if said := small.lacking():
        print(f"{said} The stored races below show what you would see.")
        return {EAGER: model}, {EAGER: small.model_bytes(model)}
    return runners_of(model, images, kinds={INT8: {}})


def race_table(
    runners: Runners, sizes: dict[str, int], columns: dict[str, Tensor]
) -> pd.DataFrame:
    """Bytes, errors, and times for 1 image and for 128; × is how many times as fast."""
    images, labels, rows = columns["images"], columns["labels"], {}
    for name, run in runners.items():
        wrong = (top_answers(run, images) != labels).sum().item()
        rows[name] = {("file", "kB"): round(sizes[name] / 1000)}
        rows[name] |= {("file", f"errors of {len(labels):,}"): wrong}
    for batch, rounds in ROUNDS.items():
        ms = small.race(runners, images[:batch], rounds=rounds)["ms"]
        for name, row in rows.items():
            row[f"{batch} at once", "ms"] = round(ms[name], 3)
            for other in (EAGER, FLOAT):
                times = ms.get(other, math.nan) / ms[name]
                row[f"{batch} at once", f"× {other}"] = round(times, 2)
    table = pd.DataFrame([*rows.values()], index=[*rows])
    return table.set_axis(pd.MultiIndex.from_tuples(table.columns), axis=1)


def top_answers(run: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """The classes [N] that a runner answers; in parts, as an engine keeps its room."""
    if isinstance(run, nn.Module):
        return predict(run, images).argmax(dim=1)
    return torch.cat([run(part).argmax(dim=1) for part in images.split(128)])


def int8_gain(table: pd.DataFrame) -> dict[str, object]:
    """How many times as fast int8 is for 128 images, by a `race_table`, or stored."""
    if INT8 in table.index:
        row, where = table.loc[INT8], "this computer"
        found, eager = (row["128 at once", f"× {name}"] for name in (FLOAT, EAGER))
    else:
        row = gains_of(load_runs("race")).query(
            "vnni and threads == 1 and batch == 128"
        )
        where, found = row["processor"].iloc[0], row[INT8].mean()
        eager = (row[INT8] / row[EAGER]).mean()
    return {"found": found, "eager": eager, "where": where}


def machine() -> str:
    """What times on this computer depend on: processor, instructions, engines."""
    found = small.processor()
    return f"{found['processor']} ({found['instructions']}; {found['engine']})"


def here_words() -> str:
    """Which of the two kinds of processor this is, in a sentence."""
    able = small.has_vnni()
    kind = "has" if able else "has no"
    half = "left" if able else "right"
    said = f"{machine()} {kind} 8-bit dot products (VNNI)"
    return f"{said}: in the picture of stored races yours is the {half} half."


def gains_of(runs: pd.DataFrame) -> pd.DataFrame:
    """A row for each race: of each runner, how many times as fast as float32."""
    runs = runs.assign(vnni=runs["instructions"].str.contains("VNNI|dot product"))
    by = ["vnni", "processor", "student", "threads", "batch", "seed"]
    ms = runs.fillna({"seed": 0}).pivot_table("ms", by, "method")
    return ms.rdiv(ms[FLOAT], axis=0).reset_index()


def times_axis(title: str) -> dict:
    """From an eighth to six times, on a logarithmic scale."""
    return fig.axis(title, [-1.05, 0.8], log=True, ticks=TIMES)


def races_explorer(runs: pd.DataFrame) -> Explorer:
    """The course's teacher in its runners, on processors with VNNI and without."""
    gains, kinds = gains_of(runs), {"with VNNI": True, "without VNNI": False}

    def view(batch: int, threads: int) -> fig.Drawn:
        here = gains[(gains["batch"] == batch) & (gains["threads"] == threads)]
        parts, says, means = [], [], []
        for kind, able in kinds.items():
            some = here[here["vnni"] == able]
            rows = {name: some[name].dropna().tolist() for name in SHOWN}
            part = fig.dots(rows, times_axis(f"times as fast, {kind}"), SHOWN)
            part["y"] |= {"showticklabels": able}
            parts.append(part)
            means.append({n: fig.mean_spread(r)[0] for n, r in rows.items() if r})
            says.append(f"{kind}: {fig.in_words(rows, 2)}.")
        able, unable = means
        return fig.picture(
            f"{batch} at once, every layer in int8: {able[EVERY]:.2g} times as fast "
            f"with VNNI, {unable[EVERY]:.2g} without",
            *parts,
            says=f"The teacher of MNIST, threads: {threads}; how many times as fast as "
            f"float32 in the same engine, {' And '.join(says)}",
            height=380,
        )

    batch = choice("images at once", [1, 128], 128)
    return explore(view, tabulate=2, batch=batch, threads=choice("threads", [1, 2], 1))


def widths_explorer(runs: pd.DataFrame) -> Explorer:
    """How int8's gain grows with the width of a net, on processors with VNNI."""
    gains = gains_of(runs).query("vnni")
    gains = gains.assign(width=gains["student"].str.split("-").str[1].astype(int))
    widths = sorted(gains["width"].unique().tolist())
    ticks = {f"{width}": width for width in widths}
    x = fig.axis("channels of the first layer", [0.8, 1.9], log=True, ticks=ticks)
    one = {"type": "scatter", "mode": "lines", "x": [6, 80], "y": [1, 1]}
    one |= {"line": {"color": fig.LABELS, "dash": "dot"}, "name": FLOAT}

    def view(batch: int) -> fig.Drawn:
        here = gains[gains["batch"] == batch]
        lines = {
            name: [here[here["width"] == width][name].tolist() for width in widths]
            for name in (INT8, EVERY)
        }
        axes = x, times_axis("times as fast as float32")
        part = fig.lines_with_spread(widths, lines, axes, [SHOWN[n] for n in lines])
        said = {
            name: fig.in_words(dict(zip(map(str, widths), found, strict=True)), 2)
            for name, found in lines.items()
        }
        (left, left_wide), (every, wide) = (
            [fig.mean_spread(found[end])[0] for end in (0, -1)]
            for found in lines.values()
        )
        return fig.picture(
            f"Every layer in int8: {every:.2g} times with {widths[0]} channels, "
            f"{wide:.2g} with {widths[-1]}; first in float32: {left:.2g} and "
            f"{left_wide:.2g}",
            {**part, "traces": [*part["traces"], one]},
            says="Untrained nets of two convolutions, one thread, with VNNI, "
            f"{batch} at once; how many times as fast int8 is, by channels: "
            f"{said[INT8]}; with every layer in int8: {said[EVERY]}.",
            height=400,
            legend=True,
        )

    return explore(view, batch=choice("images at once", [1, 128], 128))
