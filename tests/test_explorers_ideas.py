"""Similar classes, two forces, the luck of a sample, and stored runs: the numbers."""

import math

import pandas as pd
import pytest
import torch
import torch.nn.functional as F

from kdlab import explorers_blend, explorers_similarity, explorers_variance
from kdlab.data import BLOB_CENTRES, toy_points
from kdlab.explorers_fidelity import reliability_picture
from kdlab.explorers_runs import (
    HINTON,
    gains_by_temperature,
    hinton_picture,
    hinton_rows,
)
from kdlab.losses import distillation_loss
from kdlab.metrics import soften
from kdlab.results import load_runs, spared


def three_kinds():
    """Sixty answers of three classes; 0 and 1 are often taken for each other."""
    draw, labels = torch.Generator().manual_seed(0), torch.arange(60) % 3
    logits = torch.randn(60, 3, generator=draw) + 6 * F.one_hot(labels, 3)
    logits[labels == 0, 1] += 3
    logits[labels == 1, 0] += 3
    return logits, labels


def test_similarity_is_the_share_of_each_wrong_class():
    logits, labels = three_kinds()
    found = explorers_similarity.class_similarity(logits, labels, 2.0)
    mean = soften(logits[labels == 0].double(), 2.0).mean(dim=0)
    assert found[0, 1] == pytest.approx((mean[1] / (mean[1] + mean[2])).item())
    assert found.diagonal().tolist() == [0, 0, 0]
    assert found.sum(dim=1).tolist() == pytest.approx([1, 1, 1])
    assert explorers_similarity.most_alike(found)[0] == (0, 1)


def test_similar_classes_are_neighbours_and_the_maps_do_not_spin():
    logits, labels = three_kinds()
    tables = [explorers_similarity.class_similarity(logits, labels, t) for t in (1, 2)]
    maps = explorers_similarity.class_maps(torch.stack(tables), upright=1)
    apart = torch.cdist(maps, maps)
    assert (apart[:, 0, 1] < apart[:, [0, 1], 2].T).all()
    turn = torch.linalg.svd(maps[0].T @ maps[1])
    assert torch.allclose(turn.U @ turn.Vh, torch.eye(2).double(), atol=1e-6)


def test_a_map_that_fits_into_a_plane_is_found():
    draw = torch.Generator().manual_seed(0)
    true = torch.randn(6, 2, generator=draw).double()
    wanted = torch.cdist(true, true)
    maps = explorers_similarity.class_maps((-wanted).exp()[None], upright=0)
    found = torch.cdist(maps, maps)[0]
    assert torch.allclose(found / found.max(), wanted / wanted.max(), atol=1e-3)


def test_a_map_that_does_not_fit_has_the_least_squared_errors_nearby():
    draw = torch.Generator().manual_seed(0)
    true = torch.randn(6, 4, generator=draw).double()
    wanted = torch.cdist(true, true)
    maps = explorers_similarity.class_maps((-wanted).exp()[None], upright=0)
    places = maps[0].requires_grad_()
    found = torch.cdist(places, places) + torch.eye(6)
    found = found * (1 - torch.eye(6))
    scale = (found * wanted).sum() / found.square().sum()
    errors = (wanted - scale * found).square().sum()
    (slope,) = torch.autograd.grad(errors, places)
    assert slope.norm() < 1e-3 * errors


def test_the_nearest_wrong_classes_are_those_the_teacher_names():
    logits = torch.tensor([[9.0, 3, 2, 1], [0, 9, 0, 0], [1, 8, 0, 0], [0, 0, 9, 1]])
    logits = torch.cat([logits, logits + 0.1, torch.tensor([[0.0, 0, 0, 9]] * 2)])
    labels = torch.tensor([0, 1, 1, 2, 0, 1, 1, 2, 3, 3])
    names, rows = explorers_similarity.nearest_wrong(logits, labels, 0)
    assert names == [1, 2, 3]
    assert [labels[row].item() for row in rows] == [1, 2, 3, 1, 2, 3]
    assert rows[0] in (2, 6)  # of the ones, those that are a little like a 0


@pytest.mark.parametrize("temperature", [1.0, 8.0])
def test_the_forces_are_minus_the_gradient_of_the_blend(temperature):
    z = torch.tensor([0.5, -1.0, 0.2], requires_grad=True)
    loss = distillation_loss(
        z[None],
        explorers_blend.TEACHER[None],
        torch.tensor([0]),
        temperature=temperature,
        soft_weight=0.7,
    )
    (gradient,) = torch.autograd.grad(loss, z)
    hard, soft = explorers_blend.forces(z.detach(), 0, temperature, 0.7, squared=True)
    assert torch.allclose(hard + soft, -gradient, atol=1e-6)
    _, plain = explorers_blend.forces(z.detach(), 0, temperature, 0.7, squared=False)
    assert torch.allclose(plain, soft / temperature**2)


def test_a_hot_teacher_alone_pulls_to_its_logits():
    start = torch.tensor([1.0, 0.0, -1.0])
    _, soft = explorers_blend.forces(start, 0, 1000.0, 1.0, squared=True)
    end = start + explorers_blend.FORCE * soft
    teacher = explorers_blend.TEACHER
    assert torch.allclose(end, teacher - teacher.mean(), atol=0.02)


def test_at_weight_0_the_temperature_is_disabled_and_the_picture_does_not_change():
    panel = explorers_blend.forces_explorer()
    panel.controls["soft_weight"].value = 0.0
    assert panel.controls["temperature"].disabled
    values = panel.values()
    cold, hot = (panel.look({**values, "temperature": t}) for t in (1.0, 16.0))
    assert cold[0].to_json() == hot[0].to_json() and "T does nothing" in cold[1]
    panel.controls["soft_weight"].value = 0.3
    assert not panel.controls["temperature"].disabled


def test_the_true_probabilities_of_blobs_are_those_of_bayes():
    points = toy_points("blobs", 50, noise=0.8, seed=0)["points"]
    weights = explorers_variance.true_probs_weights(0.8)
    found = F.softmax(explorers_variance.with_ones(points) @ weights, dim=1)
    gaps = torch.cdist(points, torch.tensor(BLOB_CENTRES)).square()
    assert torch.allclose(found, F.softmax(-gaps / (2 * 0.8**2), dim=1), atol=1e-5)


def test_learnt_from_probabilities_boundaries_scatter_less_and_are_the_true_ones():
    labels, probs = explorers_variance.two_ways(50, 10, 1.0)
    fresh = toy_points("blobs", 4000, noise=1.0, seed=99)
    right = [explorers_variance.right_on(w, fresh) for w in (labels, probs)]
    assert right[0].std() > 3 * right[1].std() and right[0].mean() < right[1].mean()
    best = explorers_variance.true_probs_weights(1.0)
    x, y = explorers_variance.boundaries(best[None])
    middle = torch.tensor([x[0], y[0], 1.0]) @ best
    assert (middle - middle.mean()).abs().max() < 1e-4  # all three are level there
    for at, level in ((1, (0, 1)), (4, (0, 2)), (7, (1, 2))):
        scores = torch.tensor([x[at], y[at], 1.0]) @ best
        one, two = (scores[k].item() for k in level)
        third = scores[3 - sum(level)].item()
        assert one == pytest.approx(two, abs=1e-3) and third < one


def test_twins_are_paired_by_seed_in_whatever_order_they_are_stored():
    twins = pd.DataFrame({"seed": [2, 0, 1], "test_errors": [700, 750, 720]})
    runs = pd.DataFrame({"seed": [0, 1, 2], "test_errors": [500, 510, 520]})
    assert spared(runs, twins) == [250, 210, 180]


def test_gains_over_temperature_are_those_of_the_table():
    runs = load_runs("crossing")
    some = runs[(runs["student"] == "mlp-8") & (runs["epochs"] == 60)]
    gains = gains_by_temperature(some)
    assert list(gains) == [f"T = {t}" for t in (1, 2, 4, 8, 16, 32)]
    means = some.groupby(some["temperature"].fillna(0))["test_errors"].mean()
    assert sum(gains["T = 32"]) / 5 == pytest.approx(means[0] - means[32])


def test_hintons_table_has_three_teachers_and_five_students_of_each_kind():
    rows = hinton_rows(load_runs("hinton"))
    assert [len(errors) for errors in rows.values()] == [3, 5, 5, 5]
    figure, words = hinton_picture(load_runs("hinton"))
    diamonds = figure.data[-1]
    assert list(diamonds.x) == [67, 146, 74]
    assert diamonds.error_x.array[0] == pytest.approx(math.sqrt(67))
    assert list(HINTON)[-1] in words


def test_the_best_calibrated_model_is_named():
    labels = torch.arange(200) % 10
    sure = 9.0 * F.one_hot(labels.roll(1) * (labels > 4) + labels * (labels < 5), 10)
    fair = sure / 9 * math.log(9)  # half are right, and it says one half
    _, words = reliability_picture({"sure": sure, "fair": fair}, labels)
    figure, _ = reliability_picture({"sure": sure, "fair": fair}, labels)
    assert figure.layout.title.text == "Best calibrated: fair"
    assert "On 200 test images sure is" in words
