"""Explorers of notebook 03: a digit that the student has never seen."""

from collections.abc import Generator, Sequence
from typing import NamedTuple

import ipywidgets as widgets
import pandas as pd
import torch
from torch import Tensor

from kdlab.data import Columns, count
from kdlab.experiments import student_steps
from kdlab.explorers import DIGITS
from kdlab.figures import (
    LABEL_COLOR,
    OTHER_COLOR,
    SOFTENED_COLOR,
    STUDENT_COLOR,
    TEACHER_COLOR,
    Drawn,
    axis,
    class_bars,
    curves,
    nearest,
    side_by_side,
)
from kdlab.figures_runs import dots, mean_spread, unnamed
from kdlab.omitted import BIASES, fewest_errors, only_classes, unseen_with_bias
from kdlab.panels import Explorer, StepsPanel, explore, explore_steps
from kdlab.training import places_to_stop, predict

# What each student is told: a method of `experiments` and its temperature.
ARMS = {
    "labels": ("labels", 1.0),
    "class means, T = 20": ("class means", 20.0),
    "teacher, T = 1": ("teacher", 1.0),
    "teacher, T = 4": ("teacher", 4.0),
    "teacher, T = 20": ("teacher", 20.0),
}
COLORS = [LABEL_COLOR, OTHER_COLOR, SOFTENED_COLOR, TEACHER_COLOR, STUDENT_COLOR]
RECALL = axis("recall of the unseen, %", [-4, 104])
TICKS = {f"{n:,}": n for n in (200, 500, 1000, 2000, 5000)}
ERRORS = axis("test errors of 10,000", [2.2, 3.95], log=True, ticks=TICKS)
FEW = 10_000  # images of the stored runs, but for a few of them
TWO, LARGE = "78", "mlp-800-800"  # digits and student of Hinton's second experiment


class Unseen(NamedTuple):
    """What students answer who never saw some classes."""

    unseen: list[int]
    answers: dict[str, Tensor]  # {arm: logits [N, classes]} on the test images
    labels: Tensor  # [N]
    held_out_answers: dict[str, Tensor]  # the same, [M, classes], on held-out images
    held_out_labels: Tensor  # [M]


def omitted_explorer(
    train_set: Columns,
    held_out: Columns,
    test_set: Columns,
    class_names: Sequence[str] = DIGITS,
    *,
    epochs: int = 8,
) -> StepsPanel:
    """Choose the class that no student may see; one student of each arm is trained.

    `train_set` has a column teacher_logits [N, classes]; the teacher knows all classes.
    `await panel.finished()` gives an `Unseen`, or None if it was stopped.
    """
    classes = range(len(class_names))

    def taught(hidden: Sequence[int]) -> Generator[object, None, Unseen]:
        seen = sorted(set(classes) - set(hidden))
        shown = only_classes(train_set, seen)
        found = Unseen([*hidden], {}, test_set["labels"], {}, held_out["labels"])

        def picture() -> Drawn:
            return before_bias(found, class_names, count(shown))

        yield picture()
        for arm, (method, temperature) in ARMS.items():
            options = {"method": method, "temperature": temperature, "epochs": epochs}
            student = yield from places_to_stop(student_steps(shown, **options))
            found.answers[arm] = predict(student, test_set["images"])
            found.held_out_answers[arm] = predict(student, held_out["images"])
            yield picture
        return found

    options = [(f"every {name}", (i,)) for i, name in enumerate(class_names)]
    kept = [class_names.index(name) for name in TWO if name in class_names]
    rest = tuple(i for i in classes if i not in kept)
    options.append((f"all but {' and '.join(TWO)}", rest))
    choice = widgets.Dropdown(options=options, index=3, description="left out")
    return explore_steps(taught, hidden=choice)


def before_bias(found: Unseen, class_names: Sequence[str], images: int) -> Drawn:
    """Recall of the unseen and all errors of each student, as it comes."""
    tables = tables_of(found, biases=torch.zeros(1))
    recall = [100 * table["recall"].item() for table in tables.values()]
    errors = [table["errors"].item() for table in tables.values()]
    missing = [0.0] * (len(ARMS) - len(tables))
    hidden = named(found.unseen, class_names)
    wide = len(found.labels) * (0.25 if len(found.unseen) == 1 else 1.0)
    bars = (
        class_bars(
            Tensor(recall + missing), [*ARMS], title="recall, %", scale=(0, 100)
        ),
        class_bars(Tensor(errors + missing), [*ARMS], title="errors", scale=(0, wide)),
    )
    for part in bars:
        part["traces"][0]["marker"]["color"] = COLORS
    bars[1]["y"]["showticklabels"] = False
    figure = side_by_side(
        f"Up to {max(recall, default=0):.0f} % of {hidden} found, though never seen",
        *bars,
        height=330,
    )
    figure.update_layout(margin={"l": 160})
    words = [
        f"{arm}: {value:.0f} % and {wrong:,} errors"
        for arm, value, wrong in zip(tables, recall, errors, strict=True)
    ]
    told = f"Taught by {images:,} images without {hidden}. "
    return figure, told + ("; ".join(words) or "The first student is training") + "."


def tables_of(
    found: Unseen, held_out: bool = False, biases: Tensor = BIASES
) -> dict[str, dict[str, Tensor]]:
    """{arm: recall and errors at each of the biases}, on test or on held-out images.

    Raises ValueError if there are no students: the training was stopped.
    """
    if not found:
        raise ValueError("No students: let the panel above train to its end first.")
    answers = found.held_out_answers if held_out else found.answers
    labels = found.held_out_labels if held_out else found.labels
    return {
        arm: unseen_with_bias(logits, labels, found.unseen, biases)
        for arm, logits in answers.items()
    }


def chosen_biases(found: Unseen) -> dict[str, float]:
    """The bias of each arm with the fewest errors on the held-out images."""
    return {
        arm: BIASES[fewest_errors(table)].item()
        for arm, table in tables_of(found, held_out=True).items()
    }


def named(classes: Sequence[int], class_names: Sequence[str]) -> str:
    """'the 3s' or, of many, 'the 0s, 1s, ...'."""
    return "the " + ", ".join(f"{class_names[name]}s" for name in classes)


def bias_explorer(found: Unseen, class_names: Sequence[str] = DIGITS) -> Explorer:
    """Recall of the unseen and all errors, as one bias is added to their logits.

    Raises ValueError if there are no students: the training was stopped.
    """
    tables, images = tables_of(found), len(found.labels)
    chosen = chosen_biases(found)
    biases = BIASES.tolist()
    recall = {arm: (100 * t["recall"]).tolist() for arm, t in tables.items()}
    errors = {arm: t["errors"].double().tolist() for arm, t in tables.items()}
    most = max(max(values) for values in errors.values())
    x = axis("bias added to the logits of the unseen", [-5.3, 15.3])
    axes = (x, RECALL), (x, axis(f"errors of {images:,}", [0, 1.04 * most]))

    def view(bias: float) -> Drawn:
        at = nearest(biases, bias)
        figure = side_by_side(
            f"Bias {bias:.1f}: recall {min(r[at] for r in recall.values()):.0f} to "
            f"{max(r[at] for r in recall.values()):.0f} %",
            curves(biases, recall, bias, axes[0], COLORS),
            unnamed(curves(biases, errors, bias, axes[1], COLORS)),
            legend=True,
            height=440,
        )
        words = [
            f"{arm}: {recall[arm][at]:.0f} %, {errors[arm][at]:,.0f} errors (held-out "
            f"choice: {chosen[arm]:.1f})"
            for arm in recall
        ]
        return figure, f"With a bias of {bias:.1f}: {'; '.join(words)}."

    best = round(chosen["teacher, T = 20"], 1)
    return explore(
        view,
        presets={"the held-out choice of T = 20": {"bias": best}},
        bias=widgets.FloatSlider(
            0.0, min=-5, max=15, step=0.1, description="bias", readout_format=".1f"
        ),
    )


def omitted_runs_explorer(runs: pd.DataFrame) -> Explorer:
    """The stored runs of every digit: recall and errors without and with a bias.

    `runs` are those of `omitted`; Hinton chose the bias on the test images.
    """
    arms = {
        arm: runs[(runs["method"] == method) & runs["temperature"].fillna(t).eq(t)]
        for arm, (method, t) in ARMS.items()
    }
    choices = {"no bias": "0", "bias of held-out images": "held_out"}
    choices |= {"bias of the test images, as Hinton": "test"}

    def view(arm: str, bias: str) -> Drawn:
        table, chosen = arms[arm], choices[bias]
        recall = by_digits(table, f"recall_{chosen}", 100)
        errors = by_digits(table, f"errors_{chosen}", 1)
        color = COLORS[[*ARMS].index(arm)]
        parts = (
            dots(recall, RECALL, dict.fromkeys(recall, color)),
            dots(errors, ERRORS, dict.fromkeys(errors, color)),
        )
        parts[1]["y"]["showticklabels"] = False
        single = table[(table["seen"] > 99) & (table["labels"] == FEW)]
        mean = 100 * mean_spread(single[f"recall_{chosen}"])[0]
        wrong = mean_spread(single[f"errors_{chosen}"])[0]
        figure = side_by_side(
            f"{arm}, {bias}: recall {mean:.0f} % on average", *parts, height=560
        )
        figure.update_layout(margin={"l": 240})
        return figure, (
            f"MNIST, stored: {len(single)} runs of {arm}, {bias}. Over the ten digits, "
            f"each left out in turn: recall {mean:.1f} % on average, {wrong:,.0f} "
            "errors of 10,000."
        )

    return explore(
        view,
        tabulate=["arm", "bias"],
        arm=widgets.SelectionSlider(
            options=[*ARMS], value="teacher, T = 20", description="taught by"
        ),
        bias=widgets.Dropdown(options=[*choices], description="bias"),
    )


def by_digits(runs: pd.DataFrame, column: str, times: float) -> dict[str, list[float]]:
    """What was measured, by the digits left out, times a number."""
    groups = runs.groupby(["labels", "student", "seen"], sort=False)[column]
    return {hidden_words(*key): (times * values).tolist() for key, values in groups}


def hidden_words(labels: int, student: str, seen: int) -> str:
    """'0 left out' of the digits 123456789; 'only 7, 8' of 78; what else is unusual."""
    digits = str(seen)
    left_out = set(DIGITS) - set(digits.zfill(9))  # a number drops the first 0
    words = f"{', '.join(left_out)} left out"
    if len(digits) == 2:
        words = f"only {', '.join(digits)}"
    words += f" of {labels:,}" * (labels > FEW)
    return words + ", 2×800" * (student == LARGE)
