"""Sweeps: every finished run is kept, and a stopped sweep goes on where it stopped."""

import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace

import joblib
import pandas as pd
import pytest
import torch
from distributed import LocalCluster

from kdlab.experiments import (
    LABELS,
    Experiment,
    columns_of,
    grid,
    setting,
    student_run,
    students,
    taught,
    teachers,
    where,
)
from kdlab.experiments import __main__ as command
from kdlab.experiments.sweep import alone, key_of, matched, sweep, workers
from kdlab.experiments.teachers import teacher_run
from kdlab.results import CORE, load_runs, store_runs, stored_rows
from kdlab.weights import load_teacher, teacher_path

# By their names, an experiment and a function
OF_TEACHERS = import_module("kdlab.experiments.teachers")
OF_SWEEP = import_module("kdlab.experiments.sweep")


def measured(wanted):
    """A row as a run returns it, without a training."""
    facts = {"test_accuracy": 0.5, "test_nll": 1.0, "teacher_agreement": 0.25}
    return {**wanted, **facts, "train_seconds": 0.1}


def four(**changes):
    """Two arms of two seeds."""
    arms = [LABELS, *taught(4.0)]
    return grid(arm=arms, seed=range(2), dataset="digits", **changes)


@pytest.fixture
def seen():
    """(method, seed) of every run that takes place."""
    return []


@pytest.fixture
def run(seen):
    def noted(wanted):
        seen.append((wanted["method"], wanted["seed"]))
        return measured(wanted)

    return noted


@pytest.fixture
def ours(tmp_path, monkeypatch):
    """The experiments of a home named `ours`; put some in, then call it."""
    monkeypatch.setattr(command, "RESULTS", tmp_path)
    monkeypatch.setattr(command, "WEIGHTS", tmp_path / "weights")
    module = ModuleType("ours.experiments")
    monkeypatch.setitem(sys.modules, "ours.experiments", module)

    def call(*words, **experiments):
        """Run the command; the path of the first table."""
        vars(module).update(experiments)
        command.main(["ours", *words, "--jobs", "1"])
        return tmp_path / f"{next(iter(experiments), 'tiny')}.csv"

    return call


def cells(path, *columns):
    """These columns of a table as they are written, row by row."""
    return [tuple(row[name] for name in columns) for row in stored_rows(path)]


ALL = [("labels", "0"), ("labels", "1"), ("teacher", "0"), ("teacher", "1")]


# --- one table -----------------------------------------------------------------------


def test_there_is_one_row_for_each_setting_and_it_begins_with_it(ours, run):
    path = ours(tiny=Experiment(run, four))
    assert cells(path, "method", "seed") == ALL
    runs = load_runs("tiny", path.parent)
    assert list(runs)[: len(setting())] == list(setting()) and set(runs) >= CORE
    assert [file.name for file in path.parent.iterdir()] == ["tiny.csv"]


def test_a_finished_sweep_has_nothing_left_to_do_until_it_is_to_start_again(
    ours, run, seen
):
    path = ours(tiny=Experiment(run, four))
    before, written = path.read_text(), path.stat().st_mtime_ns
    ours()
    assert len(seen) == 4
    assert path.read_text() == before and path.stat().st_mtime_ns == written
    ours("--fresh")
    assert len(seen) == 8 and path.read_text() == before


def test_a_sweep_that_was_stopped_goes_on_with_what_is_missing(ours, run, seen):
    def interrupted(wanted):
        row = run(wanted)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return row

    tiny = Experiment(interrupted, four)
    with pytest.raises(KeyboardInterrupt):
        ours(tiny=tiny)
    path = ours(tiny=tiny)
    assert len(seen) == 3 + 2  # the third once more, and one
    assert cells(path, "method", "seed") == ALL
    ours()
    assert len(seen) == 5


def test_a_row_that_is_gone_from_the_middle_is_run_and_stands_in_its_place(
    ours, run, seen
):
    path = ours(tiny=Experiment(run, four))
    before = path.read_text()
    lines = before.splitlines(keepends=True)
    path.write_text("".join(lines[:2] + lines[3:]))
    ours()
    assert seen[4:] == [("labels", 1)] and path.read_text() == before


def test_a_run_that_fails_leaves_those_before_it_and_names_its_error(ours, run):
    def failing(wanted):
        if wanted["method"] == "teacher":
            raise FloatingPointError("The loss is not finite")
        return run(wanted)

    with pytest.raises(FloatingPointError, match="not finite"):
        ours(tiny=Experiment(failing, four))
    path = ours(tiny=Experiment(run, four))
    assert cells(path, "method", "seed") == ALL


def test_a_run_works_on_one_thread(ours, run):
    threads = []

    def counting(wanted):
        threads.append(torch.get_num_threads())
        return run(wanted)

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        ours(tiny=Experiment(counting, four))
        assert set(threads) == {1} and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


# --- settings that change ------------------------------------------------------------


def test_more_settings_are_run_and_the_rows_stand_in_the_order_of_the_settings(
    ours, run, seen
):
    ours(tiny=Experiment(run, lambda: four()[1:3]))
    path = ours(tiny=Experiment(run, four))
    assert seen[2:] == [("labels", 0), ("teacher", 1)]
    assert cells(path, "method", "seed") == ALL


def test_rows_of_no_setting_stay_at_the_end(ours, run, seen):
    path = ours(tiny=Experiment(run, four))
    ours(tiny=Experiment(run, lambda: four()[3:]))  # nothing to do: nothing is written
    assert cells(path, "method", "seed") == ALL and len(seen) == 4
    other = grid(arm=[LABELS], seed=[7], dataset="digits")
    ours(tiny=Experiment(run, lambda: other + four()[3:]))
    rows = [("labels", "7"), ("teacher", "1"), *ALL[:3]]
    assert cells(path, "method", "seed") == rows
    ours(tiny=Experiment(run, four))  # and are found again when they are wanted again
    assert len(seen) == 5 and cells(path, "method", "seed") == rows


@pytest.mark.parametrize("column", ["draw", "seed"])
def test_a_column_that_is_new_in_the_settings_keeps_the_stored_rows(
    ours, run, seen, column
):
    """If the old ones tell the rows apart: `seed` does, in a table of one seed."""
    arms = grid(arm=[LABELS, *taught(1.0, 4.0)], dataset="digits")
    path = ours(tiny=Experiment(run, lambda: arms[:2]))
    pd.read_csv(path, dtype=str).drop(columns=column).to_csv(path, index=False)
    ours(tiny=Experiment(run, lambda: arms[:2]))
    assert len(seen) == 2
    ours(tiny=Experiment(run, lambda: arms))  # a new row brings the column
    assert len(seen) == 3 and cells(path, column) == [("0",)] * 3
    ours(tiny=Experiment(run, lambda: arms))
    assert len(seen) == 3
    assert cells(path, "temperature") == [("",), ("1.0",), ("4.0",)]


def test_rows_that_a_new_column_cannot_tell_apart_are_refused_and_stay(ours, run, seen):
    path = ours(tiny=Experiment(run, four))
    pd.read_csv(path, dtype=str).drop(columns="seed").to_csv(path, index=False)
    before = path.read_text()
    with pytest.raises(ValueError, match=r"no column \['seed'\].*Add it.*--fresh"):
        ours(tiny=Experiment(run, four))
    assert path.read_text() == before and len(seen) == 4
    ours("--fresh")
    assert cells(path, "method", "seed") == ALL


@pytest.mark.parametrize("column", ["test_nll", "teacher"])
def test_a_table_without_a_column_that_every_run_has_keeps_its_rows(ours, run, column):
    """One that was measured stays empty; one that is set is filled in."""
    path = ours(tiny=Experiment(run, lambda: four()[:3]))
    other = pd.read_csv(path, dtype=str).assign(method="of no setting")
    table = pd.concat([pd.read_csv(path, dtype=str), other]).drop(columns=column)
    table.to_csv(path, index=False)
    ours(tiny=Experiment(run, four))
    assert cells(path, "method", "seed")[:4] == ALL
    found = [row[column] for row in stored_rows(path)]
    assert len(found) == 4 + 3 and found[3] != "" and found[4:] == [""] * 3
    assert (found[0] == "") == (column == "test_nll")


def test_a_table_that_has_no_column_of_the_settings_is_refused(ours, run, seen):
    path = ours(tiny=Experiment(run, lambda: four()[:1]))
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="cannot be told apart"):
        ours(tiny=Experiment(run, lambda: four()[:1]))
    assert path.read_text() == "a,b\n1,2\n" and len(seen) == 1


@pytest.mark.parametrize("text", ["", "method,seed\n"])
def test_a_table_without_rows_is_begun_again(ours, run, text, tmp_path):
    (tmp_path / "tiny.csv").write_text(text)
    assert cells(ours(tiny=Experiment(run, four)), "method", "seed") == ALL


def test_settings_that_are_the_same_run_are_refused(ours, run, seen):
    with pytest.raises(ValueError, match="tiny has two settings that are the same run"):
        ours(tiny=Experiment(run, lambda: four() + four()[:1]))
    assert not seen


def test_settings_may_differ_in_what_they_set(ours, run, seen):
    settings = four()[:2] + four(own="a")[2:]
    path = ours(tiny=Experiment(run, lambda: settings))
    assert cells(path, "own") == [("",), ("",), ("a",), ("a",)]
    ours(tiny=Experiment(run, lambda: settings))
    assert len(seen) == 4


def test_no_row_is_lost_when_a_column_is_no_longer_set(ours, run, seen):
    path = ours(tiny=Experiment(run, lambda: four(own=["a", "b"])))
    ours(tiny=Experiment(run, lambda: four() + [setting(seed=9, dataset="digits")]))
    assert len(seen) == 8 + 1
    assert len(stored_rows(path)) == 9  # four kept, one new, and the four twins
    assert sorted(cells(path, "own")) == [("",)] + [("a",)] * 4 + [("b",)] * 4


def test_settings_are_compared_as_they_are_written(tmp_path):
    one = setting("teacher", 4.0, own=None, share=0.1 + 0.2, large=60_000)
    key = key_of(one, ["method", "temperature", "own", "share", "large"])
    assert key == ("teacher", "4.0", "", "0.30000000000000004", "60000")
    store_runs(tmp_path / "a.csv", [measured(one)])
    rows, others = matched(tmp_path / "a.csv", [one])
    assert list(rows) == [0] and others == []
    rows, others = matched(tmp_path / "a.csv", [{**one, "temperature": 4.5}])
    assert rows == {} and len(others) == 1
    assert matched(tmp_path / "none.csv", [one]) == ({}, [])


# --- several tables ------------------------------------------------------------------


def test_all_experiments_of_a_home_are_run_or_those_that_are_named(ours, run, seen):
    two = {"one": Experiment(run, four), "two": Experiment(run, four)}
    path = ours("two", **two)
    assert len(seen) == 4 and [p.stem for p in path.parent.iterdir()] == ["two"]
    ours()
    assert len(seen) == 8 and len(stored_rows(path)) == 4


def test_an_unknown_experiment_is_named_with_those_there_are(ours, run, capsys):
    with pytest.raises(SystemExit):
        ours("student", tiny=Experiment(run, four), other=Experiment(run, four))
    assert (
        "ours has no ['student']; it has ['other', 'tiny']" in capsys.readouterr().err
    )
    with pytest.raises(SystemExit):
        command.main(["kdlab", "teacher"])
    said = capsys.readouterr().err
    assert "it has ['colour_teachers', 'int8_width', 'race', 'teachers', 't" in said


def test_what_an_experiment_reads_is_run_first_and_complete_when_it_is_asked(
    ours, run, seen, tmp_path
):
    def of_first():
        rates = load_runs("first", tmp_path)["seed"].tolist()
        assert len(rates) == 4
        return grid(arm=[LABELS], seed=[max(rates) + 10])

    path = ours(
        "second",
        second=Experiment(run, of_first, after=("first",)),
        first=Experiment(run, four),
    )
    assert cells(path, "method", "seed") == [("labels", "11")]
    assert [seed for _, seed in seen] == [0, 1, 0, 1, 11]
    (tmp_path / "first.csv").write_text((path.parent / "first.csv").read_text()[:-9])
    lines = (tmp_path / "first.csv").read_text().splitlines(keepends=True)
    (tmp_path / "first.csv").write_text("".join(lines[:-1]))
    ours("second")  # also if the second has all its rows
    assert seen[5:] == [("teacher", 1)]


def test_what_two_experiments_read_is_run_once(ours, run, seen):
    def some(*after, seed):
        settings = grid(arm=[LABELS], seed=[seed])
        return Experiment(run, lambda: settings, after=after)

    ours(
        last=some("left", "right", seed=4),
        left=some("base", seed=2),
        right=some("base", seed=3),
        base=some(seed=1),
    )
    assert [seed for _, seed in seen] == [1, 2, 3, 4]


def test_elsewhere_only_the_table_asked_for_is_made(ours, run, seen, tmp_path):
    """What it reads is stored already: nobody asked for new teachers."""
    experiments = {
        "second": Experiment(run, lambda: four()[:1], after=("first", "teachers")),
        "first": Experiment(run, four),
    }
    ours("second", "--results", str(tmp_path / "elsewhere"), **experiments)
    assert seen == [("labels", 0)]
    assert [p.name for p in (tmp_path / "elsewhere").iterdir()] == ["second.csv"]


# --- files that are kept -------------------------------------------------------------


@pytest.fixture
def chain(run, seen):
    """Experiments of which the second needs a file that the first one keeps."""

    def keeping(wanted, keep=None):
        if keep:
            keep.parent.mkdir(exist_ok=True)
            keep.write_text("weights")
        return run(wanted)

    def keeps(wanted):
        return "net.safetensors" if wanted["seed"] == 1 else None

    return {
        "first": Experiment(keeping, lambda: four()[:2], keeps=keeps),
        "second": Experiment(run, lambda: four()[2:], after=("first",)),
    }


FIRST, SECOND = [("labels", 0), ("labels", 1)], [("teacher", 0), ("teacher", 1)]


def test_the_file_of_a_run_is_kept_among_the_weights(ours, chain, seen, tmp_path):
    ours(**chain)
    assert [p.name for p in (tmp_path / "weights").iterdir()] == ["net.safetensors"]
    assert seen == FIRST + SECOND


def test_a_file_that_is_lost_is_made_again_when_it_is_asked_for_by_name(
    ours, chain, seen, tmp_path
):
    path, kept = ours(**chain), tmp_path / "weights" / "net.safetensors"
    before = path.read_text()
    kept.unlink()
    ours()  # nobody needs it any more
    ours("second")
    assert len(seen) == 4 and not kept.exists()
    ours("first")
    assert seen[4:] == [("labels", 1)] and kept.exists()  # that one alone
    assert path.read_text() == before


def test_a_file_that_is_lost_and_needed_is_made_again_first(
    ours, chain, seen, tmp_path
):
    ours(**chain)
    (tmp_path / "weights" / "net.safetensors").unlink()
    lines = (tmp_path / "second.csv").read_text().splitlines(keepends=True)
    (tmp_path / "second.csv").write_text("".join(lines[:-1]))
    ours("second")
    assert seen[4:] == [("labels", 1), ("teacher", 1)]
    assert len(stored_rows(tmp_path / "second.csv")) == 2


# --- teachers ------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Two seeds of a teacher that trains for one epoch, on the digits alone."""
    recipe = {"epochs": 1, "batch_size": 64, "learning_rate": 3e-3, "shift": 1}
    monkeypatch.setattr(OF_TEACHERS, "SEEDS", range(2))
    monkeypatch.setattr(OF_TEACHERS, "TEACHER_RECIPES", {"digits": recipe})
    return {"results": tmp_path / "results", "weights": tmp_path / "weights"}


def test_one_row_a_seed_and_the_first_teacher_stored(folders):
    words = [f"--{name}={path}" for name, path in folders.items()]
    command.main(["kdlab", "teachers", "--jobs=1", *words])
    runs = load_runs("teachers", folders["results"])
    assert set(runs.columns) > CORE and runs.seed.tolist() == [0, 1]
    assert runs.test_accuracy.between(0.2, 1).all() and (runs.labels == 1437).all()
    path = teacher_path("digits", folders["weights"])
    assert list(folders["weights"].iterdir()) == [path]
    model, facts = load_teacher("digits", folders["weights"])
    assert (facts["seed"], facts["epochs"]) == (0, 1)
    assert facts["test_accuracy"] == pytest.approx(runs.test_accuracy[0])
    path.unlink()
    sweep("teachers", {"teachers": teachers}, **folders)  # the seed decides all
    kept = pd.read_csv(folders["results"] / "teachers.csv", dtype=str)
    assert list(kept) == list(runs)  # also where a stored row stands beside a new one
    twin, again = load_teacher("digits", folders["weights"])
    assert all(map(torch.equal, model.parameters(), twin.parameters()))
    assert {**again, "train_seconds": 0} == {**facts, "train_seconds": 0}
    assert len(load_runs("teachers", folders["results"])) == 2


def test_a_teacher_is_saved_only_where_it_is_wanted(folders, tmp_path):
    row = teacher_run({"dataset": "digits", "seed": 1})
    assert row["seed"] == 1 and list(tmp_path.iterdir()) == []


# --- processes -----------------------------------------------------------------------


def digits():
    """Three short runs on the digits, the longest one first."""
    size = {"dataset": "digits", "student": "mlp-8", "labels": 100}
    arms = [LABELS, *taught(4.0, 8.0)]
    long, *short = grid(arm=arms, epochs=1, **size)
    return [{**long, "epochs": 20}, *short]


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Run the three short students; the rows but for their times."""
    module = ModuleType("ours.experiments")
    module.tiny = Experiment(student_run, digits)
    monkeypatch.setitem(sys.modules, "ours.experiments", module)

    def call(*words):
        command.main(["ours", *words, f"--results={tmp_path}"])
        rows = stored_rows(tmp_path / "tiny.csv")
        return [{k: v for k, v in row.items() if k != "train_seconds"} for row in rows]

    return call


def test_processes_give_the_same_rows_in_the_order_of_the_settings(tiny):
    here = tiny("--jobs=1")
    assert [row["epochs"] for row in here] == ["20", "1", "1"]
    assert [row["temperature"] for row in here] == ["", "4.0", "8.0"]
    assert all(0.05 < float(row["test_accuracy"]) < 1 for row in here)
    assert tiny("--jobs=2", "--fresh") == here


def test_a_dask_cluster_gives_the_same_rows(tiny):
    here = tiny("--jobs=1")
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        address = cluster.scheduler_address
        assert tiny("--backend=dask", f"--address={address}", "--fresh") == here


def test_runs_in_the_threads_of_one_process_wait_for_each_other():
    """Such as a worker of Dask has: they would share one state of random numbers."""
    inside, most = [], []

    def run(setting):
        inside.append(setting)
        most.append(len(inside))
        time.sleep(0.02)
        inside.pop()
        return setting

    threads = [
        threading.Thread(target=alone, args=(run, n, {}, None)) for n in range(4)
    ]
    for act in (threading.Thread.start, threading.Thread.join):
        for thread in threads:
            act(thread)
    assert most == [1, 1, 1, 1]


def test_a_backend_that_is_not_installed_says_what_to_install(tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SystemExit, match='pip install "ray"'):
        tiny("--backend=ray")


def test_a_student_that_diverges_stops_the_sweep_and_is_no_row(ours, tmp_path):
    def rates():
        size = {"dataset": "digits", "student": "mlp-8", "labels": 100, "epochs": 1}
        return grid(learning_rate=[0.01, 1e30], arm=[LABELS], **size)

    with pytest.raises(FloatingPointError, match="Try a smaller learning rate"):
        ours(tiny=Experiment(student_run, rates))
    assert cells(tmp_path / "tiny.csv", "learning_rate") == [("0.01",)]


def test_images_are_read_once_for_all_runs_of_a_process(tiny, monkeypatch):
    seen, load_images = [], students.load_images

    def counted(*names):
        seen.append(names)
        return load_images(*names)

    monkeypatch.setattr(students, "load_images", counted)
    columns_of.cache_clear()
    tiny("--jobs=1")
    assert sorted(seen) == [("digits", "test"), ("digits", "train")]


HOME = """
import os
import time
from contextlib import contextmanager

import pandas as pd
import torch

from kdlab.experiments import Experiment, grid

MEASURED = "test_accuracy", "test_nll", "teacher_agreement", "train_seconds"
GPUS = int(os.environ.get("GPUS", 0))
used = []  # of the GPUs, by this process
TIMES = int(os.environ.get("TIMES", 0))  # this one's store is cut off in the middle
whole = pd.DataFrame.to_csv
stores = []


def cut(table, path, **options):
    whole(table, path, **options)
    stores.append(path)
    if len(stores) == TIMES:
        path.write_text(path.read_text()[:-20])
        os.kill(os.getpid(), 9)


@contextmanager
def device(number):
    used.append(number)
    yield


pd.DataFrame.to_csv = cut
if GPUS:
    torch.cuda.device, torch.cuda.device_count = device, lambda: GPUS


def run(setting):
    if setting["seed"] == 2 and "KILLED" in os.environ:
        os.kill(os.getpid(), 9)
    if GPUS:
        time.sleep(0.3)  # so that no process makes all runs
        assert len(set(used)) == 1  # and it keeps its own
        setting = {**setting, "process": os.getpid(), "gpu": used[0]}
    return {**setting, **dict.fromkeys(MEASURED, 0.1 + 0.2), "own": setting["seed"]}


arms = [{"method": "labels", "temperature": None}]
arms += [{"method": "teacher", "temperature": t} for t in (1.0, 1 / 3)]
tiny = Experiment(run, lambda: grid(arm=arms, seed=range(3)))
"""


@pytest.fixture
def lecture(tmp_path):
    """The command itself with a lecturer's own home; its table as it is written."""
    home = tmp_path / "lecture"
    home.mkdir()
    (home / "experiments.py").write_text(HOME)
    words = [sys.executable, "-m", "kdlab.experiments", "lecture"]

    def call(results, ends=0, jobs="1", **variables):
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), **variables}
        command = [*words, "--jobs", jobs, f"--results={tmp_path / results}"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == ends, done.stderr
        table = tmp_path / results / "tiny.csv"
        return table.read_text() if table.exists() else None

    return call


@pytest.mark.skipif(os.name == "nt", reason="there a kill has no signal to end with")
def test_a_sweep_that_is_killed_goes_on_and_ends_as_one_that_never_was(lecture):
    """Killed in the middle of the first store, in a run, in the middle of the last."""
    whole = lecture("whole")
    assert len(whole.splitlines()) == 1 + 9
    assert lecture("killed", -9, TIMES="1") is None
    rows = lecture("killed", -9, KILLED="1").splitlines()
    assert rows == whole.splitlines()[: 1 + 2]
    rows = lecture("killed", -9, TIMES="7").splitlines()
    assert rows == whole.splitlines()[: 1 + 8]
    assert lecture("killed") == whole


def test_each_process_keeps_a_gpu_of_its_own(lecture, tmp_path):
    lecture("gpus", jobs="2", GPUS="2")
    found = set(cells(tmp_path / "gpus" / "tiny.csv", "process", "gpu"))
    assert len(found) == 2 and {gpu for _, gpu in found} == {"0", "1"}


def test_a_stage_that_has_no_settings_is_complete(ours, run, seen):
    second = Experiment(run, four, after=("empty",))
    path = ours(second=second, empty=Experiment(run, lambda: []))
    assert cells(path, "method", "seed") == ALL
    assert [file.name for file in path.parent.iterdir()] == ["second.csv"]
    before = path.read_text()
    ours(second=second._replace(settings=lambda: []))  # what is stored is not lost
    assert path.read_text() == before and len(seen) == 4


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is full")
def test_a_full_disk_keeps_what_was_stored_and_the_sweep_goes_on(ours, run, seen):
    """It fills up before the third run is stored."""
    path = ours(tiny=Experiment(run, lambda: four()[:1]))
    unfinished = path.with_suffix(".unfinished")

    def filling(wanted):
        if wanted["method"] == "teacher":
            unfinished.symlink_to("/dev/full")
        return run(wanted)

    with pytest.raises(OSError, match=r"tiny.csv cannot .*No space left.* goes on fr"):
        ours(tiny=Experiment(filling, four))
    assert cells(path, "method", "seed") == ALL[:2]
    unfinished.unlink()
    ours(tiny=Experiment(run, four))
    assert cells(path, "method", "seed") == ALL and len(seen) == 3 + 2


# --- GPUs ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("process", "used"),
    [
        ("LokyProcess-1", [0]),
        ("LokyProcess-2", [1]),
        ("LokyProcess-3", [0]),
        ("LokyProcess-12", [1]),
        ("MainProcess", []),  # and of a cluster: the first that it sees
    ],
)
def test_processes_take_turns_at_the_gpus(ours, run, monkeypatch, process, used):
    taken = []

    @contextmanager
    def device(number):
        taken.append(number)
        yield

    def inside(wanted):
        assert taken == used
        return run(wanted)

    this_process = SimpleNamespace(name=process)
    monkeypatch.setattr(torch.cuda, "device", device)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(OF_SWEEP, "current_process", lambda: this_process)
    ours(tiny=Experiment(inside, lambda: four()[:1]))


@pytest.mark.parametrize(
    ("cores", "gpus", "jobs", "at_once"),
    [(6, 0, -1, 6), (6, 2, -1, 6), (64, 2, -1, 8), (64, 2, 20, 20), (64, 0, 3, 3)],
)
def test_so_many_runs_are_made_at_once(monkeypatch, cores, gpus, jobs, at_once):
    monkeypatch.setattr(OF_SWEEP, "cpu_count", lambda: cores)
    monkeypatch.setattr(joblib._parallel_backends, "cpu_count", lambda: cores)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    with workers("loky", jobs, None):
        assert joblib.effective_n_jobs(joblib.Parallel().n_jobs) == at_once


def test_where_a_run_is_made_can_be_told(monkeypatch):
    name = "NVIDIA H100 80GB HBM3"
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: name)
    monkeypatch.setattr(OF_SWEEP, "best_device", lambda: "cpu")
    assert where() == "cpu"
    monkeypatch.setattr(OF_SWEEP, "best_device", lambda: "cuda")
    assert where() == name
