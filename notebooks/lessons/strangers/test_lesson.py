"""Each sees what it should see and no more, and answers are joined as it is said."""

import re
from pathlib import Path

import nbformat
import pytest
import torch
from torch.testing import assert_close

from kdlab.data import count, load_images, only_classes, sample
from kdlab.hints import as_logits
from kdlab.metrics import entropy, soften
from kdlab.models import build_model
from kdlab.results import load_runs
from lessons.samples import pictures, result, sixty_images

from . import (
    answers_explorer,
    bytes_explorer,
    cloud_explorer,
    habit_explorer,
    moved_explorer,
    senses_explorer,
    server_explorer,
    told_explorer,
)
from . import live as live_panels
from .clients import CLIENTS, RULES, combined, mean_weights, private, shares
from .experiments_senses import broken
from .explorers import seen
from .live import LABELS, MOVED_ONE, STILL_ONE, parts
from .senses import PointNet, half, moved, scanned, shadows
from .sides import on_moved, steps
from .stored import HALVES, SHADOWS, STUDENTS, errors_of, gain, rows_of

NAMES = [str(number) for number in range(12)]


def explorers(columns, student_logits):
    """{name: function that makes the explorer}."""
    names = [str(number) for number in range(student_logits.shape[1])]
    clients = torch.stack([student_logits * (1 + client) for client in range(CLIENTS)])
    students = {"shadows": student_logits, "left half": student_logits.flip(0)}
    return {
        "moved": lambda: moved_explorer(load_runs("shifts"), columns),
        "senses": lambda: senses_explorer(columns, students, names),
        "told": lambda: told_explorer(load_runs("senses")),
        "cloud": lambda: cloud_explorer(columns, names),
        "answers": lambda: answers_explorer(columns, clients, names),
        "bytes": lambda: bytes_explorer(load_runs("clients")),
    }


def live(train_set, test_set):
    """{name: function that makes the panel}, of those that train."""
    return {
        "habit": lambda: habit_explorer(train_set, test_set, seeds=1),
        "server": lambda: server_explorer(train_set, test_set, seeds=1),
    }


# --- what is seen ------------------------------------------------------------------


def test_moved_goes_a_quarter_each_way_and_leaves_zeros():
    images = 1 + torch.arange(8 * 28 * 28).reshape(8, 1, 28, 28)
    there = moved(images, 3)
    for quarter, dims, ways in ((0, 2, 3), (1, 2, -3), (2, 3, 3), (3, 3, -3)):
        rolled = torch.roll(images[quarter::4], ways, dims)
        kept = there[quarter::4] != 0
        assert kept.double().mean() == pytest.approx(25 / 28)
        assert torch.equal(there[quarter::4][kept], rolled[kept])
        edge = there[quarter::4].movedim(dims, 0)[:3] if ways > 0 else None
        assert edge is None or (edge == 0).all()
    assert torch.equal(moved(images, 0), images)


def test_shadows_and_halves_hold_what_is_there_and_not_the_rest():
    images = torch.rand(5, 1, 28, 28)
    assert_close(shadows(images)[:, :28], images[:, 0].mean(dim=2))
    assert_close(shadows(images)[:, 28:], images[:, 0].mean(dim=1))
    assert torch.equal(half(images), images[..., :14])
    assert torch.equal(half(images, 0.5), images[..., 7:21])
    assert torch.equal(half(images, 0.0), images[..., 14:])
    other = images.clone()
    other[..., 14:] = 0
    shown = [seen("left half", image[0]) for image in (images, other)]
    assert torch.equal(*shown) and not torch.equal(
        *[seen("all", x[0]) for x in (images, other)]
    )


def test_a_scan_lies_on_the_ink_and_its_height_is_the_inks():
    images = torch.zeros(3, 1, 28, 28)
    images[0, 0, 4, 20], images[1, 0, 20, 4], images[2, 0, 14, 14] = 1.0, 0.5, 0.25
    x, y, height = scanned(images, 16, 0.0, 0).unbind(dim=2)
    assert (height == torch.tensor([[1.0], [0.5], [0.25]])).all()
    assert ((8 * x[0] + 14 - 20.5).abs() <= 0.5).all()
    assert ((8 * y[0] + 14 - 4.5).abs() <= 0.5).all()
    turned = scanned(images, 16, 90.0, 0)
    assert_close(turned[..., :2].norm(dim=2)[0], torch.stack([x, y]).norm(dim=0)[0])


def test_the_order_of_the_points_does_not_matter():
    clouds, net = torch.rand(4, 20, 3), PointNet(8, 16, seed=1)
    assert_close(net(clouds), net(clouds.flip(1)))
    assert_close(net(clouds), PointNet(8, 16, seed=1)(clouds))
    assert not torch.equal(net(clouds), PointNet(8, 16, seed=2)(clouds))


def test_broken_pairs_are_as_many_as_it_is_said():
    logits = torch.arange(100.0)[:, None].expand(-1, 10)
    mixed = broken(logits, 0.2, 0)
    assert (mixed != logits).any(dim=1).sum() == 20
    assert torch.equal(mixed.sort(dim=0).values, logits)


def test_a_teacher_of_moved_digits_sees_moved_digits():
    def told(model, batch):
        return batch["images"]

    images = torch.zeros(200, 1, 28, 28)
    images[:, :, 14, 14] = 1.0
    found = on_moved(told, 2)(None, {"images": images}).sum(dim=0)[0].nonzero()
    assert found.min() == 12 and found.max() == 16
    assert on_moved(told, 0) is told


# --- clients -----------------------------------------------------------------------


def test_a_client_has_two_digits_and_the_next_one_others(digits):
    own = private(digits[0], 10)
    assert [sorted({*part["labels"].tolist()}) for part in own] == [
        [0, 1], [2, 3], [4, 5], [6, 7], [8, 9],
    ]  # fmt: skip
    assert all(count(part) == 20 for part in own)
    zeros = only_classes(digits[0], {0})["images"][:10]
    assert torch.equal(own[0]["images"][:10], zeros)


def test_answers_are_joined_as_the_page_says():
    logits = (
        3 * torch.randn(5, 7, 10, generator=torch.Generator().manual_seed(0)).double()
    )
    probs = logits.softmax(dim=2)
    found = {
        name: soften(combined(logits, rule).double(), 1.0)
        for name, rule in RULES.items()
    }
    close = {"rtol": 1e-4, "atol": 1e-6}
    assert_close(found["mean"], probs.mean(dim=0), **close)
    wanted = logits.log_softmax(dim=2).mean(dim=0).softmax(dim=1)
    assert_close(found["log mean"], wanted, **close)
    first = probs.mean(dim=0).argmax(dim=1)
    assert_close(found["first of mean"], torch.eye(10).double()[first], **close)
    weights = shares(logits, "surer")
    assert_close(weights.sum(dim=0), torch.ones(7).double())
    order = entropy(probs).argsort(dim=0)
    assert torch.equal(weights.argsort(dim=0, descending=True), order)
    assert_close(
        weights[0] / weights[1], (entropy(probs[1]) + 1e-3) / (entropy(probs[0]) + 1e-3)
    )
    assert_close(found["the surer"], (weights[..., None] * probs).sum(dim=0), **close)
    assert_close(shares(logits, "probabilities"), torch.full((5, 7), 0.2).double())


def test_an_expert_is_drowned_by_the_mean_and_heard_by_the_surer():
    expert = torch.tensor([[0.999, 0.0005, 0.0005]])
    fools = torch.tensor([[0.1, 0.6, 0.3]])
    logits = torch.stack([as_logits(expert, 1.0), *[as_logits(fools, 1.0)] * 4])
    assert combined(logits, "probabilities").argmax() == 1
    assert combined(logits, "surer").argmax() == 0


def test_the_mean_of_weights_is_a_net_between(columns):
    one, other, between = (
        build_model("mlp", widths=[8], seed=seed) for seed in range(3)
    )
    between.load_state_dict(mean_weights([one, other]))
    for a, b, c in zip(
        one.parameters(), other.parameters(), between.parameters(), strict=True
    ):
        assert_close(c, (a + b) / 2)


# --- explorers -----------------------------------------------------------------------


def test_a_moved_digit_stands_beside_the_errors_of_that_shift():
    runs, columns = load_runs("shifts"), sixty_images()
    panel = moved_explorer(runs, columns)
    for row in pictures(panel):
        pixels = row.values["pixels"]
        rows = rows_of(runs, teacher="mlp-800, moved", method="teacher")
        mean = rows[f"errors_{pixels}"].mean()
        assert len(rows) == 5 and f"{mean:.0f} ± " in row.sentence
    assert len({row.figure.layout.images[0].source for row in pictures(panel)}) == 7


def test_every_way_has_five_seeds_where_it_was_tried():
    names = "teacher", "method"
    found = errors_of(load_runs("shifts"), STUDENTS, *names, "jitter", of="errors_2")
    assert [*map(len, found.values())] == [5] * len(STUDENTS)
    runs = load_runs("senses")
    left = errors_of(rows_of(runs, sense="left half"), HALVES, *names, "broken")
    assert [*map(len, left.values())] == [5] * len(HALVES)
    for pairs in (100, 300, 1000, 10_000):
        some = rows_of(runs, sense="shadows", labels=pairs)
        found = errors_of(some, SHADOWS, *names, "broken")
        broken_too = 5 if pairs == 10_000 else 0
        assert [*map(len, found.values())] == [5] * 5 + [broken_too] * 2


def test_the_bytes_are_four_a_number():
    panel = bytes_explorer(load_runs("clients"))
    net = build_model("mlp", widths=[128])
    numbers = sum(p.numel() for p in net.parameters())
    _, says = panel.look({"rounds": 5, "public": 2000, "units": 128})
    assert f"400 kB of answers and {5 * 4 * numbers / 1000:,.0f} kB of weights" in says
    stored = load_runs("clients").groupby(["method", "rounds"])["kilobytes"].first()
    assert stored["surer", 5] == 400 and round(stored["weights", 5]) == 2035


def test_a_cloud_is_turned_and_seen_from_above(columns):
    rows = pictures(cloud_explorer(columns, NAMES))
    front, back = (r.figure.data[1] for r in rows if r.values["points"] == 64
                   and r.values["azimuth"] in (0, 180))  # fmt: skip
    assert_close(torch.tensor(front.x), -torch.tensor(back.x), atol=1e-5, rtol=0)
    assert len(front.x) == 64


def test_the_weights_of_clients_stand_behind_their_names(columns, student_logits):
    make = explorers(columns, student_logits)["answers"]
    figure, says = make().look({"rule": "the surer", "image_number": 0})
    heard = [float(w) for w in re.findall(r"\d, \d: (\d\.\d\d)", says)]
    assert len(heard) == 5 and sum(heard) == pytest.approx(1, abs=0.03)
    assert heard[-1] > heard[0]  # whose logits are five times as large
    _, says = make().look({"rule": "mean", "image_number": 0})
    assert says.count(": 0.20") == 5


# --- live --------------------------------------------------------------------------


@pytest.fixture
def sets(monkeypatch):
    """Small sets; and a third of the steps will do."""
    monkeypatch.setattr(live_panels, "steps", lambda n, columns: steps(n // 3, columns))
    return [sample(load_images("digits", part), 300) for part in ("train", "test")]


def test_sides_share_no_image(sets):
    numbered = {"images": torch.arange(300) / 300, "labels": sets[0]["labels"]}
    numbered["images"] = numbered["images"][:, None, None, None]
    own, told = (
        part["images"].flatten().tolist() for part in parts(numbered, 100, 250, 1)
    )
    assert len(own) == 100 and len(told) == 150 and not {*own} & {*told}


def test_what_was_trained_is_judged_at_another_shift_and_not_trained_again(sets):
    panel = habit_explorer(*sets, seeds=1)
    first = result(panel)
    assert [*first] == [MOVED_ONE, STILL_ONE, LABELS]
    assert first[MOVED_ONE] < first[STILL_ONE]
    panel.controls["pixels"].value = 0
    still = result(panel)
    assert still[LABELS] < first[LABELS]
    panel.controls["pixels"].value = 2
    assert result(panel) == first


def test_a_server_learns_from_digits_and_not_from_noise(sets):
    panel = server_explorer(*sets, seeds=1)
    of_digits = result(panel)
    assert [*of_digits] == ["the surer", "mean", "log mean", "first of mean"]
    panel.controls["public"].value = "noise"
    assert result(panel)["the surer"][0] > 1.3 * of_digits["the surer"][0]


# --- the library ---------------------------------------------------------------------


def test_the_librarys_call_is_as_the_page_shows_it():
    pytest.importorskip("flwr")
    path = Path(__file__).parents[2] / "13_strangers.ipynb"
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    nets = [build_model("mlp", widths=[8], seed=seed) for seed in range(2)]
    space = {"nets": nets, "counts": [100, 300]}
    exec(code, space)
    one, other = (net.state_dict() for net in nets)
    for name, found in space["found"].items():
        assert_close(found, (one[name] + 3 * other[name]) / 4)


def test_a_gain_is_counted_pair_by_pair():
    runs = load_runs("shifts")
    one, other = (
        rows_of(runs, teacher=who, method="teacher")
        for who in ("mlp-800, moved", "mlp-800")
    )
    wanted = (other["errors_2"].to_numpy() - one["errors_2"].to_numpy()).tolist()
    assert gain(one, other, "errors_2") == wanted
