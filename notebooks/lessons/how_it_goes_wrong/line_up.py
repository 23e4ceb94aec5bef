"""The line-up: nine trainings, eight of them with a bug, live; then an inspection."""

import math
from collections.abc import Generator, Mapping
from copy import deepcopy
from difflib import ndiff
from functools import cache, partial

from torch import nn

from kdlab import figures as fig
from kdlab.data import Columns, count, sample, scaled
from kdlab.experiments import new_student
from kdlab.explorers.twins import in_turns
from kdlab.panels import (
    Explorer,
    LivePanel,
    choice,
    dropdown,
    explore,
    explore_live,
    tick,
)
from kdlab.training import evaluate

from . import test_my_distillation as kit
from .mutants import MUTANTS, RIGHT, SOURCE, code_of, source_of

NAMES = [*MUTANTS]
SUSPECTS = {
    letter: NAMES[place]
    for letter, place in zip("ABCDEFGH", (4, 2, 7, 0, 6, 3, 1, 5), strict=True)
}
TOOLS = {  # {what is inspected: (the axis, its ends, how a reading is taken)}
    "the pull on a student who agrees": ("pull, beside one who does not agree", [-0.05, 1], kit.at_agreement),
    "the pull at T = 64, beside T = 16": ("times as strong", [-1.5, 1.5], kit.when_hotter),
    "the loss with ten classes nobody believes in": ("times as large", [0, 1.6], kit.when_counted_otherwise),
    "targets whose arg max is their image's": ("share of the targets", [0, 1.05], lambda mine: kit.trained(mine, 0.5)["targets that fit"]),
    "how far the teacher moved": ("largest change of a weight or statistic", [-0.05, 1.2], lambda mine: kit.trained(mine, 0.5)["teacher"]),
    "how far the student moved, teacher alone": ("largest change of a weight", [-0.002, 0.03], lambda mine: kit.trained(mine, 1.0)["student"]),
}  # fmt: skip
Curves = Mapping[
    str, list[list[float]]
]  # {suspect: [errors after each epoch, a seed each]}


@cache
def reading(tool: str, name: str) -> float:
    """What one tool of the kit reads on the code with this bug."""
    return TOOLS[tool][2](code_of(name))


def difference(letter: str) -> str:
    """What the suspect's file has otherwise than the right one."""
    lines = ndiff(SOURCE.splitlines(), source_of(SUSPECTS[letter]).splitlines())
    return "\n".join(line for line in lines if line[0] in "+-")


def score(accused: Mapping[str, str]) -> int:
    """How many of the suspects are accused of what they did; says so. ValueError: a name."""
    named = {letter: name for letter, name in accused.items() if name}
    if odd := [*({*named} - {*SUSPECTS}), *({*named.values()} - {*NAMES})]:
        raise ValueError(f"There are {[*SUSPECTS]} and {NAMES}, got {odd}.")
    right = sum(SUSPECTS[letter] == name for letter, name in named.items())
    print(
        f"{right} of {len(SUSPECTS)} named rightly, {len(named) - right} wrongly, {len(SUSPECTS) - len(named)} open."
    )
    return right


def bugs_explorer(
    teacher: nn.Module, train_set: Columns, test_set: Columns, *, seeds: int = 5
) -> LivePanel:
    """Train with the right code and with each bug, live; the names stay hidden at first.

    The teacher comes in train mode, as a training leaves it. `await panel.finished()`
    gives {"the right code": [[errors after each epoch], ...], "A": ...}, a list a seed.
    """
    known: dict[tuple, list] = {}  # trained already: names can be shown without waiting

    def trained(soft_weight: float, named: bool) -> Generator:
        def train(arm: str, seed: int) -> Generator:
            key = arm, seed, soft_weight
            if key not in known:
                chosen, found = sample(train_set, min(2000, count(train_set)), seed), []
                images, mode = scaled(chosen["images"]), deepcopy(teacher).train()
                told = (
                    new_student("mlp-128", seed, classes=classes),
                    mode,
                    images,
                    chosen["labels"],
                )
                code = code_of(SUSPECTS.get(arm, RIGHT))
                for net in code.distil(*told, soft_weight=soft_weight, seed=seed):
                    found.append(evaluate(net, judges)["errors"])
                    yield
                known[key] = found
            return known[key]

        return in_turns(
            [RIGHT, *SUSPECTS],
            seeds,
            train,
            partial(drawn, count(judges), seeds, named),
        )

    judges = {name: test_set[name] for name in ("images", "labels")}
    classes = evaluate_classes(teacher, judges)
    weight = choice("weight of the teacher", [0.5, 1.0], 0.5)
    return explore_live(trained, soft_weight=weight, named=tick("with their names"))


def evaluate_classes(teacher: nn.Module, columns: Columns) -> int:
    """How many classes the teacher answers for."""
    return [layer for layer in teacher.modules() if isinstance(layer, nn.Linear)][
        -1
    ].out_features


def last_errors(curves: Curves) -> dict[str, list[float]]:
    """Test errors at the end, seed by seed."""
    return {name: [curve[-1] for curve in found] for name, found in curves.items()}


def with_names(curves: Curves) -> dict[str, list[list[float]]]:
    """The same by what each did, in the order of the eight."""
    return {
        name: curves[letter]
        for name in (RIGHT, *NAMES)
        for letter in curves
        if SUSPECTS.get(letter, letter) == name
    }


def drawn(examples: int, seeds: int, named: bool, curves: Curves) -> fig.Drawn:
    """Test errors of the right code and of all suspects, as far as they are known."""
    errors = last_errors(with_names(curves) if named else curves)
    ends = [math.log10(share * examples) for share in (0.01, 1)]
    x = fig.axis(
        f"test errors of {examples:,}",
        ends,
        log=True,
        ticks=fig.ticks_at(examples, (0.02, 0.05, 0.1, 0.2, 0.5, 1)),
    )
    known, done = {n: e for n, e in errors.items() if e}, min(map(len, errors.values()))
    title = "Nine trainings, no error message: the first one trains"
    if known:
        title = f"The right code: {fig.mean_words(known[RIGHT])} errors; {done} of {seeds} seeds are done"
    return fig.picture(
        title,
        fig.dots(
            errors,
            x,
            {RIGHT: fig.TEACHER} | dict.fromkeys([*SUSPECTS, *NAMES], fig.STUDENT),
        ),
        says=f"Errors of {examples:,}: {fig.in_words(known)}; {done} seeds are done.",
        height=400,
    )


def line_up_explorer(curves: Curves, examples: int) -> Explorer:
    """Curves without names, one tool of the kit at a time, and an accusation.

    `curves` are what `bugs_explorer` found; so many test images were answered.
    """
    means = {
        name: [fig.mean_spread(at)[0] for at in zip(*found, strict=True)]
        for name, found in curves.items()
        if found
    }
    epochs = [*range(1, 1 + len(means[RIGHT]))]
    x = fig.axis("epochs", [0, len(epochs) + 1])
    ends = [math.log10(share * examples) for share in (0.01, 1)]
    y = fig.axis(
        f"test errors of {examples:,}",
        ends,
        log=True,
        ticks=fig.ticks_at(examples, (0.02, 0.05, 0.1, 0.2, 0.5, 1)),
    )

    def view(tool: str, suspect: str, accused: str) -> fig.Drawn:
        title, scale, _ = TOOLS[tool]
        log = (
            {
                "log": True,
                "ticks": {"1/16": 1 / 16, "1/4": 0.25, "1": 1, "4": 4, "16": 16},
            }
            if "T = 64" in tool
            else {}
        )
        found = {
            name: [reading(tool, SUSPECTS.get(name, name))]
            for name in (RIGHT, *SUSPECTS)
        }
        others = [
            {
                "type": "scatter",
                "mode": "lines",
                "x": epochs,
                "y": curve,
                "name": name,
                "line": {"color": fig.LABELS, "width": 1},
                "showlegend": False,
            }
            for name, curve in means.items()
            if name != suspect
        ]
        lines = {RIGHT: means[RIGHT], f"suspect {suspect}": means[suspect]}
        said = "Nobody is accused yet."
        if accused in NAMES:
            verdict = (
                "That is so." if SUSPECTS[suspect] == accused else "That is not so."
            )
            said = f"Suspect {suspect} is accused of '{accused}'. {verdict}"
        here = found[suspect][0]
        return fig.picture(
            f"Suspect {suspect}: {here:.3g}; {RIGHT}: {found[RIGHT][0]:.3g}",
            fig.dots(
                found,
                fig.axis(title, scale, **log),
                {RIGHT: fig.TEACHER, suspect: fig.STUDENT},
            ),
            fig.curves(
                epochs, lines, epochs[-1], (x, y), [fig.TEACHER, fig.STUDENT], *others
            ),
            says=f"{tool[0].upper()}{tool[1:]}: {here:.3g} with suspect {suspect}, {found[RIGHT][0]:.3g} with {RIGHT}. {means[suspect][-1]:.0f} test errors, {RIGHT} {means[RIGHT][-1]:.0f}. {said}",
            height=430,
            legend=True,
        )

    return explore(
        view,
        tabulate=3,
        tool=dropdown("tool", [*TOOLS]),
        suspect=choice("suspect", [(letter, letter) for letter in SUSPECTS], "A"),
        accused=dropdown("accused of", ["nothing yet", *NAMES]),
    )
