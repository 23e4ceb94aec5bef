"""The arms of the arena in words: what each is called, and what it takes to have it."""

from collections.abc import Mapping

import pandas as pd

from kdlab import figures as fig
from kdlab.results import load_runs

from .recipes import AS_IT_IS, NETS, SMALL, file_of, steps_of

PIPELINES, SINGLE = "wide, several techniques", "wide, one technique"
SCRATCH, OWN = "small, from nothing", "the teacher itself"
STYLES = {  # of each group: colour and symbol
    PIPELINES: (fig.STUDENT, "triangle-up"),
    SINGLE: (fig.LABELS, "circle"),
    SCRATCH: (fig.OTHER, "square"),
    OWN: (fig.TEACHER, "diamond"),
}
RECOVERING = {"zero", "prune", "factorize", "quantize"}  # steps that change the net


def name_of(run: Mapping[str, object]) -> str:
    """Such as "wide: train → prune → distil, 2 bits, on labels"."""
    steps = steps_of(run["method"])
    net = NETS.get(run["student"], run["student"])
    words = [f"{net}: {' → '.join(steps) or AS_IT_IS}"]
    words += [f"{bits} bits" for bits in (2, 3, 8) if run["bits"] == bits]
    who = "on labels" if run["recover"] == "labels" else "on the teacher"
    words += [who] * bool(RECOVERING & {*steps})
    words += ["60,000 images"] * (run["labels"] == 60_000)
    return ", ".join(words)


def group_of(run: Mapping[str, object]) -> str:
    """Which of STYLES an arm belongs to."""
    if run["student"] == "teacher":
        return OWN
    if run["student"] == SMALL:
        return SCRATCH
    return PIPELINES if len(steps_of(run["method"])) > 2 else SINGLE


def origin_of(run: Mapping[str, object]) -> str:
    """The arm with which this one began."""
    first, *rest = steps_of(run["method"]) or [AS_IT_IS]
    if run["student"] == "teacher":
        return f"teacher: {AS_IT_IS}"
    return name_of({**run, "method": first, "bits": None}) if rest else name_of(run)


def access_of(run: Mapping[str, object]) -> str:
    """What somebody must have to follow the recipe."""
    steps, images = {*steps_of(run["method"])}, f"{run['labels']:,}"
    own, recovers = run["student"] == "teacher", bool(RECOVERING & steps)
    labels = {"train", "smooth"} & steps or (recovers and run["recover"] == "labels")
    told = "distil" in steps or (recovers and run["recover"] == "teacher")
    needs = ["the teacher's weights"] * own + [f"{images} labels"] * bool(labels)
    needs += [f"{images} images" if own else f"its answers to {images} images"] * told
    return ", ".join(needs)


def stored_times() -> pd.DataFrame:
    """Of each kind of file (rows) and batch: time beside the teacher's in float32.

    Means of the races on the machine that was the first to store its own.
    """
    races = load_runs("arena_times")
    machine = ["processor", "instructions", "engine"]
    races = races[(races[machine] == races[machine].iloc[0]).all(axis=1)]
    times = races.pivot_table("ms", "student", ["batch", "seed"])
    return (times / times.loc["teacher"]).T.groupby("batch").mean().T


def with_words(runs: pd.DataFrame) -> pd.DataFrame:
    """The stored runs with columns arm, group, access, and the measures of the axes."""
    rows, times = runs.to_dict("records"), stored_times()
    words = {"arm": name_of, "group": group_of, "access": access_of}
    words |= {"origin": origin_of, "file": file_of}
    runs = runs.assign(**{name: [*map(said, rows)] for name, said in words.items()})
    return runs.assign(
        **{f"time_{n}": runs["file"].map(times[n]) for n in (1, 128)},
        differs=10_000 * (1 - runs["teacher_agreement"]),
        hollow=runs["bits"] == 2,
    )


def table_of(runs: pd.DataFrame, *groups: str) -> pd.DataFrame:
    """The arms of these groups, or all, fewest errors first: mean ± spread, seeds.

    Bytes are compared with the teacher's file in float32 and in int8; speeds with its
    float32 file in the same engine. Without an engine there is no speed.
    """
    of_teacher = load_runs("arena").query("student == 'teacher'").set_index("method")
    whole = of_teacher["bytes"][AS_IT_IS]
    eight = of_teacher.query("bits == 8")["bytes"]["round"]
    runs, rows = with_words(runs), {}
    for arm, some in runs[runs["group"].isin(groups or STYLES)].groupby("arm"):
        size, one, hollow = some["bytes"].mean(), some.iloc[0], some["hollow"].any()
        rows[arm] = {
            "test errors": fig.mean_words(some["test_errors"]),
            "seeds": len(some),
            "kB": f"{size / 1000:.1f}",
            "kB zipped": f"{some['zipped_bytes'].mean() / 1000:.1f}",
            "× smaller than float32": f"{whole / size:.1f}",
            "than int8": f"{eight / size:.1f}",
            "× as fast, 1 image": "-" if hollow else f"{1 / one['time_1']:.1f}",
            "128 images": "-" if hollow else f"{1 / one['time_128']:.1f}",
            "needs": one["access"],
            "errors": some["test_errors"].mean(),
        }
    return pd.DataFrame(rows).T.sort_values("errors").drop(columns="errors")


def colour_table(runs: pd.DataFrame) -> pd.DataFrame:
    """The arms on CIFAR-10, fewest errors first: mean ± spread, bytes, multiply-adds."""
    runs = runs.assign(errors=10_000 * (1 - runs["test_accuracy"]))
    runs["arm"] = [*map(name_of, runs.to_dict("records"))]
    rows = {
        arm: {
            "test errors": fig.mean_words(some["errors"]),
            "seeds": len(some),
            "kB": f"{some['bytes'].mean() / 1000:.0f}",
            "multiply-adds": f"{some['multiply_adds'].iloc[0] / 1e6:.1f} million",
            "errors": some["errors"].mean(),
        }
        for arm, some in runs.groupby("arm")
    }
    return pd.DataFrame(rows).T.sort_values("errors").drop(columns="errors")
