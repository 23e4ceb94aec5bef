"""The loop: it learns, is decided by its seed, follows the device, refuses bad data."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from kdlab.losses import distillation_loss, logit_matching_loss, soft_target_loss
from kdlab.models import build_model
from kdlab.objectives import label_loss
from kdlab.training import (
    cycle_of,
    evaluate,
    fit,
    last_of,
    one_cycle,
    predict,
    training_steps,
)


def soft(student, batch):
    logits = student(batch["images"])
    return {"soft": soft_target_loss(logits, batch["teacher_logits"], 4.0)}


def matching(student, batch):
    logits = student(batch["images"])
    return {"matching": logit_matching_loss(logits, batch["teacher_logits"])}


def blend(student, batch):
    return {
        "blend": distillation_loss(
            student(batch["images"]),
            batch["teacher_logits"],
            batch["labels"],
            temperature=4.0,
            soft_weight=0.9,
        )
    }


def both(student, batch):
    return label_loss(student, batch) | soft(student, batch)


OBJECTIVES = [label_loss, soft, matching, blend, both]


@pytest.fixture
def columns():
    """Four classes of stripes that a small net can learn, and a teacher's logits."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(4, (200,), generator=generator)
    images = torch.rand(200, 1, 8, 8, generator=generator) / 2
    images[torch.arange(200), 0, labels] += 0.5
    teacher_logits = 5 * F.one_hot(labels, 4) + torch.rand(200, 4, generator=generator)
    return {"images": images, "labels": labels, "teacher_logits": teacher_logits}


def student(seed=0, **sizes):
    return build_model("mlp", widths=[16], inputs=64, classes=4, seed=seed, **sizes)


def trained(columns, objective=label_loss, epochs=3, seed=0, **sizes):
    model = student(**sizes)
    adam = torch.optim.Adam(model.parameters(), lr=1e-2)
    options = {"epochs": epochs, "batch_size": 32, "seed": seed, "progress": False}
    return model, fit(model, columns, objective, adam, **options)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_learns_and_its_terms_are_the_columns(columns, objective):
    model, history = trained(columns, objective, epochs=8)
    terms = objective(model, columns)
    assert list(history) == ["epoch", *terms] and list(history.epoch) == [*range(1, 9)]
    total = history.drop(columns="epoch").sum(axis=1)
    assert total.iloc[-1] < total.iloc[0] / 2
    assert evaluate(model, columns)["accuracy"] > 0.95


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_step_makes_no_tensor_on_the_wrong_device(columns, objective):
    """On the meta device as on a GPU: what is made on the CPU by mistake fails."""
    model = student().to("meta")
    adam = torch.optim.Adam(model.parameters())
    steps = training_steps(model, columns, objective, adam, epochs=1)
    _, terms = next(steps)
    assert all(term.device.type == "meta" for term in terms.values())


# Rows


@pytest.fixture
def numbered():
    """Fifty images whose pixels and label are the number of their row."""
    images = torch.arange(50, dtype=torch.uint8).view(50, 1, 1, 1).expand(-1, 1, 2, 2)
    rows = torch.arange(50)
    return {"images": images, "labels": rows, "teacher_logits": rows[:, None] / 10}


def batches(columns, seed, epochs=1, batch_size=16):
    """The batches that an objective is given, one after the other."""
    seen = []

    def objective(model, batch):
        seen.append(batch)
        return label_loss(model, batch)

    model = build_model("mlp", widths=[], inputs=4, classes=50)
    sgd = torch.optim.SGD(model.parameters(), lr=0.1)
    length = {"epochs": epochs, "batch_size": batch_size, "seed": seed}
    last_of(training_steps(model, columns, objective, sgd, **length))
    return seen


def test_an_epoch_brings_every_row_once_and_keeps_its_columns_together(numbered):
    parts = batches(numbered, seed=0)
    assert [len(part["labels"]) for part in parts] == [16, 16, 16, 2]
    labels = torch.cat([part["labels"] for part in parts])
    assert labels.sort().values.equal(torch.arange(50))
    for part in parts:
        assert part["images"][:, 0, 1, 1].equal(part["labels"] / 255)
        assert part["teacher_logits"][:, 0].equal(part["labels"] / 10)


def test_only_the_seed_decides_the_order_and_each_epoch_has_its_own(numbered):
    def order(seed, **options):
        return [part["labels"].tolist() for part in batches(numbered, seed, **options)]

    before = torch.get_rng_state()
    assert order(3) == order(3) != order(4)
    assert torch.get_rng_state().equal(before)
    first, second = order(3, epochs=2, batch_size=50)
    assert first != second and sum(order(3), []) == first


# Devices


def test_predict_follows_the_device_of_the_model(columns):
    seen = []
    model = student()
    model[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].device))
    assert predict(model, columns["images"]).device == columns["images"].device
    meta = model.to("meta")
    with pytest.raises(NotImplementedError):  # no values to bring back to the CPU
        predict(meta, columns["images"])
    assert {device.type for device in seen} == {"cpu", "meta"}


def test_one_epoch_is_the_steps_written_out_by_hand(columns):
    """The same batches in the same order, one SGD step each."""
    model, twin = student(), student()
    sgd = torch.optim.SGD(model.parameters(), lr=0.1)
    fit(model, columns, both, sgd, epochs=1, batch_size=64, seed=5, progress=False)
    order = torch.randperm(200, generator=torch.Generator().manual_seed(5))
    for rows in order.split(64):
        logits = twin(columns["images"][rows])
        loss = F.cross_entropy(logits, columns["labels"][rows])
        loss = loss + soft_target_loss(logits, columns["teacher_logits"][rows], 4.0)
        gradients = torch.autograd.grad(loss, list(twin.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(twin.parameters(), gradients, strict=True):
                parameter -= 0.1 * gradient
    for ours, by_hand in zip(model.parameters(), twin.parameters(), strict=True):
        assert_close(ours, by_hand)


def test_the_seed_decides_order_and_dropout_and_nothing_else_moves(columns):
    before = torch.get_rng_state()
    one, same, other = (
        trained(columns, seed=seed, dropout=0.5)[0] for seed in (1, 1, 2)
    )
    assert torch.equal(before, torch.get_rng_state())
    images = columns["images"]
    assert torch.equal(predict(one, images), predict(same, images))
    assert not torch.equal(predict(one, images), predict(other, images))


def test_dropout_differs_from_step_to_step(columns):
    seen = []

    def objective(model, batch):
        seen.append(torch.rand(1).item())
        return label_loss(model, batch)

    trained(columns, objective, epochs=2)
    assert len(seen) == len(set(seen)) == 14


def test_the_number_of_threads_is_restored_also_between_steps(columns):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        seen, both = [], []

        def objective(model, batch):
            seen.append(torch.get_num_threads())
            return label_loss(model, batch)

        for seed in range(2):
            model = student(seed=seed)
            sgd = torch.optim.SGD(model.parameters(), lr=0.1)
            both.append(training_steps(model, columns, objective, sgd, epochs=1))
        for _ in zip(*both, strict=True):  # in turns, as twins are trained
            assert torch.get_num_threads() == 2
        assert set(seen) == {1} and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_schedule_is_stepped_after_each_batch(columns):
    model = student()
    adam = torch.optim.Adam(model.parameters(), lr=1e-2)
    schedule = one_cycle(adam, columns, epochs=2, batch_size=64)
    rates = []

    def objective(model, batch):
        rates.append(adam.param_groups[0]["lr"])
        return label_loss(model, batch)

    options = {"epochs": 2, "batch_size": 64, "progress": False}
    fit(model, columns, objective, adam, schedule=schedule, **options)
    assert len(rates) == 8
    assert rates[0] < rates[2] and sorted(rates[2:], reverse=True) == rates[2:]
    assert rates[7] < 1e-6  # the cycle ends with the training


def test_a_cycle_is_adam_and_its_schedule_up_to_the_peak_and_down_to_zero(columns):
    model, rates = student(), []
    options = cycle_of(model, columns, 3e-2, epochs=4, batch_size=20)
    assert isinstance(options["optimizer"], torch.optim.Adam)
    assert (options["epochs"], options["batch_size"]) == (4, 20)

    def objective(model, batch):
        rates.append(options["optimizer"].param_groups[0]["lr"])
        return label_loss(model, batch)

    last_of(training_steps(model, columns, objective, **options))
    top = rates.index(max(rates))
    assert len(rates) == 40 and 0 < top < 20
    assert max(rates) == pytest.approx(3e-2, rel=0.01) and rates[-1] < 1e-6
    assert sorted(rates[: top + 1]) == rates[: top + 1]
    assert sorted(rates[top:], reverse=True) == rates[top:]


def test_a_cycle_without_a_batch_size_is_as_long_as_the_training(columns):
    model = student()
    options = cycle_of(model, columns, 1e-2, epochs=2)
    last_of(training_steps(model, columns, label_loss, **options))
    schedule = options["schedule"]
    assert schedule.last_epoch == schedule.total_steps == 4  # 2 epochs of 128 and 72


@pytest.mark.parametrize("rate", [0.0, -1e-2, math.nan])
def test_a_rate_that_is_not_positive_is_refused(columns, rate):
    with pytest.raises(ValueError, match="learning_rate must be positive, got"):
        cycle_of(student(), columns, rate, epochs=1, batch_size=32)


def test_the_steps_return_the_history_that_fit_returns(columns):
    model, history = trained(columns, both, epochs=3)
    twin = student()
    adam = torch.optim.Adam(twin.parameters(), lr=1e-2)
    length = {"epochs": 3, "batch_size": 32, "seed": 0}
    seen = []
    steps = training_steps(twin, columns, both, adam, **length)
    assert history.equals(last_of(steps, seen.append))
    assert all(map(torch.equal, model.parameters(), twin.parameters()))
    assert [epoch for epoch, _ in seen] == [1] * 7 + [2] * 7 + [3] * 7
    for name in "hard", "soft":
        second = [terms[name] for epoch, terms in seen if epoch == 2]
        assert not any(term.requires_grad for term in second)
        mean = torch.stack(second).mean().item()
        assert history[name][1] == pytest.approx(mean, rel=1e-6)


def test_the_last_of_a_generator_is_what_it_returns():
    def numbers():
        yield 1
        yield 2
        return "end"

    seen = []
    assert last_of(numbers(), seen.append) == "end" and seen == [1, 2]
    assert last_of(numbers()) == "end"
    assert last_of(iter([1, 2])) is None  # that returns nothing


def test_a_bar_counts_the_epochs_that_are_over(columns, monkeypatch):
    from kdlab import training

    bars = []

    class Bar(training.tqdm):
        def update(self, n=1):
            super().update(n)
            if self not in bars:
                bars.append(self)

    monkeypatch.setattr(training, "tqdm", Bar)
    counts = []

    def objective(model, batch):
        counts.append(bars[0].n if bars else 0)
        return label_loss(model, batch)

    model = student()
    adam = torch.optim.Adam(model.parameters())
    fit(model, columns, objective, adam, epochs=3, batch_size=100)
    assert counts == [0, 0, 0, 1, 1, 2] and bars[0].n == 3


def test_training_steps_can_be_left_at_any_step(columns):
    model = student()
    sgd = torch.optim.SGD(model.parameters(), lr=0.1)
    steps = training_steps(model, columns, label_loss, sgd, epochs=2, batch_size=100)
    assert [epoch for epoch, _ in steps] == [1, 1, 2, 2]
    steps = training_steps(model, columns, label_loss, sgd, epochs=2, batch_size=100)
    next(steps)
    weights = [parameter.clone() for parameter in model.parameters()]
    steps.close()
    assert all(map(torch.equal, weights, model.parameters()))


def test_predict_leaves_the_mode_and_reads_bytes_and_floats_alike(columns):
    model = student(dropout=0.5).train()
    images = (columns["images"] * 255).byte()
    logits = predict(model, images, batch_size=7)
    assert model.training and not logits.requires_grad and logits.shape == (200, 4)
    assert_close(logits, predict(model, images / 255))
    model.eval()
    predict(model, images)
    assert not model.training


def test_evaluate_counts_errors_and_agreement(columns):
    model = trained(columns)[0]
    logits = predict(model, columns["images"])
    facts = evaluate(model, columns)
    assert facts["errors"] == (logits.argmax(1) != columns["labels"]).sum()
    teacher = columns["teacher_logits"].argmax(1)
    assert facts["agreement"] == (logits.argmax(1) == teacher).double().mean()


# Modes


class Norms(nn.Module):
    """Two BatchNorms, a teacher that is not trained, and dropout."""

    def __init__(self):
        super().__init__()
        self.flatten, self.first = nn.Flatten(), nn.BatchNorm1d(64)
        self.body = nn.Sequential(nn.Linear(64, 8), nn.Dropout(0.5), nn.BatchNorm1d(8))
        self.last = nn.Linear(8, 4)
        norm = nn.BatchNorm1d(64)
        self.teacher = nn.Sequential(nn.Flatten(), norm, nn.Linear(64, 4)).eval()

    def forward(self, images):
        return self.last(self.body(self.first(self.flatten(images))))


def of_its_own_teacher(model, batch):
    """The teacher is asked in the loop, as under augmentation."""
    with torch.no_grad():
        told = model.teacher(batch["images"])
    return soft(model, {**batch, "teacher_logits": told})


def moved(model, columns, way, **options):
    """Which statistics of BatchNorm a training has moved."""
    before = {k: v.clone() for k, v in model.state_dict().items() if "running" in k}
    sgd = torch.optim.SGD(model.parameters(), lr=1e-3)
    options = {"epochs": 2, "batch_size": 50, **options}
    way(training_steps(model, columns, of_its_own_teacher, sgd, **options))
    after = model.state_dict()
    names = {k.rpartition(".")[0] for k in before if not before[k].equal(after[k])}
    return names


def is_training(model):
    return {name: part.training for name, part in model.named_modules()}


WAYS = {"all steps": last_of, "left": lambda s: (next(s), s.close())}
WAYS["predicted between"] = None  # by the test


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("freeze", "learning"),
    [
        (lambda m: m, {"first", "body.2"}),
        (lambda m: m.first.eval(), {"body.2"}),
        (lambda m: m.body.eval(), {"first"}),
        (lambda m: (m.eval(), m.first.train()), {"first"}),
        (lambda m: m.train(), {"first", "body.2", "teacher.1"}),
        (lambda m: m.eval(), {"first", "body.2", "teacher.1"}),  # whole: as if in train
    ],
)
def test_what_is_in_evaluation_mode_stays_so_unless_all_is(
    columns, way, freeze, learning
):
    """During a training, after it, and around `predict` and `evaluate`."""
    model = Norms()
    freeze(model)
    before = is_training(model)

    def between(steps):
        first = None
        for _ in steps:
            now = is_training(model)
            first = first or now
            assert now == first
            predict(model, columns["images"])
            assert is_training(model) == now
            evaluate(model, columns)
            model.eval()  # somebody measures in his own way, and forgets it

    found = moved(model, columns, between if way == "predicted between" else WAYS[way])
    assert found == learning and is_training(model) == before
    predict(model, columns["images"])
    evaluate(model, columns)
    assert is_training(model) == before


def test_modes_are_set_back_where_a_model_or_an_objective_fails(columns):
    model = Norms()
    model.first.eval()
    before = is_training(model)
    with pytest.raises(RuntimeError, match="should contain 5 elements"):
        predict(model, torch.zeros(3, 5))
    assert is_training(model) == before
    model.eval()
    sgd = torch.optim.SGD(model.parameters(), lr=1e-3)
    with pytest.raises(ZeroDivisionError):
        fit(model, columns, lambda m, b: 1 / 0, sgd, epochs=1, progress=False)
    assert not any(is_training(model).values())


def test_a_model_that_freezes_a_part_by_its_own_train_is_heard(columns):
    class Own(Norms):
        def train(self, mode=True):
            super().train(mode)
            self.first.eval()
            self.teacher.eval()
            return self

    assert moved(Own(), columns, last_of) == {"body.2"}
    assert moved(Own().train(), columns, last_of) == {"body.2"}


# What is refused


def by_fit(model, columns, objective, adam):
    """All steps by `fit`."""
    return fit(model, columns, objective, adam, epochs=1, progress=False)


def by_steps(model, columns, objective, adam):
    """The first step alone: as a live panel and an explorer begin."""
    return next(training_steps(model, columns, objective, adam, epochs=1))


@pytest.mark.parametrize("train", [by_fit, by_steps])
@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        (
            "images",
            lambda x: x.index_fill(0, torch.tensor([3]), float("nan")),
            "NaN",
        ),
        ("teacher_logits", lambda x: x * float("inf"), "NaN"),
        ("labels", lambda x: x - 1, "from 0 to 3, got -1 to 2"),
        ("labels", lambda x: x + 1, "from 0 to 3, got 1 to 4"),
        ("labels", lambda x: x[:-1], "equally many"),
        ("labels", lambda x: x.double(), "int64"),
    ],
)
def test_bad_columns_are_refused_before_the_first_step(
    columns, name, spoil, message, train
):
    model = student()
    before = [parameter.clone() for parameter in model.parameters()]
    adam = torch.optim.Adam(model.parameters())
    columns[name] = spoil(columns[name])
    with pytest.raises(ValueError, match=message):
        train(model, columns, both, adam)
    assert all(map(torch.equal, before, model.parameters()))


@pytest.mark.parametrize("train", [by_fit, by_steps])
def test_an_empty_set_is_refused(columns, train):
    model = student()
    adam = torch.optim.Adam(model.parameters())
    empty = {name: column[:0] for name, column in columns.items()}
    with pytest.raises(ValueError, match="nothing to train on"):
        train(model, empty, label_loss, adam)


@pytest.mark.parametrize("length", [{"epochs": 0}, {"epochs": 1, "batch_size": 0}])
def test_no_epochs_and_empty_batches_are_refused(columns, length):
    model = student()
    adam = torch.optim.Adam(model.parameters())
    for refuse in (
        lambda: fit(model, columns, label_loss, adam, **length),
        lambda: next(training_steps(model, columns, label_loss, adam, **length)),
        lambda: one_cycle(adam, columns, **length),
    ):
        with pytest.raises(ValueError, match="epochs and batch_size must be at least"):
            refuse()


def test_where_the_teacher_never_errs_nobody_agrees_on_its_errors(columns):
    """The number is there, and not a number: a table of runs keeps its columns."""
    model = student()
    facts = evaluate(model, columns)
    assert math.isnan(facts["agreement_on_errors"])
    columns["labels"][0] = (columns["labels"][0] + 1) % 4
    agreed = predict(model, columns["images"])[:1].argmax(1)
    agreed = agreed == columns["teacher_logits"][:1].argmax(1)
    assert evaluate(model, columns)["agreement_on_errors"] == float(agreed)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_student_of_any_type_learns(columns, dtype):
    model = student()[1:].to(dtype)
    columns["images"] = columns["images"].to(dtype)
    adam = torch.optim.Adam(model.parameters(), lr=1e-2, eps=1e-4)
    history = fit(model, columns, both, adam, epochs=8, batch_size=32, progress=False)
    assert history.soft.iloc[-1] < history.soft[0] / 2
    assert evaluate(model, columns)["accuracy"] > 0.9


def test_a_diverging_loss_stops_with_advice(columns):
    model = student()
    sgd = torch.optim.SGD(model.parameters(), lr=1e30)
    told = (
        r"{'epoch': 1, 'hard': \w+}, with a learning rate up to 1e\+30. Try a smaller"
    )
    with pytest.raises(FloatingPointError, match=told):
        fit(model, columns, label_loss, sgd, epochs=5, progress=False)


def test_the_learning_rate_that_diverges_is_told_as_the_peak_of_its_schedule(columns):
    model = student()
    groups = [{"params": model[2].parameters(), "lr": 0.5}]
    groups += [{"params": model[4].parameters(), "lr": 2.0}]
    sgd = torch.optim.SGD(groups, momentum=0.9)
    schedule = one_cycle(sgd, columns, epochs=3, batch_size=50)

    def objective(model, batch):
        return {"odd": label_loss(model, batch)["hard"] * math.nan}

    steps = training_steps(
        model, columns, objective, sgd, epochs=3, batch_size=50, schedule=schedule
    )
    with pytest.raises(FloatingPointError, match="rate up to 0.5 and 2. Try"):
        last_of(steps)


def test_too_little_memory_of_a_gpu_advises_half_a_batch(columns):
    model = student()
    sgd = torch.optim.SGD(model.parameters(), lr=0.1)

    def objective(model, batch):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    steps = training_steps(model, columns, objective, sgd, epochs=1, batch_size=100)
    with pytest.raises(MemoryError, match="batch_size=100. Try batch_size=50") as told:
        next(steps)
    assert isinstance(told.value.__cause__, torch.OutOfMemoryError)


def test_one_loss_of_an_epoch_that_is_not_finite_stops_it_at_its_end(columns):
    """Also if later ones are finite again; the steps of this epoch are all yielded."""
    model, seen, values = student(), [], iter([0, 0, math.inf, *([0] * 100)])
    sgd = torch.optim.SGD(model.parameters(), lr=0.1)

    def objective(model, batch):
        odd = torch.tensor(float(next(values)))
        return {**label_loss(model, batch), "odd": odd}

    steps = training_steps(model, columns, objective, sgd, epochs=3, batch_size=100)
    with pytest.raises(FloatingPointError, match="not finite: .*'odd': inf"):
        last_of(steps, seen.append)
    assert [epoch for epoch, _ in seen] == [1, 1, 2, 2]
