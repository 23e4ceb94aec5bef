"""The losses on features and relations: what mathematics says of them, in float64."""

import pytest
import torch
from torch.testing import assert_close

from kdlab import relations as rel

VECTORS = {
    "hint": rel.hint_loss,
    "distances": rel.distance_loss,
    "angles": rel.angle_loss,
    "similarity": rel.similarity_loss,
}
MAPS = {
    "hint": rel.hint_loss,
    "attention": rel.attention_loss,
    "gram": lambda s, t: rel.hint_loss(rel.flow(s, s), rel.flow(t, t)),
    "similarity": rel.similarity_loss,
}


def draw(*shape, seed=0):
    return torch.randn(
        *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )


def turned(x):
    return x @ torch.linalg.qr(draw(x.shape[1], x.shape[1], seed=9))[0]


CHANGES = {
    "shift": lambda x: x + 3,
    "turn": turned,
    "scale": lambda x: 2 * x,
    "units": lambda x: x[:, torch.arange(x.shape[1]).roll(1)],
    "rows": lambda x: x.roll(1, dims=0),
}
BLIND = {
    "hint": "",
    "distances": "shift turn scale units",
    "angles": "shift turn scale units",
    "similarity": "turn scale units",
}


@pytest.mark.parametrize("loss", VECTORS)
@pytest.mark.parametrize("change", CHANGES)
def test_what_a_loss_on_embeddings_cannot_see(loss, change):
    x = draw(12, 6)
    gap = VECTORS[loss](CHANGES[change](x), x).item()
    assert (gap < 1e-20) == (change in BLIND[loss].split()), gap


@pytest.mark.parametrize(
    ("loss", "change", "blind"),
    [
        ("attention", "channels", True),
        ("attention", "sign", True),
        ("attention", "scale", True),
        ("attention", "places", False),
        ("gram", "places", True),
        ("gram", "sign", True),
        ("gram", "channels", False),
        ("gram", "scale", False),
        ("hint", "places", False),
        ("hint", "channels", False),
        ("hint", "sign", False),
        ("similarity", "places", True),
        ("similarity", "channels", True),
        ("similarity", "sign", True),
    ],
)
def test_what_a_loss_on_maps_cannot_see(loss, change, blind):
    x = draw(5, 4, 3, 3)
    changed = {
        "channels": x[:, [2, 0, 3, 1]],
        "places": x.flatten(2)[:, :, torch.arange(9).roll(2)].view_as(x),
        "scale": 2 * x,
        "sign": -x,
    }[change]
    gap = MAPS[loss](changed, x).item()
    assert (gap < 1e-20) == blind, gap


@pytest.mark.parametrize("loss", VECTORS)
def test_only_the_student_gets_a_gradient_and_zero_distances_none_that_is_nan(loss):
    student, teacher = draw(6, 4), draw(6, 4, seed=1).requires_grad_()
    student[1] = student[0]  # two images with one embedding
    student.requires_grad_()
    VECTORS[loss](student, teacher).backward()
    assert teacher.grad is None
    assert student.grad.isfinite().all()
    assert student.grad.abs().sum() > 0


def test_gradients_are_those_of_the_numbers():
    student, teacher = draw(5, 3).requires_grad_(), draw(5, 4, seed=1)
    for loss in (rel.distance_loss, rel.angle_loss, rel.similarity_loss):
        assert torch.autograd.gradcheck(lambda s, f=loss: f(s, teacher), student)


def test_distances_are_measured_in_their_mean_over_pairs():
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]], dtype=torch.float64)
    mean = (5 + 10 + 5) / 3
    assert_close(
        rel.distances(x),
        torch.tensor([[0.0, 5, 10], [5, 0, 5], [10, 5, 0]]).double() / mean,
    )
    assert rel.distances(torch.ones(3, 2)).tolist() == [[0.0] * 3] * 3


def test_an_angle_is_at_the_row_in_the_middle():
    x = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 2.0], [-3.0, 0.0]])
    at_second = rel.angles(x)[1]
    assert_close(at_second[0, 2], torch.tensor(0.0))
    assert_close(at_second[0, 3], torch.tensor(-1.0))
    assert_close(at_second[2, 2], torch.tensor(1.0))


def test_the_losses_by_hand():
    s, t = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]])
    assert_close(rel.hint_loss(s, t), torch.tensor(8 / 25))
    with pytest.raises(ValueError, match=r"regressor. Got \[\[1, 2\], \[1, 3\]\]"):
        rel.hint_loss(s, torch.ones(1, 3))
    maps = torch.zeros(1, 2, 1, 2)
    maps[0, :, 0, 0] = 3.0  # all the attention is on the left
    assert rel.attention_map(maps).tolist() == [[1.0, 0.0]]
    assert_close(rel.attention_loss(maps, maps.flip(3)), torch.tensor(2.0))
    assert_close(rel.flow(maps, 2 * maps)[0], torch.full((2, 2), 9.0))
    one, other = torch.eye(2), torch.ones(2, 1)  # nobody alike; all alike
    root = 0.5**0.5
    by_hand = (2 * (1 - root) ** 2 + 2 * root**2) / 4
    assert_close(rel.similarity_loss(one, other), torch.tensor(by_hand))
