"""The bench's verdicts, table and JSON; its two loops see the same and do the same."""

import json

import pytest
import torch
from torch.testing import assert_close

from bench import __main__ as bench
from bench import fit
from bench.table import Measurement, as_json, as_table, failure
from kdlab.models import build_model
from kdlab.training import predict

MET = Measurement("fit", "speed", 16.0, "times", 15, at_least=True)
MISSED = Measurement("six", "bytes", 0.61, "MB", 0.5, besides={"theirs": 30.7123})


@pytest.mark.parametrize(
    ("value", "target", "at_least", "verdict"),
    [
        (9.9, 10, False, "met"),
        (10.1, 10, False, "missed"),
        (10, 10, False, "met"),
        (15.1, 15, True, "met"),
        (14.9, 15, True, "missed"),
        (float("nan"), 15, False, "missed"),
        (3.0, None, False, ""),
        (None, 15, False, "failed"),
    ],
)
def test_a_verdict_compares_with_the_target(value, target, at_least, verdict):
    row = Measurement("part", "what", value, target=target, at_least=at_least)
    assert row.verdict == verdict


def test_the_table_says_number_target_and_verdict():
    broken = failure("latency", RuntimeError("no\nbrowser"))
    head, rule, *lines = as_table([MET, MISSED, broken]).splitlines()
    assert set(rule) == {"─", " "}
    starts = [head.index(name) for name in ("measured", "target", "verdict", "besides")]
    columns = zip(starts, [*starts[1:], None], strict=True)
    cells = [[line[slice(*ends)].strip() for line in lines] for ends in [*columns]]
    assert cells[0] == ["16 times", "0.61 MB", "–"]
    assert cells[1] == ["≥ 15 times", "≤ 0.5 MB", ""]
    assert cells[2] == ["met", "missed", "failed"]
    assert cells[3] == ["", "theirs 30.7", "why: RuntimeError: no browser"]


def test_the_json_holds_machine_numbers_and_verdicts():
    read = json.loads(as_json([MET, MISSED], {"cores": "2 of 2"}))
    assert read["machine"] == {"cores": "2 of 2"}
    met, missed = read["measurements"]
    assert met["value"] == 16.0 and met["target"] == 15 and met["verdict"] == "met"
    assert missed["verdict"] == "missed" and missed["besides"] == {"theirs": 30.7123}


def test_a_part_that_breaks_off_keeps_what_it_found(monkeypatch):
    def measure():
        yield MET
        raise RuntimeError("the browser died")

    monkeypatch.setattr(fit, "measure", measure)
    kept, broken = bench.measure("fit")
    assert kept is MET and broken.verdict == "failed"
    assert "the browser died" in as_table([broken])


def test_both_loops_see_the_same_examples_and_take_the_same_step(tmp_path, monkeypatch):
    monkeypatch.setattr(fit, "BATCH_SIZE", 300)  # all in one: the order is no matter
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (300, 1, 28, 28), generator=generator).byte()
    columns = {"images": images, "labels": torch.arange(300) % 10}
    teacher = build_model("cnn", channels=[2, 2], hidden=8, mean=0.1307, spread=0.3081)
    teacher = teacher.eval().requires_grad_(False)
    columns["teacher_logits"] = predict(teacher, images)
    fit.write_like_mnist(tmp_path, columns)
    students = {name: build_model("mlp", widths=[8]) for name in ("loop", "fit")}
    seen = {name: [] for name in students}
    for name, student in students.items():
        keep = seen[name].append
        student[1].register_forward_hook(lambda m, i, flat, keep=keep: keep(flat))
    fit.usual_loop(students["loop"][1:], teacher[1:], tmp_path)
    fit.course_loop(students["fit"], columns, seed=0)
    loop, ours = seen["loop"][0].unique(dim=0), seen["fit"][-1].unique(dim=0)
    assert len(loop) == 300  # each once: the images differ
    assert_close(loop, ours)
    gradients = [[p.grad for p in s.parameters()] for s in students.values()]
    assert_close(*gradients)
    assert gradients[0][0].abs().max() > 1e-3
