"""What only this lesson does: bugs that are found, inspections, and what is chosen."""

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from kdlab.data import sample, with_label_noise
from kdlab.experiments import setting, student_steps
from kdlab.models import build_model
from kdlab.results import load_runs
from kdlab.training import evaluate, last_of
from lessons.samples import pictures, result, sentence

from . import (
    RIGHT,
    bugs_explorer,
    code_of,
    gap_explorer,
    line_up_explorer,
    ridge_explorer,
    score,
    stored,
    weight_explorer,
)
from .experiments import hard_target, students
from .line_up import NAMES, SUSPECTS, TOOLS, drawn, last_errors, reading
from .ridge import RIDGES, WEIGHTS, errs
from .test_my_distillation import direction


def curves():
    """Two seeds of three epochs, as the live panel hands them over."""
    found = {RIGHT: [[90, 60, 50], [80, 62, 54]]}
    return found | {x: [[95, 80, 60 + n], [90, 85, 70]] for n, x in enumerate(SUSPECTS)}


def explorers(columns, student_logits):
    """{name: function that makes the explorer}."""
    classes = student_logits.shape[1]
    return {
        "line_up": lambda: line_up_explorer(curves(), 100),
        "gap": lambda: gap_explorer(load_runs("gap")),
        "ridge": lambda: ridge_explorer(columns, columns, seeds=2, classes=classes),
        "weight": lambda: weight_explorer(load_runs("wrong_labels")),
    }


def net(columns):
    """A small teacher with dropout, untrained."""
    classes = columns["teacher_logits"].shape[1] if "teacher_logits" in columns else 10
    return build_model("mlp", widths=[32], dropout=0.5, classes=classes)


def live(train_set, test_set):
    """{name: function that makes the panel}, of those that train."""
    return {"bugs": lambda: bugs_explorer(net(train_set), train_set, test_set, seeds=2)}


# --- the line-up -------------------------------------------------------------------


def test_six_tools_leave_one_suspect_for_the_seventh():
    passes = [
        name for name in NAMES
        if all(abs(reading(tool, name) - reading(tool, RIGHT)) < 0.02 for tool in TOOLS)
    ]  # fmt: skip
    assert passes == ["KL arguments swapped"]
    assert direction(code_of(passes[0])) > 0.05 > direction(code_of(RIGHT))


def test_a_suspect_is_shown_and_not_named():
    rows = pictures(line_up_explorer(curves(), 100))
    assert len(rows) == len(TOOLS) * len(SUSPECTS)
    assert not any(name in row.sentence for row in rows for name in NAMES)
    with pytest.raises(ValueError, match="one seed of all nine"):
        line_up_explorer({**curves(), "C": []}, 100)
    with pytest.raises(ValueError, match="one seed of all nine"):
        last_errors({**curves(), "C": []})


def test_verdicts_are_counted_and_told_when_asked(capsys):
    rows = {letter: 1 + NAMES.index(name) for letter, name in SUSPECTS.items()}
    assert score(rows) == 8
    assert capsys.readouterr().out == "8 of 8 named rightly, 0 wrongly.\n"
    assert score({"A": 0, "B": rows["B"], "C": rows["B"]}, tell=True) == 1
    said = capsys.readouterr().out
    assert "1 of 8 named rightly, 1 wrongly" in said
    assert f"Suspect B: {SUSPECTS['B']}" in said and "Suspect C" not in said
    assert score(dict.fromkeys(SUSPECTS, 1), tell=True) == 1
    assert all(f"Suspect {letter}" in capsys.readouterr().out for letter in "H")
    with pytest.raises(ValueError, match="got {'A': 9}"):
        score({"A": 9, "B": 1})


def test_what_a_suspect_did_is_a_difference_of_two_files(capsys):
    (letter,) = (x for x, name in SUSPECTS.items() if name == "no T²")
    score({letter: 1 + NAMES.index("no T²")}, tell=True)
    said = capsys.readouterr().out
    assert "\n-     return temperature**2 * kl\n+     return kl\n" in said


def test_the_title_tells_the_surest_gain_with_its_spread():
    def title(found):
        return drawn(100, found)[0]["layout"]["title"]["text"]

    said = "Surest: suspect H, 16 ± 1 errors more than the right code"
    assert title(curves()) == said
    early = {name: found[:1] for name, found in curves().items()}
    assert "two seeds of each are awaited" in title(early)
    assert "awaited" in title({name: [] for name in curves()})


def test_nine_are_trained_live_and_the_teacher_stays(digits):
    train_set, test_set = sample(digits[0], 200), sample(digits[1], 100)
    teacher = net(train_set)
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    panel = bugs_explorer(teacher, train_set, test_set, seeds=1)
    found = result(panel)
    assert [*found] == [RIGHT, *SUSPECTS] and "1 seeds are done" in sentence(panel)
    assert all(len(curve) == 15 for runs in found.values() for curve in runs)
    named = last_errors(found)
    assert [*named] == [RIGHT, *NAMES]
    assert named["no T²"] == [found["A"][0][-1]]
    assert all(torch.equal(v, before[k]) for k, v in teacher.state_dict().items())


# --- stored runs and the linear student ----------------------------------------------


def test_the_rate_is_chosen_on_held_out_images_for_each_kind():
    columns = [*stored.KIND, "learning_rate", "seed", "held_out_errors", "test_errors"]
    kind = ["mlp-8", "t", "teacher", 1.0, 1.0, 0.0, 15]
    rows = [[*kind, rate, seed, held, test] for rate, seed, held, test in [
        (0.1, 0, 10, 90), (0.1, 1, 30, 91), (0.2, 0, 19, 70), (0.2, 1, 20, 71)]]  # fmt: skip
    rows += [["mlp-8", "t", "labels", None, 0.0, 0.0, 15, 0.1, 0, 5, 60]]
    found = stored.best(pd.DataFrame(rows, columns=columns))
    assert sorted(found["test_errors"]) == [60, 70, 71]


@pytest.mark.parametrize("order", [[1, 2, 3, 4], [4, 3, 2, 1], [2, 4, 1, 3]])
def test_where_two_are_equal_the_lower_one_is_taken(order):
    columns = [*stored.KIND, "learning_rate", "seed", "held_out_errors", "test_errors"]
    rows = [["mlp-8", "t", "teacher", T, 1.0, 0.0, 15, 0.1, 0, 20, T] for T in order]
    found = stored.best(pd.DataFrame(rows, columns=columns), "temperature")
    assert found["test_errors"].tolist() == [1]


def test_who_is_trained_in_a_fleet_is_trained_as_alone(digits):
    told = {"teacher_logits": torch.randn(len(digits[0]["labels"]), 10)}
    some = [sample({**digits[0], **told}, 150, draw) for draw in (0, 1, 0)]
    way = {"student": "mlp-6", "epochs": 2, "method": "teacher", "soft_weight": 1.0}
    runs = [
        setting(temperature=t, learning_rate=rate, seed=seed, **way)
        for t, rate, seed in ((1.0, 1e-2, 0), (4.0, 2e-2, 1), (4.0, 1e-3, 2))
    ]
    for run, net, own in zip(
        runs, students(runs, [{"fit": s} for s in some]), some, strict=True
    ):
        names = "student method temperature epochs learning_rate seed".split()
        alone = last_of(student_steps(own, **{name: run[name] for name in names}))
        pairs = zip(net.parameters(), alone.parameters(), strict=True)
        assert all(torch.allclose(one, other, atol=1e-5) for one, other in pairs)


def test_what_is_told_besides_softened_answers():
    v, labels = torch.tensor([[1.0, 2.0] + 8 * [0.0]]), torch.tensor([0])
    columns = {"labels": labels, "teacher_logits": v}

    def told(method):
        return hard_target({"method": method}, columns)[0]

    assert told("labels").tolist() == [1.0] + 9 * [0.0]
    assert told("hard").tolist() == [0.0, 1.0] + 8 * [0.0]
    assert_close(told("labels + smoothing 0.6")[:2], torch.tensor([0.46, 0.06]))
    assert_close(told("hard + smoothing 0.6")[:2], torch.tensor([0.06, 0.46]))
    assert_close(told("soft + smoothing 0.6"), 0.4 * v.softmax(1)[0] + 0.06)


def test_early_stopping_keeps_the_best_epoch_and_a_weight_may_exceed_one(digits):
    few = with_label_noise(sample(digits[0], 100), 0.5, 0, 10)
    few["teacher_logits"] = 4.0 * F.one_hot(sample(digits[0], 100)["labels"], 10)
    sets, how = {"fit": few, "judges": sample(digits[1], 100)}, {"epochs": 4}

    def errors(method, **more):
        run = setting(method, student="mlp-64", **how, **more)
        return evaluate(students([run], [sets])[0], sets["judges"])["errors"]

    assert errors("labels, stopped") <= errors("labels")
    away, beside = (
        errors("teacher", temperature=1.0, soft_weight=w) for w in (1.5, 0.0)
    )
    assert away < beside, "labels that are wrong count negatively"


def test_the_linear_student_is_what_two_fits_give(digits):
    train_set, test_set = sample(digits[0], 150), digits[1]
    X, seen = (c["images"].flatten(1).double() / 255 for c in (train_set, test_set))
    Y, middle = F.one_hot(train_set["labels"], 10).double(), X.mean(0)
    X, Y0 = X - middle, Y - Y.mean(0)

    def fitted(targets, ridge):
        return torch.linalg.solve(
            X.T @ X + ridge * torch.eye(X.shape[1]), X.T @ targets
        )

    found, order = errs(digits[0], test_set, 0, 150), sample(digits[0], 150, 0)
    assert torch.equal(order["labels"], train_set["labels"])
    for row, ridge in enumerate(RIDGES):
        for place, weight in enumerate(WEIGHTS):
            told = weight * X @ fitted(Y0, ridge) + (1 - weight) * Y0
            answers = (seen - middle) @ fitted(told, ridge) + Y.mean(0)
            wrong = answers.argmax(1) != test_set["labels"]
            assert torch.equal(found[0, row, place], wrong)


def test_the_library_s_call_runs_where_it_is_installed():
    cleanlab = pytest.importorskip("cleanlab.filter")
    labels = torch.arange(10).repeat(30)
    probs = 0.9 * F.one_hot(labels, 10) + 0.01
    wrong = with_label_noise({"labels": labels}, 0.2, 0, 10)["labels"]
    ranked = "self_confidence"
    issues = cleanlab.find_label_issues(
        wrong.numpy(), probs.numpy(), return_indices_ranked_by=ranked
    )
    assert (wrong != labels)[torch.tensor(issues.copy())].float().mean() > 0.9
