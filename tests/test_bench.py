"""The bench's verdicts, table and JSON; its two loops see the same and do the same."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from bench import __main__ as bench
from bench import colour, fit
from bench import colour_loops as loops
from bench.table import Measurement, as_json, as_table, failure
from kdlab.models import build_model
from kdlab.speed import PLAIN, cpu_threads
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


SMALL = {"widths": [8, 8, 8], "divisor": 9.0}


@pytest.fixture
def small(monkeypatch):
    """A student of a moment, and batches without processes that must start first."""
    monkeypatch.setattr(loops, "STUDENT", {"widths": [8, 8, 8]})
    monkeypatch.setattr(loops, "WORKERS", 0)


def colour_setup(columns):
    teacher = build_model("convnet", seed=1, **SMALL).eval().requires_grad_(False)
    setup = loops.Setup("cpu", teacher, 0.5, PLAIN)
    return setup, colour.with_answers(teacher, columns, PLAIN)


def seen_and_learnt(setup, columns, loop):
    """What the student is given behind its normalisation, and its gradient then."""
    student, seen = setup.student(columns, seed=0), []
    student[1].register_forward_hook(lambda part, given, answer: seen.extend(given))
    for images in setup.steps(loop, student, columns, epochs=1, seed=0):
        assert images == len(columns["images"])
    return seen[-1], [p.grad for p in student.parameters() if p.grad is not None]


def test_the_colour_loops_take_the_same_step(small, monkeypatch):
    monkeypatch.setattr(loops, "PIXELS", 0)
    half = torch.randint(256, (40, 3, 32, 16)).byte()
    symmetric = torch.cat([half, half.flip(3)], dim=3)  # mirrored, they stay the same
    columns = {"images": symmetric, "labels": torch.arange(40) % 10}
    setup, columns = colour_setup(columns)
    found = [seen_and_learnt(setup, columns, loop)[1] for loop in loops.LOOPS]
    assert_close(found[0], found[1], atol=1e-5, rtol=1e-3)
    assert_close(found[0], found[2], atol=1e-5, rtol=1e-3)
    assert max(gradient.abs().max() for gradient in found[0]) > 1e-2


def test_the_colour_loops_move_and_mirror_alike(small):
    image = torch.randint(256, (1, 3, 32, 32)).byte()
    whole = F.pad(image / 255, (4,) * 4, mode="reflect")[0]
    places = whole.unfold(1, 32, 1).unfold(2, 32, 1).permute(1, 2, 0, 3, 4)
    crops = places.flatten(0, 1)
    crops = (torch.cat([crops, crops.flip(3)]) - loops.MEAN) / loops.SPREAD
    copies = {"images": image.repeat(120, 1, 1, 1), "labels": torch.arange(120) % 10}
    setup, copies = colour_setup(copies)
    for loop in loops.LOOPS:
        seen, _ = seen_and_learnt(setup, copies, loop)
        distance, which = torch.cdist(seen.flatten(1), crops.flatten(1)).min(dim=1)
        assert distance.max() < 0.1, loop  # another crop is 70 away
        assert len(which.unique()) > 60  # of 162, by 120 draws; 85 are expected
        assert 35 < (which < 81).sum() < 85


def test_the_colour_part_measures_speed_and_accuracy(small, tmp_path, monkeypatch):
    images = torch.randint(256, (300, 3, 32, 32)).byte().numpy()
    np.savez(tmp_path / "few.npz", images=images, labels=np.arange(300) % 10)
    monkeypatch.setattr(colour, "TRAIN", 256)
    monkeypatch.setattr(colour, "TEACHER", SMALL)
    few = colour.Amount(0.1, 256, 128, 1, 44, times=2)
    monkeypatch.setitem(colour.AMOUNTS, "cpu", few)
    monkeypatch.setattr(colour, "SEEDS", (0, 1))
    monkeypatch.setattr(colour, "ROUNDS", 1)
    monkeypatch.setattr(colour, "WARM_UP", 1)
    monkeypatch.setattr(colour, "memory", lambda file: MET)
    missing = tmp_path / "missing.safetensors"
    with cpu_threads(2):  # and back
        rows = [*colour.measure("cpu", tmp_path / "few.npz", stored=missing)]
    usual, cached, crop, once, *right, memory = rows
    assert usual.value > 0 and once.value > 0 and memory is MET
    for row in (cached, crop):
        ratio = row.besides["images/s"] / usual.value
        assert row.value == pytest.approx(ratio) and row.target == 2 and row.at_least
    assert all(row.target <= 0 and row.at_least for row in right)
    assert "labels only" in right[0].what and "44 test images" in right[0].besides["of"]


def test_the_colour_part_starts_without_jupyter():
    without = "jupyterlab ipywidgets IPython nbformat psutil plotly sklearn".split()
    code = f"""import sys, torchvision
sys.modules.update(dict.fromkeys({without}))
import bench.colour"""
    where = {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | where)
