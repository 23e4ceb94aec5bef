"""Teachers for colour pictures: trained, stored in half precision, and gone on with."""

import pytest
import torch
from safetensors.torch import load_file
from torch.testing import assert_close

from kdlab.data import load_images
from kdlab.experiments import colour
from kdlab.results import CORE
from kdlab.speed import PLAIN
from kdlab.training import fit, predict
from kdlab.weights import load_model

SETTING = {"dataset": "colour_digits", "name": "course", "seed": 0}


@pytest.fixture
def few(tmp_path, monkeypatch):
    """Three hundred pictures, three epochs, in a folder of its own."""
    size = {"train": 300, "test": 100}

    def load(dataset, split):
        return {k: v[: size[split]] for k, v in load_images(dataset, split).items()}

    monkeypatch.setattr(colour, "load_images", load)
    monkeypatch.setattr(colour, "WEIGHTS", tmp_path)
    short = colour.RECIPES["colour_digits"] | {"epochs": 3, "widths": [8, 8, 8]}
    monkeypatch.setitem(colour.RECIPES, "colour_digits", short)
    return load


def test_a_teacher_is_stored_with_its_facts_and_its_answers(few, tmp_path):
    path = tmp_path / "colour_digits_teacher.safetensors"
    run = colour.colour_teacher_run(SETTING, keep=path)
    assert (
        set(run) >= CORE and run["method"] == "smoothing 0.2" and run["labels"] == 300
    )
    assert run["device"] == "cpu" and "thread" in run["way"]
    stored = load_file(path)
    assert stored["3.weight"].dtype == torch.float16
    model, facts = load_model(path)
    assert facts["test_accuracy"] == run["test_accuracy"] and facts["seed"] == 0
    told = colour.told_by("course", "colour_digits")
    images = few("colour_digits", "train")["images"]
    assert_close(told["train"], predict(model, images), atol=2e-3, rtol=2e-3)
    assert_close(told["mirrored"], predict(model, images.flip(3)), atol=2e-3, rtol=2e-3)
    assert len(told["test"]) == 100 and told["test"].dtype == torch.float32
    assert [file.name for file in tmp_path.iterdir() if "checkpoint" in file.name] == []


def test_a_teacher_that_was_stopped_goes_on_and_ends_the_same(
    few, tmp_path, monkeypatch
):
    monkeypatch.setattr(colour, "way_here", lambda *_: PLAIN)  # not by the clock
    whole = tmp_path / "whole.safetensors"
    colour.colour_teacher_run(SETTING, keep=whole)

    class Killed(BaseException):
        pass

    def stopping(model, columns, objective, sgd, **how):
        steps = 0

        def counted(student, batch):
            nonlocal steps
            steps += 1
            if steps > 4:  # three batches an epoch: in the middle of the second
                raise Killed
            return objective(student, batch)

        return fit(model, columns, counted, sgd, **how)

    monkeypatch.setattr(colour, "fit", stopping)
    parts = tmp_path / "parts.safetensors"
    with pytest.raises(Killed):
        colour.colour_teacher_run(SETTING, keep=parts)
    assert (tmp_path / "colour_digits_course_0.checkpoint").exists()
    trained = []
    monkeypatch.setattr(
        colour, "fit", lambda *given, **how: trained.append(fit(*given, **how))
    )
    colour.colour_teacher_run(SETTING, keep=parts)
    assert len(trained[0]) == 3
    one, other = load_file(whole), load_file(parts)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_each_seed_is_another_teacher_and_the_first_is_kept():
    settings = colour.colour_teachers.settings()
    kept = {colour.colour_teachers.keeps(s) for s in settings if s["seed"] == 0}
    assert kept == {
        colour.colour_file(dataset, name).name
        for dataset in colour.RECIPES
        for name in colour.TEACHERS
    }
    assert {colour.colour_teachers.keeps(s) for s in settings if s["seed"]} == {None}


def test_a_gpu_computes_in_half_precision_and_a_cpu_as_was_measured(monkeypatch):
    columns = load_images("colour_digits", "held_out")
    model = colour.new_colour_teacher("colour_digits", columns, 0)
    monkeypatch.setattr(colour, "fastest_way", lambda *given: "as measured")
    assert colour.way_here(model, columns) == "as measured"
    monkeypatch.setattr(colour, "best_device", lambda: "cuda")
    way = colour.way_here(model, columns)
    assert way.dtype == torch.bfloat16 and way.channels_last
