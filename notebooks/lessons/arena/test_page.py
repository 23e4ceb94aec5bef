"""What the page says of its stored runs is what they hold."""

import os

import pytest

from kdlab.compression import model_bytes
from kdlab.data import data_folder, load_images
from kdlab.figures import mean_spread, mean_words
from kdlab.results import load_runs, spared
from kdlab.weights import WEIGHTS, load_teacher
from lessons.samples import prose

from .arms import PIPELINES, SINGLE, group_of, name_of, stored_times
from .drawings import forms_table
from .explorers import BUDGETS, budget_explorer, front_of, means_of
from .pocket import pocket_page
from .recipes import ORDERS, SMALL, WIDE

PAGE = prose("09_arena")
ABSENT = not (data_folder() / "MNIST").exists() and "KDLAB_DATA" not in os.environ


@pytest.fixture(scope="module")
def runs():
    return load_runs("arena")


def arm(runs, student, method, recover="labels", bits=None, labels=2000):
    """The five runs of one arm, by seed."""
    some = runs[(runs["student"] == student) & (runs["method"] == method)]
    some = some[(some["recover"] == recover) & (some["labels"] == labels)]
    some = some[some["bits"].isna()] if bits is None else some[some["bits"] == bits]
    assert len(some) == (1 if method in ("as it is",) else 5) or student == "teacher"
    return some.sort_values("seed")


def errors(*which, **more):
    """Such as "303 ± 14"."""
    return mean_words(arm(*which, **more)["test_errors"])


def orders(runs, recover, bits):
    """{order: mean errors}."""
    recipes = [", ".join(["train", *order]) for order in ORDERS]
    return {
        how: mean_spread(arm(runs, WIDE, how, recover, bits)["test_errors"])[0]
        for how in recipes
    }


def test_one_technique_at_a_time(runs):
    means = means_of(runs)
    alone = means[means["group"] == SINGLE]
    learns = alone[~alone.index.str.contains("round|smooth")]
    told = learns["access"].str.contains("answers")
    for hears, low, high in ((True, 130, 162), (False, 300, 351)):
        found = learns[told == hears]["test_errors"].round()
        assert (found.min(), found.max()) == (low, high)
        assert f"{low} to {high}" in PAGE
    train, smooth = errors(runs, WIDE, "train"), errors(runs, WIDE, "smooth")
    assert f"bring {train} errors down to {smooth}" in PAGE
    by = {
        how: arm(runs, WIDE, how)["test_errors"].mean() for how in ("train", "smooth")
    }
    taught = learns[told]["test_errors"].mean()
    gain = (by["train"] - by["smooth"]) / (by["train"] - taught)
    assert "Nearly half of that needs no teacher" in PAGE and 0.4 < gain < 0.55
    zeros = arm(runs, WIDE, "train, zero")
    assert f"{zeros['bytes'].mean() / 1000:.0f} kB, and only zipped" in PAGE
    assert f"become {zeros['zipped_bytes'].mean() / 1000:.0f} kB" in PAGE
    assert f"makes {errors(runs, WIDE, 'train, round', bits=2)} errors" in PAGE


def test_orders_on_labels_and_on_the_teacher(runs):
    found = orders(runs, "labels", 2)
    ends = {how: mean for how, mean in found.items() if how.endswith("distil")}
    others = [mean for how, mean in found.items() if how not in ends]
    assert len(ends) == 2 and max(ends.values()) < min(others) - 30
    for how in ends:
        assert errors(runs, WIDE, how, "labels", 2) in PAGE
    assert (
        f"the other four {min(others):.0f}" in PAGE and f"to {max(others):.0f}" in PAGE
    )
    control = errors(runs, WIDE, "train, prune, quantize", "labels", 2)
    assert f"without any teacher, makes {control}" in PAGE
    assert float(control.split()[0]) > max(others)  # 'most of what the teacher gave'
    eight = orders(runs, "teacher", 8).values()
    assert f"between {min(eight):.0f} and {max(eight):.0f} errors" in PAGE
    two = orders(runs, "teacher", 2)
    first = [how for how in two if how.startswith("train, quantize")]
    assert sorted(two, key=two.get)[-2:] == sorted(first, key=two.get)
    for how in (*first, min(two, key=two.get)):
        assert errors(runs, WIDE, how, "teacher", 2) in PAGE


def test_the_two_rivals(runs):
    eight, two = orders(runs, "teacher", 8), orders(runs, "teacher", 2)
    best = min(eight, key=eight.get)
    assert best == min(two, key=two.get) == "train, distil, prune, quantize"
    pipeline = arm(runs, WIDE, best, "teacher", 8)
    small = arm(runs, SMALL, "distil, round", bits=8)
    said = mean_words(spared(pipeline, small))
    assert f"the pipeline spares {said}" in PAGE
    mean, spread = mean_spread(spared(pipeline, small))
    assert abs(mean) < spread  # 'cannot tell from luck'
    pair = (
        errors(runs, SMALL, "distil, round", bits=8),
        mean_words(pipeline["test_errors"]),
    )
    assert "{} errors against {}".format(*pair) in PAGE
    few = (
        errors(runs, SMALL, "distil, quantize", "teacher", 2),
        errors(runs, WIDE, best, "teacher", 2),
    )
    assert "On two bits it is {} against {}".format(*few) in PAGE
    heir = arm(runs, "teacher", "prune, round", "teacher", 8)
    assert f"{mean_words(heir['test_errors'])} errors: half of the channels" in PAGE
    share = heir["test_errors"].mean() / pipeline["test_errors"].mean()
    assert "a third better" in PAGE and 0.62 < share < 0.7
    whole = arm(runs, SMALL, "distil, round", bits=8, labels=60_000)
    assert f"makes {mean_words(whole['test_errors'])} errors" in PAGE
    for words in ("factorize", None), ("quantize", 2):
        assert f"{errors(runs, 'teacher', words[0], 'teacher', words[1])}" in PAGE


def test_the_front_and_what_the_pipeline_leaves_of_the_bytes(runs):
    means = means_of(runs)
    by_bytes = front_of(means, "bytes", "test_errors")
    access = by_bytes["access"]
    assert access.str.contains("weights").all()
    own = means[~means["access"].str.contains("weights|60,000")]
    on = front_of(own, "bytes", "test_errors")
    assert set(on[on["group"] == PIPELINES]["bits"]) == {2}
    runs_too = front_of(own[~own["hollow"]], "bytes", "test_errors")
    assert set(runs_too[runs_too["group"] == PIPELINES]["bits"]) == {8}
    assert (
        f"no more errors ({errors(runs, WIDE, 'train, quantize', 'teacher', 2)})"
        in PAGE
    )
    size = {
        bits: arm(runs, WIDE, "train, distil, prune, quantize", "teacher", bits)[
            "bytes"
        ].mean()
        for bits in (2, 8)
    }
    whole = arm(runs, "teacher", "as it is")["bytes"].item()
    eight = arm(runs, "teacher", "round", bits=8)
    assert (
        f"1/{whole / size[2]:.0f} of the teacher's bytes are left" in PAGE
        and whole / size[2] > 40
    )
    assert (
        f"in *int8*, which costs one error, it is 1/{eight['bytes'].item() / size[2]:.0f}"
        in PAGE
    )
    assert f"8 bits, 1/{whole / size[8]:.0f} of float32" in PAGE
    cost = {
        how: arm(runs, "teacher", how, bits=b)["test_errors"].item()
        for how, b in (("as it is", None), ("round", 8))
    }
    assert cost["round"] == cost["as it is"] + 1
    best = arm(runs, WIDE, "train, distil, prune, quantize", "teacher", 2)[
        "test_errors"
    ].mean()
    assert f"for {best - cost['as it is']:.0f} more errors of 10,000" in PAGE
    assert best - cost["as it is"] < 150  # one and a half points


def test_on_colour_pictures(runs):
    runs = load_runs("arena_colour")
    runs = runs.assign(
        errors=10_000 * (1 - runs["test_accuracy"]),
        arm=[*map(name_of, runs.to_dict("records"))],
    )
    mean = runs.groupby("arm")["errors"].mean()
    size = runs.groupby("arm")["bytes"].mean()
    net, bits = "resnet-20: ", "resnet-20: train → quantize, 3 bits, on "
    costs = {
        "cost about 100 errors": [
            mean[bits + "labels"] - mean[net + "train"],
            mean[bits + "the teacher"] - mean[net + "distil"],
        ],
        "half of the inner channels cost": [
            mean[net + "train → prune, on labels"] - mean[net + "train"],
            mean[net + "train → prune, on the teacher"] - mean[net + "distil"],
        ],
    }
    assert (
        "({:.0f} on labels, {:.0f} on the teacher)".format(
            *costs["cost about 100 errors"]
        )
        in PAGE
    )
    assert (
        "channels cost {:.0f} and {:.0f}.".format(
            *costs["half of the inner channels cost"]
        )
        in PAGE
    )
    assert "leave a ninth of the bytes" in PAGE
    assert 8.5 < size[net + "train"] / size[bits + "labels"] < 9.5
    for told, how in (("the teacher", "distil"), ("labels", "train")):
        cut = mean[f"{net}train → prune, on {told}"]
        assert mean[f"resnet-20-narrow: {how}"] < cut  # 'better than the pruned one'


def test_a_kind_of_file_is_timed_for_every_arm(runs):
    assert not means_of(runs)[["time_1", "time_128"]].isna().any().any()
    times = stored_times()
    assert times.loc["teacher"].eq(1).all()
    cut = times.loc["small"] / times.loc["wide"]
    assert "takes four fifths of its time" in PAGE and cut.between(0.75, 0.85).all()
    assert times.loc["wide, int8", 128] < 0.87 * times.loc["wide", 128]
    assert times.loc["small, int8", 128] > 0.97 * times.loc["small", 128]


@pytest.mark.parametrize("name", BUDGETS)
def test_each_budget_leaves_some(runs, name):
    panel = budget_explorer(runs)
    _, said = panel.look({**panel.values(), **BUDGETS[name]})
    title = panel.look({**panel.values(), **BUDGETS[name]})[0]["layout"]["title"][
        "text"
    ]
    assert 1 <= int(title.split()[0]) <= 10, said


def test_one_recipe_meets_the_budget_that_the_page_gives(runs):
    means = means_of(runs)
    fits = (means["bytes"] <= 10_000) & (means["test_errors"] <= 160)
    (only,) = means.index[fits]
    assert only.startswith("teacher: prune → quantize, 2 bits")
    assert "at most 10 kB and 160 errors" in PAGE


def test_with_all_labels():
    runs = load_runs("arena_all")
    small = [errors(runs, SMALL, how, labels=60_000) for how in ("distil", "train")]
    assert "{} errors on answers alone, {} on labels".format(*small) in PAGE
    found = {
        ", ".join(order): arm(
            runs, WIDE, f"train, {', '.join(order)}", "teacher", 2, 60_000
        )
        for order in ORDERS
    }
    means = {how: rows["test_errors"].mean() for how, rows in found.items()}
    last = sorted(means, key=means.get)[-2:]
    assert all(how.startswith("quantize") for how in last)
    for how in (min(means, key=means.get), last[-1]):
        assert mean_words(found[how]["test_errors"]) in PAGE


def test_every_arm_belongs_to_a_group(runs):
    assert {group_of(run) for run in runs.to_dict("records")} >= {PIPELINES, SINGLE}


# --- the student in the page ----------------------------------------------------------


def test_the_page_s_student_is_as_small_as_the_page_says():
    text = (WEIGHTS / "mnist_student.json").stat().st_size
    assert f"as a text of {text / 1000:.0f} kB" in PAGE
    for dataset in ("mnist", "digits"):
        text = (WEIGHTS / f"{dataset}_student.json").stat().st_size
        teacher, _ = load_teacher(dataset)
        assert model_bytes(teacher) > 20 * text  # 'less than a twentieth is left'


@pytest.mark.skipif(ABSENT, reason="MNIST is not there, KDLAB_DATA not set")
def test_the_forms_of_a_drawing():
    forms = forms_table("mnist", load_images("mnist", "test"))
    came, centred = forms["accuracy"], forms["accuracy, centred"]
    said = "knows {:.3f} as they are, {:.2f} when they are moved by 4 pixels"
    assert said.format(came["moved by 0"], came["moved by 4"]) in PAGE
    assert f"and {came['moved by 6']:.2f} when by 6" in PAGE
    assert f"centred, {centred['moved by 6']:.3f}, for" in PAGE
    sure = forms["how sure when wrong"]
    assert f"it still says {sure['moved by 6']:.1f} in the mean" in PAGE
    assert f"leaves {came['black ink on white']:.2f} of MNIST" in PAGE
    assert abs(came.iloc[4] - centred.iloc[4]) < 0.05  # 'centring does not help'
    assert came.iloc[5] > came.iloc[0] - 0.02 and sure.iloc[5] > 0.999
    page = pocket_page("mnist", load_images("mnist", "test")).encode()
    assert "in one file of some 75 kB" in PAGE and 70_000 < len(page) < 80_000


def test_the_digits_of_scikit_learn_were_never_centred():
    forms = forms_table("digits", load_images("digits", "test"))
    lost = forms["accuracy"].iloc[0] - forms["accuracy, centred"].iloc[0]
    assert "on them centring costs three points" in PAGE and 0.025 < lost < 0.04
    assert forms["how sure when wrong"].iloc[5] > 0.999
