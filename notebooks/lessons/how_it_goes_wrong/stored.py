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
WIDTHS, AGES, OWN = [16, 64, 256, 800], [1, 3], 0.0  # 0: each teacher at its own T
SCALES = {"mlp-4": (1400, 3400), "mlp-8": (750, 1250), "mlp-32": (380, 800)}
TEACHERS = {"plain": SMOOTHED[1], "plain, one epoch": SMOOTHED[0]}
TEACHERS |= {"smoothed 0.1": SMOOTHED[2], "smoothed 0.3": SMOOTHED[3]}
ARMS = {
    "labels": "labels",
    "stopped early": "labels, stopped",
    "smoothing 0.6": "labels + smoothing 0.6",
    "hard answers": "hard",
    "hard, smoothed 0.6": "hard + smoothing 0.6",
    "soft, smoothed 0.6": "soft + smoothing 0.6",
}


def best(runs: pd.DataFrame, what: str = "learning_rate") -> pd.DataFrame:
    """Of each kind the runs at what was best on held-out images, mean over seeds."""
    keys = [name for name in KIND if name != what]
    groups = runs.groupby([*keys, what], dropna=False)["held_out_errors"].mean()
    chosen = groups.sort_values().reset_index().drop_duplicates(keys)
    return runs.merge(chosen[[*keys, what]], on=[*keys, what])


def errors_of(runs: pd.DataFrame, query: str = "seed >= 0") -> list[float]:
    """Test errors, seed by seed."""
    return runs.query(query).sort_values("seed")["test_errors"].tolist()


def damage(
    runs: pd.DataFrame, soft_weight: float, retuned: bool = False
) -> dict[str, list[float]]:
    """Errors of the right code, and how many more with each bug, seed by seed.

    All learn at the rate that suits the right code; or, `retuned`, each at its own.
    """
    here = runs[runs["soft_weight"] == soft_weight]
    right = best(here[here["method"] == RIGHT])
    rate = right["learning_rate"].iloc[0]
    here = best(here) if retuned else here[here["learning_rate"] == rate]
    kinds = {name: here[here["method"] == name] for name in MUTANTS}
    more = {name: [-s for s in spared(some, right)] for name, some in kinds.items()}
    return {RIGHT: errors_of(right), **more}


def gap_runs(runs: pd.DataFrame, temperature: float = OWN) -> pd.DataFrame:
    """Runs at a temperature, or at each teacher's own, and those without a teacher."""
    runs = best(runs)
    alone, taught = (
        runs[runs["temperature"].isna() == is_so] for is_so in (True, False)
    )
    here = taught[taught["temperature"] == temperature]
    return pd.concat([alone, here if temperature else best(taught, "temperature")])


def gap_explorer(runs: pd.DataFrame) -> Explorer:
    """A map of teachers, by width and epochs, for three students and by temperature."""
    at = {heat: gap_runs(runs, heat) for heat in (*TEMPERATURES, OWN)}
    rows = {
        "labels": "method == 'labels'",
        "smoothing 0.1": "method == 'smoothing 0.1'",
    }
    rows |= {f"taught by {w}": f"teacher == 'mlp-{w}, 3 epochs'" for w in WIDTHS}
    rows |= {"by the course's": "teacher == 'course' and method == 'teacher'"}
    colors = dict.fromkeys([*rows][2:], fig.STUDENT) | {"smoothing 0.1": fig.OTHER}

    def view(temperature: float, student: str) -> fig.Drawn:
        here = at[temperature].query("student == @student and epochs == 15")
        found = {name: errors_of(here, query) for name, query in rows.items()}
        mean = here.groupby("teacher")["test_errors"].mean()
        cells = [[mean[f"mlp-{w}, {age} epochs"] for w in WIDTHS] for age in AGES]
        taught = {name: fig.mean_spread(found[name])[0] for name in [*rows][2:]}
        said = f"T = {temperature:g}" if temperature else "each teacher at its own T"
        names = (
            [*map(str, WIDTHS)],
            [*map(str, AGES)],
            ("teacher's hidden units", "epochs"),
        )
        scale = {"scale": SCALES[student], "title": "errors", "digits": 0}
        return fig.picture(
            f"{student[4:]} hidden units, {said}: best {min(taught, key=taught.get)}",
            fig.dots(found, fig.axis("test errors of 10,000", SCALES[student]), colors),
            fig.heat_map(torch.tensor(cells), *names, **scale),
            says=f"A student of {student[4:]} hidden units, {said}, 2,000 images, five "
            f"seeds. Errors of 10,000: {fig.in_words(found)}.",
            widths=[1.3, 1],
            height=420,
        )

    heats = [*TEMPERATURES, ("each teacher's own", OWN)]
    heat = choice("temperature T", heats, 8.0)
    students = dropdown("student", STUDENTS, "mlp-8")
    return explore(view, tabulate=2, temperature=heat, student=students)


def smoothed_explorer(runs: pd.DataFrame) -> Explorer:
    """Students of plain and of smoothed teachers over the temperature."""
    runs, ends = best(runs), SCALES["mlp-32"]
    kinds = {name: runs[runs["teacher"] == kind] for name, kind in TEACHERS.items()}
    over = {
        n: by_value(some, "temperature", "test_errors") for n, some in kinds.items()
    }
    alone = {
        n: errors_of(runs, f"method == '{n}'") for n in ("labels", "smoothing 0.1")
    }
    colors = [fig.TEACHER, fig.SOFTENED, fig.STUDENT, fig.OTHER]
    axes = fig.temperature_axis(ticks=TEMPERATURES), fig.axis("", ends)
    lines = {name: [*found.values()] for name, found in over.items()}
    curve = fig.lines_with_spread(TEMPERATURES, lines, axes, colors)

    def view(temperature: float) -> fig.Drawn:
        here = {name: found[temperature] for name, found in over.items()}
        plain, _, smooth, _ = map(fig.mean_words, here.values())
        rows, paint = alone | here, dict(zip(here, colors, strict=True))
        dots = fig.dots(rows, fig.axis("test errors of 10,000", ends), paint)
        return fig.picture(
            f"T = {temperature:g}: {smooth} errors of a smoothed teacher, {plain}",
            *(fig.unnamed(dots), curve),
            says=f"T = {temperature:g}, 2,000 images, five seeds. Errors of 10,000, by "
            f"who taught: {fig.in_words(rows)}.",
            legend=True,
        )

    return explore(view, temperature=choice("temperature T", TEMPERATURES, 1.0))


def wrongly_told(runs: pd.DataFrame, noise: float) -> tuple[dict, dict, float]:
    """Errors of what needs no weight; those by weight of the teacher; the best weight."""
    teacher = "teacher == 'itself, stopped early'"
    runs = best(runs.query(f"label_noise == @noise and {teacher}"))
    arms = {name: errors_of(runs, f"method == '{kind}'") for name, kind in ARMS.items()}
    taught = runs[runs["method"] == "teacher"]
    over = by_value(taught, "soft_weight", "test_errors")
    weight = best(taught, "soft_weight")["soft_weight"].iloc[0]
    return arms, {0.0: arms["labels"], **over}, weight


def weight_explorer(runs: pd.DataFrame) -> Explorer:
    """Errors over the teacher's weight, by the share of wrong labels."""
    ticks = {f"{n:,}": n for n in (500, 1000, 2000, 4000, 8000)}
    at = {noise: wrongly_told(runs, noise) for noise in NOISES}

    def view(noise: float) -> fig.Drawn:
        arms, over, weight = at[noise]
        rows = {**arms, "the best weight": over[weight]}
        means = {name: fig.mean_spread(found)[0] for name, found in rows.items()}
        x, y = (
            fig.axis(title, [math.log10(500), 4], log=True, ticks=ticks)
            for title in ("test errors of 10,000", "")
        )
        axes, by_weight = (
            (fig.axis("weight of the teacher", [-0.1, 2.1]), y),
            [*over.values()],
        )
        return fig.picture(
            f"{100 * noise:g} % wrong: fewest errors {min(means, key=means.get)}",
            fig.dots(rows, x, {"the best weight": fig.STUDENT}),
            fig.lines_with_spread([*over], {"taught": by_weight}, axes, [fig.STUDENT]),
            says=f"{100 * noise:g} % of 2,000 labels are wrong; five seeds, rates and the "
            f"best weight, {weight:g}, chosen on held-out images. Errors of 10,000: "
            f"{fig.in_words(rows)}; by weight: "
            f"{fig.in_words({f'{w:g}': found for w, found in over.items()})}.",
            widths=[1, 1.2],
            height=420,
        )

    shares = [(fig.percent(share, 0), share) for share in NOISES]
    return explore(view, noise=choice("wrong labels", shares, 0.4))
