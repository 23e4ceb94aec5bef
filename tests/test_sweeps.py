"""Sweeps: every finished run is kept, and a stopped sweep goes on where it stopped."""

import pytest
import torch

from kdlab import experiments, sweeps
from kdlab.results import CORE, load_runs
from kdlab.weights import load_teacher, teacher_path


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Two seeds of a teacher that trains for one epoch, on the digits alone."""
    recipe = {"epochs": 1, "batch_size": 64, "learning_rate": 3e-3, "shift": 1}
    monkeypatch.setattr(sweeps, "SEEDS", range(2))
    for module in (sweeps, experiments):
        monkeypatch.setattr(module, "TEACHER_RECIPES", {"digits": recipe})
    return tmp_path / "results", tmp_path / "weights"


@pytest.fixture
def trained(monkeypatch):
    """The (dataset, seed) of every training that takes place."""
    seen = []

    def train(dataset, seed):
        seen.append((dataset, seed))
        return experiments.train_teacher(dataset, seed)

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
    twin, _, run = experiments.train_teacher("digits", 0)  # the seed decides all
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
    for dataset, recipe in experiments.TEACHER_RECIPES.items():
        first = runs.query("dataset == @dataset and seed == 0").iloc[0]
        facts = load_teacher(dataset)[1]
        assert facts["test_accuracy"] == pytest.approx(first.test_accuracy)
        assert first.epochs == recipe["epochs"] == facts["epochs"]
