"""A run follows from its setting; twins share what they should; nonsense is refused."""

import pkgutil
from importlib import import_module
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

import lessons
from kdlab.data import load_images, sample
from kdlab.experiments import (
    DRAWS,
    LABELS,
    LEARNING_RATE,
    METHODS,
    SEEDS,
    WITHOUT_TEACHER,
    best_rates,
    colour_teachers,
    columns_of,
    epochs_for,
    grid,
    int8_width,
    nearest_rate,
    other_teacher_steps,
    race,
    setting,
    student_run,
    student_steps,
    students,
    taught,
    teachers,
    tuned,
    tuning,
)
from kdlab.experiments.__main__ import experiments_of
from kdlab.experiments.students import (
    objective_of,
    widths_of,
    with_targets,
)
from kdlab.experiments.teachers import OTHERS, TEACHER_RECIPES, teacher_for
from kdlab.experiments.tuning import Cell, cell_of
from kdlab.metrics import soften
from kdlab.models import build_model, count_parameters
from kdlab.results import CORE, load_runs
from kdlab.training import last_of, predict
from kdlab.weights import load_model, load_teacher

# by their names they are experiments; these are the modules
OF_TEACHERS, OF_TUNING = (
    import_module(f"kdlab.experiments.{name}") for name in ("teachers", "tuning")
)
MEASURED = {
    "student",
    "test_accuracy",
    "test_nll",
    "teacher_agreement",
    "train_seconds",
}
HOMES = ["kdlab"] + [
    f"lessons.{module.name}"
    for module in pkgutil.iter_modules(lessons.__path__)
    if Path(module.module_finder.path, module.name, "experiments.py").exists()
]


@pytest.fixture(scope="module")
def columns():
    return columns_of("digits", "test", "course", 200, 0)[0]


def student(columns, **changes):
    options = {"student": "mlp-16", "epochs": 2, "batch_size": 50}
    return last_of(student_steps(columns, **{**options, **changes}))


def parameters(model):
    return torch.cat([p.flatten() for p in model.parameters()])


# --- students ------------------------------------------------------------------------


def test_twins_have_the_same_first_weights_and_order(columns):
    plain = student(columns, method="labels")
    assert_close(parameters(plain), parameters(student(columns, soft_weight=0.0)))
    told = student(columns, temperature=4.0, learning_rate=1e-9)
    fresh = build_model("mlp", widths=[16], seed=0)
    assert_close(parameters(told), parameters(fresh), atol=1e-6, rtol=0)


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


def test_the_steps_are_those_of_the_loop_and_a_model_may_be_watched(columns):
    watched, seen = students.new_student("mlp-16", seed=0), []
    steps = student_steps(columns, method="labels", epochs=2, model=watched)
    assert last_of(steps, seen.append) is watched
    assert [epoch for epoch, _ in seen] == [1] * 4 + [2] * 4  # 200 images, 64 a step
    assert set(seen[0][1]) == {"hard"}
    twin = last_of(student_steps(columns, student="mlp-16", method="labels", epochs=2))
    assert torch.equal(parameters(twin), parameters(watched))


def test_the_rate_is_the_one_that_is_named(columns):
    own = student(columns)
    named = student(columns, learning_rate=LEARNING_RATE)
    other = student(columns, learning_rate=LEARNING_RATE / 10)
    assert torch.equal(parameters(own), parameters(named))
    assert not torch.equal(parameters(own), parameters(other))


def test_the_targets_of_a_method_take_the_place_of_the_teacher(columns):
    told = with_targets(columns, "class means", 8.0, seed=0)["teacher_logits"]
    assert len(soften(told, 8.0).unique(dim=0)) == 10
    assert with_targets(columns, "teacher", 8.0, seed=0) is columns
    assert with_targets(columns, "labels", None, seed=0) is columns
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
    assert widths_of("mlp-800-800") == [800, 800]
    with pytest.raises(ValueError, match="temperature must be positive"):
        student(columns, temperature=0.0)


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_training_that_diverges_says_so(columns, epochs):
    with pytest.raises(FloatingPointError, match="Try a smaller learning rate"):
        student(columns, learning_rate=1e30, epochs=epochs)


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
    columns = sample(load_images("digits", "train"), 50)
    columns["teacher_logits"] = torch.randn(50, 10)
    with pytest.raises(ValueError, match=complaint):
        next(student_steps(columns, **options))


def test_bad_columns_are_refused_before_the_first_step(columns):
    spoilt = {**columns, "labels": columns["labels"] + 1}
    with pytest.raises(ValueError, match="from 0 to 9, got 1 to 10"):
        next(student_steps(spoilt))


def test_a_method_with_a_teacher_needs_its_answers():
    with pytest.raises(ValueError, match="column teacher_logits"):
        next(student_steps(sample(load_images("digits", "train"), 50)))


# --- columns -------------------------------------------------------------------------


def test_columns_are_images_as_the_teacher_answers_them():
    train_set, test_set = columns_of("digits", "test", "course", 150, 3)
    drawn = sample(load_images("digits", "train"), 150, draw=3)
    fresh = load_images("digits", "test")
    teacher, _ = load_teacher("digits")
    for found, images in ((train_set, drawn), (test_set, fresh)):
        assert list(found) == ["images", "labels", "teacher_logits"]
        assert found["images"].equal(images["images"])
        assert found["labels"].equal(images["labels"])
        assert_close(found["teacher_logits"], predict(teacher, images["images"]))


def test_columns_are_made_once_and_another_draw_is_another_sample():
    of_data = "digits", "test", "course", 150
    assert columns_of(*of_data, 3) is columns_of(*of_data, 3)
    other = columns_of(*of_data, 4)
    assert not other[0]["labels"].equal(columns_of(*of_data, 3)[0]["labels"])
    assert other[1]["images"].equal(columns_of(*of_data, 3)[1]["images"])


def test_what_is_chosen_is_chosen_on_images_the_student_never_saw(monkeypatch):
    seen = []

    def images(dataset, split):
        seen.append(split)
        return load_images(dataset, split)

    monkeypatch.setattr(students, "load_images", images)
    columns_of.cache_clear()
    student_run(small(split="held_out"))
    assert set(seen) == {"fit", "held_out"}
    train_set, held_out = columns_of("digits", "held_out", "course", 300, 0)
    whole = load_images("digits", "train")["images"]
    assert held_out["images"].equal(whole[-180:])
    fit = {image.numpy().tobytes() for image in whole[:-180]}
    assert {image.numpy().tobytes() for image in train_set["images"]} <= fit


def test_a_teacher_of_the_same_images_learns_from_those_of_its_student():
    some = sample(load_images("digits", "train"), 120, draw=1)
    own = last_of(other_teacher_steps("same images", some, 1))
    early = last_of(other_teacher_steps("same images, stopped early", some, 1))
    sure = [
        soften(predict(m, some["images"]), 1.0).max(dim=1).values.mean()
        for m in (own, early)
    ]
    assert sure[0] > 0.95 and sure[1] < sure[0] - 0.1
    train_set, test_set = columns_of(
        "digits", "test", "same images, stopped early", 120, 1
    )
    for found in (train_set, test_set):
        assert_close(found["teacher_logits"], predict(early, found["images"]))


def test_other_teachers_learn_from_all_images_whatever_their_student_sees(monkeypatch):
    small_recipe = {"fair": {**OTHERS["fair"], "widths": [8], "epochs": 1}}
    monkeypatch.setattr(OF_TEACHERS, "OTHERS", small_recipe)
    whole = load_images("digits", "train")
    twin = last_of(other_teacher_steps("fair", whole))
    assert count_parameters(twin) == 784 * 8 + 8 + 8 * 10 + 10
    found = teacher_for("fair", "digits", whole, sample(whole, 50, 2), 2)
    assert torch.equal(parameters(found), parameters(twin))


def test_an_unknown_teacher_is_named_and_one_that_is_not_stored(monkeypatch, tmp_path):
    whole = load_images("digits", "train")
    with pytest.raises(ValueError, match=r"\['course', 'hinton', 'same .*'my uncle'"):
        teacher_for("my uncle", "digits", whole, whole, 0)
    missing = tmp_path / "mnist_hinton.safetensors"
    monkeypatch.setattr(OF_TEACHERS, "HINTON", missing)
    with pytest.raises(FileNotFoundError, match="No mnist_hinton.safetensors"):
        teacher_for("hinton", "digits", whole, whole, 0)


# --- runs ----------------------------------------------------------------------------


def small(method="teacher", temperature=8.0, **changes):
    size = {"dataset": "digits", "labels": 300, "epochs": 3, "student": "mlp-32"}
    return setting(method, temperature, **{**size, **changes})


def test_a_run_is_its_setting_and_what_was_measured():
    wanted = small()
    run = student_run(wanted)
    assert {name: run[name] for name in wanted} == wanted and set(run) > CORE
    assert list(run)[: len(wanted)] == list(wanted)  # the columns stay in order
    assert run["test_accuracy"] > 0.5 and run["test_errors"] == round(
        360 * (1 - run["test_accuracy"])
    )
    again = student_run(wanted)
    assert {**run, "train_seconds": 0} == {**again, "train_seconds": 0}


def test_a_run_leaves_the_columns_of_others_as_they_are():
    before = [set(part) for part in columns_of("digits", "test", "course", 300, 0)]
    labels = columns_of("digits", "test", "course", 300, 0)[0]["labels"].clone()
    student_run(small("arg max", label_noise=0.5))
    after = columns_of("digits", "test", "course", 300, 0)
    assert [set(part) for part in after] == before
    assert after[0]["labels"].equal(labels)


def test_wrong_labels_are_those_of_the_seed_and_heard_in_training_alone():
    clean, noisy = (student_run(small("labels", None, label_noise=n)) for n in (0, 0.8))
    assert noisy["test_errors"] > clean["test_errors"] + 50
    other = student_run(small("labels", None, label_noise=0.8, seed=1))
    assert other["test_nll"] != noisy["test_nll"]


def test_the_student_of_a_run_can_be_kept_to_be_a_teacher(tmp_path):
    for name, changes in (("plain", {}), ("dropped", {"dropout": 0.5})):
        wanted, kept = small(**changes), tmp_path / f"{name}.safetensors"
        run = student_run(wanted, keep=kept)
        model, facts = load_model(kept)
        how = {"student": "mlp-32", "epochs": 3, "batch_size": 64, **changes}
        sets = columns_of("digits", "test", "course", 300, 0)
        twin = last_of(student_steps(sets[0], **how))
        assert torch.equal(parameters(model), parameters(twin)) and facts == {"seed": 0}
        right = (predict(model, sets[1]["images"]).argmax(1) == sets[1]["labels"]).sum()
        assert 360 - int(right) == run["test_errors"]


# --- grids ---------------------------------------------------------------------------


def test_a_setting_is_the_default_student_but_for_the_changes():
    plain = setting()
    assert plain["method"] == "labels" and plain["soft_weight"] == 0.0
    assert plain["temperature"] is None and plain["learning_rate"] == 1e-2
    hot = setting("shuffled", 8.0, seed=3, own="column")
    assert (hot["soft_weight"], hot["learning_rate"]) == (1.0, LEARNING_RATE)
    assert hot["seed"] == 3
    assert [*hot] == [*plain, "own"]


def test_a_grid_is_every_combination_with_the_last_axis_fastest():
    found = grid(soft_weight=[0.1, 0.9], arm=taught(1.0, 8.0), seed=range(2), epochs=3)
    key = [(one["soft_weight"], one["temperature"], one["seed"]) for one in found]
    assert key == [
        (0.1, 1.0, 0),
        (0.1, 1.0, 1),
        (0.1, 8.0, 0),
        (0.1, 8.0, 1),
        (0.9, 1.0, 0),
        (0.9, 1.0, 1),
        (0.9, 8.0, 0),
        (0.9, 8.0, 1),
    ]
    assert {one["method"] for one in found} == {"teacher"}
    assert {one["epochs"] for one in found} == {
        3
    }  # what is no list is the same for all
    assert {tuple(one) for one in found} == {
        tuple(setting())
    }  # the axes' names are free
    assert grid() == [setting()] and grid(seed=[]) == []


def test_a_dict_in_an_axis_sets_several_things_at_once():
    size = [{"student": "mlp-8", "epochs": 60}, {"student": "mlp-512", "epochs": 8}]
    found = grid(size=size, arm=[LABELS], draw=DRAWS)
    assert len(found) == 10 and found[0] is not found[1]
    assert all(one["draw"] == one["seed"] for one in found)  # each seed its own images
    assert {(one["student"], one["epochs"]) for one in found} == {
        ("mlp-8", 60),
        ("mlp-512", 8),
    }


def test_ways_to_teach_have_the_rate_of_their_method():
    assert taught(4.0, method="shuffled") == [
        {"method": "shuffled", "temperature": 4.0}
    ]
    (one,) = grid(arm=taught(8.0, method="shuffled"))
    assert one["learning_rate"] == LEARNING_RATE and one["soft_weight"] == 1.0


def test_training_is_as_long_for_few_labels_and_at_least_ten_epochs():
    assert [epochs_for(n) for n in (100, 1000, 2000, 60_000)] == [300, 30, 15, 10]


def test_the_tuned_rate_is_the_best_in_the_mean_on_the_held_out_images():
    runs = load_runs("tuning")
    own = {"student": "mlp-512", "epochs": 60, "labels": 2000}
    for arm in ({"method": "labels", "temperature": None}, *taught(8.0)):
        some = runs.query("student == 'mlp-512' and epochs == 60")
        some = some[some["method"] == arm["method"]]
        if arm["temperature"]:
            some = some[some["temperature"] == arm["temperature"]]
        means = some.groupby("learning_rate")["test_accuracy"].mean()
        (one,) = tuned(grid(arm=[arm], **own))
        assert len(means) == 7 and one["learning_rate"] == means.idxmax()


def test_what_was_not_tuned_takes_the_rate_of_the_fewest_doublings_away():
    rates = {
        Cell("labels", 1.0, 128, 2000, 15): 0.1,
        Cell("labels", 1.0, 128, 2000, 60): 0.2,
        Cell("labels", 1.0, 32, 2000, 15): 0.3,
        Cell("teacher", 8.0, 128, 2000, 15): 0.4,
        Cell("teacher", 1.0, 128, 2000, 15): 0.5,
    }
    for changes, rate in (
        ({}, 0.1),
        ({"epochs": 29}, 0.1),
        ({"epochs": 31}, 0.2),
        ({"student": "mlp-8"}, 0.3),
        ({"student": "mlp-512-8"}, 0.1),
        ({"labels": 100_000, "epochs": 60}, 0.2),
        ({"method": "teacher", "temperature": 2.0}, 0.5),
        ({"method": "teacher", "temperature": 20.0, "student": "mlp-32"}, 0.4),
    ):
        assert nearest_rate(rates, setting(**changes)) == rate, changes


def test_all_images_have_the_rate_of_those_that_remain_without_the_held_out():
    many, held = tuned(grid(labels=[60_000, 50_000], epochs=10))
    assert many["learning_rate"] == held["learning_rate"]
    tried = load_runs("tuning").query("labels == 50000")
    assert many["learning_rate"] in tried["learning_rate"].unique()


def test_an_unfinished_tuning_is_not_used(monkeypatch):
    part = load_runs("tuning").iloc[:-1]
    monkeypatch.setattr(OF_TUNING, "load_runs", lambda name: part)
    with pytest.raises(ValueError, match="python -m kdlab.experiments kdlab tuning"):
        tuned([setting()])


def test_every_cell_that_was_tuned_has_a_rate_and_it_is_the_nearest_to_itself():
    rates = best_rates()
    assert len(rates) == len({cell_of(run) for run in OF_TUNING.tried()})
    for run in OF_TUNING.tried():
        assert nearest_rate(rates, run) == rates[cell_of(run)]


# --- what is stored ------------------------------------------------------------------


@pytest.mark.parametrize("home", HOMES)
def test_every_stored_setting_says_what_a_run_needs_and_none_comes_twice(home):
    for name, one in experiments_of(home).items():
        settings = one.settings()
        columns = {tuple(run) for run in settings}
        assert callable(one.run) and len(columns) == 1, name
        assert len({tuple(run.values()) for run in settings}) == len(settings), name
        if name.endswith("teachers") and home == "kdlab":  # says the rest itself
            continue
        if one.in_turn:  # nothing is trained
            continue
        assert CORE - set(*columns) <= MEASURED, name
        for run in settings:
            # Else nothing is trained, or it is a teacher, by a recipe of its own:
            if run["epochs"] and run.get("student", 0) != run["teacher"]:
                assert run.get("learning_rate", 1) > 0, run
            if run["method"] in METHODS and home != "lessons.arena":
                without = run["method"] in (*WITHOUT_TEACHER, "arg max")
                assert (run["temperature"] is None) == without, run


def test_the_packages_own_experiments_are_teachers_and_tuning():
    own = {"teachers": teachers, "tuning": tuning, "colour_teachers": colour_teachers}
    own |= {"race": race, "int8_width": int8_width}
    assert experiments_of("kdlab") == own
    assert tuning.after == ("teachers",) and teachers.after == ()
    datasets = {run["dataset"] for run in teachers.settings()}
    assert datasets == set(TEACHER_RECIPES)
    first = [run for run in teachers.settings() if teachers.keeps(run)]
    assert [(run["dataset"], run["seed"]) for run in first] == [
        ("digits", 0),
        ("mnist", 0),
    ]
    assert {run["seed"] for run in teachers.settings()} == set(SEEDS)


def test_the_stored_runs_are_those_of_the_stored_teachers():
    runs = load_runs("teachers")
    assert runs.groupby("dataset").seed.nunique().to_dict() == {"digits": 5, "mnist": 5}
    for dataset, recipe in TEACHER_RECIPES.items():
        first = runs.query("dataset == @dataset and seed == 0").iloc[0]
        facts = load_teacher(dataset)[1]
        assert facts["test_accuracy"] == pytest.approx(first.test_accuracy)
        assert first.epochs == recipe["epochs"] == facts["epochs"]
