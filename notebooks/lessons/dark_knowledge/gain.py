"""The table that takes the gain apart, trained live: what is each hint worth?"""

from collections.abc import Generator
from functools import partial

import pandas as pd

from kdlab import figures as fig
from kdlab.data import Columns, count
from kdlab.experiments import CHANGES, student_steps
from kdlab.explorers.twins import in_turns
from kdlab.panels import LivePanel, explore_live
from kdlab.training import evaluate

from .experiments import OF_STUDENT, arm_of

WHOLE = "teacher, T = 8"
COLORS = {"labels": fig.LABELS}  # others: a part of the answer
COLORS |= dict.fromkeys(["smoothing 0.1", "smoothing 0.3"], fig.OTHER)
COLORS |= dict.fromkeys(["teacher, T = 1", "teacher, T = 4", WHOLE], fig.STUDENT)
FAR = "shuffled, T = 8"  # off the scale
PARTS = {"smoothing 0.3": "smoothing 0.3"}  # arms in the sentence, and their names
PARTS |= {f"{part}, T = 8": part for part in CHANGES if part != "shuffled"}
EDGES = 0.045, 0.085  # shares of the test images, between which the arms are drawn
WIDE = 0.12  # the end of the axis where nothing is stored


def gain_explorer(
    train_set: Columns, test_set: Columns, stored: pd.DataFrame, *, seeds: int = 5
) -> LivePanel:
    """The table that takes the gain apart, trained live: a dot for each student.

    Args:
        train_set: images, labels and teacher_logits of 2,000 images, or fewer.
        test_set: the same of the test images.
        stored: runs of `gain`, whose arms and learning rates are taken, and whose mean
            and spread are drawn behind if the test images are the same 10,000. Labels
            and the teacher at T = 8 are compared with, so they must be among them.
        seeds: students of each arm; the first of every arm comes before the second.

    `await panel.finished()` gives the test errors of each arm, {arm: [...]}.
    """
    arms = dict(iter(stored.groupby(arm_of(stored), sort=False)))

    def train(arm: str, seed: int) -> Generator:
        setting = arms[arm].iloc[0][[*OF_STUDENT]].dropna().to_dict() | {"seed": seed}
        student = yield from student_steps(train_set, **setting)
        return evaluate(student, test_set)["errors"]

    same = count(test_set) == 10_000
    behind = {arm: r["test_errors"].tolist() for arm, r in arms.items() if same}
    draw = partial(gain_picture, behind, count(test_set), seeds)
    return explore_live(lambda: in_turns(arms, seeds, train, draw))


def gain_picture(
    behind: fig.Runs, examples: int, seeds: int, errors: fig.Runs
) -> fig.Drawn:
    """Test errors of each arm, the stored ones behind; those too far at the edge."""
    low, high = (edge * examples for edge in (EDGES if behind else (0.0, WIDE)))
    near = {arm: found for arm, found in behind.items() if min(found) < high}
    done = min(len(found) for found in errors.values())
    means = {arm: fig.mean_spread(found[:done])[0] for arm, found in errors.items()}
    title = f"{done} of {seeds} seeds of each arm"
    says = "Training one student of each arm, from the same initial weights."
    if done:
        spared = means["labels"] - means[WHOLE]
        title = f"The teacher at T = 8 spares {spared:.0f} errors; {title}"
        says = gain_words(means, examples)
    x = fig.axis(f"test errors of {examples:,}", [low, high])
    colors = {arm: COLORS.get(arm, fig.SOFTENED) for arm in errors}
    return fig.picture(title, fig.dots(errors, x, colors, near), says=says, height=620)


def gain_words(means: dict[str, float], examples: int) -> str:
    """What part of the gain each part of the answer brings, so far."""
    labels, whole = means["labels"], means[WHOLE]
    text = f"Errors of {examples:,} on average: "
    text += f"labels {labels:.0f}, teacher {whole:.0f}."
    shares = [
        f"{name} {100 * (labels - means[arm]) / (labels - whole):.0f} %"
        for arm, name in PARTS.items()
        if arm in means and labels > whole
    ]
    if shares:
        text += f" Of this gain have: {', '.join(shares)}."
    if means.get(FAR, 0) > WIDE * examples:
        text += (
            f" Shuffled among all images ({means[FAR]:,.0f} errors) is off the scale."
        )
    return text
