"""The table of finished runs: one row per trained model, one column per variable."""

from pathlib import Path

import pandas as pd

RESULTS = Path(__file__).resolve().parent.parent / "data" / "results"
SETTINGS = "dataset teacher student method temperature soft_weight labels epochs seed"
MEASURES = "test_accuracy test_nll teacher_agreement train_seconds"
CORE = {*SETTINGS.split(), *MEASURES.split()}  # an experiment may add its own


def store_runs(path: Path, runs: list[dict[str, object]]) -> None:
    """Replace the table in one step: a reader or a crash never meets half a file.

    Raises ValueError if a run lacks one of the CORE columns.
    """
    for run in runs:
        if missing := CORE - set(run):
            raise ValueError(f"A run lacks the columns {sorted(missing)}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    pd.DataFrame(runs, dtype=object).to_csv(unfinished, index=False)  # 4 stays 4
    unfinished.replace(path)  # where the disk is full, the line above has raised


def load_runs(experiment: str, folder: Path = RESULTS) -> pd.DataFrame:
    """All runs of one experiment. Raises FileNotFoundError naming those stored."""
    path = folder / f"{experiment}.csv"
    if not path.exists():
        stored = sorted(file.stem for file in folder.glob("*.csv"))
        raise FileNotFoundError(f"No runs of {experiment!r}; stored: {stored}.")
    return pd.read_csv(path)


def stored_rows(path: Path) -> list[dict[str, str]]:
    """The table as it is written, cell by cell; empty if there is none."""
    if not path.exists() or not path.stat().st_size:
        return []
    return pd.read_csv(path, dtype=str, keep_default_na=False).to_dict("records")


def by_value(
    runs: pd.DataFrame, column: str, measure: str
) -> dict[object, list[float]]:
    """What was measured at each value of a column, each in the order of seeds."""
    groups = runs.sort_values("seed").groupby(column)[measure]
    return {value: found.tolist() for value, found in groups}


def spared(runs: pd.DataFrame, twins: pd.DataFrame) -> list[float]:
    """Test errors that each run has fewer than its twin of the same seed.

    Raises ValueError for a run that has no twin, or more than one.
    """
    found = twins["seed"].value_counts()
    odd = {int(s): int(found.get(s, 0)) for s in runs["seed"] if found.get(s, 0) != 1}
    if odd:
        raise ValueError(
            f"Each run needs one twin of its seed, got {{seed: twins}} {odd}. Choose "
            "the twins of one setting, with all the seeds of the runs."
        )
    of_twin = twins.set_index("seed")["test_errors"]
    return [of_twin[run.seed] - run.test_errors for run in runs.itertuples()]
