"""A student's own code meets the loop: what is wrong is said in words, and when."""

import re
from importlib import import_module
from inspect import signature
from pkgutil import iter_modules

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import lessons
from kdlab.data import only_classes, sample, with_label_noise
from kdlab.experiments import student_steps
from kdlab.explorers import retrain_explorer
from kdlab.models import build_model
from kdlab.objectives import blended_loss, label_loss
from kdlab.training import (
    cycle_of,
    evaluate,
    fit,
    last_of,
    one_cycle,
    predict,
    training_steps,
)


@pytest.fixture
def columns():
    """Two hundred images of ten classes, and a teacher's logits."""
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(200) % 10
    images = torch.rand(200, 1, 28, 28, generator=draw)
    told = 5 * F.one_hot(labels, 10) + torch.rand(200, 10, generator=draw)
    return {"images": images, "labels": labels, "teacher_logits": told}


def student(**sizes):
    return build_model("mlp", widths=[8], **sizes)


def fitted(model, columns, objective=label_loss, optimizer=None, **how):
    """One epoch, in batches of 64."""
    if optimizer is None:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    how = {"epochs": 1, "batch_size": 64, "progress": False, **how}
    return fit(model, columns, objective, optimizer, **how)


# --- objectives -----------------------------------------------------------------------


def after_two(terms):
    """As `label_loss`, but these terms from the third step on."""
    calls = []

    def objective(model, batch):
        calls.append(batch)
        return label_loss(model, batch) if len(calls) < 3 else terms(model, batch)

    return objective


def loss_of(model, batch):
    return label_loss(model, batch)["hard"]


def alone(of, **others):
    """An objective that returns loss terms, of the loss by this function."""
    return lambda m, b: {"hard": of(loss_of(m, b)), **others}


def per_image(model, batch):
    logits = model(batch["images"])
    return {"hard": F.cross_entropy(logits, batch["labels"], reduction="none")}


OBJECTIVES = {
    "nothing": (lambda m, b: print(end=""), "got nothing (None)"),
    "an empty dict": (lambda m, b: {}, "got an empty dict"),
    "a tensor": (loss_of, "got a tensor []"),
    "a tuple": (lambda m, b: (loss_of(m, b),) * 2, "got tuple"),
    "a set": (lambda m, b: {"hard", "soft"}, "got set"),
    "a float": (alone(torch.Tensor.item), "got {'hard': 'float'}. Each is one"),
    "a number beside": (
        alone(torch.clone, decay=0.0),
        "'decay': 'float'}. Each is one",
    ),
    "of numpy": (
        alone(lambda x: x.detach().numpy()),
        "{'hard': 'ndarray'}. Each is one",
    ),
    "a loss per image": (
        per_image,
        "got {'hard': 'a tensor [64]'}. Each is one number",
    ),
    "a list of one": (alone(lambda x: x[None]), "got {'hard': 'a tensor [1]'}"),
    "no gradient": (alone(torch.Tensor.detach), "got a loss without a gradient"),
    "no_grad": (torch.no_grad()(label_loss), "got a loss without a gradient"),
    "made anew": (alone(lambda x: torch.tensor(x.item())), "a loss without a gradient"),
    "epoch": (lambda m, b: {"epoch": loss_of(m, b)}, "another column of the history"),
    "nothing, later": (after_two(lambda m, b: None), "got nothing (None)"),
    "another name, later": (
        after_two(lambda m, b: {"soft": loss_of(m, b)}),
        "got ['soft'] after ['hard']. The names stay the same at every step",
    ),
    "one more, later": (
        after_two(alone(torch.clone, more=torch.tensor(1.0))),
        "got ['hard', 'more'] after ['hard']",
    ),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_what_an_objective_returns_is_told_with_an_example(columns, name):
    objective, told = OBJECTIVES[name]
    with pytest.raises(ValueError, match=re.escape(told)) as refused:
        fitted(student(), columns, objective)
    assert str(refused.value).startswith("An objective returns the terms of the loss")
    example = str(refused.value).split("\n\n")[1]
    found = {"F": F}
    exec(example, found)  # and the example is right
    assert fitted(student(), columns, found["objective"]).hard[0] > 0


def test_terms_in_another_order_keep_their_names(columns):
    """And a term without a gradient of its own may stand beside others."""
    pair = {"one": torch.tensor(1.0), "two": torch.tensor(2.0)}
    order = [[*pair], [*pair][::-1], [*pair], [*pair]]

    def objective(model, batch):
        return {**{k: pair[k] for k in order.pop()}, **label_loss(model, batch)}

    history = fitted(student(), columns, objective)
    assert (history.one[0], history.two[0]) == (1.0, 2.0)


NO_OBJECTIVES = {
    "a loss": (nn.CrossEntropyLoss(), "got CrossEntropyLoss"),
    "a word": ("label_loss", "got str"),
    "what it returns": ({"hard": torch.tensor(0.0)}, "got dict"),
    "a class": (nn.CrossEntropyLoss, "got type"),
}


@pytest.mark.parametrize("name", NO_OBJECTIVES)
def test_what_is_no_objective_is_told_with_an_example(columns, name):
    objective, told = NO_OBJECTIVES[name]
    with pytest.raises(
        ValueError, match=f"Expected an objective, (?s:{told}.*student, batch)"
    ):
        fitted(student(), columns, objective)


# --- models and optimizers ------------------------------------------------------------


class Answers(nn.Module):
    """A student that answers in its own way."""

    def __init__(self, way):
        super().__init__()
        self.net, self.way = student(), way

    def forward(self, images):
        logits = self.net(images)
        return {
            "logits": logits,
            "tuple": (logits, images),
            "dict": {"logits": logits},
            "one": logits[0],
            "flat": logits.flatten(),
            "nothing": None,
        }[self.way]


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("tuple", "got tuple. Return the logits alone"),
        ("dict", "got dict. Return the logits alone"),
        ("one", "got a tensor [10]"),
        ("flat", "got a tensor ["),
        ("nothing", "got nothing (None)"),
    ],
)
def test_a_student_that_does_not_return_logits_is_told_what_to_return(
    columns, way, told
):
    fitted(Answers("logits"), columns)
    for door in fitted, evaluate, lambda m, c: predict(m, c["images"][:1]):
        with pytest.raises(ValueError, match=re.escape(told)):
            door(Answers(way), columns)


def test_a_model_that_is_none_is_refused(columns):
    for wrong, kind in ((Answers, "type"), (lambda x: x, "function"), (None, "None")):
        for door in evaluate, lambda m, c: fitted(m, c, optimizer=object()):
            with pytest.raises(ValueError, match=f"Expected a model.*got .*{kind}"):
                door(wrong, columns)


def test_a_model_without_parameters_answers_but_does_not_learn(columns):
    ones = nn.Sequential(nn.Flatten(), nn.AdaptiveAvgPool1d(10))
    assert predict(ones, columns["images"]).shape == (200, 10)
    sgd = torch.optim.SGD(student().parameters())
    with pytest.raises(ValueError, match="no parameters: there is nothing to train"):
        fitted(ones, columns, optimizer=sgd)


def test_an_optimizer_of_another_model_is_refused_one_of_a_part_is_not(
    columns,
):
    """As in a notebook, where the cell of the model was run again and the next not."""
    model = student()
    stale = torch.optim.Adam(student().parameters())
    with pytest.raises(
        ValueError, match="no parameter of this model. A new model needs"
    ):
        fitted(model, columns, optimizer=stale)
    with pytest.raises(ValueError, match="Expected an optimizer.*got float"):
        fitted(model, columns, optimizer=0.01)
    other = nn.Parameter(torch.zeros(()))
    last = torch.optim.Adam([other, *model[-1].parameters()])
    before = [parameter.clone() for parameter in model.parameters()]
    fitted(model, columns, optimizer=last)
    same = [torch.equal(*pair) for pair in zip(before, model.parameters(), strict=True)]
    assert same == [True, True, False, False]


def test_a_frozen_model_is_told_how_it_learns_again(columns):
    model = student().requires_grad_(False)
    with pytest.raises(
        ValueError, match="frozen model needs model.requires_grad_.True"
    ):
        fitted(model, columns)
    fitted(model.requires_grad_(True), columns)


def with_batch_norm():
    layers = nn.Flatten(), nn.Linear(784, 4), nn.BatchNorm1d(4), nn.Linear(4, 10)
    return nn.Sequential(*layers)


@pytest.mark.parametrize(("examples", "batch_size"), [(129, 64), (1, 64), (8, 1)])
def test_batch_norm_is_not_given_one_example_alone(columns, examples, batch_size):
    """It is said before the first step; in evaluation mode one is enough."""
    few, model = sample(columns, examples), with_batch_norm()
    before = [value.clone() for value in model.state_dict().values()]
    with pytest.raises(ValueError, match=f"Of {examples} .*Choose another batch_size"):
        fitted(model, few, batch_size=batch_size)
    assert all(map(torch.equal, before, model.state_dict().values()))
    assert all(part.training for part in model.modules())
    fitted(student(), few, batch_size=batch_size)
    model[2].eval()
    fitted(model, few, batch_size=batch_size)
    with pytest.raises(ValueError, match="Expected more than 1 value"):
        with_batch_norm()(few["images"][:1])  # PyTorch's own words


@pytest.mark.parametrize("wrong", [0, -1, 1.0, 2.5, "3", None, float("nan")])
def test_epochs_and_batch_size_are_whole_numbers(columns, wrong):
    for name in "epochs", "batch_size":
        length = {"epochs": 1, "batch_size": 64, name: wrong}
        model = student()
        for door in (
            lambda: fitted(model, columns, **length),  # noqa: B023
            lambda: cycle_of(model, columns, 0.01, **length),  # noqa: B023
            lambda: [*student_steps(columns, method="labels", **length)],  # noqa: B023
        ):
            with pytest.raises(ValueError, match=f"and whole, got .*{wrong!r}"):
                door()


def test_whole_numbers_of_numpy_are_whole():
    """As a table of runs gives them."""
    columns = {"images": torch.rand(9, 1, 28, 28), "labels": torch.arange(9)}
    history = fitted(student(), columns, epochs=np.int64(2), batch_size=np.int64(4))
    assert history.epoch.tolist() == [1, 2]


# --- one door for all checks ----------------------------------------------------------


def first_step(columns):
    model = student()
    sgd = torch.optim.SGD(model.parameters(), lr=0.01)
    return next(training_steps(model, columns, blended_loss(4.0, 0.5), sgd, epochs=1))


def shown(columns):
    """What a panel that trains says: it shows a ValueError as its sentence."""
    panel = retrain_explorer(columns, columns, seeds=1, labels=100, epochs=8)
    panel.close()
    last_of(panel.generator(**panel.values()))


def taught(columns):
    """As in sweeps: the first step of a student whose hints are changed."""
    how = {"student": "mlp-8", "method": "class means"}
    return next(student_steps(columns, **how, epochs=1))


DOORS = {
    "fit": lambda c: fitted(student(), c),
    "training_steps": first_step,
    "student_steps": taught,
    "evaluate": lambda c: evaluate(student(), c),
    "retrain_explorer": shown,
    "sample": lambda c: sample(c, 100),
    "only_classes": lambda c: only_classes(c, [1]),
    "with_label_noise": lambda c: with_label_noise(c, 0.5),
    "predict": lambda c: predict(student(), c["images"]),
    "one_cycle": lambda c: one_cycle(
        torch.optim.SGD(student().parameters(), lr=0.1), c, epochs=1
    ),
}
NO_LABELS, SIZES = {"predict", "one_cycle"}, {"one_cycle"}
FAULTS = {
    "label 12": (
        lambda c: {**c, "labels": c["labels"].index_fill(0, torch.tensor([7]), 12)},
        "labels must be from 0 to 9, got 0 to 12",
        NO_LABELS | {"sample", "only_classes"},  # which do not know of how many classes
    ),
    "NaN image": (
        lambda c: {
            **c,
            "images": c["images"].index_fill(0, torch.tensor([3]), torch.nan),
        },
        "'images' holds NaN or infinity",
        SIZES,
    ),
    "floats up to 255": (
        lambda c: {**c, "images": c["images"] * 255},
        "got floats up to 25.* Divide them by 255",
        SIZES,
    ),
    "300 labels": (
        lambda c: {**c, "labels": torch.arange(300) % 10},
        r"equally many rows, got {'images': 200, 'labels': 300|and labels \[N\], got",
        NO_LABELS,
    ),
    "one-hot labels": (
        lambda c: {**c, "labels": F.one_hot(c["labels"])},
        r"got torch.int64 \[200, 10\]; convert them with labels.argmax",
        NO_LABELS,
    ),
    "a loader": (
        lambda c: DataLoader(TensorDataset(*c.values())),
        "Columns are tensors of equal length by name.*got DataLoader",
        {"predict"},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("door", DOORS)
def test_every_door_says_the_same_of_columns_that_are_wrong(columns, door, fault):
    spoil, told, not_asked = FAULTS[fault]
    if door in not_asked:
        return
    if fault == "a loader" and door in ("student_steps", "retrain_explorer"):
        return  # where another sentence comes first
    with pytest.raises(ValueError, match=told):
        DOORS[door](spoil(columns))


def explorers():
    """{name: (explorer, how many columns it wants)} of all lessons and of kdlab."""
    homes = [one.name for one in iter_modules(lessons.__path__) if one.ispkg]
    names, sets = [f"lessons.{home}" for home in homes], "columns train_set test_set"
    found = {}
    for module in map(import_module, ["kdlab.explorers", *names]):
        for name, one in vars(module).items():
            if name.endswith("_explorer"):
                free = signature(one).parameters.values()
                free = [p for p in free if p.kind == p.POSITIONAL_OR_KEYWORD]
                needed = [p.name for p in free if p.default is p.empty]
                if needed and {*needed} <= {*sets.split(), "held_out"}:
                    found[name] = one, len(needed)
    return found


EXPLORERS = explorers()


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "a loader"])
@pytest.mark.parametrize("name", EXPLORERS)
def test_every_explorer_says_the_same_of_columns_that_are_wrong(columns, name, fault):
    """Those that train say it in the panel, before the first step."""
    spoil, told, _ = FAULTS[fault]
    explorer, sets = EXPLORERS[name]
    with pytest.raises(ValueError, match=told):
        panel = explorer(*[spoil(columns)] * sets)
        panel.close()
        last_of(panel.generator(**panel.values()))
    assert len(EXPLORERS) > 8


@pytest.mark.parametrize("door", DOORS)
def test_every_door_is_open_to_right_columns(columns, door):
    DOORS[door](columns)


def test_predict_wants_images():
    for wrong in {"images": torch.zeros(1, 1, 28, 28)}, np.zeros((1, 784)), None:
        with pytest.raises(ValueError, match="Expected a tensor of images, got"):
            predict(student(), wrong)


def test_evaluate_names_what_it_lacks(columns):
    with pytest.raises(
        ValueError, match=r"no column \['labels'\]; there are \['images"
    ):
        evaluate(student(), {"images": columns["images"]})
