"""What this lesson's recipes do to a net, and what its pictures say of stored runs."""

import json
import re
from base64 import b64encode
from hashlib import sha256

import pytest
import torch

from kdlab import compression as small
from kdlab.data import sample
from kdlab.models import build_model
from kdlab.panels import drawn_image, drawn_value
from kdlab.panels.pad import REFUSED
from kdlab.results import load_runs
from kdlab.training import last_of, predict
from kdlab.weights import WEIGHTS, load_teacher

from . import (
    Pocket,
    budget_explorer,
    build_explorer,
    orders_explorer,
    pareto_explorer,
)
from .exercises import as_mnist, sheets
from .experiments import (
    STEPS,
    arm,
    arms,
)
from .files import Running, files_of
from .pocket import pocket_page
from .recipes import ORDERS, SMALL, WIDE, begun, changed, recipe_steps, steps_of
from .widget import page_of


def explorers(columns, student_logits):
    """{name: function that makes the explorer}, all of stored runs."""
    runs = load_runs("arena")
    return {
        "pareto": lambda: pareto_explorer(runs),
        "orders": lambda: orders_explorer(runs),
        "budget": lambda: budget_explorer(runs),
    }


def live(train_set, test_set):
    """{name: function that makes the panel}, of those that train."""
    teacher = build_model("cnn")
    return {
        "build": lambda: build_explorer(train_set, test_set, teacher, seeds=1, epochs=8)
    }


@pytest.fixture(scope="module")
def runs():
    return load_runs("arena")


@pytest.fixture
def few(digits):
    """A hundred images to learn from, with a teacher's answers, and to be judged by."""
    some = [sample(columns, 100) for columns in digits]
    teacher = build_model("cnn", seed=9)
    for columns in some:
        columns["teacher_logits"] = predict(teacher, columns["images"])
    return *some, teacher


def shapes(net):
    return [tuple(layer.weight.shape) for layer in small.layers_of(net).values()]


# --- recipes --------------------------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS, ids=" ".join)
def test_every_order_ends_at_one_shape_and_one_grid(few, order):
    images, _, teacher = few
    recipe = ", ".join(["train", *order])
    setting = arm(WIDE, recipe, "teacher", bits=2, epochs=4)
    net = last_of(recipe_steps(images, setting, teacher))
    assert shapes(net) == shapes(begun(arm(SMALL, "train"), teacher))
    for layer in small.layers_of(net).values():
        assert small.grid_of(layer).bits == 2
        each = layer.weight.detach().flatten(1)
        assert all(len(row.unique()) <= 4 for row in each)


def test_all_arms_take_equally_many_gradient_steps(few, monkeypatch):
    for run in arms():
        steps = [s for s in steps_of(run["method"]) if s != "round"]
        assert run["epochs"] % len(steps) == 0, run["method"]
        whole = run["epochs"] * -(-run["labels"] // run["batch_size"])
        assert abs(whole - STEPS) <= 2, run
    images, _, teacher = few
    for recipe in ("distil", "train, distil, quantize, prune"):
        for length in (
            {"epochs": 4, "batch_size": 50},
            {"epochs": 1, "batch_size": 25},
        ):
            setting = arm(WIDE, recipe, bits=8, **length)
            taken = sum(1 for _ in recipe_steps(images, setting, teacher))
            assert taken == length["epochs"] * 100 // length["batch_size"]


def test_who_speaks_in_a_step(few):
    images, _, teacher = few
    terms = {}
    for recover in ("labels", "teacher"):
        setting = arm(WIDE, "train, prune, distil", recover, epochs=3, batch_size=100)
        steps = recipe_steps(images, setting, teacher)
        terms[recover] = [[*named] for _, named in steps]
    assert terms["labels"] == [["hard"], ["hard"], ["soft"]]
    assert terms["teacher"] == [["hard"], ["soft"], ["soft"]]


def test_a_step_leaves_the_net_it_was_given_as_it_was(few):
    *_, teacher = few
    before = [p.clone() for p in teacher.parameters()]
    for step in ("prune", "zero", "factorize", "quantize", "round"):
        changed(teacher, step, 4)
    assert all(map(torch.equal, before, teacher.parameters()))
    own = begun(arm("teacher", "prune"), teacher)
    assert own is not teacher and all(p.requires_grad for p in own.parameters())


def test_a_row_is_of_the_file_that_is_counted(few, tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime", reason="the extra compress is not installed")
    images, judges, teacher = few
    net = begun(arm(SMALL, "train"), teacher).eval()
    sizes = {}
    for bits in (None, 8, 2):
        own = changed(net, "round", bits) if bits else net
        file, stored = files_of(own, bits, images["images"], tmp_path)
        assert (file == stored) == (bits != 2)
        found = predict(Running(file), judges["images"])
        assert (found - predict(own, judges["images"])).abs().max() < 0.05
        sizes[bits] = stored.stat().st_size
    assert sizes[None] > 3 * sizes[8] > 9 * sizes[2]


# --- the form of a drawing ------------------------------------------------------------


def centre(ink):
    """Row and column [2, N] of the centres of mass of ink [N, 28, 28], from 0."""
    parts = ink / ink.sum((1, 2), keepdim=True)
    return torch.stack([parts.sum(axis) @ torch.arange(28.0) for axis in (2, 1)])


def test_sheets_do_not_ask_which_pixel_is_the_middle():
    ink = 1 - sheets() / 255
    assert sheets().dtype == torch.uint8 and 0.9 < ink.max() < 0.95
    apart = centre(ink) % 1
    assert apart.min() > 0.55 and apart.max() < 0.95  # 13.5 and 14: as many steps
    assert (centre(as_mnist(sheets())[:, 0]) - 13.75).abs().max() < 0.2
    edges = torch.cat([ink[:, 0], ink[:, -1], ink[:, :, 0], ink[:, :, -1]])
    assert not edges.any()


def test_a_file_without_a_kernel_holds_one_script_that_may_run(digits):
    _, test_set = digits
    page = pocket_page("digits", test_set)
    script = page.split("<script>")[1].split("</script>")[0]
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert "form-action 'none'; base-uri 'none'" in page
    assert page.count("<script") == 2 and f"script-src 'sha256-{digest}'" in page
    told = json.loads(page.split('id="data">')[1].split("</script>")[0])
    stored = (WEIGHTS / "digits_student.json").read_text(encoding="utf-8")
    assert told["student"] == stored and told["refused"] == REFUSED
    for digit, (name, value) in enumerate(told["examples"]):
        image = test_set["images"][test_set["labels"].tolist().index(digit)]
        assert name == f"a {digit}" and torch.equal(drawn_image(value), image)
    assert not re.search(r"https?://|url\(|@import", page.replace("</script>", ""))


def test_the_teacher_answers_one_drawing_with_its_own_milliseconds(digits, monkeypatch):
    _, test_set = digits
    teacher, _ = load_teacher("digits")
    pocket, sent = Pocket(teacher, "digits", test_set), []
    monkeypatch.setattr(pocket, "send", sent.append)
    value = drawn_value(test_set["images"][3])
    pocket._answer(pocket, {"drawing": value}, [])
    (told,) = sent
    probs = torch.softmax(predict(teacher, test_set["images"][3:4])[0], dim=0)
    assert told["drawing"] == value and 0 < told["ms"] < 10_000
    torch.testing.assert_close(torch.tensor(told["probs"]), probs)
    pocket.teacher = None
    pocket._answer(pocket, {"drawing": value}, [])
    assert sent[1]["drawing"] == value and "failed" in sent[1]["error"]


def test_a_dataset_without_a_student_is_refused_in_a_sentence(digits):
    with pytest.raises(ValueError, match="No student of 'letters'.*'digits'"):
        page_of("letters", digits[1])
