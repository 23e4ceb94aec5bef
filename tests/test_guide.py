"""The instructor's guide says what the lessons hold, and what the stored runs say."""

import re
from statistics import mean, stdev

import nbformat
import pytest

from kdlab.exercises import load_words
from kdlab.results import load_runs
from lessons.samples import sixty_images, student_answers
from teaching import guide
from teaching.executed import ALL, home_of

WITH = [path for path in ALL if guide.guide_of(home_of(path))]
NAMES = [path.stem for path in WITH]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Explorers of sixty images, not of thousands."""
    columns = sixty_images()
    there = columns, student_answers(columns)
    monkeypatch.setattr(guide, "columns_and_student", lambda: there)


def texts_of(notebook):
    return "\n".join(cell.source for cell in nbformat.read(notebook, 4).cells)


@pytest.mark.parametrize("notebook", WITH, ids=NAMES)
def test_minutes_add_up(notebook):
    plan = guide.guide_of(home_of(notebook))["plan"]
    sums = {length: sum(s["minutes"] for s in steps) for length, steps in plan.items()}
    assert sums == {"50": 50, "90": 90}
    assert all(sum(s.get("drop", 0) for s in steps) <= 1 for steps in plan.values())


@pytest.mark.parametrize("notebook", WITH, ids=NAMES)
def test_each_prediction_of_the_page_is_there(notebook):
    ours = guide.guide_of(home_of(notebook)).get("predict", {})
    words = load_words(home_of(notebook) / "words.toml")["predict"]
    assert list(ours) == list(words)
    for name, asked in words.items():
        assert 0 < ours[name]["wrong"] < 1
        assert ours[name].get("usual", asked["choices"][0]) in asked["choices"], name
        assert ours[name].get("most", asked["choices"][0]) in asked["choices"], name
        assert ours[name].get("most") != ours[name].get("usual", asked.get("answer", 0))
        assert not {"answer"} & set(asked) or "usual" not in ours[name], name


@pytest.mark.parametrize("notebook", WITH, ids=NAMES)
def test_questions_numbers_and_pictures(notebook):
    told = guide.guide_of(home_of(notebook))
    assert 3 <= len(told["discussion"]) <= 5 and len(told["error"]) >= 3
    for one in told["discussion"]:
        assert "rubric" in told or {"full", "half"} <= set(one)
        needs = one.get("needs", "")
        headings = re.findall(r"^#+ (.*?)(?: \(may skip\))?$", texts_of(notebook), re.M)
        assert not needs or needs in headings, needs
    assert 3 <= len(told["picture"]) <= 5
    assert {n.get("of") for n in told.get("number", [])} <= {
        None,
        *told.get("predict", {}),
    }


@pytest.mark.parametrize("notebook", WITH, ids=NAMES)
def test_the_page_and_its_slides_are_whole(notebook, tmp_path):
    assert guide.write(tmp_path, [notebook]) == []
    home = home_of(notebook).name
    told = guide.guide_of(home_of(notebook))
    page, slides = (
        (tmp_path / f"{home}{end}.html").read_text("utf-8") for end in ("", "-slides")
    )
    pictures, asked = len(told["picture"]), len(told.get("predict", {}))
    assert slides.count('class="slide"') == pictures + 2 * asked
    assert len([*(tmp_path / "slides").glob("*.svg")]) == len(told["picture"])
    for text in (page, slides):
        assert not re.search(r'(src|href)="(?!data:|index\.html|' + home + ")", text)
        assert all(re.findall(r'<img alt="([^"]*)"', text))
    assert page.count("(estimate)") == len(told.get("predict", {}))


def test_a_number_is_that_of_the_stored_runs():
    runs = load_runs("gain").query("method == 'labels'")["test_errors"]
    asked = {"runs": "gain", "where": "method == 'labels'", "column": "test_errors"}
    said = guide.told({**asked, "what": ""})
    assert (
        said["mean"] == f"{mean(runs):.0f}" and said["spread"] == f"{stdev(runs):.0f}"
    )
    half = 2.093 * stdev(runs) * (1 + 1 / 20) ** 0.5  # Student's t, twenty runs
    low, high = (float(end) for end in said["band"].split(" to "))
    assert len(runs) == 20 and high - low == pytest.approx(2 * half, abs=1)
    with pytest.raises(ValueError, match="No run of gain"):
        guide.told({**asked, "where": "method == 'none'", "what": ""})


def test_a_control_or_option_that_is_not_there_is_named():
    panel = guide.explorers_of("dark_knowledge")["omitted_runs"]()
    with pytest.raises(ValueError, match=r"No control \['heat'\]"):
        guide.values_at(panel, {"heat": 1})
    with pytest.raises(ValueError, match="arm takes one of"):
        guide.values_at(panel, {"arm": "nobody"})


def test_a_lesson_without_a_guide_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(guide, "guide_of", lambda home: None)
    assert guide.write(tmp_path, ALL[:1]) == [ALL[0].stem]


def test_no_answer_is_on_a_slide_before_its_question():
    asked = [{"name": "first"}, {"name": "second"}]
    pictures = [{"n": 0, "after": "second"}, {"n": 1, "before": "second"}, {"n": 2}]
    shown = guide.deck(asked, [*pictures, {"n": 3, "after": "first"}])
    order = [one.get("n", (one.get("kind"), one.get("name"))) for one in shown]
    first, second = (
        [(kind, name) for kind in ("question", "answer")]
        for name in ("first", "second")
    )
    assert order == [*first, 3, 1, *second, 0, 2]
    with pytest.raises(ValueError, match=r"no prediction: \['third'\]"):
        guide.deck(asked, [{"n": 4, "before": "third"}])


def test_a_text_takes_the_numbers_that_it_names():
    numbers = {"gain": {"mean": "12", "spread": "3", "value": "12 ± 3"}}
    text = {"say": ["It spares {gain}, in the mean {gain.mean}."], "minutes": 5}
    said = guide.filled(text, numbers)
    assert said == {"say": ["It spares 12 ± 3, in the mean 12."], "minutes": 5}
    with pytest.raises(ValueError, match="id 'loss'"):
        guide.filled("{loss}", numbers)


def test_a_ratio_is_taken_seed_by_seed():
    same = {"runs": "gain", "where": "method == 'labels'", "column": "test_errors"}
    said = guide.told({**same, "ratio_to": same["where"], "digits": 2, "what": ""})
    assert (said["value"], said["band"]) == ("1.00 ± 0.00", "the same in all")
