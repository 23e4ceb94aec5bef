"""Run the stored experiments of one home: what its tables lack.

    python -m kdlab.experiments kdlab              teachers and tuning
    python -m kdlab.experiments lessons.loss_blend blend

A sweep that was stopped goes on where it stopped; `--fresh` starts again.
"""

import argparse
from importlib import import_module
from pathlib import Path

from kdlab.experiments.sweep import PER_GPU, Experiment, matched, sweep, workers
from kdlab.results import RESULTS, store_runs
from kdlab.weights import WEIGHTS


def main(words: list[str] | None = None) -> None:
    """Read the command line and run the sweeps."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "kdlab.experiments", description=__doc__, formatter_class=form
    )
    parser.add_argument("home", help="a package with a module `experiments`")
    parser.add_argument("names", nargs="*", help="its experiments; by default all")
    parser.add_argument("--fresh", action="store_true", help="discard stored runs")
    where = "of new tables; what they are made from is read where it is stored"
    parser.add_argument("--results", type=Path, default=RESULTS, help=where)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--backend", choices=["loky", "dask", "ray"], default="loky")
    parser.add_argument("--address", help="of the scheduler of a dask or ray cluster")
    at_once = f"runs at once; default: one a core, but on GPUs at most {PER_GPU} each"
    parser.add_argument("--jobs", type=int, default=-1, help=at_once)
    options = parser.parse_intermixed_args(words)
    there = experiments_of(options.home)
    if unknown := sorted(set(options.names) - set(there)):
        parser.error(f"{options.home} has no {unknown}; it has {sorted(there)}")
    if options.results != RESULTS:  # nobody asked for new teachers and a new tuning
        there = {name: one._replace(after=()) for name, one in there.items()}
    folders = {"results": options.results, "weights": options.weights}
    with workers(options.backend, options.jobs, options.address):
        for name in options.names or there:
            if options.fresh:
                discard(options.results / f"{name}.csv", there[name])
            every = {**experiments_of("kdlab"), **there}
            sweep(name, every, **folders, lost=name in options.names)


def discard(path: Path, one: Experiment) -> None:
    """Forget stored runs; of a table of times only those of this machine."""
    others = matched(path, one.settings())[1] if one.in_turn else []
    path.unlink(missing_ok=True)
    if others:
        store_runs(path, others)


def experiments_of(home: str) -> dict[str, Experiment]:
    """{name: experiment} of a package, from its module `experiments`."""
    module = import_module(f"{home}.experiments")
    found = vars(module).items()
    return {name: one for name, one in found if isinstance(one, Experiment)}


if __name__ == "__main__":
    main()
