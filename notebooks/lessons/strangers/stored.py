"""What the stored runs of MNIST say: who taught whom, what each saw, who shared what."""

import pandas as pd

from kdlab import figures as fig
from kdlab.data import Columns
from kdlab.panels import Explorer, choice, explore
from kdlab.results import spared

from .senses import moved

TICKS = {f"{n:,}": n for n in (100, 200, 500, 1000, 2000, 5000, 10_000)}
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
SHADOWS = {  # {name: teacher, method, share of broken pairs}
    **ALONE,
    "its first answer": (CNN, "arg max", 0),
    "all it says": (CNN, "teacher", 0),
    "all, to another of the class": (CNN, SHUFFLED, 0),
    "its first answer, a fifth mispaired": (CNN, "arg max", 0.2),
    "all, a fifth mispaired": (CNN, "teacher", 0.2),
}
HALVES = {  # what the teacher of a student of the left half has seen
    **ALONE,
    "the other half": ("half 0.0", "teacher", 0),
    "a quarter of both": ("half 0.5", "teacher", 0),
    "the same half": ("half 1.0", "teacher", 0),
    "the whole": (CNN, "teacher", 0),
}
SHARED = {  # {name: public images, method, rounds}
    "answers, mean": ("digits", "probabilities", 5),
    "answers, the surer": ("digits", "surer", 5),
    "weights, 5 rounds": ("", "weights", 5),
    "weights, 40 rounds": ("", "weights", 40),
    "all in one place": ("", "one place", 5),
}
COLORS = dict.fromkeys([*STUDENTS, *SHADOWS, *HALVES, *SHARED], fig.STUDENT)
COLORS |= {"labels": fig.LABELS, "smoothing 0.1": fig.OTHER}
COLORS |= dict.fromkeys(
    ["labels, moved itself", *SHARED][:1] + [*SHARED][2:], fig.LABELS
)


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
    runs: pd.DataFrame, ways: dict, of: str, column: str = "test_errors", **more: object
) -> dict[str, list[float]]:
    """Test errors of each way, seed by seed; `of` is the third column that it names."""
    names = "public" if of == "rounds" else "teacher", "method", of
    rows = {
        n: rows_of(runs, **dict(zip(names, way, strict=True)), **more)
        for n, way in ways.items()
    }
    return {name: some[column].tolist() for name, some in rows.items()}


def errors_axis(low: float, high: float) -> dict:
    """Errors of 10,000, in powers of ten."""
    return fig.axis("test errors of 10,000", [low, high], log=True, ticks=TICKS)


def moved_explorer(runs: pd.DataFrame, columns: Columns) -> Explorer:
    """Errors of each student, when the digits are moved by 0 to 6 pixels."""
    digit = columns["images"][:1].expand(3, -1, -1, -1)  # the third goes right

    def view(pixels: int) -> fig.Drawn:
        found = errors_of(runs, STUDENTS, "jitter", f"errors_{pixels}")
        best = min([*found][:-1], key=lambda name: sum(found[name]))
        return fig.picture(
            f"{pixels} px: of those who saw no moved digit fewest errors {best}",
            fig.dots(found, errors_axis(2.3, 4.0), COLORS),
            fig.image(moved(digit, pixels)[2]),
            widths=[3, 1],
            says=f"MNIST, test digits moved by {pixels} px; five seeds, each with its own "
            f"teachers. Errors of 10,000: {fig.in_words(found)}.",
            height=430,
        )

    return explore(view, pixels=choice("moved by, px", range(7), 2))


def pairs_explorer(runs: pd.DataFrame) -> Explorer:
    """Errors of students of shadows, by the number of pairs of picture and shadows."""

    def view(pairs: int) -> fig.Drawn:
        found = errors_of(runs, SHADOWS, "broken", labels=pairs, sense="shadows")
        hard, soft = (fig.mean_spread(found[n])[0] for n in [*SHADOWS][2:4])
        return fig.picture(
            f"{pairs:,} pairs: first answers {hard:,.0f} errors, all it says {soft:,.0f}",
            fig.dots(found, errors_axis(3.0, 3.65), COLORS),
            says=f"MNIST, {pairs:,} shadows, 600 steps, five seeds. Errors of 10,000: "
            f"{fig.in_words(found)}.",
            height=430,
        )

    return explore(view, pairs=choice("pairs", (100, 300, 1000, 10_000), 300))


def halves_picture(runs: pd.DataFrame) -> fig.Drawn:
    """Errors of students of the left half, by what their teacher saw."""
    found = errors_of(runs, HALVES, "broken", sense="left half")
    return fig.picture(
        "The student sees the left half. What did its teacher see?",
        fig.dots(found, fig.axis("test errors of 10,000", [600, 960]), COLORS),
        says=f"MNIST, 10,000 pairs, five seeds. Errors of 10,000: {fig.in_words(found)}.",
    )


def bytes_explorer(runs: pd.DataFrame) -> Explorer:
    """What each way to share costs to send, and what the stored clients then err."""
    found = errors_of(runs, SHARED, "rounds")
    errors = fig.dots(found, errors_axis(2.7, 3.65), COLORS)

    def view(rounds: int, public: int, units: int) -> fig.Drawn:
        sent = {"answers": rounds * public * 10 * 4 / 1000}
        sent["weights"] = rounds * (795 * units + 10) * 4 / 1000
        said = " and ".join(f"{name} {value:,.0f} kB" for name, value in sent.items())
        each = {name: [value] for name, value in sent.items()}
        ends = fig.axis("kB that a client sends", [0.5, 6.5], log=True)
        return fig.picture(
            f"A client sends {said}",
            errors,
            fig.dots(each, ends, COLORS),
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
