"""The table of runs: whole or not at all, and averaged with nothing dropped."""

import pandas as pd
import pytest

from kdlab.results import CORE, load_runs, mean_and_spread, store_runs


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


def test_mean_and_spread_keep_the_runs_without_a_temperature():
    runs = pd.DataFrame(
        {"temperature": [None, None, 4.0, 4.0], "test_accuracy": [0.9, 0.8, 0.95, 0.97]}
    )
    table = mean_and_spread(runs, "test_accuracy", by="temperature")
    assert table.seeds.tolist() == [2, 2] and table.temperature.isna().sum() == 1
    assert table["mean"].tolist() == pytest.approx([0.96, 0.85])
    assert table.spread.iloc[1] == pytest.approx(0.0707107)
