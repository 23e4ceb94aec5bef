"""The arena in pictures: what is best for whom, the six orders, a game of budgets."""

import math

import pandas as pd
import torch

from kdlab import figures as fig
from kdlab.panels import Explorer, choice, dropdown, explore

from .arms import PIPELINES, STYLES, with_words
from .exercises import unbeaten
from .recipes import RECIPES, TOLD

COSTS = {
    "bytes of the file": "bytes",
    "bytes of the file, zipped": "zipped_bytes",
    "time for one image (the teacher's in float32: 1)": "time_1",
    "time for 128 images (the teacher's in float32: 1)": "time_128",
    "multiply-adds for one image": "multiply_adds",
}
FAULTS = {
    "test errors of 10,000": "test_errors",
    "first answers unlike the teacher's, of 10,000": "differs",
    "calibration error": "test_calibration_error",
}
FILE = {"bytes of the file": "bytes", "test errors of 10,000": "test_errors"}
SIZES = [1000, 300, 100, 50, 35, 20, 10]
ERRORS = [400, 300, 250, 200, 160, 130, 100, 80]
ANY = 99.0
TIMES = [("any", ANY), *((f"{t:g}", t) for t in (1.0, 0.95, 0.9, 0.85, 0.8))]
BUDGETS = {
    "a watch": {"kilobytes": 20, "errors": 200, "time": ANY},
    "a server": {"kilobytes": 1000, "errors": 100, "time": 0.85},
}
NOBODY = [None]  # a trace without points would leave the legend
EVERYBODY, RUNS = "everybody", "files that an engine runs"
FEW = "who knows 2,000 images, and no weights"


def means_of(runs: pd.DataFrame) -> pd.DataFrame:
    """A row for each arm: the mean over its seeds of all that is measured."""
    runs = with_words(runs)
    numbers = {*COSTS.values(), *FAULTS.values()}
    first = runs.groupby("arm", sort=False).first()
    means = runs.groupby("arm")[[*numbers]].mean()
    sizes = {name: means[name].round(-2) for name in ("bytes", "zipped_bytes")}
    return first.assign(**means.assign(**sizes))  # a byte more is no difference


def front_of(arms: pd.DataFrame, *measures: str) -> pd.DataFrame:
    """The arms beside which none is as good in all measures and better in one.

    An arm whose file no engine runs is on no front of time.
    """
    if any(name.startswith("time") for name in measures):
        arms = arms[~arms["hollow"]]
    return arms.loc[unbeaten(*torch.tensor(arms[[*measures]].to_numpy(float).T))]


def pareto_explorer(runs: pd.DataFrame) -> Explorer:
    """Every arm by what it costs and how often it errs; who is on the front."""
    arms = means_of(runs)
    kinds = {EVERYBODY: arms, RUNS: arms[~arms["hollow"]]}
    kinds[FEW] = arms[~arms["access"].str.contains("weights|60,000")]
    kinds |= {group: arms[arms["group"] == group] for group in STYLES}

    def view(cost: str, fault: str, shown: str) -> fig.Drawn:
        some = kinds[shown]
        best = front_of(some, COSTS[cost], FAULTS[fault])
        axes = [axis_of(arms[COSTS[cost]], cost), axis_of(arms[FAULTS[fault]], fault)]
        return fig.picture(
            f"{len(best)} of {len(some)} recipes are beaten by none",
            scatter(some, COSTS[cost], FAULTS[fault], axes, arms),
            says=f"MNIST, 2,000 images, mean of five seeds. By {cost} and {fault}, "
            f"unbeaten: {'; '.join(best.index)}. Hollow: no engine runs it.",
            height=520,
            legend=True,
        )

    chosen = {"cost": COSTS, "fault": FAULTS, "shown": kinds}
    controls = {name: dropdown(name, [*some]) for name, some in chosen.items()}
    return explore(view, tabulate=3, **controls)


def axis_of(values: pd.Series, title: str) -> dict:
    """A scale of doublings with room for all values, and ticks at round ones."""
    low, high = values[values > 0].min() / 1.12, values.max() * 1.12
    steps = (1, 2, 5) if high > 20 * low else (1, 1.5, 2, 3, 4, 6)
    steps = range(1, 10) if high < 2.5 * low else steps
    places = [n * 10.0**power for power in range(-4, 8) for n in steps]
    ticks = {f"{place:,.10g}": place for place in places if low < place < high}
    return fig.axis(title, [math.log10(low), math.log10(high)], log=True, ticks=ticks)


def scatter(
    arms: pd.DataFrame, cost: str, fault: str, axes: list[dict], every: pd.DataFrame
) -> fig.Part:
    """A mark for each arm, hollow where no engine runs its file; and the front.

    A thin line leads to each from the net with which its recipe began, one of `every`.
    """
    edge = axes[1]["range"][0]  # none of the teacher's answers is unlike its own
    arms, every = (x.assign(**{fault: x[fault].clip(10**edge)}) for x in (arms, every))
    on = front_of(arms, cost, fault).sort_values(cost)
    line = {"color": fig.LABELS, "dash": "dot", "width": 2, "shape": "hv"}
    traces = [
        {"type": "scatter", "mode": "lines", "x": on[cost].tolist() or NOBODY}
        | {"y": on[fault].tolist() or NOBODY, "name": "the front", "line": line}
        | {"hoverinfo": "skip"}
    ]
    for group, (color, symbol) in STYLES.items():
        some = arms[arms["group"] == group]
        one = {"legendgroup": group, "name": group}
        way = lines_from(every.loc[some["origin"]], some, (cost, fault), color)
        traces.append(way | one | {"showlegend": False})
        for hollow in (False, True):  # apart: a mark that moves stays full, or hollow
            here = some[some["hollow"] == hollow]
            marker = {"color": color, "size": 12, "line": {"width": 2}}
            marker["symbol"] = f"{symbol}-open" if hollow else symbol
            said = [f"{arm}<br>needs {a}" for arm, a in here["access"].items()]
            traces.append(
                {"type": "scatter", "mode": "markers", "marker": marker, **one}
                | {"x": here[cost].tolist() or NOBODY, "text": said or [""]}
                | {"y": here[fault].tolist() or NOBODY}
                | {"hovertemplate": "%{text}<br>%{x:.4g}, %{y:.4g}<extra></extra>"}
                | {"showlegend": not hollow}
            )
    return {"traces": traces, "x": axes[0], "y": axes[1]}


def lines_from(
    origins: pd.DataFrame, arms: pd.DataFrame, names: tuple[str, str], color: str
) -> dict:
    """A thin line to each arm from the one with which it began."""
    pairs = (zip(origins[name], arms[name], strict=True) for name in names)
    x, y = ([place for pair in both for place in (*pair, None)] for both in pairs)
    thin = {"line": {"color": color, "width": 1}, "opacity": 0.4, "hoverinfo": "skip"}
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, **thin}


def orders_explorer(runs: pd.DataFrame) -> Explorer:
    """Test errors of the six orders, seed by seed."""
    runs = with_words(runs)
    some = runs[(runs["group"] == PIPELINES) & runs["method"].str.contains("distil")]
    found = {
        key: rows.sort_values("seed")["test_errors"].tolist()
        for key, rows in some.groupby(["bits", "recover", "method"])
    }
    ends = some["test_errors"].min() - 10, some["test_errors"].max() + 10
    colors = {name: fig.STUDENT for name in RECIPES if name.endswith("distil")}

    def view(recover: str, bits: int) -> fig.Drawn:
        errors = {n: found[bits, TOLD[recover], how] for n, how in RECIPES.items()}
        means = {n: fig.mean_spread(v)[0] for n, v in errors.items()}
        best, worst = min(means, key=means.get), max(means, key=means.get)
        return fig.picture(
            f"From {best} to {worst}: {means[worst] - means[best]:.0f} errors more",
            fig.dots(errors, fig.axis("test errors of 10,000", ends), colors),
            says=f"MNIST, 2,000 images, recovering {recover}, {bits} bits, five seeds, "
            f"mean ± spread: {fig.in_words(errors)}.",
            height=400,
        )

    both = {"recover": dropdown("recover", [*TOLD]), "bits": dropdown("bits", [2, 8])}
    return explore(view, tabulate=2, **both)


def budget_explorer(runs: pd.DataFrame) -> Explorer:
    """Who survives a limit of kilobytes, of errors and of time.

    A file that no engine runs has no time, and survives only where none is asked for.
    """
    arms = means_of(runs)
    axes = [axis_of(arms[FILE[name]], name) for name in FILE]

    def view(kilobytes: int, errors: int, time: float) -> fig.Drawn:
        fits = (arms["bytes"] <= 1000 * kilobytes) & (arms["test_errors"] <= errors)
        if time < ANY:
            fits &= (arms["time_128"] <= time) & ~arms["hollow"]
        best = arms[fits].sort_values("test_errors")
        part = scatter(arms[fits], *FILE.values(), axes, arms)
        ends = [10.0**end for end in axes[1]["range"]]
        limit = fig.upright(1000 * kilobytes, ends, "limit") | {"showlegend": False}
        limit["line"] = {"color": fig.LABELS, "dash": "dash", "width": 2}
        part["traces"].append(limit)
        across = {"x": [10.0**end for end in axes[0]["range"]], "y": [errors] * 2}
        part["traces"].append({**limit, **across})
        said = "; ".join(f"{n}: {e:.0f}" for n, e in best["test_errors"][:5].items())
        in_time = f" and {time:g} of the teacher's time for 128 images" * (time < ANY)
        return fig.picture(
            f"{len(best)} of {len(arms)} recipes survive",
            part,
            says=f"At most {kilobytes} kB, {errors} errors{in_time}. Fewest errors: "
            f"{said or 'nobody is left; loosen a limit'}.",
            height=480,
            legend=True,
        )

    return explore(
        view,
        tabulate=3,
        presets=BUDGETS,
        kilobytes=choice("at most, kB", SIZES, SIZES[0]),
        errors=choice("at most, test errors", ERRORS, ERRORS[0]),
        time=choice("at most, of the teacher's time", TIMES, ANY),
    )
