"""Forces, lengths, boundaries, cells and students in a plane: the numbers are right."""

import pytest
import torch
import torch.nn.functional as F

from kdlab.data import BLOB_CENTRES, count, toy_points, with_label_noise
from kdlab.experiments import best_rates, student_steps
from kdlab.figures import mean_spread
from kdlab.losses import distillation_loss
from kdlab.results import load_runs, spared
from kdlab.training import evaluate, last_of
from lessons.samples import prose, result, sentence

from . import (
    blend_map_explorer,
    forces_explorer,
    loudness_explorer,
    playground,
    playground_explorer,
    rates_picture,
    retrain_explorer,
    stored,
    variance_explorer,
)
from .forces import FORCE, TEACHER, forces
from .plane import class_dots
from .playground import ALONE, TAUGHT, net_steps, plane_colors, plane_points
from .variance import blobs, boundaries, fitted, right_on, true_weights


def explorers(columns, student_logits):
    """{name: function that makes the explorer}, on a test set and a student's logits."""
    students = {"before": student_logits * 0, "after": student_logits}
    return {
        "forces": forces_explorer,
        "loudness": lambda: loudness_explorer(students, columns),
        "variance": lambda: variance_explorer(samples=5),
    }


def live(train_set, test_set):
    """{name: function that makes the panel}, of those that train."""
    short = {"width": 16, "epochs": 4, "smoothing": True}
    return {
        "blend_map": lambda: blend_map_explorer(
            load_runs("blend"), train_set, test_set
        ),
        "playground": playground_explorer,
        "retrain": lambda: retrain_explorer(
            train_set, test_set, **short, labels=min(500, count(train_set))
        ),
    }


# --- forces --------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [1.0, 8.0])
def test_the_forces_are_minus_the_gradient_of_the_blend(temperature):
    z = torch.tensor([0.5, -1.0, 0.2], requires_grad=True)
    blend = {"temperature": temperature, "soft_weight": 0.7}
    loss = distillation_loss(z[None], TEACHER[None], torch.tensor([0]), **blend)
    (gradient,) = torch.autograd.grad(loss, z)
    hard, soft = forces(z.detach(), squared=True, **blend)
    assert torch.allclose(hard + soft, -gradient, atol=1e-6)
    _, plain = forces(z.detach(), squared=False, **blend)
    assert torch.allclose(plain, soft / temperature**2)


def test_a_hot_teacher_alone_pulls_to_its_logits():
    start = torch.tensor([1.0, 0.0, -1.0])
    _, soft = forces(start, 1000.0, 1.0, squared=True)
    assert torch.allclose(start + FORCE * soft, TEACHER - TEACHER.mean(), atol=0.02)


def test_an_arrow_begins_at_the_student_and_is_drawn_three_times_as_long():
    panel = forces_explorer()
    figure, words = panel.look(panel.values() | {"student": "wrong"})
    (student,) = (t for t in figure["data"] if t.get("text") == ["student  "])
    for name, said in (("labels", "labels pull with"), ("teacher", "the teacher with")):
        (arrow,) = (t for t in figure["data"] if t.get("name") == name and "line" in t)
        begin, end = zip(arrow["x"], arrow["y"], strict=True)
        assert begin == pytest.approx((student["x"][0], student["y"][0]))
        length = torch.dist(torch.tensor(begin), torch.tensor(end)).item() / FORCE
        assert f"{said} {length:.3f}" in words


def test_at_weight_0_the_temperature_is_disabled_and_the_picture_does_not_change():
    panel = forces_explorer()
    panel.controls["soft_weight"].value = 0.0
    assert panel.controls["temperature"].disabled
    values = panel.values()
    cold, hot = (panel.look({**values, "temperature": t}) for t in (1.0, 16.0))
    assert cold == hot and "T does nothing" in cold[1]
    panel.controls["soft_weight"].value = 0.3
    assert not panel.controls["temperature"].disabled


def test_the_lengths_are_those_of_automatic_differentiation(columns, student_logits):
    z = student_logits.clone().requires_grad_()
    panel = loudness_explorer({"one": student_logits}, columns)
    for temperature, soft_weight in ((1.0, 0.3), (4.0, 0.5), (8.0, 1.0)):
        blend = {"temperature": temperature, "soft_weight": soft_weight}
        lengths = []
        for share in (0.0, 1.0):  # each term alone
            how = {"temperature": temperature, "soft_weight": share}
            told, labels = columns["teacher_logits"], columns["labels"]
            loss = distillation_loss(z, told, labels, **how) * len(z)
            (gradient,) = torch.autograd.grad(loss, z)
            lengths.append(gradient.norm(dim=1).mean().item())
        hard, soft = (1 - soft_weight) * lengths[0], soft_weight * lengths[1]
        figure, words = panel.look(panel.values() | blend)
        dots = [trace["y"][0] for trace in figure["data"][1::2]]
        wanted = [hard, soft, soft / temperature**2]
        assert dots == pytest.approx(wanted, rel=1e-4, abs=1e-9)
        assert (f"{soft / hard:.3g} times" if hard else "nobody else") in words


# --- the luck of a sample ------------------------------------------------------------


def test_the_true_probabilities_of_blobs_are_those_of_bayes():
    inputs, _ = blobs(50, [0], 0.8)
    points = toy_points("blobs", 50, noise=0.8, seed=0)["points"]
    assert torch.equal(inputs[0, :, :2], points) and (inputs[..., 2] == 1).all()
    found = F.softmax(inputs[0] @ true_weights(0.8), dim=1)
    gaps = torch.cdist(points, torch.tensor(BLOB_CENTRES)).square()
    assert torch.allclose(found, F.softmax(-gaps / (2 * 0.8**2), dim=1), atol=1e-5)


def test_learnt_from_probabilities_boundaries_scatter_less_and_are_the_true_ones():
    best, (inputs, labels) = true_weights(1.0), blobs(50, range(10), 1.0)
    targets = F.one_hot(labels, 3).float(), F.softmax(inputs @ best, dim=2)
    fresh = blobs(4000, [99], 1.0)
    right = [right_on(fitted(inputs, told), *fresh) for told in targets]
    assert right[0].std() > 3 * right[1].std() and right[0].mean() < right[1].mean()
    lines = boundaries(best[None])
    assert len(lines) == 9 and lines[2::3].isnan().all()
    scores = F.pad(lines, (0, 1), value=1.0) @ best
    middle = scores[0]
    assert (middle - middle.mean()).abs().max() < 1e-4  # all three are level there
    for at, level in ((1, (0, 1)), (4, (0, 2)), (7, (1, 2))):
        one, two = (scores[at, k].item() for k in level)
        third = scores[at, 3 - sum(level)].item()
        assert one == pytest.approx(two, abs=1e-3) and third < one


def test_dots_of_one_class_have_one_colour_and_one_shape():
    labels = torch.tensor([2, 0, 2, 1])
    marker = class_dots(torch.zeros(4, 2), labels, size=6)["marker"]
    looks = list(zip(marker["color"], marker["symbol"], strict=True))
    assert looks[0] == looks[2] and len(set(looks)) == 3 and marker["size"] == 6


# --- the map and the learning rates --------------------------------------------------


def test_a_cell_is_trained_only_when_asked_and_with_its_stored_settings(
    digits, monkeypatch
):
    seen = []

    def steps(columns, **how):
        seen.append(how)
        return student_steps(columns, **{**how, "epochs": 1})

    monkeypatch.setattr(stored, "student_steps", steps)
    runs = load_runs("blend")
    panel = blend_map_explorer(runs, *digits)
    result(panel)
    panel.controls["temperature"].value = 4.0
    result(panel)
    assert seen == [] and "(live)" not in sentence(panel)
    panel._on_message(panel.picture, "start", [])
    live = result(panel)
    cell = runs[(runs["temperature"] == 4) & (runs["soft_weight"] == 0.9)]
    assert [how["seed"] for how in seen] == [0, 1, 2, 3, 4] and len(live) == 5
    for name in stored.OF_STUDENT:
        assert [how[name] for how in seen] == cell[name].tolist()
    assert "(live)" in sentence(panel) and "not of MNIST" in sentence(panel)
    panel.controls["temperature"].value = 8.0  # another cell, and back
    result(panel)
    assert "(live)" not in sentence(panel)
    panel.controls["temperature"].value = 4.0
    result(panel)
    assert "(live)" in sentence(panel) and len(seen) == 5
    first = last_of(student_steps(digits[0], **{**seen[0], "epochs": 1}))
    share = evaluate(first, digits[1])["errors"] / len(digits[1]["labels"])
    assert live[0] == pytest.approx(10_000 * share)


@pytest.mark.parametrize("measure", stored.MEASURES)
def test_the_map_frames_the_chosen_cell_and_shows_its_mean(measure):
    runs = load_runs("blend")
    column, _, ends = stored.MEASURES[measure]
    cell = runs[(runs["temperature"] == 2) & (runs["soft_weight"] == 0.3)]
    figure, words = stored.map_picture(runs, cell, [], measure, 10_000)
    cells, frame = figure["data"][-2:]
    column_of_map, row = frame["x"][0] + 0.5, frame["y"][0] + 0.5
    assert (column_of_map, row) == (1, 1)  # T = 2 of 1, 2, ...; 0.3 of 0.1, 0.3, ...
    mean = cell[column].mean() * (100 if column != "test_errors" else 1)
    assert cells["z"][1][1] == pytest.approx(mean)
    assert f"This cell {cells['text'][1][1]}," in figure["layout"]["title"]["text"]
    assert (cells["zmin"], cells["zmax"]) == ends and "not of MNIST" not in words


def test_the_best_learning_rate_is_read_from_the_held_out_runs():
    figure, words = rates_picture(load_runs("tuning"))
    assert "labels at 0.01" in words and "labels at 0.001" in words
    names = {trace["name"] for trace in figure["data"]}
    assert names == {"labels", "smoothing 0.1", "teacher"}
    for name in ("x", "y"):  # no rate and no mean lies beyond the picture
        low, high = (10**end for end in figure["layout"][f"{name}axis"]["range"])
        assert all(low < v < high for trace in figure["data"] for v in trace[name])


# --- what the page says ----------------------------------------------------------------

PAGE = prose("04_loss_blend")


def test_numbers_in_prose():
    runs = load_runs("tuning").query("labels == 2000 and epochs == 15")
    runs = runs[runs["student"] == "mlp-128"]
    taught = runs[runs["method"] == "teacher"]
    alone = runs[runs["method"] == "labels"]
    by_rate = alone.groupby("learning_rate")["test_errors"].mean()
    assert f"the labels at 0.01 make {by_rate[0.01]:.0f} errors" in PAGE
    assert by_rate.idxmin() == 0.01 and 750 < by_rate[0.001] < 850  # 'about 800'
    best = taught.groupby(["temperature", "learning_rate"])["test_errors"].mean()
    worth = by_rate[0.001] - by_rate[0.01], by_rate[0.01] - best.min()
    assert "as much to the labels as the teacher at its best" in PAGE
    assert abs(worth[0] - worth[1]) < 0.1 * worth[1]
    assert best[8, 0.001] > by_rate[0.001]  # 'at 0.001 it looks worse than labels'
    test = load_runs("blend").query("method == 'labels'")["test_errors"].mean()
    assert f"in the map above {test:.0f}" in PAGE


def test_the_temperature_matters_more_than_the_weight():
    runs = load_runs("blend")
    labels = runs[runs["method"] == "labels"]["test_errors"].mean()
    taught = runs[runs["method"] == "teacher"]
    errors = taught.pivot_table("test_errors", "soft_weight", "temperature")
    assert "From $T = 8$ on the weight hardly matters" in PAGE
    for temperature in (8, 16, 32):
        assert errors[temperature].max() - errors[temperature].min() < 40
    assert (
        "At $T = 4$ a tenth is too little, and three tenths are nearly enough" in PAGE
    )
    assert errors[4][0.1] > errors[4][0.3] + 80
    assert errors[4][0.3] - errors[4].min() < 40
    assert "At $T = 1$ no weight helps much" in PAGE and labels - errors[1].min() < 40


def test_a_teacher_who_knows_nothing_could_bring_half_of_the_gain():
    runs = load_runs("gain").query("teacher == 'course'")
    alone, smooth = (runs[runs["method"] == m] for m in ("labels", "smoothing 0.1"))
    whole = runs[(runs["method"] == "teacher") & (runs["temperature"] == 8)]
    mean, spread = mean_spread(spared(smooth, alone))
    assert "half of the gain of notebook 03" in PAGE and mean > 2 * spread
    assert 0.4 < mean / mean_spread(spared(whole, alone))[0] < 0.6


def test_a_hot_teacher_wants_larger_steps_above_all_in_a_short_training():
    assert "a hot teacher wants larger steps, above all in a short training" in PAGE
    rates = {
        (c.method, c.temperature, c.width, c.epochs): r
        for c, r in best_rates().items()
        if c.labels == 2000
    }
    ratios = {
        epochs: [
            rates["teacher", 8.0, width, epochs] / rates["labels", 1.0, width, epochs]
            for width in (8, 32, 128, 512)
        ]
        for epochs in (8, 60)
    }
    assert min(ratios[8]) >= 2 and min(ratios[60]) >= 1
    assert all(a >= b for a, b in zip(ratios[8], ratios[60], strict=True))
    assert sum(ratios[8]) > 1.5 * sum(ratios[60])


def test_too_hot_a_teacher_of_too_few_points_makes_the_spirals_worse():
    assert "On the spirals of the playground $T = 4$ makes it worse in most" in PAGE
    panel = playground_explorer(**playground.PRESETS["too hot"])
    worse = 0
    for sample_of_points in range(4):
        panel.controls["seed"].value = sample_of_points
        right = result(panel)
        worse += right[TAUGHT] < right[ALONE]
    assert worse >= 3
    small = result(playground_explorer(**playground.PRESETS["a student too small"]))
    assert right["teacher"] > 0.9 > 0.75 > max(small[ALONE], small[TAUGHT])


# --- the playground ------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["blobs", "moons", "spirals"])
def test_the_teacher_of_plenty_beats_few_labels(kind):
    right = result(playground_explorer(kind=kind))
    assert right["teacher"] > 0.9
    assert right["teacher"] >= right[ALONE] - 0.01


def test_at_weight_0_students_are_the_same_and_with_wrong_labels_the_teacher_helps():
    right = result(playground_explorer(soft_weight=0.0))
    assert right[TAUGHT] == right[ALONE]
    noisy = result(playground_explorer(kind="moons", labels=50, label_noise=0.3))
    assert noisy[TAUGHT] > noisy[ALONE] + 0.05


def test_wrong_labels_that_leave_a_class_out_can_be_learnt():
    def few(noise, seed):
        return with_label_noise(plane_points("blobs", 5, seed), noise, seed)

    assert few(0.4, 1)["labels"].unique().tolist() == [0, 2]
    assert few(0.5, 9)["labels"].unique().tolist() == [0, 1]
    options = {"kind": "blobs", "labels": 5, "label_noise": 0.5, "seed": 9}
    assert set(result(playground_explorer(**options))) == {ALONE, "teacher", TAUGHT}


def test_a_new_position_trains_students_anew_but_no_teacher(monkeypatch):
    trained = []

    def counted(points, classes, *, widths, **how):
        trained.append(widths)
        return net_steps(points, classes, widths=widths, **how)

    monkeypatch.setattr(playground, "net_steps", counted)
    panel = playground_explorer()
    result(panel)
    panel.controls["temperature"].value = 4.0
    result(panel)
    assert trained == [[64, 64], [16], [16], [16], [16]]
    assert "of 2,000 fresh points" in sentence(panel).lower()


def test_shades_are_the_classes_where_the_net_is_sure():
    points = plane_points("blobs", 300, seed=0)
    how = {"method": "labels", "epochs": 60, "batch_size": 100, "learning_rate": 0.03}
    colors = plane_colors(last_of(net_steps(points, 3, widths=[16], **how)))
    top, left, right = colors[:, 2, 32], colors[:, -8, 4], colors[:, -8, -4]
    places = left, right, top
    for place, shade in zip(places, playground.SHADES, strict=True):
        assert (place - shade).abs().max() < 0.15
