"""Stored experiments: `python -m kdlab.sweeps NAME` reruns one over its seeds.

A run is stored when it has finished, so a sweep that was stopped continues where it
stopped; `--fresh` starts again. Only this parent process writes.
"""

import argparse
from pathlib import Path

from tqdm.auto import tqdm

from kdlab.experiments import TEACHER_RECIPES, train_teacher
from kdlab.results import RESULTS, load_runs, store_runs
from kdlab.weights import WEIGHTS, save_model, teacher_path

SEEDS = range(5)


def teachers(results: Path, weights: Path) -> None:
    """Train the course's teachers; seed 0 of each dataset, the first one, is stored.

    The other seeds tell how much of a teacher's accuracy is luck.
    """
    path = results / "teachers.csv"
    runs = load_runs("teachers", results).to_dict("records") if path.exists() else []
    done = {(run["dataset"], run["seed"]) for run in runs}
    wanted = [
        (dataset, seed)
        for seed in SEEDS
        for dataset in TEACHER_RECIPES
        if (dataset, seed) not in done
        or (seed == 0 and not teacher_path(dataset, weights).exists())
    ]
    for dataset, seed in tqdm(wanted, desc="teachers"):
        model, sizes, run = train_teacher(dataset, seed)
        if seed == 0:
            facts = {name: value for name, value in run.items() if value is not None}
            save_model(teacher_path(dataset, weights), model, "cnn", sizes, **facts)
        same = (dataset, seed)
        runs = [run for run in runs if (run["dataset"], run["seed"]) != same] + [run]
        runs.sort(key=lambda run: (run["dataset"], run["seed"]))
        store_runs(path, runs)


SWEEPS = {"teachers": teachers}


def main(words: list[str] | None = None) -> None:
    """Read the command line and run one sweep."""
    parser = argparse.ArgumentParser(prog="kdlab.sweeps", description=__doc__)
    parser.add_argument("name", choices=sorted(SWEEPS))
    parser.add_argument("--fresh", action="store_true", help="discard stored runs")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    options = parser.parse_args(words)
    if options.fresh:
        (options.results / f"{options.name}.csv").unlink(missing_ok=True)
    SWEEPS[options.name](options.results, options.weights)


if __name__ == "__main__":
    main()
