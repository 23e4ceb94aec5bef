"""Races as stored runs: whose rows they are, and that none runs beside another."""

import os

import pandas as pd
import pytest

from kdlab.compression import lacking, processor
from kdlab.data import load_images as load
from kdlab.experiments import EAGER, FLOAT, INT8, RUNNERS, Experiment, int8_width, race
from kdlab.experiments import __main__ as command
from kdlab.experiments import races as module
from kdlab.experiments.sweep import sweep
from kdlab.results import CORE, load_runs, stored_rows

MACHINE = [*processor()]


def here(runs):
    """The rows that a machine measured itself, and completely."""
    return runs[runs["low"].notna()]


@pytest.mark.parametrize("one", [race, int8_width])
def test_a_race_has_a_row_of_each_runner_and_names_the_machine(one):
    settings = one.settings()
    assert one.in_turn
    apart = [key for key in settings[0] if key != "method"]
    runners = pd.DataFrame(settings).groupby(apart, sort=False)["method"].agg(list)
    assert all(found == RUNNERS for found in runners) and len(runners) >= 20
    assert {**settings[0], **processor()} == settings[0]


def test_the_nets_are_those_that_are_named():
    teacher = module.net_of(module.TEACHER)
    assert [len(teacher[place].weight) for place in (1, 4, 8)] == [16, 32, 128]
    net = module.net_of("cnn-8-16-32")
    assert [len(net[place].weight) for place in (1, 4, 8)] == [8, 16, 32]
    names = {one["student"] for one in int8_width.settings()}
    assert names == {f"cnn-{w}-{2 * w}-{4 * w}" for w in (8, 16, 32, 64)}


@pytest.mark.skipif(bool(lacking()), reason=lacking())
def test_a_row_says_what_its_runner_took_and_answers(monkeypatch):
    monkeypatch.setattr(module, "load_images", lambda _, split: load("digits", split))
    monkeypatch.setattr(module, "ROUNDS", {1: 3, 128: 3})
    for cache in (module.runners, module.raced, module.judged):
        cache.cache_clear()
    rows = [race.run(one) for one in race.settings()[: len(RUNNERS)]]
    other = int8_width.run(int8_width.settings()[2])
    for cache in (module.runners, module.raced, module.judged):
        cache.cache_clear()
    for row in (*rows, other):
        assert set(row) >= CORE and 0 < row["low"] <= row["ms"] <= row["high"]
        assert row["load"] is None or 0 <= row["load"] < 1000
    found = {row["method"]: row for row in rows}
    assert found[EAGER]["teacher_agreement"] == 1
    assert found[FLOAT]["teacher_agreement"] > 0.998
    assert found[INT8]["bytes"] <= 0.28 * found[FLOAT]["bytes"]
    assert other["method"] == INT8 and other["test_accuracy"] is None


def test_another_machine_adds_its_rows_and_a_fresh_start_discards_only_ours(
    tmp_path, monkeypatch
):
    machine = {"processor": "one"}
    measured = []

    def run(setting):
        measured.append((setting["processor"], os.getpid()))
        return {**dict.fromkeys(CORE), **setting, "ms": len(measured)}

    def settings():
        return [{"method": name, **machine} for name in "ab"]

    tiny = Experiment(run, settings, in_turn=True)
    path = tmp_path / "tiny.csv"
    for name in ("one", "two", "two"):
        machine["processor"] = name
        sweep("tiny", {"tiny": tiny}, results=tmp_path, weights=tmp_path)
    assert [row["processor"] for row in stored_rows(path)] == ["two"] * 2 + ["one"] * 2
    assert [name for name, _ in measured] == ["one"] * 2 + ["two"] * 2
    assert {process for _, process in measured} == {os.getpid()}, "not in turn"
    command.discard(path, tiny)
    assert [row["processor"] for row in stored_rows(path)] == ["one"] * 2
    command.discard(path, tiny._replace(in_turn=False))
    assert not path.exists()


# --- what is stored ------------------------------------------------------------------


def ratio(runs, over, under):
    """How many times as long `over` takes as `under`: the median over the races."""
    by = [*MACHINE, "student", "threads", "batch", "seed"]
    ms = here(runs).pivot_table("ms", by, "method")
    found = (ms[over] / ms[under]).groupby(["student", "threads", "batch"]).median()
    return {key: value for key, value in found.items()}


def test_the_stored_races_say_who_has_measured_them():
    for name in ("race", "int8_width"):
        runs = load_runs(name)
        assert runs[MACHINE].notna().all(axis=None)
        assert set(here(runs)["method"]) == set(RUNNERS)
        assert (here(runs)["low"] <= here(runs)["ms"]).all()
        assert (here(runs)["ms"] <= here(runs)["high"]).all()
    elsewhere = load_runs("race").query("processor == 'x86 with AVX2, no VNNI'")
    assert elsewhere["low"].isna().all() and len(elsewhere) == 13


def test_int8_wins_with_vnni_and_the_more_the_wider_the_net():
    runs = load_runs("race")
    with_vnni = runs[runs["instructions"].str.contains("VNNI")]
    net = module.TEACHER
    assert 1.15 < ratio(with_vnni, FLOAT, INT8)[net, 1, 128] < 3
    assert ratio(with_vnni, EAGER, INT8)[net, 1, 128] > 3
    assert ratio(with_vnni, FLOAT, module.EVERY)[net, 1, 128] < 1
    bytes_of = runs.groupby("method")["bytes"].first()
    assert bytes_of[INT8] <= 0.28 * bytes_of[FLOAT]
    right = here(runs).groupby("method")["test_accuracy"].first()
    assert right[INT8] >= right[FLOAT] - 0.002
    gains = ratio(load_runs("int8_width"), FLOAT, INT8)
    by_width = [gains[f"cnn-{w}-{2 * w}-{4 * w}", 1, 128] for w in module.WIDTHS]
    assert by_width == sorted(by_width) and by_width[-1] > 1.5 * by_width[0]
