"""Students are told what they should be told, by whom it is said, and nothing else."""

import re
from pathlib import Path

import nbformat
import pytest
import torch
from torch.testing import assert_close

from kdlab import relations
from kdlab.experiments import new_cnn
from kdlab.experiments.sweep import matched
from kdlab.explorers.answers import picked_images
from kdlab.figures import mean_words
from kdlab.models import build_model
from kdlab.results import RESULTS, load_runs
from kdlab.training import last_of, predict
from kdlab.weights import load_teacher
from lessons.samples import pictures, result, sentence, sixty_images

from . import (
    arms_explorer,
    attention_explorer,
    experiments,
    features,
    gain,
    gains_picture,
    planes_explorer,
    rows_of,
    watched,
    weights_explorer,
)
from .attention import STEPS, TAUGHT, over
from .planes import PRESETS, TWIN, VECTOR_LOSSES, moved, plane_of
from .students import (
    LOSSES,
    STUDENT,
    WAYS,
    imitation_steps,
    layers_of,
    told,
)

NAMES = [str(number) for number in range(12)]


def some_maps(columns):
    """What `watched` gives, of nobody."""
    images = len(picked_images(columns)) + 5
    draw = torch.Generator().manual_seed(0)

    def some():
        return relations.attention_map(torch.rand(images, 3, 7, 7, generator=draw))

    same = {name: [some()] * len(STEPS) for name in ("teacher", "ink", "mean map")}
    return same | {name: [some() for _ in STEPS] for name in TAUGHT}


def explorers(columns, student_logits):
    """{name: function that makes the explorer}; the last one of stored runs."""
    teacher = load_teacher("digits")[0]
    maps = some_maps(columns)
    return {
        "attention": lambda: attention_explorer(maps, columns, NAMES),
        "planes": lambda: planes_explorer(teacher, columns),
        "weights": lambda: weights_explorer(load_runs("imitate_tuning")),
    }


def live(train_set, test_set):
    """{name: function that makes the panel}, of those that train."""
    teacher = load_teacher("digits")[0]
    return {"arms": lambda: arms_explorer(teacher, train_set, test_set, seeds=2)}


# --- what is told ------------------------------------------------------------------


def test_features_are_those_of_the_net_on_its_way_to_its_answer(digits):
    teacher, images = load_teacher("digits")[0], digits[1]["images"][:8] / 255
    found = features(teacher, images)
    assert_close(found["logits"], teacher(images))
    shapes = {name: list(values.shape[1:]) for name, values in found.items()}
    assert shapes == {
        "first": [16, 7, 7],
        "maps": [32, 7, 7],
        "last": [128],
        "logits": [10],
    }
    assert (found["last"] >= 0).all() and (found["maps"] >= 0).all()


def test_sources_are_what_they_are_called(digits):
    columns, teacher = digits[0], load_teacher("digits")[0]
    own, other, mates, mixed = (
        told(columns, teacher, ["last"], source, seed=1)["told_last"]
        for source in ("teacher", "untrained", "class mates", "shuffled")
    )
    assert_close(own, features(teacher, columns["images"] / 255)["last"].detach())
    assert not other.requires_grad and other.shape == own.shape
    assert not torch.equal(other, own)
    labels = columns["labels"]
    for found, within in ((mates, True), (mixed, False)):
        assert_close(found.sort(dim=0).values, own.sort(dim=0).values)
        whose = [int((own - row).abs().sum(1).argmin()) for row in found]
        same = (labels[whose] == labels).double().mean().item()
        assert (same == 1.0) if within else (same < 0.3)
        assert (torch.tensor(whose) != torch.arange(len(whose))).double().mean() > 0.8
    ink = told(columns, teacher, ["last"], "pixels")["told_last"]
    assert_close(ink.flatten(1), columns["images"].flatten(1) / 255)


@pytest.mark.parametrize("way", WAYS)
def test_every_way_falls_and_its_regressor_learns(digits, way):
    method, layer = WAYS[way]
    columns = {name: column[:64] for name, column in digits[0].items()}
    teacher = load_teacher("digits")[0]
    columns = told(columns, teacher, layers_of(method, layer), "teacher")
    how = {"method": method, "layer": layer, "weight": 1e4, "epochs": 30}
    seen = []
    net = last_of(imitation_steps(columns, **how, batch_size=64), seen.append)
    first, last = seen[0][1], seen[-1][1]
    assert set(first) == {"hard", "told"} and last["told"] < 0.9 * first["told"]
    assert predict(net, columns["images"]).shape == (64, 10)


def test_the_regressor_is_in_the_optimizer(digits):
    """Left out it would stay as it was drawn, and the hint would be fitted worse."""
    columns = {name: column[:64] for name, column in digits[0].items()}
    columns = told(columns, load_teacher("digits")[0], ["last"], "teacher")
    frozen = new_cnn(STUDENT)
    for parameter in frozen.parameters():
        parameter.requires_grad_(False)
    seen = []
    how = {"method": "hint", "layer": "last", "weight": 1.0, "epochs": 30}
    last_of(imitation_steps(columns, net=frozen, **how), seen.append)
    assert seen[-1][1]["told"] < 0.95 * seen[0][1]["told"]
    assert_close(seen[-1][1]["hard"], seen[0][1]["hard"])


def test_labels_count_where_there_are_any(digits):
    columns = {name: column[:64] for name, column in digits[0].items()}
    none = {**columns, "labelled": torch.zeros(64)}
    (_, terms), *_ = imitation_steps(none, epochs=1)
    assert terms["hard"] == 0
    few = {**columns, "labelled": torch.tensor([64 / 16] * 16 + [0.0] * 48)}
    first = {name: column[:16] for name, column in columns.items()}
    with torch.no_grad():
        logits = new_cnn(STUDENT)(first["images"] / 255)
    wanted = torch.nn.functional.cross_entropy(logits, first["labels"])
    (_, terms), *_ = imitation_steps(few, epochs=1)
    assert_close(terms["hard"], wanted)


# --- explorers -----------------------------------------------------------------------


def test_the_planes_say_who_sees_what():
    panel = planes_explorer(load_teacher("digits")[0], sixty_images())
    blind = {
        name: panel.look(PRESETS.get(name, TWIN))[0]["layout"]["title"]["text"]
        for name in ("twin", *PRESETS)
    }
    said = "See no difference: "
    assert blind["twin"] == said + "hint, distances, angles, similarity"
    assert blind["turned and doubled"] == said + "distances, angles, similarity"
    assert blind["moved away"] == said + "distances, angles"
    assert blind["others' places"] == said + "none of the four"


def test_a_plane_is_the_teachers_own_and_a_turn_is_a_turn(digits):
    points, images = plane_of(load_teacher("digits")[0], digits[1])
    assert points.shape == (12, 2)
    places = [(digits[1]["images"] == image).flatten(1).all(1) for image in images]
    labels = [digits[1]["labels"][place][0].item() for place in places]
    assert labels[:10] == list(range(10))
    assert_close(points.std(), torch.tensor(1.0).double())
    turned = moved(points, **{**TWIN, "turn": 90})
    assert_close(turned, torch.stack([-points[:, 1], points[:, 0]], dim=1))
    assert set(VECTOR_LOSSES) < set(LOSSES)


def test_attention_is_watched_from_the_first_step_to_the_last(digits):
    train_set, test_set = digits
    teacher = load_teacher("digits")[0]
    maps = watched(teacher, train_set, test_set)
    images = len(picked_images(test_set)) + len(test_set["images"])
    for name, found in maps.items():
        rows = 1 if name == "mean map" else images
        assert [*map(len, found)] == [rows] * len(STEPS)
    on_labels, on_attention = (
        (maps[name][-1] - maps["teacher"][-1]).square().sum(1).mean()
        for name in ("on labels", "and on attention")
    )
    assert on_attention < 0.5 * on_labels
    assert_close(maps["on labels"][0], maps["and on attention"][0])
    rows = pictures(attention_explorer(maps, test_set, NAMES))
    assert f"{on_attention:.2f}" in rows[-1].sentence


def test_more_attention_is_more_colour():
    attention = torch.zeros(49)
    attention[0] = 1.0
    picture = over(torch.zeros(1, 28, 28), attention, "#0072B2")
    assert picture[2, 0, 0] > 0.5 and picture[:, 10, 10].sum() == 0


def test_arms_are_trained_live_and_twins_once(digits):
    teacher = load_teacher("digits")[0]
    panel = arms_explorer(teacher, *digits, seeds=2)
    first = result(panel)
    assert [*map(len, first.values())] == [2, 2, 2]
    assert len({*map(tuple, first.values())}) == 3, "a control is another student"
    assert "control is the same, from another image of the class." in sentence(panel)
    panel.controls["control"].value = "the teacher's answers alone"
    second = result(panel)
    assert first["labels"] == second["labels"]
    assert second["one thing more"] == first["one thing more"]
    assert second["its control"] != first["its control"]
    assert "its control is the teacher's answers alone." in sentence(panel)


# --- stored runs, and the library ------------------------------------------------------


def test_the_weights_lines_are_the_search():
    search = load_runs("imitate_tuning")
    panel = weights_explorer(search)
    figure, says = panel.look({"way": "distances, the last layer", "weight": 100.0})
    lines = {t["name"]: t["y"] for t in figure["data"] if t["mode"] == "lines"}
    assert [*lines] == [
        "labels alone",
        "the teacher",
        "an untrained net",
        "another image of the class",
        "the pixels",
    ]
    runs = rows_of(search, "distances", "last", teacher="other 1", weight=100.0)
    mean = runs["test_errors"].mean()
    assert len(runs) == 2 and lines["the teacher"][4] == mean
    assert f"the teacher: {mean:,.0f}, fewest {mean:,.0f} at 100;" in says
    figure, says = panel.look({"way": "hint, the maps", "weight": 0.1})
    assert "the teacher: not tried, fewest 496 at 100;" in says
    assert gain(load_runs("imitate"), "labels") == [0.0] * 5


def test_the_picture_of_gains_is_of_the_stored_runs():
    runs = load_runs("imitate")
    figure, says = gains_picture(runs)
    assert f"{mean_words(gain(runs, 'hint', 'maps'))} (hint, the maps)" in says
    (each,) = (t for t in figure["data"] if t["name"] == "one run")
    assert each["customdata"][:5] == gain(runs, "hint", "maps")
    assert len(each["x"]) == 5 * (len(WAYS) + 2)
    assert max(map(abs, each["x"])) < 300, "none is held at the edge"


@pytest.mark.parametrize("name", ["imitate_tuning", "imitate", "imitate_unchosen"])
def test_a_table_holds_what_is_asked_and_no_more(name):
    settings = vars(experiments)[name].settings()
    rows, others = matched(RESULTS / f"{name}.csv", settings)
    assert len(rows) == len(settings) and not others


def test_the_librarys_call_is_as_the_page_shows_it():
    pytest.importorskip("torchdistill")
    path = Path(__file__).parents[2] / "10_what_to_imitate.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    text = "\n".join(cell.source for cell in cells)
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    images = torch.rand(16, 1, 28, 28)
    nets = {"student": new_cnn(STUDENT), "teacher": build_model("cnn")}
    space = {"torch": torch, "x": images, **nets}
    exec(code, space)
    own, other = (features(net, images)["last"] for net in nets.values())
    ours = relations.distance_loss(own, other)
    assert_close(space["found"], ours * 15 / 16, rtol=1e-3, atol=1e-5)
