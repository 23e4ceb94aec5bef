"""Explorers of stored runs of MNIST: who teaches, smoothed teachers, wrong labels."""

import math

import pandas as pd
import torch

from kdlab import figures as fig
from kdlab.panels import Explorer, choice, dropdown, explore
from kdlab.results import by_value, spared

from .experiments import NOISES, SMOOTHED, STUDENTS, TEMPERATURES
from .mutants import MUTANTS, RIGHT

KIND = "student teacher method temperature soft_weight label_noise epochs".split()
WIDTHS, AGES = [16, 64, 256, 1200], [1, 4]
CHOSEN = 0.0  # in place of a temperature: for each teacher its own
PLAIN = {"plain, 4 epochs": SMOOTHED[2], "plain, stopped after 1": SMOOTHED[0]}
SOFT = {"smoothed 0.1, 4 epochs": SMOOTHED[3], "smoothed 0.3, 4 epochs": SMOOTHED[4]}
ALONE = {
    "labels": "labels",
    "stopped early": "labels, stopped",
    "smoothing 0.6": "labels + smoothing 0.6",
}
RETRAINED = {
    "hard answers": "hard",
    "hard, smoothed 0.6": "hard + smoothing 0.6",
    "soft, smoothed 0.6": "soft + smoothing 0.6",
}


def best(
    runs: pd.DataFrame, what: str = "learning_rate", of: list[str] = KIND
) -> pd.DataFrame:
    """Of each kind the runs whose rate, or whatever is chosen, was best on held-out images."""
    keys = [name for name in of if name != what]
    mean = runs.groupby([*keys, what], dropna=False)["held_out_errors"].mean()
    place = mean.groupby(level=keys, dropna=False).transform("min") == mean
    chosen = mean[place].reset_index().drop_duplicates(keys)[[*keys, what]]
    return runs.merge(chosen, on=[*keys, what])


def errors_of(runs: pd.DataFrame, query: str) -> list[float]:
    """Test errors, seed by seed."""
    return runs.query(query).sort_values("seed")["test_errors"].tolist()


def right_errors(runs: pd.DataFrame, soft_weight: float) -> str:
    """Mean and spread of the right code, at the rate that suits it."""
    here = best(runs.query("soft_weight == @soft_weight and method == @RIGHT"))
    return fig.mean_words(errors_of(here, "seed >= 0"))


def damage(
    runs: pd.DataFrame, soft_weight: float, mended: bool = False
) -> dict[str, list[float]]:
    """Errors more than the right code, pair by pair, of each bug.

    All learn at the rate that suits the right code; or, `mended`, each at its own.
    """
    here = runs[runs["soft_weight"] == soft_weight]
    right = best(here[here["method"] == RIGHT])
    own = (
        best(here)
        if mended
        else here[here["learning_rate"] == right["learning_rate"].iloc[0]]
    )
    return {
        name: [-gain for gain in spared(own[own["method"] == name], right)]
        for name in MUTANTS
    }


def gap_runs(runs: pd.DataFrame, temperature: float = CHOSEN) -> pd.DataFrame:
    """The runs at a temperature, or each teacher's at its own, chosen on held-out images.

    Beside them those without a teacher.
    """
    runs = best(runs)
    alone, taught = runs[runs["temperature"].isna()], runs[runs["temperature"].notna()]
    here = (
        best(taught, "temperature")
        if temperature == CHOSEN
        else taught[taught["temperature"] == temperature]
    )
    return pd.concat([alone, here])


def gap_explorer(runs: pd.DataFrame) -> Explorer:
    """A map of teachers, by width and epochs, for three students and by temperature."""
    at = {
        t: gap_runs(runs) if t == CHOSEN else gap_runs(runs, t)
        for t in (*TEMPERATURES, CHOSEN)
    }
    scales = {"mlp-4": (1500, 4500), "mlp-8": (800, 1600), "mlp-32": (400, 800)}

    def view(temperature: float, student: str) -> fig.Drawn:
        here = at[temperature].query("student == @student and epochs == 15")
        rows = {
            "labels": errors_of(here, "method == 'labels'"),
            "smoothing 0.1": errors_of(here, "method == 'smoothing 0.1'"),
        }
        named = {
            f"taught by {w}": errors_of(here, f"teacher == 'mlp-{w}, 4 epochs'")
            for w in WIDTHS
        }
        named["by the course's"] = errors_of(
            here, "teacher == 'course' and method == 'teacher'"
        )
        cells = [
            [
                fig.mean_spread(errors_of(here, f"teacher == 'mlp-{w}, {age} epochs'"))[
                    0
                ]
                for w in WIDTHS
            ]
            for age in AGES
        ]
        least = min(named, key=lambda name: fig.mean_spread(named[name])[0])
        low, high = scales[student]
        said = "each at its own T" if temperature == CHOSEN else f"T = {temperature:g}"
        x = fig.axis("test errors of 10,000", [low, high])
        colors = {"smoothing 0.1": fig.OTHER} | dict.fromkeys(named, fig.STUDENT)
        return fig.picture(
            f"{student[4:]} hidden units, {said}: fewest errors {least}",
            fig.dots(rows | named, x, colors),
            fig.heat_map(
                torch.tensor(cells),
                [*map(str, WIDTHS)],
                [*map(str, AGES)],
                ("teacher's hidden units", "epochs"),
                scale=(low, high),
                title="errors",
                digits=0,
            ),
            says=f"A student of {student[4:]} hidden units, {said}, 2,000 images, five seeds. Errors of 10,000: {fig.in_words(rows | named)}.",
            widths=[1.3, 1],
            height=420,
        )

    heats = [(f"{t:g}", t) for t in TEMPERATURES] + [
        ("chosen for each teacher", CHOSEN)
    ]
    return explore(
        view,
        tabulate=2,
        temperature=choice("temperature T", heats, 8.0),
        student=dropdown("student", [*STUDENTS], "mlp-8"),
    )


def smoothed_explorer(runs: pd.DataFrame) -> Explorer:
    """Students of plain and of smoothed teachers over the temperature."""
    runs, teachers = best(runs), PLAIN | SOFT
    over = {
        name: by_value(runs[runs["teacher"] == teacher], "temperature", "test_errors")
        for name, teacher in teachers.items()
    }
    alone = {
        name: errors_of(runs, f"method == '{name}'")
        for name in ("labels", "smoothing 0.1")
    }
    x, scale = fig.temperature_axis(ticks=TEMPERATURES), [350, 800]
    colors = [fig.TEACHER, fig.SOFTENED, fig.STUDENT, fig.OTHER]
    lines = {name: [*found.values()] for name, found in over.items()}
    curve = fig.lines_with_spread(
        TEMPERATURES, lines, (x, fig.axis("errors of 10,000", scale)), colors
    )

    def view(temperature: float) -> fig.Drawn:
        here = alone | {name: found[temperature] for name, found in over.items()}
        plain, smooth = (
            fig.mean_spread(here[name])[0] for name in ([*PLAIN][0], [*SOFT][0])
        )
        return fig.picture(
            f"T = {temperature:g}: {smooth:.0f} errors with the smoothed teacher, {plain:.0f} with the plain one",
            fig.unnamed(
                fig.dots(
                    here,
                    fig.axis("test errors of 10,000", scale),
                    dict(zip(teachers, colors, strict=True)),
                )
            ),
            curve,
            says=f"T = {temperature:g}, 2,000 images, five seeds. Errors of 10,000: {fig.in_words(here)}.",
            widths=[1.2, 1],
            height=430,
            legend=True,
        )

    return explore(view, temperature=choice("temperature T", TEMPERATURES, 1.0))


def weight_errors(runs: pd.DataFrame, noise: float) -> dict[float, list[float]]:
    """Errors at each weight of the teacher, 0 is labels alone; rates chosen for each."""
    some = best(
        runs.query("label_noise == @noise and teacher == 'itself, stopped early'")
    )
    found = by_value(some[some["method"] == "teacher"], "soft_weight", "test_errors")
    return {0.0: errors_of(some, "method == 'labels'"), **found}


def without_weight(runs: pd.DataFrame, noise: float) -> dict[str, list[float]]:
    """Errors of all that has no weight to choose, and of the best weight beside them."""
    some = best(
        runs.query("label_noise == @noise and teacher == 'itself, stopped early'")
    )
    found = {
        name: errors_of(some, f"method == '{method}'")
        for name, method in (ALONE | RETRAINED).items()
    }
    taught = some[some["method"] == "teacher"]
    mine = best(taught, "soft_weight")
    return {
        **found,
        f"weight {mine['soft_weight'].iloc[0]:g}": errors_of(mine, "seed >= 0"),
    }


def weight_explorer(runs: pd.DataFrame) -> Explorer:
    """Errors over the teacher's weight, by the share of wrong labels."""

    def view(noise: float) -> fig.Drawn:
        over, beside = weight_errors(runs, noise), without_weight(runs, noise)
        ends = [math.log10(400), math.log10(8000)]
        ticks = {f"{n:,}": n for n in (500, 1000, 2000, 4000)}
        errors = fig.axis("test errors of 10,000", ends, log=True, ticks=ticks)
        *rows, last = beside
        beside = {
            **{name: beside[name] for name in rows},
            "the best weight": beside[last],
        }
        least = min(beside, key=lambda name: fig.mean_spread(beside[name])[0])
        weight = fig.axis("weight of the teacher", [-0.1, 2.1])
        return fig.picture(
            f"{100 * noise:g} % wrong: fewest errors {least}",
            fig.dots(beside, errors, {"the best weight": fig.STUDENT}),
            fig.lines_with_spread(
                [*over],
                {"errors": [*over.values()]},
                (weight, errors | {"title": {"text": ""}}),
                [fig.STUDENT],
            ),
            says=f"{100 * noise:g} % of 2,000 labels are wrong; five seeds, learning rates and the best weight, {last.split()[1]}, chosen on held-out images. "
            f"Errors of 10,000: {fig.in_words(beside)}; by weight: {fig.in_words({f'{w:g}': e for w, e in over.items()})}.",
            widths=[1, 1.2],
            height=420,
        )

    shares = [(fig.percent(share, 0), share) for share in NOISES]
    return explore(view, noise=choice("wrong labels", shares, 0.4))
