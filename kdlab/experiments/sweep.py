"""Stored experiments: settings become rows of a table, and a stopped sweep goes on.

A run is stored when it has finished. Runs are spread over all cores and GPUs, or over a
cluster, by joblib; only this parent process writes the table. `python -m
kdlab.experiments` is the command.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from math import ceil
from multiprocessing import current_process
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from joblib import Parallel, cpu_count, delayed, parallel_config
from torch import cuda
from tqdm.auto import tqdm

from kdlab.results import CORE, RESULTS, store_runs, stored_rows
from kdlab.training import best_device, one_cpu_thread
from kdlab.weights import WEIGHTS

Setting = dict[str, object]
SEEDS = range(5)
PER_GPU = 4  # runs at once on one: small nets leave gaps
ONE_AT_A_TIME = Lock()  # a process has one number of threads, and one random state


class Experiment(NamedTuple):
    """What a table of results holds; the table bears the name of the experiment."""

    run: Callable[..., Setting]  # run(setting) -> setting and what was measured
    settings: Callable[[], list[Setting]]  # asked when those of `after` are complete
    # keeps(setting) names the file of weights that run(setting, keep=path) must save
    keeps: Callable[[Setting], str | None] = lambda setting: None
    after: tuple[str, ...] = ()  # experiments whose rows and files this one reads
    in_turn: bool = False  # one run at a time, and none beside it: times are measured


def sweep(
    name: str,
    experiments: Mapping[str, Experiment],
    *,
    results: Path = RESULTS,
    weights: Path = WEIGHTS,
    lost: bool = True,
) -> None:
    """Run what is missing in an experiment's table, and before it in those it reads.

    Rows stand in the order of their settings, whoever finished first. Rows of settings
    that are no longer wanted stay, at the end.

    Args:
        experiments: by name, with all that are named in `after`.
        lost: whether a run is repeated if the file that it keeps is not there; for
            those of `after` it is if something here is missing.
    """
    one, path = experiments[name], results / f"{name}.csv"
    folders = {"results": results, "weights": weights}
    for other in one.after:
        sweep(other, experiments, **folders, lost=False)
    settings = one.settings()
    rows, others = matched(path, settings)

    def file_of(setting: Setting) -> Path | None:
        kept = one.keeps(setting)
        return weights / kept if kept else None

    def is_wanted(number: int, setting: Setting) -> bool:
        kept = file_of(setting)
        return number not in rows or bool(lost and kept and not kept.exists())

    wanted = [pair for pair in enumerate(settings) if is_wanted(*pair)]
    if not wanted:
        return
    for other in one.after:
        sweep(other, experiments, **folders, lost=True)
    at_once = {"n_jobs": 1} if one.in_turn else {}
    work = Parallel(return_as="generator_unordered", **at_once)
    finished = work(delayed(alone)(one.run, n, s, file_of(s)) for n, s in wanted)
    for number, row in tqdm(finished, total=len(wanted), desc=name):
        rows[number] = row
        try:
            store_runs(path, [rows[key] for key in sorted(rows)] + others)
        except OSError as error:
            raise OSError(
                f"{path} cannot be written: {error}. It is as it was, with all runs "
                "stored before. Make room, then the same command goes on from there."
            ) from error


def matched(path: Path, settings: list[Setting]) -> tuple[dict[int, Setting], list]:
    """{number of a setting: its stored row}, and the rows of no setting.

    Compared are the columns that the table has: a setting may have got a new one, which
    is then filled in. What was not measured then is an empty cell.

    Raises ValueError if without it two settings look alike, or if two are the same.
    """
    stored = stored_rows(path)
    names = [*dict.fromkeys(name for setting in settings for name in setting)]
    columns = [name for name in names if not stored or name in stored[0]]
    new = [name for name in names if name not in columns]
    numbers = {key_of(s, columns): n for n, s in enumerate(settings)}
    if len(numbers) < len(settings) and not new:
        raise ValueError(f"{path.stem} has two settings that are the same run.")
    if new and (len(numbers) < len(settings) or not columns):
        raise ValueError(
            f"{path} has no column {new}, so its rows cannot be told apart. Add it to "
            "the rows, or discard them with --fresh."
        )
    rows, others = {}, []
    for row in stored:
        row |= dict.fromkeys(sorted(CORE - set(row)), "")
        number = numbers.get(tuple(row[name] for name in columns))
        if number is None or number in rows:
            others.append(row)
        else:
            rows[number] = row | {name: settings[number].get(name) for name in new}
    return rows, others


def key_of(setting: Setting, columns: list[str]) -> tuple[str, ...]:
    """A setting as its cells stand in the table: it says which run a row is."""
    values = (setting.get(name) for name in columns)
    return tuple("" if value is None else str(value) for value in values)


def alone(
    run: Callable[..., Setting], number: int, setting: Setting, keep: Path | None
) -> tuple[int, Setting]:
    """One run, no other beside it, on one thread: the processes share the cores."""
    with ONE_AT_A_TIME, one_cpu_thread(), own_gpu():
        return number, run(setting, **({"keep": keep} if keep else {}))


def own_gpu() -> AbstractContextManager:
    """Joblib's processes, LokyProcess-1, -2, ..., take turns at this machine's GPUs."""
    gpus, turn = cuda.device_count(), current_process().name.split("LokyProcess-")[-1]
    if not gpus or not turn.isdigit():
        return nullcontext()
    return cuda.device((int(turn) - 1) % gpus)


def where() -> str:
    """On what this process trains: "cpu", or such as "NVIDIA H100 80GB HBM3"."""
    return cuda.get_device_name() if best_device() == "cuda" else "cpu"


@contextmanager
def workers(backend: str, jobs: int, address: str | None) -> Iterator[None]:
    """Inside, joblib works with so many processes here, or on a cluster.

    Args:
        backend: "loky", "dask" or "ray".
        jobs: processes at once; -1 for all cores, but on GPUs at most PER_GPU each.
        address: of the cluster's scheduler; None starts one on this machine.

    Raises SystemExit, with what to install, for a backend that is not there.
    """
    cluster: AbstractContextManager = nullcontext()
    cores, gpus, options = cpu_count(), cuda.device_count(), {}
    try:
        if backend == "dask":
            from distributed import Client

            cluster = Client(address) if address else Client(threads_per_worker=1)
            gpus = 0  # each worker got its own where it was started
        elif backend == "ray":
            import ray
            from ray.util.joblib import ray_backend, register_ray

            cluster = ray.init(address=address)
            register_ray()  # it can hand back row by row, and does not say so:
            ray_backend.RayBackend.supports_return_generator = True
            cores, gpus = map(ray.cluster_resources().get, ("CPU", "GPU"), (0, 0))
    except ImportError as error:
        needed = {"dask": "dask[distributed]", "ray": "ray"}[backend]
        raise SystemExit(f'{error}. Install it: pip install "{needed}"') from error
    if gpus and jobs == -1:
        jobs = int(min(cores, PER_GPU * gpus))
    if gpus and backend == "ray":  # it asks which share of a GPU is for each process
        options = {"ray_remote_args": {"num_gpus": 1 / ceil(jobs / gpus)}}
    with cluster, parallel_config(backend, n_jobs=jobs, **options):
        yield
