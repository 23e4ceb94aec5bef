"""Similar classes, digits never seen, and the gain taken apart: the numbers shown."""

import plotly.graph_objects as go
import pytest
import torch
import torch.nn.functional as F

from kdlab.data import count, only_classes
from kdlab.experiments import best_rates, nearest_rate, setting, student_steps
from kdlab.metrics import soften
from kdlab.results import load_runs
from kdlab.training import evaluate, last_of, predict
from lessons.samples import result, sentence

from . import (
    bias_explorer,
    chosen_biases,
    class_similarity,
    gain_explorer,
    neighbours_explorer,
    omitted_explorer,
    omitted_runs_explorer,
    similarity_explorer,
    unseen_with_bias,
)
from .experiments import arm_of, omitted_run
from .gain import WHOLE, gain_picture, gain_words
from .omitted import ARMS, before_bias, hidden_words
from .similarity import class_maps, most_alike, nearest_wrong
from .unseen import BIASES, ByArm, Unseen, fewest_errors


def explorers(columns, student_logits):
    """{name: function that makes the explorer}, on a test set and a student's logits."""
    found = shy_students(columns["labels"], student_logits)
    return {
        "similarity": lambda: similarity_explorer(columns),
        "neighbours": lambda: neighbours_explorer(columns),
        "bias": lambda: bias_explorer(found),
        "omitted_runs": lambda: omitted_runs_explorer(load_runs("omitted")),
    }


def live(train_set, test_set):
    """{name: function that makes the panel}, of those that train."""
    return {
        "gain": lambda: gain_explorer(train_set, test_set, load_runs("gain"), seeds=1),
        "omitted": lambda: omitted_explorer(train_set, test_set, test_set, epochs=2),
    }


def shy_students(labels, logits):
    """Students of every arm who are more or less shy of the 3, or of the last class."""
    hidden = min(3, int(labels.max()))
    shy = F.one_hot(torch.tensor(hidden), logits.shape[1])
    answers = {arm: logits - 2 * number * shy for number, arm in enumerate(ARMS)}
    return Unseen([hidden], answers, labels, answers, labels)


# --- similar classes -----------------------------------------------------------------


def three_kinds():
    """Sixty answers of three classes; 0 and 1 are often taken for each other."""
    draw, labels = torch.Generator().manual_seed(0), torch.arange(60) % 3
    logits = torch.randn(60, 3, generator=draw) + 6 * F.one_hot(labels, 3)
    logits[labels == 0, 1] += 3
    logits[labels == 1, 0] += 3
    return logits, labels


def test_similarity_is_the_share_of_each_wrong_class():
    logits, labels = three_kinds()
    found = class_similarity(logits, labels, 2.0)
    mean = soften(logits[labels == 0].double(), 2.0).mean(dim=0)
    assert found[0, 1] == pytest.approx((mean[1] / (mean[1] + mean[2])).item())
    assert found.diagonal().tolist() == [0, 0, 0]
    assert found.sum(dim=1).tolist() == pytest.approx([1, 1, 1])
    assert most_alike(found)[0] == (0, 1)


def test_similar_classes_are_neighbours_and_the_maps_do_not_spin():
    logits, labels = three_kinds()
    tables = [class_similarity(logits, labels, t) for t in (1, 2)]
    maps = class_maps(torch.stack(tables), upright=1)
    apart = torch.cdist(maps, maps)
    assert (apart[:, 0, 1] < apart[:, [0, 1], 2].T).all()
    overlap = maps[0].T @ maps[1]  # symmetric, not negative: no turn is closer
    assert torch.allclose(overlap, overlap.T, atol=1e-6)
    assert torch.linalg.eigvalsh(overlap).min() > -1e-6


def test_a_map_that_fits_into_a_plane_is_found():
    draw = torch.Generator().manual_seed(0)
    true = torch.randn(6, 2, generator=draw).double()
    wanted = torch.cdist(true, true)
    maps = class_maps((-wanted).exp()[None], upright=0)
    found = torch.cdist(maps, maps)[0]
    assert torch.allclose(found / found.max(), wanted / wanted.max(), atol=1e-3)


def test_a_map_that_does_not_fit_has_the_least_squared_errors_nearby():
    draw = torch.Generator().manual_seed(0)
    true = torch.randn(6, 4, generator=draw).double()
    wanted = torch.cdist(true, true)
    maps = class_maps((-wanted).exp()[None], upright=0)
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
    names, rows = nearest_wrong(logits, labels, 0)
    assert names == [1, 2, 3]
    assert [labels[row].item() for row in rows] == [1, 2, 3, 1, 2, 3]
    assert rows[0] in (2, 6)  # of the ones, those that are a little like a 0


# --- digits never seen ---------------------------------------------------------------


@pytest.fixture
def logits():
    return 3 * torch.randn(300, 6, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("unseen", [[3], [0, 5]])
def test_recall_and_errors_are_those_of_the_shifted_logits(logits, unseen):
    labels = torch.arange(6).repeat(50)
    table = unseen_with_bias(logits, labels, unseen)
    for place in (0, 50, 51, 120, 200):
        moved = logits.clone()
        moved[:, unseen] += BIASES[place]
        wrong = moved.argmax(dim=1) != labels
        hidden = torch.isin(labels, torch.tensor(unseen))
        assert table["errors"][place] == wrong.sum()
        recall = 1 - wrong[hidden].double().mean()
        assert table["recall"][place] == pytest.approx(recall.item())


def test_a_bias_of_zero_is_among_them_and_recall_only_rises(logits):
    assert BIASES.abs().min() < 1e-6
    labels = torch.full((300,), 2)
    recall = unseen_with_bias(logits, labels, [2])["recall"]
    assert (recall.diff() >= 0).all() and recall[-1] == 1


def test_among_biases_with_equally_few_errors_the_middle_one_is_chosen():
    errors = torch.full((201,), 50)
    errors[90:101] = 40
    assert fewest_errors({"errors": errors}) == 95


def test_the_bias_of_held_out_images_has_the_fewest_errors_and_is_near_the_middle():
    labels = torch.tensor([3, 3, 5])
    logits = torch.zeros(3, 10)
    logits[:, 5] = torch.tensor([1.05, 2.05, 9.0])
    found = Unseen([3], {"a": logits}, labels, {"a": logits}, labels)
    assert 2.05 < chosen_biases(found)["a"] < 9
    with pytest.raises(ValueError, match="train to its end"):
        bias_explorer(None)


def test_students_never_see_the_omitted_digit_and_their_answers_are_kept(digits):
    train_set, test_set = digits
    panel = omitted_explorer(train_set, test_set, test_set, epochs=2)
    found = result(panel)
    assert found.unseen == [3] and set(found.answers) == set(ARMS)
    shown = only_classes(train_set, set(range(10)) - {3})
    options = {"method": "teacher", "temperature": 20.0, "epochs": 2}
    options["learning_rate"] = nearest_rate(
        best_rates(), {"student": "mlp-128", "labels": count(train_set), **options}
    )
    twin = last_of(student_steps(shown, **options))
    answers = found.answers["teacher, T = 20"]
    assert torch.equal(answers, predict(twin, test_set["images"]))
    assert "labels: 0 %" in sentence(panel)
    panel.controls["hidden"].index = 10
    assert sorted(set(range(10)) - set(result(panel).unseen)) == [7, 8]


def test_an_arm_that_was_not_reached_is_told_in_words():
    labels = torch.arange(10)
    answers = ByArm({"labels": torch.eye(10)})
    found = Unseen([3], answers, labels, answers, labels)
    assert [*chosen_biases(found)] == ["labels"]
    for reached in (found.answers, chosen_biases(found)):
        with pytest.raises(ValueError, match="'teacher, T = 20'.*train to its end"):
            reached["teacher, T = 20"]
    with pytest.raises(ValueError, match="No students"):
        bias_explorer(found._replace(answers=ByArm()))


def test_a_student_that_is_still_to_come_has_a_row_and_there_is_room_for_its_name():
    found = Unseen([3], {}, torch.zeros(5).long(), {}, torch.zeros(5).long())
    figure, words = before_bias(found, [str(digit) for digit in range(10)], 80)
    bars = go.Figure(figure).data
    assert [list(part.y) for part in bars] == [[*ARMS]] * 2
    assert [list(part.x) for part in bars] == [[0] * 5] * 2
    assert figure["layout"]["margin"]["l"] >= 8 * max(map(len, ARMS))  # pixels
    assert words.startswith("Taught by 80 images without the 3s. The first student")


def test_rows_of_stored_runs_are_named_by_what_was_left_out():
    assert hidden_words(10_000, "mlp-128", 123456789) == "0 left out"
    assert hidden_words(10_000, "mlp-128", 23456789) == "1 left out"  # 023456789
    assert hidden_words(10_000, "mlp-128", 78) == "only 7, 8"
    assert hidden_words(50_000, "mlp-128", 12456789) == "3 left out of 50,000"
    large = hidden_words(50_000, "mlp-800-800", 78)
    assert large == "only 7, 8 of 50,000, 2×800"


def test_the_mean_of_stored_runs_is_that_of_the_ten_digits():
    runs = load_runs("omitted")
    panel = omitted_runs_explorer(runs)
    panel.controls["bias"].value = "bias of held-out images"
    figure, words = panel.view(**panel.values())
    single = runs.query("method == 'teacher' and temperature == 20 and labels == 10000")
    single = single[single["seen"] > 99]
    assert len(single) == 50 and "50 runs of teacher, T = 20" in words
    assert f"recall {100 * single['recall_held_out'].mean():.1f} %" in words
    assert f"{single['errors_held_out'].mean():,.0f} errors of 10,000" in words
    dots = figure["data"][1]
    shown = [
        v for v, name in zip(dots["x"], dots["text"], strict=True) if "5 l" in name
    ]
    some = single[single["seen"] == 12346789]
    assert shown == pytest.approx((100 * some["recall_held_out"]).tolist())


@pytest.mark.parametrize("method", ["labels", "teacher"])
def test_a_run_says_what_became_of_the_digit_it_never_saw(method):
    temperature = None if method == "labels" else 20.0
    small = {"dataset": "digits", "labels": 600, "epochs": 20, "student": "mlp-64"}
    wanted = setting(method, temperature, **small, seen="012456789")
    run = omitted_run(wanted)
    assert {name: run[name] for name in wanted} == wanted
    assert run["errors_0"] == run["test_errors"] >= run["errors_test"]
    assert run["bias_0"] == 0 and run["errors_held_out"] >= run["errors_test"]
    assert (run["recall_0"] == 0) == (method == "labels")


# --- the gain taken apart ------------------------------------------------------------

KINDS = ["method", "temperature"]


def test_every_arm_of_the_gain_is_named_by_how_it_was_taught():
    stored = load_runs("gain")
    arms = dict(iter(stored.groupby(arm_of(stored), sort=False)))
    assert len(arms) == 13 and all(len(runs) == 20 for runs in arms.values())
    assert set(arms["labels"]["method"]) == {"labels"}
    assert set(arms["arg max"]["method"]) == {"arg max"}
    assert set(arms["teacher, T = 4"]["temperature"]) == {4}
    assert set(arms["class means, T = 8"]["method"]) == {"class means"}


def test_every_arm_of_the_gain_is_taught_as_its_stored_runs(digits, monkeypatch):
    taught = []

    def steps(columns, **how):
        taught.append(how)
        return (yield from student_steps(columns, **{**how, "epochs": 1}))

    monkeypatch.setattr("lessons.dark_knowledge.gain.student_steps", steps)
    stored = load_runs("gain")
    result(gain_explorer(*digits, stored, seeds=1))
    assert len(taught) == 13
    for how, run in zip(taught, stored.drop_duplicates(KINDS).iloc, strict=True):
        assert how == run[[*how]].to_dict()
        assert ("temperature" in how) == run.notna()["temperature"]


def test_the_gain_is_trained_seed_by_seed(digits):
    stored = load_runs("gain")
    some = stored[stored["method"].isin(["labels", "teacher"])].assign(epochs=2)
    errors = result(gain_explorer(*digits, some, seeds=2))
    assert {len(found) for found in errors.values()} == {2}
    rate = some[some["method"] == "labels"]["learning_rate"].iloc[0]
    how = {"method": "labels", "epochs": 2, "learning_rate": rate}
    twin = last_of(student_steps(digits[0], seed=1, **how))
    assert errors["labels"][1] == evaluate(twin, digits[1])["errors"]


def test_the_gain_says_which_share_each_hint_has():
    errors = {"labels": [740, 760], WHOLE: [500, 520]}
    errors |= {"class means, T = 8": [620, 640], "shuffled, T = 8": [9000, 9000]}
    figure, words = gain_picture(errors, 10_000, 5, errors)
    assert "labels 750, teacher 510" in words and "class means 50 %" in words
    assert "9,000 errors" in words
    assert max(figure["data"][1]["x"]) == pytest.approx(850)  # far: at the edge


def test_what_has_not_ended_and_what_gains_nothing_has_no_share():
    _, words = gain_picture({}, 300, 5, {"labels": [30], WHOLE: []})
    assert words.startswith("Training one student of each arm")
    same = gain_words({"labels": 30.0, WHOLE: 30.0, "smoothing 0.3": 20.0}, 300)
    assert same == "Errors of 300 on average: labels 30, teacher 30."
