"""A digit that the student has never seen: trained live, with a bias, and stored."""

from collections.abc import Generator, Sequence
from contextlib import suppress
from functools import partial

import pandas as pd
import torch
from ipywidgets import FloatSlider
from torch import Tensor

from kdlab import figures as fig
from kdlab.data import Columns, count, only_classes
from kdlab.experiments import LABELS, best_rates, nearest_rate, student_steps
from kdlab.explorers.answers import DIGITS, names_of
from kdlab.panels import Explorer, LivePanel, choice, dropdown, explore, explore_live
from kdlab.training import predict

from .experiments import arm_of
from .unseen import BIASES, ByArm, Unseen, chosen_biases, tables_of

ARMS = {  # what each student is told
    "labels": LABELS,
    "class means, T = 20": {"method": "class means", "temperature": 20.0},
    "teacher, T = 1": {"method": "teacher", "temperature": 1.0},
    "teacher, T = 4": {"method": "teacher", "temperature": 4.0},
    "teacher, T = 20": {"method": "teacher", "temperature": 20.0},
}
COLORS = [fig.LABELS, fig.OTHER, *fig.STUDENTS]  # the teacher shows none of its own
COLOR_OF = dict(zip(ARMS, COLORS, strict=True))
TWO = "7", "8"  # the digits of Hinton's second experiment
# How a bias was chosen, and the end of its columns in the table.
CHOSEN = {"no bias": "0", "bias of held-out images": "held_out"}
CHOSEN |= {"bias of the test images, as Hinton": "test"}
RECALL = fig.axis("recall of the unseen, %", [-4, 104])
TICKS = {f"{n:,}": n for n in (200, 500, 1000, 2000, 5000)}
ERRORS = fig.axis("test errors of 10,000", [2.2, 3.95], log=True, ticks=TICKS)
FEW = 10_000  # images of the stored runs, but for a few of them


def omitted_explorer(
    train_set: Columns,
    held_out: Columns,
    test_set: Columns,
    class_names: Sequence[str] | None = None,
    *,
    epochs: int = 8,
) -> LivePanel:
    """Choose the class that no student may see; one student of each arm is trained.

    `train_set` has a column teacher_logits [N, classes]; the teacher knows all classes.
    Students learn at the rates that were tuned on all digits, as in the stored runs.
    `await panel.finished()` gives an `Unseen`, of fewer arms if it was stopped.

    Raises ValueError if all images are of one class, or if no class is in all sets.
    """
    class_names = names_of(train_set, class_names, compared=True)
    known = train_set["labels"].unique().tolist()
    judged = {*test_set["labels"].tolist()} & {*held_out["labels"].tolist()}
    classes = [name for name in known if name in judged]
    if not classes:
        raise ValueError(f"No class of {known} is in the test and the held-out images.")

    rates = best_rates()

    def trained(hidden: Sequence[int]) -> Generator:
        shown = only_classes(train_set, set(known) - set(hidden))
        test, held = test_set["labels"], held_out["labels"]
        found = Unseen([*hidden], ByArm(), test, ByArm(), held)
        draw = partial(before_bias, found, class_names, count(shown))
        how = {"student": "mlp-128", "epochs": epochs}
        with suppress(GeneratorExit):
            yield draw
            for arm, told in ARMS.items():
                of_arm = {**how, "temperature": None, **told}
                rate = nearest_rate(rates, {"labels": count(train_set), **of_arm})
                student = yield from student_steps(shown, learning_rate=rate, **of_arm)
                found.answers[arm] = predict(student, test_set["images"])
                found.held_out_answers[arm] = predict(student, held_out["images"])
                yield draw
        return found

    options = {f"every {class_names[i]}": (i,) for i in classes}
    rest = tuple(i for i in classes if class_names[i] not in TWO)
    if 0 < len(rest) == len(known) - 2:
        options[f"all but {' and '.join(TWO)}"] = rest
    first = options.get("every 3", (classes[0],))
    return explore_live(trained, hidden=dropdown("left out", options.items(), first))


def before_bias(found: Unseen, class_names: Sequence[str], images: int) -> fig.Drawn:
    """Recall of the unseen and all errors of each student, as it comes."""
    tables = tables_of(found, biases=torch.zeros(1))
    recall = {arm: 100 * table["recall"].item() for arm, table in tables.items()}
    errors = {arm: table["errors"].item() for arm, table in tables.items()}
    hidden = "the " + ", ".join(f"{class_names[name]}s" for name in found.unseen)
    wide = len(found.labels) * (0.25 if len(found.unseen) == 1 else 1.0)
    right = bars_of(errors, "errors", wide)
    right["y"]["showticklabels"] = False
    said = [f"{arm}: {recall[arm]:.0f} % and {errors[arm]:,} errors" for arm in tables]
    return fig.picture(
        f"Up to {max(recall.values(), default=0):.0f} % of {hidden} found, though "
        "never seen",
        bars_of(recall, "recall, %", 100),
        right,
        height=330,
        says=f"Taught by {images:,} images without {hidden}. "
        f"{'; '.join(said) or 'The first student is training'}.",
    )


def bars_of(values: dict[str, float], title: str, most: float) -> fig.Part:
    """A bar for each arm; those that are not trained yet have none."""
    known = Tensor([values.get(arm, 0) for arm in ARMS])
    bars = fig.class_bars(known, [*ARMS], title=title, scale=(0, most))
    bars["traces"][0]["marker"]["color"] = COLORS
    return bars


def bias_explorer(found: Unseen, class_names: Sequence[str] = DIGITS) -> Explorer:
    """Recall of the unseen and all errors, as one bias is added to their logits.

    Raises ValueError if there are no students: the training was stopped.
    """
    chosen, biases = chosen_biases(found), BIASES.tolist()
    tables, images = tables_of(found), len(found.labels)
    recall = {arm: (100 * t["recall"]).tolist() for arm, t in tables.items()}
    errors = {arm: t["errors"].double().tolist() for arm, t in tables.items()}
    most = max(max(values) for values in errors.values())
    x = fig.axis("bias added to the logits of the unseen", [-5.3, 15.3])
    y = fig.axis(f"errors of {images:,}", [0, 1.04 * most])

    def view(bias: float) -> fig.Drawn:
        at = fig.nearest(biases, bias)
        bias, here = biases[at], [values[at] for values in recall.values()]
        words = [
            f"{arm}: {recall[arm][at]:.0f} %, {errors[arm][at]:,.0f} errors (held-out "
            f"choice: {chosen[arm]:.1f})"
            for arm in recall
        ]
        return fig.picture(
            f"Bias {bias:.1f}: recall {min(here):.0f} to {max(here):.0f} %",
            fig.curves(biases, recall, bias, (x, RECALL), COLORS),
            fig.unnamed(fig.curves(biases, errors, bias, (x, y), COLORS)),
            legend=True,
            height=440,
            says=f"With a bias of {bias:.1f}: {'; '.join(words)}.",
        )

    best = {arm: round(b, 1) for arm, b in chosen.items() if arm == "teacher, T = 20"}
    slider = {"min": -5, "max": 15, "step": 0.1, "readout_format": ".1f"}
    return explore(
        view,
        presets={f"the held-out choice of {arm[9:]}": b for arm, b in best.items()},
        bias=FloatSlider(0.0, description="bias", **slider),
    )


def omitted_runs_explorer(runs: pd.DataFrame) -> Explorer:
    """The stored runs of every digit: recall and errors without and with a bias.

    `runs` are those of `omitted`; Hinton chose the bias on the test images.
    """
    keys = zip(runs["labels"], runs["student"], runs["seen"], strict=True)
    shares = {name: 100 * runs[name] for name in runs.filter(like="recall_")}
    runs = runs.assign(left_out=[hidden_words(*key) for key in keys], **shares)
    found = runs.groupby([arm_of(runs), "left_out"], sort=False).agg(list)
    ten = [f"{digit} left out" for digit in DIGITS]

    def view(arm: str, bias: str) -> fig.Drawn:
        recall = found.loc[arm, f"recall_{CHOSEN[bias]}"].to_dict()
        errors = found.loc[arm, f"errors_{CHOSEN[bias]}"].to_dict()
        color = dict.fromkeys(recall, COLOR_OF[arm])
        right = fig.dots(errors, ERRORS, color)
        right["y"]["showticklabels"] = False
        single = [run for name in ten for run in recall[name]]
        mean = sum(single) / len(single)
        wrong = sum(sum(errors[name]) for name in ten) / len(single)
        return fig.picture(
            f"{arm}, {bias}: recall {mean:.0f} % on average",
            fig.dots(recall, RECALL, color),
            right,
            height=760,
            says=f"MNIST, stored: {len(single)} runs of {arm}, {bias}. Over the ten "
            f"digits, each left out in turn: recall {mean:.1f} % on average, "
            f"{wrong:,.0f} errors of 10,000.",
        )

    return explore(
        view,
        tabulate=2,
        arm=choice("taught by", [(arm, arm) for arm in ARMS], "teacher, T = 20"),
        bias=dropdown("bias", CHOSEN),
    )


def hidden_words(labels: int, student: str, seen: int) -> str:
    """'0 left out' of the digits 123456789; 'only 7, 8' of 78; what else is unusual."""
    words = f"only {', '.join(str(seen))}"
    if seen > 99:
        (hidden,) = set(DIGITS) - set(f"{seen:09}")  # a number drops the first 0
        words = f"{hidden} left out"
    images = f" of {labels:,}" if labels > FEW else ""
    size = ", 2×800" if student == "mlp-800-800" else ""
    return words + images + size
