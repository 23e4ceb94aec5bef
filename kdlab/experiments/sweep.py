"""Stored experiments: `python -m kdlab.sweeps NAME` reruns one over its seeds.

A run is stored when it has finished, so a sweep that was stopped continues where it
stopped; `--fresh` starts again. Runs are spread over all cores, or over a cluster, by
joblib; only this parent process writes.
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from joblib import Parallel, delayed, parallel_config
from tqdm.auto import tqdm

from kdlab.grids import GRIDS, Setting, Stages
from kdlab.results import RESULTS, load_runs, store_runs, stored_rows
from kdlab.teachers import TEACHER_RECIPES, train_teacher
from kdlab.training import one_cpu_thread
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


def sweep(name: str, stages: Stages, path: Path) -> None:
    """Run what is missing in the table at `path`, one stage after the other.

    Rows stand in the order of their settings, whoever finished first.
    """
    order = dict.fromkeys(key_of(one) for _, settings, *_ in stages for one in settings)
    columns = list(stages[0][1][0])
    stored = stored_rows(path)
    rows = {tuple(row.get(name) for name in columns): row for row in stored}
    rows = {key: row for key, row in rows.items() if key in order}
    if 0 < len(rows) < len(stored):  # settings of an earlier grid
        store_runs(path, [rows[key] for key in order if key in rows])
    for place, (run, settings, *kept) in enumerate(stages):
        later = [one for _, some, *_ in stages[place + 1 :] for one in some]
        needed = any(key_of(one) not in rows for one in later)
        lost = needed and not all(file.exists() for file in kept)
        wanted = [one for one in settings if lost or key_of(one) not in rows]
        work = Parallel(return_as="generator_unordered")
        finished = work(delayed(alone)(run, setting) for setting in wanted)
        for row in tqdm(finished, total=len(wanted), desc=name):
            rows[key_of({column: row[column] for column in columns})] = row
            store_runs(path, [rows[key] for key in order if key in rows])


def key_of(setting: Setting) -> tuple[str, ...]:
    """A setting as its cells stand in the table: it says which run a row is."""
    return tuple("" if value is None else str(value) for value in setting.values())


def alone(run: Callable[[Setting], Setting], setting: Setting) -> Setting:
    """One run on one thread: the processes share the cores."""
    with one_cpu_thread():
        return run(setting)


@contextmanager
def workers(backend: str, jobs: int, address: str | None) -> Iterator[None]:
    """Inside, joblib works with so many processes here, or on a cluster.

    Args:
        backend: "loky", "dask" or "ray".
        jobs: processes at once; -1 for all cores, or all workers of the cluster.
        address: of the cluster's scheduler; None starts one on this machine.

    Raises SystemExit, with what to install, for a backend that is not there.
    """
    cluster: AbstractContextManager = nullcontext()
    try:
        if backend == "dask":
            from distributed import Client

            cluster = Client(address)
        elif backend == "ray":
            import ray
            from ray.util.joblib import register_ray

            cluster = ray.init(address=address)
            register_ray()
    except ImportError as error:
        needed = {"dask": "dask[distributed]", "ray": "ray"}[backend]
        raise SystemExit(f'{error}. Install it: pip install "{needed}"') from error
    with cluster, parallel_config(backend, n_jobs=jobs):
        yield


def main(words: list[str] | None = None) -> None:
    """Read the command line and run one sweep."""
    parser = argparse.ArgumentParser(prog="kdlab.sweeps", description=__doc__)
    names = ["teachers", *GRIDS]
    parser.add_argument("name", choices=["all", *names])
    parser.add_argument("--fresh", action="store_true", help="discard stored runs")
    where = "of the new table; learning rates are read from the stored `tuning`"
    parser.add_argument("--results", type=Path, default=RESULTS, help=where)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--backend", choices=["loky", "dask", "ray"], default="loky")
    parser.add_argument("--address", help="of the scheduler of a dask or ray cluster")
    parser.add_argument("--jobs", type=int, default=-1, help="-1: all cores")
    options = parser.parse_args(words)
    with workers(options.backend, options.jobs, options.address):
        for name in names if options.name == "all" else [options.name]:
            path = options.results / f"{name}.csv"
            if options.fresh:
                path.unlink(missing_ok=True)
            if name == "teachers":
                teachers(options.results, options.weights)
            else:
                sweep(name, GRIDS[name](), path)


if __name__ == "__main__":
    main()
