"""Sweeps: every finished run is kept, and a stopped sweep goes on where it stopped."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from distributed import LocalCluster
from kdlab.grids import GRIDS, setting

from kdlab import experiments, sweeps, teachers
from kdlab.results import CORE, RESULTS, load_runs, stored_rows
from kdlab.weights import load_teacher, teacher_path


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Two seeds of a teacher that trains for one epoch, on the digits alone."""
    recipe = {"epochs": 1, "batch_size": 64, "learning_rate": 3e-3, "shift": 1}
    monkeypatch.setattr(sweeps, "SEEDS", range(2))
    for module in (sweeps, teachers):
        monkeypatch.setattr(module, "TEACHER_RECIPES", {"digits": recipe})
    return tmp_path / "results", tmp_path / "weights"


@pytest.fixture
def trained(monkeypatch):
    """The (dataset, seed) of every training that takes place."""
    seen = []

    def train(dataset, seed):
        seen.append((dataset, seed))
        return teachers.train_teacher(dataset, seed)

    monkeypatch.setattr(sweeps, "train_teacher", train)
    return seen


def sweep(folders, *words):
    results, weights = map(str, folders)
    sweeps.main(["teachers", "--results", results, "--weights", weights, *words])


def test_one_row_a_seed_and_the_first_teacher_stored(folders, trained):
    sweep(folders)
    runs = load_runs("teachers", folders[0])
    assert set(runs.columns) > CORE and runs.seed.tolist() == [0, 1]
    assert runs.test_accuracy.between(0.2, 1).all() and (runs.labels == 1437).all()
    model, facts = load_teacher("digits", folders[1])
    assert (facts["seed"], facts["epochs"]) == (0, 1)
    assert facts["test_accuracy"] == pytest.approx(runs.test_accuracy[0])
    twin, _, run = teachers.train_teacher("digits", 0)  # the seed decides all
    assert run["test_errors"] == runs.test_errors[0]
    assert all(map(torch.equal, model.parameters(), twin.parameters()))


def test_a_finished_sweep_has_nothing_left_to_do_until_it_is_to_start_again(
    folders, trained
):
    sweep(folders)
    before = (folders[0] / "teachers.csv").read_text()
    sweep(folders)
    assert len(trained) == 2
    assert (folders[0] / "teachers.csv").read_text() == before
    sweep(folders, "--fresh")
    assert len(trained) == 4


def test_a_sweep_that_is_stopped_goes_on_where_it_stopped(
    folders, trained, monkeypatch
):
    train = sweeps.train_teacher

    def stopped(dataset, seed):
        if seed == 1:
            raise KeyboardInterrupt
        return train(dataset, seed)

    monkeypatch.setattr(sweeps, "train_teacher", stopped)
    with pytest.raises(KeyboardInterrupt):
        sweep(folders)
    assert load_runs("teachers", folders[0]).seed.tolist() == [0]
    monkeypatch.setattr(sweeps, "train_teacher", train)
    sweep(folders)
    assert trained == [("digits", 0), ("digits", 1)]
    assert load_runs("teachers", folders[0]).seed.tolist() == [0, 1]


def test_a_teacher_whose_file_is_lost_is_trained_again(folders, trained):
    sweep(folders)
    teacher_path("digits", folders[1]).unlink()
    sweep(folders)
    assert trained == [("digits", 0), ("digits", 1), ("digits", 0)]
    assert load_runs("teachers", folders[0]).seed.tolist() == [0, 1]


def test_an_unknown_sweep_names_those_there_are(capsys):
    with pytest.raises(SystemExit):
        sweeps.main(["student"])
    assert "teachers" in capsys.readouterr().err


def test_the_stored_runs_are_those_of_the_stored_teachers():
    runs = load_runs("teachers")
    assert runs.groupby("dataset").seed.nunique().to_dict() == {"digits": 5, "mnist": 5}
    for dataset, recipe in teachers.TEACHER_RECIPES.items():
        first = runs.query("dataset == @dataset and seed == 0").iloc[0]
        facts = load_teacher(dataset)[1]
        assert facts["test_accuracy"] == pytest.approx(first.test_accuracy)
        assert first.epochs == recipe["epochs"] == facts["epochs"]


# --- the sweeps of students ----------------------------------------------------------


def tiny():
    """Four short runs on the digits, and a stage of one more."""
    size = {"dataset": "digits", "student": "mlp-8", "labels": 100, "epochs": 1}
    first = [
        setting(method, t, seed=seed, **size)
        for method, t in (("labels", None), ("teacher", 4.0))
        for seed in range(2)
    ]
    return [
        (experiments.student_run, first),
        (experiments.student_run, [setting("teacher", 8.0, **size)]),
    ]


def without_times(path):
    rows = stored_rows(path)
    return [{k: v for k, v in row.items() if k != "train_seconds"} for row in rows]


@pytest.fixture
def students(tmp_path, monkeypatch):
    """Run the tiny sweep by the command line; the path of its table."""
    monkeypatch.setattr(sweeps, "GRIDS", {"tiny": tiny})

    def run(*words):
        sweeps.main(["tiny", "--results", str(tmp_path), *words])
        return tmp_path / "tiny.csv"

    return run


def test_rows_stand_in_the_order_of_their_settings(students):
    runs = load_runs("tiny", students("--jobs", "2").parent)
    assert runs.method.tolist() == ["labels"] * 2 + ["teacher"] * 3
    assert runs.seed.tolist() == [0, 1, 0, 1, 0]
    assert set(runs) > CORE and runs.test_accuracy.between(0.05, 1).all()


def test_a_sweep_that_was_stopped_goes_on_with_what_is_missing(students, monkeypatch):
    seen = []

    def interrupted(wanted):
        seen.append(wanted["seed"])
        if len(seen) == 3:
            raise KeyboardInterrupt
        return experiments.student_run(wanted)

    whole = without_times(students("--jobs", "1"))
    monkeypatch.setattr(
        sweeps, "GRIDS", {"tiny": lambda: [(interrupted, s) for _, s in tiny()]}
    )
    with pytest.raises(KeyboardInterrupt):
        students("--jobs", "1", "--fresh")
    path = students("--jobs", "1")
    assert len(seen) == 3 + 3  # the third once more, and two
    assert without_times(path) == whole
    before = path.read_text()
    students("--jobs", "1")
    assert len(seen) == 6 and path.read_text() == before


def test_rows_of_settings_that_are_no_longer_wanted_go(students, monkeypatch):
    path = students("--jobs", "1")
    older = pd.read_csv(path).drop(columns="draw")  # of a grid with fewer columns
    older.to_csv(path, index=False)
    assert len(stored_rows(students("--jobs", "1"))) == 5
    monkeypatch.setattr(sweeps, "GRIDS", {"tiny": lambda: tiny()[1:]})
    assert len(stored_rows(students("--jobs", "1"))) == 1


def test_a_stage_whose_file_is_lost_and_needed_runs_again(
    students, tmp_path, monkeypatch
):
    kept, seen = tmp_path / "kept", []

    def keeping(wanted):
        seen.append(wanted["seed"])
        kept.touch()
        return experiments.student_run(wanted)

    def grid():
        (_, first), (_, second) = tiny()
        return [(keeping, first[:1], kept), (experiments.student_run, second)]

    monkeypatch.setattr(sweeps, "GRIDS", {"tiny": grid})
    path = students("--jobs", "1")
    whole, text = without_times(path), path.read_text()
    kept.unlink()
    students("--jobs", "1")
    assert seen == [0]  # nobody needs it any more
    path.write_text("".join(text.splitlines(keepends=True)[:2]))
    assert without_times(students("--jobs", "1")) == whole and seen == [0, 0]


@pytest.mark.parametrize("name", GRIDS)
def test_the_stored_runs_are_those_of_the_settings(name):
    wanted = [one for _, settings, *_ in GRIDS[name]() for one in settings]
    rows = stored_rows(RESULTS / f"{name}.csv")
    stored = [tuple(row[column] for column in wanted[0]) for row in rows]
    assert stored == [sweeps.key_of(one) for one in wanted], (
        f"run python -m kdlab.sweeps {name}"
    )


KILLED = """
import os, sys
from kdlab import sweeps, experiments
from test_sweeps import tiny

def run(wanted):
    if wanted["seed"] == 1:
        os.kill(os.getpid(), 9)
    return experiments.student_run(wanted)

sweeps.GRIDS = {"tiny": lambda: [(run, s) for _, s in tiny()]}
sweeps.main(["tiny", "--jobs", "1", "--results", sys.argv[1]])
"""


def test_a_sweep_that_is_killed_leaves_whole_rows(students, tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    here = {"PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(command, env={**os.environ, **here}, capture_output=True)
    assert done.returncode == -9, done.stderr
    assert [row["seed"] for row in stored_rows(tmp_path / "tiny.csv")] == ["0"]
    assert len(stored_rows(students("--jobs", "1"))) == 5


def test_a_dask_cluster_gives_the_same_rows(students):
    here = without_times(students("--jobs", "1"))
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        address = cluster.scheduler_address
        path = students("--backend", "dask", "--address", address, "--fresh")
    assert without_times(path) == here


def test_a_backend_that_is_not_installed_says_what_to_install(students, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SystemExit, match='pip install "ray"'):
        students("--backend", "ray")
