"""Explorers with any number of images and of classes, from two on, and their colours.

What cannot be shown, such as neighbours among images of one class, is said in words.
"""

import colorsys
import inspect
import math
import re
from importlib import import_module

import pytest
import torch

import claims
from kdlab import figures as fig
from kdlab.explorers.answers import TEMPERATURES, most_torn, picked_images
from kdlab.explorers.pair import lines
from kdlab.explorers.twins import twins_picture
from kdlab.hints import permuted
from kdlab.metrics import entropy, soften
from kdlab.models import build_model
from kdlab.panels import LivePanel, choice
from kdlab.panels.pad import DrawingPad
from kdlab.panels.panel import positions
from lessons.dark_knowledge import neighbours_explorer, similarity_explorer
from lessons.loss_blend import loudness_explorer
from lessons.loss_blend.plane import COLORS
from lessons.samples import result, sentence, sixty_images, some_images, student_answers
from lessons.soft_targets import (
    answer_explorer,
    label_explorer,
    second_answer_explorer,
    torn_explorer,
    uniform_mix_explorer,
)
from lessons.soft_targets.explorers import rank_slider
from lessons.teacher_and_student import pair, reliability_picture
from lessons.temperature import gradient_explorer, limit_explorer

LESSONS = [path.stem[3:] for path in claims.ALL]
FACES = {name: import_module(f"lessons.{name}") for name in LESSONS}
HOMES = {name: import_module(f"lessons.{name}.test_lesson") for name in LESSONS}
# Whom each explorer shows: blue is a teacher's, orange a student's, and nobody else's.
TEACHER, STUDENT = {fig.TEACHER}, {fig.STUDENT}
SMALLER = "weights", "channels", "rank"
SHOWS = dict.fromkeys(["answer", "answer_beside", "label", "torn"], TEACHER)
SHOWS |= {"between": TEACHER, "pad": TEACHER}
SHOWS |= dict.fromkeys(["second_answer", "uniform_mix", "temperature"], TEACHER)
SHOWS |= dict.fromkeys(["similarity", "neighbours"], TEACHER)
SHOWS |= dict.fromkeys(["gradient", "limit", "calibration"], STUDENT)
SHOWS |= {"loudness": TEACHER}  # the force of each who pulls
SHOWS |= {"bias": STUDENT, "forces": TEACHER | STUDENT, "pair": TEACHER | STUDENT}
SHOWS |= dict.fromkeys(["gain", "omitted", "retrain", "blend_map"], STUDENT)
SHOWS |= {"playground": TEACHER | STUDENT}  # the titles of the planes
SHOWS |= {"two_teachers": TEACHER, "colour_pair": TEACHER | STUDENT}
SHOWS |= dict.fromkeys([f"smaller, {what}" for what in SMALLER], set())
SHOWS |= {"train_again": TEACHER | STUDENT, "rescue": STUDENT, "build": set()}
SHOWS |= {"attention": STUDENT, "planes": TEACHER | STUDENT, "arms": STUDENT}
SHOWS |= {"ridge": STUDENT, "bugs": TEACHER}
SHOWS |= {"crowd": TEACHER, "few": STUDENT}
SHOWS |= {"moved": STUDENT, "senses": TEACHER | STUDENT, "habit": STUDENT}
SHOWS |= {"server": STUDENT, "cloud": set(), "answers": set()}
# These do not depend on the images: they are of stored runs, or of three classes.
FIXED = {"label_counts": STUDENT, "crossing": STUDENT, "own_data": STUDENT}
FIXED |= {"fidelity": STUDENT, "omitted_runs": STUDENT, "variance": set()}
FIXED |= {"forces": SHOWS["forces"]}
FIXED |= dict.fromkeys(["teachers", "views", "classes"], STUDENT)
FIXED |= dict.fromkeys(["grid", "clip", "channels", "bits"], STUDENT)
FIXED |= dict.fromkeys(["bits_trained", "races", "widths", "orders"], STUDENT)
FIXED |= dict.fromkeys(["training", "pareto", "budget"], TEACHER | STUDENT)
FIXED |= {"ways": set(), "weights": TEACHER | STUDENT}
FIXED |= dict.fromkeys(["runs_crowd", "runs_few", "runs_self", "runs_born"], STUDENT)
FIXED |= {"line_up": TEACHER | STUDENT, "gap": STUDENT, "weight": STUDENT}
FIXED |= {"told": STUDENT, "bytes": STUDENT}
# classes, so two are needed
COMPARE = {"uniform_mix", "between", "similarity", "neighbours"}
SIZES = {
    "two of two": some_images(2, 2),
    "two of twelve": some_images(2, 12),
    "three of three": some_images(3, 3),
    "five of ten": some_images(5, 10),
    "seven, no errors": some_images(7, 3, errs=False),
    "ten of two": some_images(10, 2),
    "eleven of twelve, one class without": some_images(11, 12, shown=11),
    "sixty of five, one without, no errors": some_images(60, 5, shown=4, errs=False),
    "as many as the rank once failed with": some_images(200, 10),
    "the training digits of scikit-learn": some_images(1437, 3),
    "one class": some_images(60, 10, shown=1),
}


def explorers(columns):
    """{name: how to make it} of those that show these images."""
    made = {}
    for home in HOMES.values():
        made |= home.explorers(columns, student_answers(columns))
    return {name: make for name, make in made.items() if name not in FIXED}


def press(panel, label):
    """Press a preset; what is shown."""
    for name, place in dict(panel.picture.presets)[label].items():
        control = panel.controls[name]
        setattr(control, "index" if hasattr(control, "options") else "value", place)
    return panel.look(panel.values())


def leaves(node):
    """All that a figure holds, without its dicts and lists."""
    if isinstance(node, dict):
        node = list(node.values())
    if isinstance(node, list | tuple):
        for child in node:
            yield from leaves(child)
    else:
        yield node


def must_show(figure, says):
    """A picture with a title, a sentence and numbers that can be drawn."""
    assert figure is not None, says
    title = figure["layout"]["title"]["text"]
    assert title and says
    assert not re.search(r"\b(nan|inf)\b", f"{title} {says}"), (title, says)
    assert all(math.isfinite(x) for x in leaves(figure) if isinstance(x, float))
    for trace in figure["data"]:
        x, y = trace.get("x", []), trace.get("y", [])
        assert len(x) == len(y) or trace["type"] == "heatmap"


# --- every position -------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_every_position_and_every_button_shows_something(size):
    columns = SIZES[size]
    for name, make in explorers(columns).items():
        if size == "one class" and name in COMPARE:
            with pytest.raises(ValueError, match="Images of 2 classes are needed"):
                make()
            continue
        panel = make()
        for values in panel.points():
            must_show(*panel.look(values))
        for label, _ in panel.picture.presets:
            must_show(*press(panel, label))


@pytest.mark.parametrize("size", ["two of two", "eleven of twelve, one class without"])
def test_no_slider_cuts_a_position_of_its_own(size):
    for make in explorers(SIZES[size]).values():
        for control in make().controls.values():
            if isinstance(control, DrawingPad):
                continue  # drawings cannot be counted
            for value in positions(control).values():
                control.value = value
                there = control.value
                assert there == value or there == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("last", [*range(2, 200), 1433, 9_995, 49_995, 59_995])
def test_every_number_of_images_has_a_slider_from_its_first_rank_to_its_last(last):
    slider = rank_slider(last)
    ranks = [round(value) for value in positions(slider).values()]
    assert ranks[0] == 1 and ranks[-1] == last and ranks == sorted(ranks)
    assert len(ranks) <= 41 and (last > 41 or ranks == [*range(1, last + 1)])
    slider.value = last  # typed, or by a button
    assert slider.value == last


def test_the_last_of_all_ranks_is_shown_for_awkward_numbers_of_images():
    for images in (2, 6, 11, 12, 47, 200, 1437):
        columns = some_images(images, 10)
        panel = torn_explorer(columns)
        figure, _ = press(panel, "most certain")
        shown = len(figure["layout"]["images"])
        title = f"Ranks {images - shown + 1:,} to {images:,} of {images:,}, most torn"
        assert title in figure["layout"]["title"]["text"]
        bits = entropy(soften(columns["teacher_logits"].double(), 4.0))
        drawn = figure["data"][1]
        assert drawn["y"][0] == pytest.approx(bits.max().item() / math.log(2))


# --- what a button says -------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_the_buttons_open_the_images_that_they_name(size):
    columns = SIZES[size]
    opened = entropy(soften(columns["teacher_logits"], 4.0))
    order = opened.argsort(descending=True)
    certain = entropy(soften(columns["teacher_logits"], 1.0))
    asked = {"most torn image": order[0], "most torn": order[0]}
    asked["next most torn"] = order[1]
    for make in (answer_explorer, label_explorer):
        panel = make(columns)
        for label in asked.keys() & dict(panel.picture.presets).keys():
            figure, _ = press(panel, label)
            pixels = columns["images"][asked[label]]
            assert figure["layout"]["images"][0]["source"] == fig.image_address(pixels)
    press(panel, "a clear one, in powers of ten")
    number = panel.controls["image_number"].value
    assert number < most_torn(columns)  # one of each class, before the torn ones
    picked = picked_images(columns)
    probs = soften(columns["teacher_logits"].double(), 1.0)[picked]
    if (probs[number] < 1e-12).any():  # there is none with all its bars
        assert (probs[: most_torn(columns)].amin(dim=1) < 1e-12).all()
    others = certain[picked[: most_torn(columns)]]
    visible = probs[: most_torn(columns)].amin(dim=1) > 1e-12
    fair = others[visible] if visible.any() else others
    assert certain[picked[number]] == pytest.approx(fair.min().item(), abs=1e-6)


def test_the_two_targets_that_are_mixed_are_of_the_classes_most_alike():
    columns = some_images(40, 4)
    columns["teacher_logits"][columns["labels"] == 3, 1] += 5
    figure, _ = uniform_mix_explorer(columns).view(0.0)
    wanted = [fig.image_address(columns["images"][row]) for row in (1, 3)]
    assert [image["source"] for image in figure["layout"]["images"]] == wanted


def test_neighbours_are_real_images_of_the_classes_named():
    columns = some_images(11, 12, shown=11)
    columns["labels"][10] = 0  # now the 10 has no image either, the 0 has two
    panel = neighbours_explorer(columns)
    for values in panel.points():
        figure, says = panel.look(values)
        named = re.findall(r"(\d+) \((?:under |over )?[\d.]+ %\)", says)
        texts = [t["text"] for t in figure["data"] if t.get("mode") == "text"]
        assert texts == [[fig.a(name) for name in named]]
        assert len(named) == 3 and not {"10", "11"} & {*named}


def test_a_class_without_images_is_left_out_of_the_map_and_named():
    columns = some_images(60, 5, shown=4)
    figure, says = similarity_explorer(columns, [*"abcde"]).view(4.0)
    assert says.endswith("Left out, for no image shows it: e.")
    assert figure["data"][1]["text"] == [*"abcd"]
    assert "e" not in figure["layout"]["xaxis2"]["ticktext"]
    places = [end for axis in "xy" for end in figure["data"][1][axis]]
    assert max(map(abs, places)) < figure["layout"]["xaxis"]["range"][1]


def test_cells_and_sentence_of_the_map_are_in_one_unit():
    columns = sixty_images()
    figure, says = similarity_explorer(columns).view(4.0)
    cells = next(t for t in figure["data"] if t["type"] == "heatmap")
    a, b, times = re.search(r"alike are (\d) and (\d) \(([\d.]+)\)", says).groups()
    rows = figure["layout"]["yaxis2"]["ticktext"]
    both = [cells["text"][rows.index(y)][int(x)] for y, x in ((a, b), (b, a))]
    assert sum(map(float, both)) / 2 == pytest.approx(float(times), abs=0.06)
    z = cells["z"][rows.index(a)][int(b)]  # colours go by doublings
    assert 2**z == pytest.approx(float(both[0]), abs=0.06)


# --- names, and what is refused -----------------------------------------------------

LONG = ["ankle boot", "dress with a very long name", "8", "a bag of shoes", "coat"]
NAMED = {  # explorers that take names of classes; `bias` has no use for them
    name: function
    for face in FACES.values()
    for name, function in vars(face).items()
    if name.endswith("_explorer") and name != "bias_explorer"
    if "class_names" in inspect.signature(function).parameters
}


def with_names(name, columns, names):
    """An explorer of these columns, with names of their classes."""
    needed = inspect.signature(NAMED[name]).parameters.values()
    before = [
        p.name for p in needed if p.default is p.empty and p.kind != p.VAR_KEYWORD
    ]
    given = dict.fromkeys(
        ["student_logits", "smoothed_logits"], student_answers(columns)
    )
    given["teacher"] = build_model("mlp", classes=columns["teacher_logits"].shape[1])
    panel = NAMED[name](*(given.get(n, columns) for n in before), class_names=names)
    if isinstance(panel, LivePanel):
        panel.stop()
        result(panel)
    return panel


@pytest.mark.parametrize("name", NAMED)
def test_names_may_be_long_and_there_is_one_for_each_class(name):
    columns = some_images(20, 5)
    panel = with_names(name, columns, LONG)
    if not isinstance(panel, LivePanel):
        figure, says = panel.look(panel.values())
        must_show(figure, says)
        ticks = [a.get("ticktext", []) for a in list(figure["layout"].values())[1:]
                 if isinstance(a, dict)]  # fmt: skip
        assert all(len(tick) <= 10 for some in ticks[1:] for tick in some)
    for wrong in (LONG[:4], [*LONG, "hat"], [*LONG[:4], LONG[0]]):
        with pytest.raises(ValueError, match="one name for each, no two alike"):
            with_names(name, columns, wrong)


def test_long_names_have_room_beside_and_beneath():
    columns = some_images(20, 5)
    short, long = (
        similarity_explorer(columns, names).view(4.0).figure["layout"]["margin"]["b"]
        for names in ([*"abcde"], LONG)
    )
    assert short == 60 < long
    figure = label_explorer(columns, LONG).view(1, False).figure
    bars = figure["layout"]["yaxis"]
    assert bars["tickvals"] == LONG and bars["ticktext"][1] == "dress wit…"


@pytest.mark.parametrize(
    "name", ["an ankle boot", "an 8", "a 4", "an 11", "a 1", "a 10"]
)
def test_a_name_has_its_article(name):
    assert fig.a(name.split(" ", 1)[1]) == name


@pytest.mark.parametrize(
    "make", [answer_explorer, torn_explorer, second_answer_explorer]
)
def test_columns_that_cannot_be_shown_are_told_in_words(make):
    columns = some_images(20, 5)
    told = columns["teacher_logits"]
    with pytest.raises(ValueError, match=r"no teacher_logits: add predict\(teacher"):
        make({"images": columns["images"], "labels": columns["labels"]})
    with pytest.raises(ValueError, match="labels must be from 0 to 3, got 0 to 4"):
        make({**columns, "teacher_logits": told[:, :4]})
    with pytest.raises(ValueError, match="for 1 classes: two at least"):
        make(
            {**columns, "labels": columns["labels"] * 0, "teacher_logits": told[:, :1]}
        )


def test_one_image_is_shown_but_has_no_ranks():
    one = {name: column[:1] for name, column in some_images(20, 5).items()}
    for make in (answer_explorer, label_explorer, second_answer_explorer):
        panel = make(one)
        must_show(*panel.look(panel.values()))
    with pytest.raises(ValueError, match="two images at least"):
        torn_explorer(one)


def test_a_choice_that_is_not_there_is_refused_in_words():
    with pytest.raises(ValueError, match="labels cannot be 5: there are \\[1, 2\\]"):
        choice("labels", [1, 2], 5)


# --- values that go through a logarithmic slider ------------------------------------


def test_a_number_that_is_typed_is_answered_or_the_nearest_one_is_named():
    columns = some_images(60, 5)
    students = {"one": student_answers(columns)}
    nearest = TEMPERATURES[fig.nearest(TEMPERATURES, 3.0)]
    for panel in (
        similarity_explorer(columns),
        gradient_explorer(students, columns["teacher_logits"]),
        loudness_explorer(students, columns),
    ):
        typed, exact = (
            panel.look(panel.values() | {"temperature": t}) for t in (3.0, nearest)
        )
        assert typed[1] == exact[1] and f"T = {nearest:.4g}" in typed[1]
    second = soften(columns["teacher_logits"], 1.0).topk(2).values[:, 1]
    for typed in (0.15, 3.0, 7.7):
        _, says = second_answer_explorer(columns).view(typed)
        assert f"on {int((second > typed / 100).sum())} of 60 images" in says


def test_a_student_that_answers_like_its_teacher_has_no_gradient():
    columns = some_images(20, 5)
    told = columns["teacher_logits"]
    must_show(*limit_explorer(columns, told).view(4.0, 0))
    must_show(*loudness_explorer({"twin": told}, columns).view(4.0, 0.5, "twin"))
    figure, says = gradient_explorer({"twin": told}, told).look(
        {"temperature": 4.0, "student": "twin"}
    )
    assert figure is None and "answers like the teacher" in says


# --- panels that train ----------------------------------------------------------------


@pytest.fixture
def drawn(monkeypatch):
    """Pictures of live panels, as they come: [(figure, sentence), ...]."""
    seen, show = [], LivePanel.show_now

    def seeing(panel, figure, says, places):
        seen.append((figure, says))
        show(panel, figure, says, places)

    monkeypatch.setattr(LivePanel, "show_now", seeing)
    return seen


# of points in a plane; of nets of the course's own shape, which knows ten classes
FIXED_PANELS = {"playground", "train_again", "rescue", "build", "arms", "few"}
FIXED_PANELS |= {"habit", "server"}


def live(columns):
    """{name: how to make it} of the panels that train on images."""
    made = {}
    for home in HOMES.values():
        made |= home.live(columns, columns) if hasattr(home, "live") else {}
    return {name: make for name, make in made.items() if name not in FIXED_PANELS}


@pytest.mark.parametrize("images, classes", [(2, 2), (5, 12), (60, 12)])
def test_panels_train_students_of_few_images_and_of_other_classes(
    images, classes, drawn
):
    columns = some_images(images, classes)
    for name, make in live(columns).items():
        panel = make()
        if name == "blend_map":
            result(panel)
            panel._on_message(panel.picture, "start", [])
        found, says = result(panel), sentence(panel)
        if (name, classes) == ("gain", 2):  # which arm cannot be
            assert "among 3 classes, got 2" in says
            continue
        assert found is not None, (name, says)
        assert "nan" not in says, (name, says)
        for place, *_ in dict(panel.picture.presets).items():
            assert place
    for figure, says in drawn:
        if figure is not None:
            must_show(figure, says)


def test_only_classes_that_can_be_judged_can_be_left_out():
    columns = some_images(60, 10, shown=9)
    test_set = {
        name: column[columns["labels"] != 7] for name, column in columns.items()
    }
    omitted = FACES["dark_knowledge"].omitted_explorer(columns, columns, test_set)
    omitted.stop()
    left = [name for name, _ in omitted.controls["hidden"].options]
    assert left[:-1] == [f"every {n}" for n in (0, 1, 2, 3, 4, 5, 6, 8)]
    assert left[-1] == "all but 7 and 8"
    assert omitted.controls["hidden"].label == "every 3"
    apart = {**columns, "labels": columns["labels"] * 0 + 9}
    with pytest.raises(ValueError, match="is in the test and the held-out images"):
        FACES["dark_knowledge"].omitted_explorer(columns, apart, apart)


def test_two_classes_have_no_wrong_answers_that_could_change_places():
    with pytest.raises(ValueError, match="among 3 classes, got 2"):
        permuted(torch.rand(4, 2), torch.zeros(4).long())


@pytest.mark.parametrize("examples", [2, 5, 60, 1437, 10_000])
def test_ticks_of_errors_stand_at_the_whole_numbers_that_they_name(examples):
    figure, _ = twins_picture(examples, 1, "", {"with the teacher": [0], "labels": [1]})
    ticks = figure["layout"]["xaxis"]
    for text, place in zip(ticks["ticktext"], ticks["tickvals"], strict=True):
        assert int(text.replace(",", "")) == place > 0


def test_no_errors_at_all_stand_at_the_edge_of_a_logarithmic_axis():
    y = fig.axis("test errors", [1, 2], log=True)
    (line,) = lines({"on labels": [(0, 50.0), (1, 0.0)]}, {}, y)["traces"]
    assert line["y"] == [50, 10]


def test_any_number_of_models_is_judged_and_students_are_orange():
    columns = some_images(60, 5)
    told = dict.fromkeys(["hot", "teacher", "on labels", "a fourth"])
    answers = dict.fromkeys(told, columns["teacher_logits"])
    figure, _ = reliability_picture(answers, columns["labels"])
    bars = [t["marker"]["color"] for t in figure["data"] if t["type"] == "bar"]
    assert bars == [fig.STUDENT, fig.TEACHER, fig.LABELS, fig.STUDENT]


def test_an_epoch_of_the_pair_is_counted_with_the_batches_that_are_trained(monkeypatch):
    sizes, steps = [], pair.student_steps

    def seen(columns, **how):
        sizes.append(how["batch_size"])
        return steps(columns, **how)

    monkeypatch.setattr(pair, "student_steps", seen)
    monkeypatch.setattr(pair, "BATCH_SIZE", 7)
    panel = pair.pair_explorer(*[some_images(60, 10)] * 2, epochs=2)
    result(panel)
    assert sizes == [7, 7] and "After 2 of 2 epochs" in sentence(panel)


# --- colours ------------------------------------------------------------------------


def colors_in(node):
    """All colours that a figure names."""
    texts = (x for x in leaves(node) if isinstance(x, str))
    return {x.upper() for x in texts if re.fullmatch("#[0-9A-Fa-f]{6}", x)}


def must_keep_colors(name, figure):
    """Blue and orange are theirs whom it shows, and labels are grey."""
    used = colors_in(figure)
    found = {fig.TEACHER} & used | ({fig.STUDENT} if {*fig.STUDENTS} & used else set())
    assert found == (SHOWS | FIXED)[name], name
    for trace in figure["data"]:
        own = colors_in(trace)
        if (
            trace.get("name") == "teacher"
            and trace.get("line", {}).get("dash") != "dot"
        ):
            assert own <= {fig.TEACHER}, name
        if trace.get("name") in ("label", "labels", "on labels", "loss on labels"):
            assert own <= {fig.LABELS}, name
        if trace["type"] == "heatmap":
            assert not near_to_teacher_or_student(own), name


def shape_of(trace):
    """What tells a trace from others without its colour."""
    mark, line = trace.get("marker", {}), trace.get("line", {})
    mode = trace.get("mode", "bar")  # thin lines are many, a thick one is the one meant
    thick = "lines" in mode and line.get("width", 2) >= 3
    shape = [mark.get("symbol"), mark.get("pattern", {}).get("shape"), line.get("dash")]
    return trace.get("xaxis"), trace["type"], mode, thick, str(shape)


def must_do_without_colours(name, figure):
    """Lines, dots and bars on the same axes differ in dash, shape or hatch, too.

    Lines that join dots of one name are told by those; whatever has words is told.
    """
    marked = {t.get("legendgroup") for t in figure["data"]} - {None}
    told = {}
    for trace in figure["data"]:
        joins = trace.get("mode") == "lines" and trace.get("legendgroup") in marked
        if trace["type"] == "heatmap" or "text" in trace or joins:
            continue
        mark, line = trace.get("marker", {}), trace.get("line", {})
        color = mark.get("color", line.get("color"))
        if isinstance(color, list):  # each its own: so are the shapes, or the rows
            assert isinstance(mark.get("symbol"), list) or trace["type"] == "bar", name
            continue
        other, before = told.setdefault(shape_of(trace), (color, trace.get("name")))
        assert other == color, f"{name}: {before} and {trace.get('name')} look alike"


def near_to_teacher_or_student(colors):
    """Those of the colours whose hue is nearly a teacher's or a student's."""

    def hue_and_strength(color):
        hue, _, strength = colorsys.rgb_to_hls(
            *(c / 255 for c in bytes.fromhex(color[1:]))
        )
        return 360 * hue, strength

    near = []
    for color in colors:
        hue, strength = hue_and_strength(color)
        theirs = (hue_and_strength(c)[0] for c in (fig.TEACHER, fig.STUDENT))
        away = (abs((hue - own + 180) % 360 - 180) for own in theirs)
        near += [color] if strength > 0.15 and min(away) < 30 else []
    return near


def test_blue_is_the_teachers_and_orange_the_students_in_every_explorer():
    columns, made = sixty_images(), {}
    for home in HOMES.values():
        made |= home.explorers(columns, student_answers(columns))
    assert made.keys() <= (SHOWS | FIXED).keys(), "say in SHOWS whom it shows"
    for name, make in made.items():
        panel = make()
        figure = panel.look(panel.values())[0]
        must_keep_colors(name, figure)
        must_do_without_colours(name, figure)


def test_panels_that_train_keep_the_colours(drawn):
    columns, made = sixty_images(), {}
    for home in HOMES.values():
        made |= home.live(columns, columns) if hasattr(home, "live") else {}
    for name, make in made.items():
        panel = make()
        if name == "playground":
            assert "training" in sentence(panel)
            panel.stop()
        result(panel)
        must_keep_colors(name, drawn[-1][0])
        must_do_without_colours(name, drawn[-1][0])


def test_cells_and_classes_have_colours_of_their_own():
    cells = [color for _, color in fig.DIVERGING + fig.SEQUENTIAL]
    assert not near_to_teacher_or_student([*cells, *COLORS])
    assert near_to_teacher_or_student([fig.TEACHER, fig.SOFTENED, *fig.STUDENTS])
    assert len(near_to_teacher_or_student([fig.SOFTENED, "#E69F00"])) == 2


def test_six_curves_and_more_each_have_a_colour_a_dash_and_a_shape():
    lines = {str(number): [1.0, 2.0] for number in range(7)}
    axes = fig.axis("x", [0, 2]), fig.axis("y", [0, 2])
    part = fig.curves([1, 2], lines, 1, axes, [fig.OTHER, fig.LABELS])
    looks = [
        (line["line"]["color"], line["line"]["dash"], dot["marker"]["symbol"])
        for line, dot in zip(part["traces"][::2], part["traces"][1::2], strict=True)
    ]
    assert len({*looks}) == 7
    runs = {name: [[1.0, 2.0]] for name in lines}
    assert len(fig.lines_with_spread([1], runs, axes, [fig.OTHER])["traces"]) == 7
