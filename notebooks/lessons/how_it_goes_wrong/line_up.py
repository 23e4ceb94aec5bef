"""The line-up: nine trainings, eight of them with a bug, live; then an inspection."""

import math
from collections.abc import Callable, Generator, Mapping
from difflib import ndiff
from functools import cache, partial
from types import ModuleType

import torch
from torch import nn

from kdlab import figures as fig
from kdlab.data import Columns, count, sample
from kdlab.experiments import new_student
from kdlab.explorers.twins import in_turns
from kdlab.panels import Explorer, LivePanel, choice, dropdown, explore, explore_live
from kdlab.training import evaluate, predict

from . import test_my_distillation as kit
from .mutants import MUTANTS, RIGHT, code_of, training

NAMES, ROWS, PLACES = [*MUTANTS], range(9), (4, 2, 7, 0, 6, 3, 1, 5)
SUSPECTS = {letter: NAMES[n] for letter, n in zip("ABCDEFGH", PLACES, strict=True)}


def watched(what: str, soft_weight: float = 0.5) -> Callable[[ModuleType], float]:
    """A tool that trains with the code, and reads one thing of it."""
    return lambda code: kit.trained(code, soft_weight)[what]


TOOLS = {  # {what is inspected: (its unit, the ends of its axis, how it is read)}
    "pull on a student who agrees": ("share of the pull where they disagree", [-0.05, 1], kit.at_agreement),
    "pull at T = 64, beside T = 16": ("times as strong", [-1.5, 1.5], kit.when_hotter),
    "loss with ten classes more": ("times as large", [0, 1.6], kit.when_counted_otherwise),
    "targets that fit their image": ("share of the targets", [0, 1.05], watched("targets that fit")),
    "how far the teacher moved": ("largest change of a number", [-0.01, 0.2], watched("teacher")),
    "how far the student moved": ("largest change, teacher alone", [-0.002, 0.03], watched("student", 1.0)),
}  # fmt: skip
TOO_EARLY = "Let the panel train one seed of all nine, then run this again."
Curves = Mapping[str, list[list[float]]]  # {suspect: [errors after each epoch, a seed]}


@cache
def reading(tool: str, name: str) -> float:
    """What one tool of the kit reads on the code with this bug."""
    return round(TOOLS[tool][2](code_of(name)), 4)


def score(accused: Mapping[str, int], *, tell: bool = False) -> int:
    """How many suspects are accused of what they did: {letter: row of the table, or 0}.

    `tell` prints what those accused rightly did; once all eight are accused, what all
    did. ValueError: no such letter, or row.
    """
    if odd := {x: n for x, n in accused.items() if x not in SUSPECTS or n not in ROWS}:
        raise ValueError(f"Suspects are A to H, rows 1 to 8, 0: nobody; got {odd}.")
    named = {letter: NAMES[row - 1] for letter, row in accused.items() if row}
    right = [letter for letter, name in named.items() if SUSPECTS[letter] == name]
    print(f"{len(right)} of 8 named rightly, {len(named) - len(right)} wrongly.")
    for letter in (SUSPECTS if len(named) == len(NAMES) else right) if tell else ():
        files = (code_of(n).source.splitlines() for n in (RIGHT, SUSPECTS[letter]))
        lines = [line for line in ndiff(*files) if line[0] in "-+"]
        print(f"\nSuspect {letter}: {SUSPECTS[letter]}", *lines, sep="\n")
    return len(right)


def bugs_explorer(
    teacher: nn.Module, train_set: Columns, test_set: Columns, *, seeds: int = 5
) -> LivePanel:
    """Train with the right code and with each bug, live; nobody is named.

    The teacher comes as a training leaves it. `await panel.finished()` gives
    {"the right code": [[errors after each epoch], ...], "A": ...}, a list a seed.
    """
    judges = {name: test_set[name] for name in ("images", "labels")}
    classes = predict(teacher, judges["images"][:1]).shape[1]

    def trained(soft_weight: float) -> Generator:
        def train(arm: str, seed: int) -> Generator:
            some, found = sample(train_set, min(2000, count(train_set)), seed), []
            student = new_student("mlp-128", seed, classes=classes)
            how = {"seed": seed, "soft_weight": soft_weight}
            code = SUSPECTS.get(arm, RIGHT)
            for net in training(code, student, teacher, some, **how):
                found.append(evaluate(net, judges)["errors"])
                yield
            return found

        return in_turns([RIGHT, *SUSPECTS], seeds, train, partial(drawn, count(judges)))

    weight = choice("weight of the teacher", [0.5, 1.0], 0.5)
    return explore_live(trained, soft_weight=weight)


def last_errors(curves: Curves) -> dict[str, list[float]]:
    """Test errors at the end, seed by seed, by what each did. ValueError: too little."""
    if not all(curves.values()):
        raise ValueError(TOO_EARLY)
    letters = {name: letter for letter, name in SUSPECTS.items()} | {RIGHT: RIGHT}
    return {n: [c[-1] for c in curves[letters[n]]] for n in (RIGHT, *NAMES)}


def errors_axis(examples: int) -> dict:
    """From 1 % to all of the test images."""
    ticks = fig.ticks_at(examples, (0.02, 0.05, 0.1, 0.2, 0.5, 1))
    ends = [math.log10(share * examples) for share in (0.01, 1.1)]
    return fig.axis(f"test errors of {examples:,}", ends, log=True, ticks=ticks)


def drawn(examples: int, curves: Curves) -> fig.Drawn:
    """Test errors of the right code and of all suspects, as far as they are known."""
    errors = {name: [curve[-1] for curve in found] for name, found in curves.items()}
    done = min(map(len, errors.values()))
    more = {  # than the right code, of those seeds that all have done
        name: [e - r for e, r in zip(errors[name][:done], errors[RIGHT], strict=False)]
        for name in SUSPECTS
    }
    title = "Nine trainings, no error message: two seeds of each are awaited"
    if done > 1:
        mean, spread, name = max(((*fig.mean_spread(v), n) for n, v in more.items()),
                                 key=lambda row: row[0] / (row[1] or 1))  # fmt: skip
        title = f"Surest: suspect {name}, {mean:.0f} ± {spread:.0f} errors more than the right code"
    return fig.picture(
        title,
        fig.dots(errors, errors_axis(examples), {RIGHT: fig.TEACHER}),
        says=f"Errors of {examples:,}: {fig.in_words(errors)}; {done} seeds are done. "
        f"More than with the right code, seed by seed: {fig.in_words(more)}.",
        height=400,
    )


def line_up_explorer(curves: Curves, examples: int) -> Explorer:
    """Curves without names, and one tool of the kit at a time.

    `curves` are what `bugs_explorer` found on so many images. ValueError: too little.
    """
    if not all(curves.values()):
        raise ValueError(TOO_EARLY)
    means = {n: torch.tensor(f).double().mean(0).tolist() for n, f in curves.items()}
    epochs = [*range(1, 1 + len(means[RIGHT]))]
    axes = fig.axis("epochs", [0, len(epochs) + 1]), errors_axis(examples)

    def view(tool: str, suspect: str) -> fig.Drawn:
        unit, ends, _ = TOOLS[tool]
        log = {"log": True, "ticks": {"1/16": 1 / 16, "1": 1, "16": 16}}
        x = fig.axis(unit, ends, **(log if "T = 64" in tool else {}))
        found = {n: [reading(tool, SUSPECTS.get(n, n))] for n in (RIGHT, *SUSPECTS)}
        colors = {RIGHT: fig.TEACHER, suspect: fig.STUDENT}
        thin = {"type": "scatter", "mode": "lines", "x": epochs, "showlegend": False}
        thin |= {"name": "the others", "line": {"color": fig.LABELS, "width": 1.5}}
        others = [thin | {"y": y} for n, y in means.items() if n not in colors]
        lines = {name: means[name] for name in colors}
        ends = f"{means[suspect][-1]:.0f} test errors, {RIGHT} {means[RIGHT][-1]:.0f}"
        return fig.picture(
            f"{tool}: {found[suspect][0]:.3g} with suspect {suspect}",
            fig.dots(found, x, colors),
            fig.curves(epochs, lines, epochs[-1], axes, [*colors.values()], *others),
            says=f"Suspect {suspect} makes {ends}. Readings of {tool}: "
            f"{fig.in_words(found, 3)}.",
            height=430,
        )

    letters = choice("suspect", [(letter, letter) for letter in SUSPECTS], "A")
    return explore(view, tabulate=2, tool=dropdown("tool", [*TOOLS]), suspect=letters)
