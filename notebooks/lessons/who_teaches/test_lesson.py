"""Teachers are who they are said to be, and say together what they are said to say."""

import re
from pathlib import Path

import nbformat
import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from kdlab.data import count, scaled
from kdlab.experiments.sweep import matched
from kdlab.metrics import entropy, soften
from kdlab.results import RESULTS, load_runs
from lessons.samples import pictures, result, sentence

from . import (
    born_tables,
    crowd_explorer,
    crowd_tables,
    crowds,
    errors,
    experiments,
    few_explorer,
    gain,
    runs_explorer,
    self_tables,
    together,
)
from . import live as live_arms
from .crowds import new_net
from .experiments import STRANGERS, chain, crowd_run, self_run

NAMES = [str(number) for number in range(12)]
TABLES = [
    f"{name}{which}"
    for name in ("crowd", "crowd_few", "selves", "generations")
    for which in ("_tuning", "")
]


def few_images(columns, images=80):
    """The first ones, without answers of a teacher."""
    return {name: columns[name][:images] for name in ("images", "labels")}


def some_answers(columns, teachers=3):
    """{kind: {where: logits}} as of teachers that are a little torn."""
    logits, draw = columns["teacher_logits"], torch.Generator().manual_seed(0)
    noise = torch.randn(teachers, *logits.shape, generator=draw)
    return {
        "MLPs": {"learnt": logits + noise, "never seen": logits + 2 * noise},
        "CNNs": {"learnt": logits - noise, "never seen": logits - 2 * noise},
    }


def explorers(columns, student_logits):
    """{name: function that makes the explorer}; the last four of stored runs."""
    sets = {"learnt": columns, "never seen": columns}
    classes = columns["teacher_logits"].shape[1]
    names = NAMES[:classes]
    crowd, few = load_runs("crowd"), load_runs("crowd_few")
    stored = crowd_tables(crowd) | crowd_tables(few)
    more = {name: rows for name, rows in stored.items() if "without" in name}
    own = {name: rows for name, rows in stored.items() if name not in more}
    born = born_tables(load_runs("generations"), crowd, few)
    return {
        "crowd": lambda: crowd_explorer(sets, some_answers(columns), names),
        "runs_crowd": lambda: runs_explorer(own),
        "runs_few": lambda: runs_explorer(more),
        "runs_self": lambda: runs_explorer(self_tables(load_runs("selves"))),
        "runs_born": lambda: runs_explorer(born),
    }


def live(train_set, test_set):
    """{name: function that makes the panel}, of those that train."""
    return {"few": lambda: few_explorer(train_set, test_set, seeds=2)}


# --- stored experiments ----------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES)
def test_every_setting_is_stored_and_nothing_else(table):
    settings = getattr(experiments, table).settings()
    rows, others = matched(RESULTS / f"{table}.csv", settings)
    assert len(rows) == len(settings) and not others


def test_what_is_stored_is_what_the_code_finds(monkeypatch):
    """Two runs, small ones, on a few images: their rows have what the tables have."""
    images = {"images": torch.rand(90, 1, 28, 28), "labels": torch.arange(90) % 10}
    for module in (crowds, experiments):
        monkeypatch.setattr(module, "load_images", lambda *_: dict(images))
    crowds.teacher_of.cache_clear()
    crowds.answers.cache_clear()
    setting = {**experiments.crowds()[-1], "labels": 40, "unlabelled": 40, "epochs": 1}
    setting |= {"teacher": crowds.MLP, "teachers": 2}
    row = crowd_run(setting)
    assert {*row} == {*load_runs("crowd").columns}
    assert 0 <= row["teacher_accuracy"] <= 1 and 0 <= row["test_errors"] <= 90
    setting = {**experiments.all_selves()[0], "labels": 40, "epochs": 1}
    row = self_run({**setting, "student": "mlp-16 + mlp-16"})
    assert {*row} == {*load_runs("selves").columns} - {
        "agreement_on_errors",
        "teacher_kl",
    }
    assert row["each_errors"] == (row["errors_0"] + row["errors_1"]) / 2
    how = tuple(zip(experiments.HOW, ("teacher", 1.0, 1.0, 1, 1e-2), strict=True))
    nets = chain(("mlp-128", 40, 40, 0), how, 2)
    weights = [net[-1].weight for net in nets]
    assert len(nets) == 2 and not torch.equal(*weights)
    assert chain(("mlp-128", 40, 40, 0), how, 1)[0] is nets[0]
    crowds.teacher_of.cache_clear()
    crowds.answers.cache_clear()
    chain.cache_clear()


def test_a_teacher_with_images_of_its_own_shares_none(monkeypatch):
    images = {
        "images": (torch.arange(900) / 900)[:, None, None, None].expand(-1, 1, 28, 28)
    }
    images |= {"labels": torch.arange(900) % 10}
    monkeypatch.setattr(crowds, "load_images", lambda *_: images)
    seen = []

    def noted(name, columns, seed):
        seen.append({*columns["images"][:, 0, 0, 0].tolist()})
        return new_net("mlp-16", seed)
        yield

    monkeypatch.setattr(crowds, "teacher_steps", noted)
    crowds.teacher_of.cache_clear()
    student = {*crowds.images_of(100, 0, 0)["images"][:, 0, 0, 0].tolist()}
    for number, own in ((0, False), (0, True), (1, True)):
        crowds.teacher_of("mlp-16", 100, 0, number, own)
    shared, first, second = seen
    assert shared == student and [*map(len, seen)] == [100] * 3
    assert not first & student and not second & student and not first & second
    crowds.teacher_of.cache_clear()


def test_the_live_arms_are_those_of_the_stored_runs():
    runs = load_runs("crowd_few")
    for name, heat, peak in live_arms.ARMS.values():
        query = f"teacher == '{name}' and teachers == 1 and method == 'teacher'"
        found = runs.query(query if name else "method == 'labels'")
        assert {*found["learning_rate"]} == {peak}
        assert not name or {*found["temperature"]} == {heat}


def test_errors_are_those_of_the_table_seed_by_seed():
    runs = load_runs("crowd")
    mine = runs.query("method == 'labels'").sort_values("seed")["test_errors"].tolist()
    assert errors(runs, "labels") == mine and len(mine) == 5
    one = errors(runs, "teacher", teacher=crowds.CNN, teachers=4, rule="probabilities")
    lied = errors(
        runs, "teacher", teacher=crowds.CNN, teachers=4, rule="probabilities", liars=1
    )
    assert len(one) == len(lied) == 5 and one != lied
    assert gain([3, 4], [5, 4]) == [2, 0]


# --- explorers -------------------------------------------------------------------------------


def test_the_crowd_shows_each_teacher_and_their_mean(columns):
    said = some_answers(columns)
    sets = {"learnt": columns, "never seen": columns}
    panel = crowd_explorer(sets, said, NAMES[:10])
    logits = said["MLPs"]["never seen"]
    both = (told["never seen"] for told in said.values())
    torn = int(sum(entropy(soften(told, 4.0).mean(0)) for told in both).argmax())
    values = {"teachers": 2, "rule": "probabilities", "temperature": 2.0}
    values |= {"kind": "MLPs", "liar": False, "image": 6}
    figure, says = panel.look(values)
    cells, _, bars = figure["data"]
    assert len(cells["z"]) == 3 and cells["z"][2] == [None] * 10
    wanted = 100 * soften(logits[:2, torn], 2.0)
    assert_close(torch.tensor(cells["z"][:2]), wanted, atol=1e-3, rtol=1e-3)
    assert_close(torch.tensor(bars["x"]), wanted.mean(0) / 100, atol=1e-5, rtol=1e-4)
    label = columns["labels"][torn].item()
    right = (logits[:2, torn].argmax(1) == label).sum().item()
    assert "they have never seen, a" in says and f"{right} of 2 name it" in says
    lied = panel.look({**values, "liar": True})[0]["data"][0]["z"]
    assert_close(torch.tensor(lied[1]), torch.tensor(cells["z"][1]).roll(1))
    votes = panel.look({**values, "teachers": 3, "rule": "majority"})[0]["data"][2]["x"]
    assert sum(votes) == pytest.approx(1) and {round(3 * v, 3) % 1 for v in votes} == {
        0
    }
    assert len(pictures(panel)) == 3 * 3 * 3


def test_stored_runs_are_shown_beside_their_twins():
    crowd = load_runs("crowd")
    tables = crowd_tables(crowd)
    assert [*tables][:2] == ["MLPs of 2,000 labels", "CNNs of 2,000 labels"]
    panel = runs_explorer(tables)
    figure, says = panel.look(
        {"what": "CNNs of 2,000 labels", "beside": "smoothing 0.1"}
    )
    assert figure["layout"]["title"]["text"].endswith("; fewest errors: taught by 8")
    assert "57 ± 13 (taught by 8)" in says and "-95 ± 33 (labels)" in says
    assert "-95 ± 33 (majority of 8)" in says


def test_no_row_of_the_pages_pictures_is_empty():
    tables = crowd_tables(load_runs("crowd")) | crowd_tables(load_runs("crowd_few"))
    assert len(tables) == 6
    for rows in tables.values():
        assert {"labels", "smoothing 0.1", "taught by 8", "majority of 8"} <= {*rows}
        assert {*map(len, rows.values())} == {5}
    more = tables["CNNs of 2,000 labels, and 8,000 without"]
    assert "taught by 4" not in more and "taught by 1" in more


def test_peers_and_generations_are_told_apart():
    crowds_of = load_runs("crowd"), load_runs("crowd_few")
    born_of = born_tables(load_runs("generations"), *crowds_of)
    tables = self_tables(load_runs("selves")) | born_of
    runs = load_runs("selves").query(f"student == '{STRANGERS}' and unlabelled == 8000")
    mine = runs.sort_values("seed")
    assert tables["a CNN with an MLP"]["with 8,000 more"] == mine["errors_1"].tolist()
    assert tables["an MLP with a CNN"]["with 8,000 more"] == mine["errors_0"].tolist()
    born = tables["born again of 300 labels, and 9,700 without"]
    assert [*born] == [
        "labels",
        "smoothing 0.1",
        "smoothing 0.3",
        *(f"generation {n}" for n in (1, 2, 3)),
    ]
    mine = load_runs("crowd_few").query("method == 'smoothing 0.1'")
    assert born["smoothing 0.1"] == mine.sort_values("seed")["test_errors"].tolist()
    for rows in tables.values():
        assert {*map(len, rows.values())} == {5}
    every = [n for rows in tables.values() for row in rows.values() for n in row]
    drawn = runs_explorer(tables).look({"what": [*tables][0], "beside": "labels"})[0]
    least, most = drawn["layout"]["xaxis"]["range"]
    assert 10**least < min(every) and max(every) < 10**most, "one is held at the edge"


def test_few_labels_are_taught_live_and_nobody_twice(digits):
    train_set, test_set = (few_images(part, 120) for part in digits)
    panel = few_explorer(train_set, test_set, seeds=2)
    first = result(panel)
    assert [*map(len, first.values())] == [2, 2, 2]
    assert "30 images have a label, 90 have none." in sentence(panel)
    trained = []
    original = live_arms.student_steps

    def noted(*args, **how):
        trained.append(how)
        return original(*args, **how)

    live_arms.student_steps = noted
    try:
        panel._on_message(panel.picture, "start", [])
        assert result(panel) == first and trained == []
    finally:
        live_arms.student_steps = original


def test_a_student_is_told_of_all_images_and_its_teacher_learns_the_labelled(
    digits, monkeypatch
):
    train_set, test_set = (few_images(part, 120) for part in digits)
    learnt, told = [], []

    def teacher(name, columns, seed):
        learnt.append((name, count(columns)))
        return new_net("mlp-16", seed)
        yield

    def student(columns, **how):
        told.append((how["method"], count(columns), how["epochs"]))
        return how["model"]
        yield

    monkeypatch.setattr(live_arms, "teacher_steps", teacher)
    monkeypatch.setattr(live_arms, "student_steps", student)
    result(few_explorer(train_set, test_set, seeds=1))
    assert learnt == [(crowds.CNN, 30), (crowds.MLP, 30)]
    assert [(method, images) for method, images, _ in told] == [
        ("teacher", 120),
        ("labels", 30),
        ("teacher", 120),
    ]
    assert [epochs for *_, epochs in told] == [240, 480, 240]


# --- the library -----------------------------------------------------------------------------


def test_the_librarys_call_is_as_the_page_shows_it():
    path = Path(__file__).parents[2] / "11_who_teaches.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    text = "\n".join(cell.source for cell in cells)
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    teachers = [new_net("cnn-2-4-8", seed) for seed in range(3)]
    space = {"F": F, "scaled": scaled, "teachers": {"CNNs": teachers}}
    space["test_set"] = {"images": torch.randint(256, (6, 1, 28, 28)).byte()}
    exec(code, space)
    each = torch.stack([net(space["images"]) for net in teachers])
    assert_close(space["logits"], each, atol=1e-5, rtol=1e-4)
    said = together(each.detach(), "probabilities", 4.0)
    assert_close(space["told"], soften(said, 4.0), atol=1e-5, rtol=1e-4)
