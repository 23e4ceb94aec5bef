"""The table of runs: whole or not at all, written as it is read, and paired by seed."""

import pandas as pd
import pytest

from kdlab.results import (
    CORE,
    RESULTS,
    by_value,
    load_runs,
    spared,
    store_runs,
    stored_rows,
)


def run(**columns):
    return {name: None for name in CORE} | columns


def test_a_round_trip_keeps_rows_and_own_columns(tmp_path):
    runs = [run(seed=seed, test_accuracy=0.9 + seed / 100, bits=4) for seed in (0, 1)]
    store_runs(tmp_path / "quantized.csv", runs)
    table = load_runs("quantized", tmp_path)
    assert table.seed.tolist() == [0, 1] and table.bits.tolist() == [4, 4]
    assert [path.name for path in tmp_path.iterdir()] == ["quantized.csv"]


def test_a_run_that_lacks_a_column_is_refused_and_the_table_stays(tmp_path):
    store_runs(tmp_path / "a.csv", [run(seed=7)])
    with pytest.raises(ValueError, match="seed"):
        store_runs(tmp_path / "a.csv", [{n: 1 for n in CORE - {"seed"}}])
    assert load_runs("a", tmp_path).seed.tolist() == [7]


def test_an_interrupted_write_leaves_the_old_table(tmp_path, monkeypatch):
    store_runs(tmp_path / "a.csv", [run(seed=7)])

    def interrupted(self, path, **options):
        path.write_text("half a ta")
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_csv", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store_runs(tmp_path / "a.csv", [run(seed=8)])
    assert load_runs("a", tmp_path).seed.tolist() == [7]


def test_a_missing_experiment_names_those_stored(tmp_path):
    store_runs(tmp_path / "teachers.csv", [run()])
    with pytest.raises(FileNotFoundError, match=r"heat.*\['teachers'\]"):
        load_runs("heat", tmp_path)


def test_cells_are_read_as_they_are_written(tmp_path):
    assert stored_rows(tmp_path / "none.csv") == []
    store_runs(tmp_path / "a.csv", [run(temperature=4.0, labels=2000, seed=0)])
    (row,) = stored_rows(tmp_path / "a.csv")
    cells = row["temperature"], row["labels"], row["seed"], row["soft_weight"]
    assert cells == ("4.0", "2000", "0", "")  # what is nothing is an empty cell
    store_runs(tmp_path / "a.csv", stored_rows(tmp_path / "a.csv") + [run(seed=1)])
    assert stored_rows(tmp_path / "a.csv")[0] == row


def test_what_was_measured_at_each_value_stands_in_the_order_of_the_seeds():
    runs = pd.DataFrame(
        {
            "temperature": [4.0, 8.0, 4.0, None],
            "seed": [1, 0, 0, 0],
            "test_errors": [510, 480, 500, 730],
        }
    )
    found = by_value(runs, "temperature", "test_errors")
    assert found == {4.0: [500, 510], 8.0: [480]}
    assert type(found[4.0]) is list


def test_twins_are_paired_by_seed_in_whatever_order_they_are_stored():
    twins = pd.DataFrame({"seed": [2, 0, 1], "test_errors": [700, 750, 720]})
    runs = pd.DataFrame({"seed": [0, 1, 2], "test_errors": [500, 510, 520]})
    assert spared(runs, twins) == [250, 210, 180]
    assert spared(runs.iloc[:0], twins) == []
    two_arms = pd.concat([runs, runs])  # of a seed, each beside the same twin
    assert spared(two_arms, twins) == 2 * [250, 210, 180]


@pytest.mark.parametrize(
    ("seeds", "told"),
    [([0, 2], "{1: 0}"), ([0, 1, 1, 1, 2], "{1: 3}"), ([], "{0: 0, 1: 0, 2: 0}")],
)
def test_a_twin_that_is_missing_or_double_is_named(seeds, told):
    twins = pd.DataFrame({"seed": seeds, "test_errors": [700] * len(seeds)})
    runs = pd.DataFrame({"seed": [0, 1, 2], "test_errors": [500, 510, 520]})
    with pytest.raises(ValueError, match=rf"one twin.*{told}. Choose the twins of one"):
        spared(runs, twins)


AT_ONCE = {"assistant", "bugs", "gap", "wrong_labels"}  # no run has seconds of its own
OF_SEVERAL = {"clients", "clients_tuning"}  # a row is of five nets: errors are a mean


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.csv")), ids=lambda p: p.stem)
def test_every_stored_table_has_what_each_run_must_say(path):
    runs = load_runs(path.stem)
    assert set(runs) >= CORE and len(runs)
    if "ms" in runs:  # a table of times: nothing was trained
        runs = runs.dropna(subset="test_nll").fillna({"train_seconds": 0})
    if path.stem in AT_ONCE:
        assert runs["train_seconds"].isna().all()
        runs = runs.fillna({"train_seconds": 0})
    if path.stem in OF_SEVERAL:
        assert runs["test_nll"].isna().all()
        runs = runs.fillna({"test_nll": 1})
    assert runs["test_accuracy"].between(0, 1).all()
    assert (runs["train_seconds"] >= 0).all() and (runs["test_nll"] > 0).all()
