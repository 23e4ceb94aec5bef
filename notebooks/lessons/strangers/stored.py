"""What the stored runs of MNIST say: who taught whom, what each saw, who shared what."""

import pandas as pd

from kdlab import figures as fig
from kdlab.data import Columns
from kdlab.panels import Explorer, choice, explore
from kdlab.results import spared

from .senses import moved

COARSE = 200, 500, 1000, 2000, 5000  # errors, at ticks
FINE = 600, 700, 800, 900, 1000, 1500, 2000, 3000
MLP, CNN, SHUFFLED = "mlp-800", "cnn-8-16-64", "shuffled within class"
ALONE = {"labels": ("", "labels", 0), "smoothing 0.1": ("", "smoothing 0.1", 0)}
STUDENTS = {  # {name: teacher, method, pixels by which its own images are moved}
    **ALONE,
    "taught by an MLP": (MLP, "teacher", 0),
    "taught by a CNN": (CNN, "teacher", 0),
    "by a moved MLP": (f"{MLP}, moved", "teacher", 0),
    "by a moved CNN": (f"{CNN}, moved", "teacher", 0),
    "labels, moved itself": ("", "labels", 2),
}
SHADOWS = {  # {name: teacher, method, share of wrong pairs}
    **ALONE,
    "its first answer": (CNN, "arg max", 0),
    "all it says": (CNN, "teacher", 0),
    "all, to another of the class": (CNN, SHUFFLED, 0),
    "first answer, a fifth mispaired": (CNN, "arg max", 0.2),
    "all, a fifth mispaired": (CNN, "teacher", 0.2),
}
HALVES = {  # what the teacher of a student of the left half has seen
    **ALONE,
    "the other half": ("half 0.0", "teacher", 0),
    "the middle half": ("half 0.5", "teacher", 0),
    "the same half": ("half 1.0", "teacher", 0),
    "the whole": (CNN, "teacher", 0),
    "the whole, an MLP": (MLP, "teacher", 0),
}
SHARED = {  # {name: public images, method, rounds}
    "answers, mean": ("digits", "probabilities", 5),
    "answers, the surer": ("digits", "surer", 5),
    "weights, 5 rounds": ("", "weights", 5),
    "weights, 40 rounds": ("", "weights", 40),
    "all in one place": ("", "one place", 5),
}
COLORS = dict.fromkeys([*STUDENTS, *SHADOWS, *HALVES, *[*SHARED][:2]], fig.STUDENT)
COLORS |= {"labels": fig.LABELS, "smoothing 0.1": fig.OTHER, "answers": fig.STUDENT}
COLORS["labels, moved itself"] = fig.LABELS


def rows_of(runs: pd.DataFrame, **wanted: object) -> pd.DataFrame:
    """Students with these values in these columns, "" for none, in the order of seeds."""
    there = (runs.astype(object).fillna("")[[*wanted]] == pd.Series(wanted)).all(axis=1)
    return runs[there & (runs["student"] != runs["teacher"])].sort_values("seed")


def gain(
    better: pd.DataFrame, worse: pd.DataFrame, column: str = "test_errors"
) -> list:
    """Errors that these runs have fewer than those of the same seeds."""
    both = (runs.assign(test_errors=runs[column]) for runs in (better, worse))
    return spared(*both)


def errors_of(
    runs: pd.DataFrame, ways: dict, *columns: str, of: str = "test_errors"
) -> dict[str, list[float]]:
    """Errors of each way, seed by seed; the columns are those of its values."""
    named = {n: dict(zip(columns, way, strict=True)) for n, way in ways.items()}
    return {n: rows_of(runs, **wanted)[of].tolist() for n, wanted in named.items()}


def errors_dots(found: fig.Runs, low: float, high: float) -> fig.Part:
    """Errors of 10,000 as dots, on an axis from 10^low to 10^high."""
    ticks = {f"{n:,}": n for n in (FINE if high - low < 0.7 else COARSE)}
    x = fig.axis("test errors of 10,000", [low, high], log=True, ticks=ticks)
    return fig.dots(found, x, COLORS)


def moved_explorer(runs: pd.DataFrame, columns: Columns) -> Explorer:
    """Errors of each student, when the digits are moved by 0 to 6 pixels."""
    digit = columns["images"][:1].expand(3, -1, -1, -1)  # the third goes right
    names = "teacher", "method", "jitter"

    def view(pixels: int) -> fig.Drawn:
        found = errors_of(runs, STUDENTS, *names, of=f"errors_{pixels}")
        best = min([*found][:-1], key=lambda name: sum(found[name]))
        return fig.picture(
            f"{pixels} px: of those who saw no moved digit fewest errors {best}",
            errors_dots(found, 2.3, 4.06),
            fig.image(moved(digit, pixels)[2]),
            widths=[3, 1],
            says=f"Test digits moved by {pixels} px; five seeds. Errors of 10,000: "
            f"{fig.in_words(found)}.",
            height=430,
        )

    return explore(view, pixels=choice("moved by, px", range(7), 2))


def told_explorer(runs: pd.DataFrame) -> Explorer:
    """Errors of students of half a digit, or of its shadows, by what they are told."""
    names = "teacher", "method", "broken"
    found = {
        "the left half": errors_of(rows_of(runs, sense="left half"), HALVES, *names)
    }
    for pairs in (100, 300, 1000, 10_000):
        some = rows_of(runs, sense="shadows", labels=pairs)
        found[f"shadows, {pairs:,} pairs"] = errors_of(some, SHADOWS, *names)

    def view(group: str) -> fig.Drawn:
        here = found[group]
        best = min(here, key=lambda n: sum(here[n]) if here[n] else 1e9)
        return fig.picture(
            f"Of {group}: fewest errors with {best}",
            errors_dots(here, *((2.78, 3.03) if "half" in group else (3.02, 3.6))),
            says=f"The student sees {group}; 600 steps, five seeds. Errors of 10,000: "
            f"{fig.in_words(here)}.",
            height=430,
        )

    return explore(
        view, group=choice("the student sees", [(n, n) for n in found], "the left half")
    )


def bytes_explorer(runs: pd.DataFrame) -> Explorer:
    """What each way to share costs to send, and what the stored clients then err."""
    found = errors_of(runs, SHARED, "public", "method", "rounds")

    def view(rounds: int, public: int, units: int) -> fig.Drawn:
        numbers = {"answers": public * 10, "weights": 795 * units + 10}
        sent = {name: [rounds * 4 * n / 1000] for name, n in numbers.items()}
        said = " and ".join(f"{kB:,.0f} kB of {name}" for name, (kB,) in sent.items())
        ends = fig.axis("kB that a client sends", [0.5, 6.5], log=True)
        return fig.picture(
            f"A client sends {said}",
            errors_dots(found, 2.69, 3.6),
            fig.dots(sent, ends, COLORS),
            widths=[1.5, 1],
            says=f"{rounds} rounds: {said}. Stored runs, five seeds, errors of 10,000: "
            f"{fig.in_words(found)}.",
        )

    return explore(
        view,
        tabulate=3,
        rounds=choice("rounds", (1, 5, 10, 40), 5),
        public=choice("public images", (500, 2000, 10_000, 50_000), 2000),
        units=choice("hidden units", (16, 64, 128, 800), 128),
    )
