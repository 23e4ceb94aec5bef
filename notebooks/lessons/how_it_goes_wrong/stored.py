"""Explorers of stored runs of MNIST: who teaches, smoothed teachers, wrong labels."""

import math

import pandas as pd
import torch

from kdlab import figures as fig
from kdlab.panels import Explorer, choice, dropdown, explore
from kdlab.results import by_value, spared

from .experiments import ARMS, NOISES, SMOOTHED, STUDENTS, TEMPERATURES, WAYS
from .mutants import MUTANTS, RIGHT

KIND = "student teacher method temperature soft_weight label_noise epochs".split()
WIDTHS, OWN = [16, 64, 256, 800], 0.0  # 0: each teacher at its own T
SCALES = {"mlp-4": (1700, 3400), "mlp-8": (950, 1450), "mlp-32": (450, 850)}
TEACHERS = dict(
    zip(("plain, one epoch", "plain", "smoothed 0.1"), SMOOTHED, strict=True)
)


def best(runs: pd.DataFrame, what: str = "learning_rate") -> pd.DataFrame:
    """Of each kind the runs at what was best on held-out images, mean over seeds.

    Where two are equal the lower one is taken.
    """
    keys = [name for name in KIND if name != what]
    groups = runs.groupby([*keys, what], dropna=False)["held_out_errors"].mean()
    chosen = groups.sort_values(kind="stable").reset_index().drop_duplicates(keys)
    return runs.merge(chosen[[*keys, what]], on=[*keys, what])


def errors_of(runs: pd.DataFrame, query: str = "seed >= 0") -> list[float]:
    """Test errors, seed by seed."""
    return runs.query(query).sort_values("seed")["test_errors"].tolist()


def damage(runs: pd.DataFrame, weight: float) -> fig.Runs:
    """Errors with the right code at its best rate, and how many more with a bug there."""
    here = runs[runs["soft_weight"] == weight]
    right = best(here[here["method"] == RIGHT])
    here = here[here["learning_rate"] == right["learning_rate"].iloc[0]]
    return {RIGHT: errors_of(right)} | {
        name: [-s for s in spared(here[here["method"] == name], right)]
        for name in MUTANTS
    }


def gap_runs(runs: pd.DataFrame, temperature: float = OWN) -> pd.DataFrame:
    """Runs at a temperature, or at each teacher's own, and those without a teacher."""
    runs = best(runs)
    alone, taught = runs.query("method != 'teacher'"), runs.query("method == 'teacher'")
    here = taught[taught["temperature"] == temperature]
    return pd.concat([alone, here if temperature else best(taught, "temperature")])


def gap_explorer(runs: pd.DataFrame) -> Explorer:
    """A map of teachers, by width and by temperature, for three students."""
    kind, at = ["student", "method", "teacher"], {}
    for heat in (*TEMPERATURES, OWN):
        here = gap_runs(runs, heat).sort_values("seed")
        at[heat] = here.groupby(kind)["test_errors"].agg(list).to_dict()
    rows = {name: (name, "course") for name in ("labels", "smoothing 0.1")}
    taught = {f"taught by {w}": ("teacher", f"mlp-{w}, 3 epochs") for w in WIDTHS}
    colors = dict.fromkeys(taught, fig.STUDENT) | {"smoothing 0.1": fig.OTHER}
    heats = [f"T = {heat:g}" for heat in TEMPERATURES]
    names = [*map(str, WIDTHS)], heats, ("teacher's hidden units", "")

    def view(temperature: float, student: str) -> fig.Drawn:
        here = {n: at[temperature][student, *k] for n, k in (rows | taught).items()}
        maps = [[at[t][student, *k] for k in taught.values()] for t in TEMPERATURES]
        best_of = min(taught, key=lambda name: sum(here[name]))
        said = f"T = {temperature:g}" if temperature else "each teacher at its own T"
        scale = {"scale": SCALES[student], "title": "errors", "digits": 0}
        return fig.picture(
            f"{student[4:]} hidden units, {said}: fewest errors {best_of}",
            fig.dots(here, fig.axis("test errors of 10,000", SCALES[student]), colors),
            fig.heat_map(torch.tensor(maps).double().mean(-1), *names, **scale),
            says=f"A student of {student[4:]} hidden units, {said}, 2,000 images, five "
            f"seeds. Errors of 10,000: {fig.in_words(here)}.",
        )

    heat = choice("temperature T", [*TEMPERATURES, ("each teacher's own", OWN)], 8.0)
    student = dropdown("student", STUDENTS, "mlp-8")
    return explore(view, tabulate=2, temperature=heat, student=student)


def smoothed_picture(runs: pd.DataFrame) -> fig.Drawn:
    """Errors of students of plain and of smoothed teachers over the temperature."""
    lines, colors = {}, [fig.SOFTENED, fig.TEACHER, fig.STUDENT]
    for name, kind in TEACHERS.items():
        some = runs[runs["teacher"] == kind]
        lines[name] = [*by_value(some, "temperature", "test_errors").values()]
    scale = fig.axis("test errors of 10,000", SCALES["mlp-32"])
    axes = fig.temperature_axis(ticks=TEMPERATURES), scale
    cold = {name: found[0] for name, found in lines.items()}
    return fig.picture(
        "Who taught, and at which temperature",
        fig.lines_with_spread(TEMPERATURES, lines, axes, colors),
        says=f"2,000 images, five seeds. Errors of 10,000 at T = 1: {fig.in_words(cold)}.",
        legend=True,
    )


def assistant_picture(runs: pd.DataFrame) -> fig.Drawn:
    """Errors with a narrow teacher, a wide one, and an assistant between, each its own T."""
    runs = best(best(runs), "temperature")
    which = "teacher == @way[0] and epochs == @way[1]"
    errors = {name: errors_of(runs.query(which)) for name, way in WAYS.items()}
    return fig.picture(
        "8 hidden units, twenty seeds: who taught, and for how long",
        fig.dots(errors, fig.axis("test errors of 10,000", SCALES["mlp-8"])),
        says=f"2,000 images. Errors of 10,000 taught {fig.in_words(errors)}.",
    )


def wrongly_told(runs: pd.DataFrame, noise: float) -> tuple[dict, dict, float]:
    """Errors of what needs no weight; by weight of the teacher, 0 is labels; the best."""
    teacher = "teacher == 'itself, stopped early'"
    runs = best(runs.query(f"label_noise == @noise and {teacher}"))
    arms = {name: errors_of(runs, f"method == '{kind}'") for name, kind in ARMS.items()}
    taught = runs[runs["method"].isin(["labels", "teacher"])]
    weight = taught.groupby("soft_weight")["held_out_errors"].mean().idxmin()
    return arms, by_value(taught, "soft_weight", "test_errors"), weight


def weight_explorer(runs: pd.DataFrame) -> Explorer:
    """Errors over the teacher's weight, by the share of wrong labels."""
    at = {noise: wrongly_told(runs, noise) for noise in NOISES}
    ticks = {f"{n:,}": n for n in (500, 1000, 2000, 4000, 8000)}
    how = {"ends": [math.log10(500), 4], "log": True, "ticks": ticks}
    x, y = fig.axis("test errors of 10,000", **how), fig.axis("", **how)
    axes, color = (fig.axis("weight of the teacher", [-0.1, 2.1]), y), fig.STUDENT

    def view(noise: float) -> fig.Drawn:
        arms, over, weight = at[noise]
        rows, taught = {**arms, "the best weight": over[weight]}, [*over.values()]
        by_weight = fig.in_words({f"{w:g}": found for w, found in over.items()})
        best_of = min(rows, key=lambda name: sum(rows[name]))
        return fig.picture(
            f"{100 * noise:g} % wrong: fewest errors {best_of}",
            fig.dots(rows, x, {"the best weight": color}),
            fig.lines_with_spread([*over], {"taught": taught}, axes, [color]),
            says=f"{100 * noise:g} % of 2,000 labels are wrong; five seeds, rates and the "
            f"best weight, {weight:g}, chosen on held-out images. Errors of 10,000: "
            f"{fig.in_words(rows)}; by weight: {by_weight}.",
        )

    shares = [(f"{share:.0%}", share) for share in NOISES]
    return explore(view, noise=choice("wrong labels", shares, 0.4))
