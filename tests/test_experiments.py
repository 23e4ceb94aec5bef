"""A run follows from its setting; twins share what they should; nonsense is refused."""

import pytest
import torch
from torch.testing import assert_close

from kdlab.experiments import (
    METHODS,
    learning_rate_of,
    objective_of,
    student_run,
    student_steps,
    widths_of,
    with_label_noise,
    with_targets,
)
from kdlab.grids import GRIDS, setting
from kdlab.metrics import soften
from kdlab.models import build_model
from kdlab.results import CORE
from kdlab.teachers import images_of, other_teacher_steps, some_of, teacher_of
from kdlab.training import last_of, predict


@pytest.fixture(scope="module")
def columns():
    some = some_of(images_of("digits", "train"), 200)
    teacher = teacher_of("digits", "course", 200, 0)
    return {**some, "teacher_logits": predict(teacher, some["images"])}


def student(columns, **changes):
    options = {"student": "mlp-16", "epochs": 2, "batch_size": 50}
    return last_of(student_steps(columns, **{**options, **changes}))


def parameters(model):
    return torch.cat([p.flatten() for p in model.parameters()])


def test_twins_have_the_same_first_weights_and_order(columns):
    plain = student(columns, method="labels")
    assert_close(parameters(plain), parameters(student(columns, soft_weight=0.0)))
    taught = student(columns, temperature=4.0, learning_rate=1e-9)
    fresh = build_model("mlp", widths=[16], seed=0)
    assert_close(parameters(taught), parameters(fresh), atol=1e-6, rtol=0)


def test_the_seed_decides_everything(columns):
    jitter = {"dropout": 0.3, "jitter": 2}
    first, again = student(columns, **jitter), student(columns, **jitter)
    assert torch.equal(parameters(first), parameters(again))
    other = student(columns, seed=1, **jitter)
    assert not torch.allclose(parameters(first), parameters(other))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains(columns, method):
    trained = parameters(student(columns, method=method))
    untrained = parameters(build_model("mlp", widths=[16], seed=0))
    assert trained.isfinite().all() and not torch.allclose(trained, untrained)


def test_the_targets_of_a_method_take_the_place_of_the_teacher(columns):
    told = with_targets(columns, "class means", 8.0, seed=0)["teacher_logits"]
    assert len(soften(told, 8.0).unique(dim=0)) == 10
    assert with_targets(columns, "teacher", 8.0, seed=0) is columns
    hard = with_targets(columns, "arg max", 8.0, seed=0)
    assert torch.equal(hard["labels"], columns["teacher_logits"].argmax(1))
    two = [
        with_targets(columns, "shuffled", 8.0, seed)["teacher_logits"]
        for seed in (0, 1)
    ]
    assert not torch.equal(*two)


def test_an_unknown_method_or_student_is_refused_before_the_first_step(columns):
    with pytest.raises(ValueError, match="method must be one of"):
        objective_of("magic", 4.0, 1.0)
    with pytest.raises(ValueError, match='such as "mlp-128"'):
        widths_of("cnn-12")
    with pytest.raises(ValueError, match="temperature must be positive"):
        student(columns, temperature=0.0)


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_training_that_diverges_says_so(columns, epochs):
    with pytest.raises(FloatingPointError, match="learning rate of 1e\\+30"):
        student(columns, learning_rate=1e30, epochs=epochs)


def test_more_labels_than_images_are_refused_in_words(columns):
    with pytest.raises(ValueError, match="There are 200 labelled images.*201"):
        some_of(columns, 201)
    with pytest.raises(ValueError, match="1 to that many"):
        some_of(columns, 0)


def test_some_of_draws_rows_that_belong_together(columns):
    some, same = some_of(columns, 50, draw=3), some_of(columns, 50, draw=3)
    assert torch.equal(some["labels"], same["labels"])
    assert not torch.equal(some["labels"], some_of(columns, 50, draw=4)["labels"])
    teacher = teacher_of("digits", "course", 200, 0)
    assert_close(predict(teacher, some["images"]), some["teacher_logits"])


def test_label_noise_makes_that_share_wrong():
    clean = {"labels": torch.arange(10).repeat(1000)}
    noisy = with_label_noise(clean, 0.4, seed=0)["labels"]
    changed = (noisy != clean["labels"]).double().mean()
    assert abs(changed - 0.4) < 0.02 and set(noisy.tolist()) == set(range(10))
    assert torch.equal(with_label_noise(clean, 0.0)["labels"], clean["labels"])


@pytest.mark.parametrize(
    "options, complaint",
    [
        ({"temperature": 0.0}, "temperature must be positive"),
        ({"method": "class means", "temperature": 0.0}, "temperature must be positive"),
        ({"soft_weight": 1.5}, "soft_weight must be in"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"student": "mlp-0"}, 'such as "mlp-128"'),
        ({"epochs": 0}, "at least 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused_before_the_first_step(
    options, complaint
):
    columns = some_of(images_of("digits", "train"), 50)
    columns["teacher_logits"] = torch.randn(50, 10)
    with pytest.raises(ValueError, match=complaint):
        next(student_steps(columns, **options))


def test_a_method_with_a_teacher_needs_its_answers():
    with pytest.raises(ValueError, match="column teacher_logits"):
        next(student_steps(some_of(images_of("digits", "train"), 50)))


def small(method="teacher", temperature=8.0, **changes):
    size = {"dataset": "digits", "labels": 300, "epochs": 3, "student": "mlp-32"}
    return setting(method, temperature, **{**size, **changes})


def test_a_run_is_its_setting_and_what_was_measured():
    wanted = small()
    run = student_run(wanted)
    assert {name: run[name] for name in wanted} == wanted and set(run) > CORE
    assert run["test_accuracy"] > 0.5 and run["test_errors"] == round(
        360 * (1 - run["test_accuracy"])
    )
    again = student_run(wanted)
    assert {**run, "train_seconds": 0} == {**again, "train_seconds": 0}


def test_what_is_chosen_is_chosen_on_images_the_student_never_saw(monkeypatch):
    seen = []

    def images(dataset, split):
        seen.append(split)
        return images_of(dataset, split)

    monkeypatch.setattr("kdlab.experiments.images_of", images)
    student_run(small(split="held_out"))
    assert set(seen) == {"fit", "held_out"}


def test_a_teacher_of_the_same_images_is_certain_on_them():
    some = some_of(images_of("digits", "train"), 200)
    own = last_of(other_teacher_steps("same images", some))
    early = last_of(other_teacher_steps("same images, stopped early", some))
    sure = [
        soften(predict(m, some["images"]), 1.0).max(dim=1).values.mean()
        for m in (own, early)
    ]
    assert sure[0] > 0.95 and sure[1] < sure[0] - 0.1
    with pytest.raises(ValueError, match="teacher must be one of"):
        last_of(other_teacher_steps("my uncle", some))


@pytest.mark.parametrize("name", GRIDS)
def test_every_stored_setting_says_what_a_run_needs_and_none_comes_twice(name):
    for run, settings, *_ in GRIDS[name]():
        assert callable(run)
        columns = {tuple(one) for one in settings}
        assert len(columns) == 1 and CORE - set(*columns) <= {
            "test_accuracy", "test_nll", "teacher_agreement", "train_seconds",
        }  # fmt: skip
        assert len({tuple(one.values()) for one in settings}) == len(settings)
        for one in settings:
            assert one["method"] in METHODS and one["learning_rate"] > 0
            assert (one["temperature"] is None) == (
                one["method"] in ("labels", "smoothing 0.1", "smoothing 0.3", "arg max")
            )


def test_the_rates_of_the_explorers_are_the_best_on_the_held_out_images():
    from kdlab.grids import ARMS, tuned

    for arm in ARMS:
        if arm[0] != "teacher":  # one for all its temperatures: that of T = 1
            chosen = tuned([setting(*arm)])[0]["learning_rate"]
            assert learning_rate_of(arm[0]) == chosen, arm
    assert tuned([setting("teacher", 1.0)])[0]["learning_rate"] == 0.01
