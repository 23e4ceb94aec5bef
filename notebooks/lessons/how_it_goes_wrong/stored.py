"""Explorers of stored runs of MNIST: who teaches, and labels that are wrong."""

import pandas as pd
import torch

from kdlab import figures as fig
from kdlab.panels import Explorer, choice, dropdown, explore
from kdlab.results import by_value, spared

from .experiments import ARMS, NOISES, STOP, STUDENTS, TEMPERATURES, WAYS
from .mutants import MUTANTS, RIGHT

KIND = "student teacher method temperature soft_weight label_noise epochs".split()
OWN = 0.0  # each teacher at its own T
SCALES = {"mlp-8": (900, 1650), "mlp-32": (450, 900)}
ALONE = {"labels": ("course", "labels"), "smoothing": ("course", "smoothing 0.1")}


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


def by_teacher(runs: pd.DataFrame, student: str, heat: float) -> fig.Runs:
    """Errors of a student without a teacher, and by teacher at this T or its own."""
    runs = best(runs[runs["student"] == student])
    taught = runs[runs["method"] == "teacher"]
    here = taught.query("temperature == @heat") if heat else best(taught, "temperature")
    kinds = {name: (kind, "teacher") for name, kind in STUDENTS[student].items()}
    rows = pd.concat([here, runs[runs["method"] != "teacher"]]).sort_values("seed")
    found = rows.groupby(["teacher", "method"])["test_errors"].agg(list)
    return {name: found[kind] for name, kind in (ALONE | kinds).items()}


def gap_explorer(runs: pd.DataFrame) -> Explorer:
    """A map of teachers and temperatures, for two students."""
    heats = [*TEMPERATURES, OWN]
    at = {name: [by_teacher(runs, name, heat) for heat in heats] for name in STUDENTS}

    def view(temperature: float, student: str) -> fig.Drawn:
        *each, _ = at[student]  # at one temperature for all
        here, units = at[student][heats.index(temperature)], student[4:]
        down = [*reversed(here)]  # the map's rows begin at the bottom
        rows = [[fig.mean_spread(t[name])[0] for t in each] for name in down]
        best_of = min(STUDENTS[student], key=lambda name: sum(here[name]))
        said = f"T = {temperature:g}" if temperature else "each teacher at its own T"
        colors = dict.fromkeys(STUDENTS[student], fig.STUDENT)
        names = [f"T = {heat:g}" for heat in TEMPERATURES], down, ("", "")
        scale = {"scale": SCALES[student], "title": "errors", "digits": 0}
        return fig.picture(
            f"{units} hidden units, {said}: fewest errors by {best_of}",
            fig.dots(here, fig.axis("test errors of 10,000", SCALES[student]), colors),
            fig.heat_map(torch.tensor(rows), *names, **scale),
            says=f"A student of {units} hidden units, {said}, 2,000 images, five seeds. "
            f"Errors of 10,000: {fig.in_words(here)}.",
            height=420,
        )

    heat = choice("temperature T", [*TEMPERATURES, ("each teacher's own", OWN)], 1.0)
    student = dropdown("student", [*STUDENTS], "mlp-32")
    return explore(view, tabulate=2, temperature=heat, student=student)


def assistant_picture(runs: pd.DataFrame) -> fig.Drawn:
    """Errors with a narrow teacher, a wide one, and an assistant between, each its own T."""
    runs = best(best(runs), "temperature")
    which = "teacher == @way[0] and epochs == @way[1]"
    errors = {name: errors_of(runs.query(which)) for name, way in WAYS.items()}
    colors = dict.fromkeys(errors, fig.STUDENT)
    return fig.picture(
        "8 hidden units, twenty seeds: who taught, and for how long",
        fig.dots(errors, fig.axis("test errors of 10,000", SCALES["mlp-8"]), colors),
        says=f"2,000 images. Errors of 10,000 taught {fig.in_words(errors)}.",
    )


def wrongly_told(runs: pd.DataFrame, noise: float) -> tuple[dict, dict, float]:
    """Errors of what needs no weight; by weight of the teacher, 0 is labels; the best."""
    runs = best(runs.query(f"label_noise == {noise} and teacher == {STOP!r}"))
    which = "method == '{}' and epochs == {}"
    arms = {name: errors_of(runs, which.format(*arm)) for name, arm in ARMS.items()}
    taught = runs.query("method in ['labels', 'teacher'] and epochs == 15")
    taught = best(taught, "temperature")
    weight = taught.groupby("soft_weight")["held_out_errors"].mean().idxmin()
    return arms, by_value(taught, "soft_weight", "test_errors"), weight


def weight_explorer(runs: pd.DataFrame) -> Explorer:
    """Errors over the teacher's weight, by the share of wrong labels."""
    at = {noise: wrongly_told(runs, noise) for noise in NOISES}
    unit, few = "test errors of 10,000", fig.ticks_at(1000, (1, 1.5, 2.5))
    x = fig.axis(unit, [2.98, 3.46], log=True, ticks=few)
    y = fig.axis(unit, [2.95, 3.75], log=True, ticks=fig.ticks_at(1000, (1, 2, 4)))
    axes, color = (fig.axis("weight of the teacher", [-0.1, 2.1]), y), fig.STUDENT

    def view(noise: float) -> fig.Drawn:
        arms, over, weight = at[noise]
        rows, taught = {**arms, "the best weight": over[weight]}, [*over.values()]
        by_weight = fig.in_words({f"{w:g}": found for w, found in over.items()})
        best_of = min(rows, key=lambda name: sum(rows[name]))
        return fig.picture(
            f"{100 * noise:g} % wrong: fewest errors with {best_of}",
            fig.dots(rows, x, {"the best weight": color}),
            fig.lines_with_spread([*over], {"taught": taught}, axes, [color]),
            says=f"{100 * noise:g} % of 2,000 labels are wrong; five seeds, rates and the "
            f"best weight, {weight:g}, chosen on held-out images. Errors of 10,000: "
            f"{fig.in_words(rows)}; by weight: {by_weight}.",
        )

    shares = [(f"{share:.0%}", share) for share in NOISES]
    return explore(view, noise=choice("wrong labels", shares, 0.4))
