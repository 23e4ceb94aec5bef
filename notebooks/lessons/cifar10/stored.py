"""Explorers of stored runs, all of CIFAR-10: every dot a pair of twins of one seed.

Twins have the same first weights and equally many steps; only what they are told
differs, and which pictures they see.
"""

import pandas as pd
from ipywidgets import Widget

from kdlab import figures as fig
from kdlab.data import class_names
from kdlab.explorers import runs_explorer
from kdlab.panels import Explorer, choice, dropdown, explore
from kdlab.results import load_runs, spared

from .students import SAME

TRAININGS = {  # labelled pictures and steps
    (5000, 600): "5,000 labels",
    (1000, 600): "1,000 labels, the teacher names 10,000 pictures",
    (5000, 1800): "5,000 labels, three times as long",
    (50_000, 1000): "50,000 labels, ten epochs",
    (50_000, 4000): "50,000 labels, forty epochs",
}
FEW = [*TRAININGS.values()][:2]
VIEWS = {"convnet": [t for t in TRAININGS.values() if t != FEW[1]], "mixer": FEW}
ALONE = "no teacher: smoothing 0.1"
COLORS = {ALONE: fig.OTHER}


def all_runs() -> pd.DataFrame:
    """The tables `few_labels` and `colour`, with a column `training`: TRAININGS."""
    runs = pd.concat([load_runs("few_labels"), load_runs("colour")])
    seen = runs["pictures"].where(runs["method"] == "teacher", runs["labels"])
    steps = (seen * runs["epochs"] / runs["batch_size"]).astype(int)
    names = [TRAININGS[key] for key in zip(runs["labels"], steps, strict=True)]
    return runs.assign(training=names)


def teachers_explorer(runs: pd.DataFrame, training: str = FEW[0]) -> Explorer:
    """What each of two teachers spares a student with few labels, by temperature."""
    told = "method == 'teacher' and views == 'fixed views' and teacher == "
    rows = {
        ALONE: "method == 'smoothing 0.1'",
        "teacher of smoothed labels": f"{told}'course'",
        "teacher of labels": f"{told}'unsmoothed'",
    }
    temperature = choice("temperature T", [1.0, 4.0], 1.0)
    return shares_explorer(runs, rows, "convnet", [training], temperature=temperature)


def views_explorer(runs: pd.DataFrame, student: str = "convnet") -> Explorer:
    """Answers to whole pictures beside answers to the same crop, T = 4."""
    told = "method == 'teacher' and temperature == 4 and views == "
    rows = {
        ALONE: "method == 'smoothing 0.1'",
        "whole pictures": f"{told}'fixed views'",
        "the same crop": f"{told}'{SAME}'",
    }
    runs = runs[runs["teacher"] == "unsmoothed"]
    return shares_explorer(runs, rows, student, VIEWS[student])


def shares_explorer(
    runs: pd.DataFrame,
    rows: dict[str, str],
    student: str,
    trainings: list[str],
    **controls: Widget,
) -> Explorer:
    """Errors spared as shares of the twins', by training; `rows` as `runs_explorer`."""
    runs = runs[(runs["student"] == student) & runs["training"].isin(trainings)]
    of = runs[runs["method"] == "labels"].groupby("training")["test_errors"].mean()
    colors = dict(zip(rows, (fig.OTHER, fig.STUDENTS[0], fig.STUDENT), strict=True))
    x = fig.axis("errors spared, % of the twin's", [-12, 58])

    def view(
        gains: fig.Runs, training: str = trainings[0], temperature: float = 4.0
    ) -> fig.Drawn:
        shares = {
            n: [100 * g / of[training] for g in some] for n, some in gains.items()
        }
        taught = {n.removeprefix("teacher of "): gains[n] for n in [*gains][1:]}
        return fig.picture(
            f"T = {temperature:g} spares {fig.in_words(taught)}",
            fig.spared_dots(shares, x, colors),
            says=f"CIFAR-10, {student}, {training}, T = {temperature:g}. On labels "
            f"{of[training]:.0f} errors of 10,000; spared: {fig.in_words(gains)}; "
            f"{max(map(len, gains.values()))} pairs of twins.",
            height=350,
        )

    if len(trainings) > 1:
        controls["training"] = dropdown("training", trainings)
    return runs_explorer(runs, rows, view, tabulate=len(controls), **controls)


def gains_by_class(runs: pd.DataFrame) -> dict[str, dict[str, list[float]]]:
    """{training: {class: share of its errors spared, pair by pair}}, in %, T = 4."""
    runs = runs[(runs["student"] == "convnet") & (runs["teacher"] == "unsmoothed")]
    taught = runs.query("temperature == 4 and views == 'fixed views'")
    alone, found = runs[runs["method"] == "labels"], {}
    for training, some in taught.groupby("training"):
        twins, found[training] = alone[alone["training"] == training], {}
        for number, name in enumerate(class_names("cifar10")):
            errors = f"errors_{number}"
            pair = (one.assign(test_errors=one[errors]) for one in (some, twins))
            mean = twins[errors].mean() / 100
            found[training][name] = [gain / mean for gain in spared(*pair)]
    return found


def classes_explorer(runs: pd.DataFrame) -> Explorer:
    """Errors spared in each class by the teacher: who gains, and who loses."""
    found = gains_by_class(runs)
    x = fig.axis("errors spared, % of the twin's in this class", [-60, 80])
    there = [name for name in TRAININGS.values() if name in found]

    def view(training: str) -> fig.Drawn:
        order = sorted(found[training].items(), key=lambda pair: -sum(pair[1]))
        gains = dict(order)
        (first, most), *_, (last, least) = order
        return fig.picture(
            f"Most for {first}, {fig.mean_words(most)} %; least for {last}, "
            f"{fig.mean_words(least)} %",
            fig.spared_dots(gains, x, dict.fromkeys(gains, fig.STUDENT)),
            says=f"CIFAR-10, {training}, T = 4, answers to whole pictures. Of each "
            f"class's errors spared, in %: {fig.in_words(gains)}.",
            height=480,
        )

    return explore(view, training=dropdown("training", there, there[-2]))
