"""The instructor's guide says what the lessons hold, and what the stored runs say."""

import ast
import re
from copy import deepcopy
from statistics import mean, stdev
from symtable import symtable

import nbformat
import pytest

from kdlab import data, training
from kdlab.exercises import load_words
from kdlab.results import load_runs
from lessons.samples import sixty_images, student_answers
from teaching import guide, guide_toml, slides
from teaching.executed import ALL, home_of

WITH = [path for path in ALL if guide.guide_of(home_of(path))]
WHOLE = {  # of a lesson without predictions, numbers and pictures
    "idea": "One.",
    "before": {"run": "All.", "fails": []},
    "plan": {"50": [{"minutes": 50, "what": "Talk."}]},
    "error": [{"seen": "This.", "say": "That."}],
    "discussion": [dict.fromkeys(("question", "good", "full", "half"), "Why?")],
}
RUNS = {"what": "errors", "runs": "gain", "where": "method == 'labels'"}
NAMES = [path.stem for path in WITH]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Explorers of sixty images, not of thousands."""
    columns = sixty_images()
    there = columns, student_answers(columns)
    monkeypatch.setattr(slides, "columns_and_student", lambda: there)


def texts_of(notebook):
    return "\n".join(cell.source for cell in nbformat.read(notebook, 4).cells)


@pytest.mark.parametrize("notebook", WITH, ids=NAMES)
def test_minutes_add_up(notebook):
    plan = guide.guide_of(home_of(notebook))["plan"]
    sums = {length: sum(s["minutes"] for s in steps) for length, steps in plan.items()}
    assert sums == {"50": 50, "90": 90}
    drops = [[s["drop"] for s in steps if "drop" in s] for steps in plan.values()]
    assert drops == [[True], [True]], "one block of each plan goes if it is late"


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


def names(statement):
    """(the names that it reads, those that it sets): not those within a function."""
    table = symtable(ast.unparse(statement), "", "exec")
    sets = {s.get_name() for s in table.get_symbols() if s.is_assigned()}
    sets |= {s.get_name() for s in table.get_symbols() if s.is_imported()}
    reads, tables = set(), [table]
    for one in tables:
        tables += one.get_children()
        found = [s for s in one.get_symbols() if s.is_referenced()]
        reads |= {s.get_name() for s in found if one is table or s.is_global()}
    for part in ast.walk(statement):  # told["gain"] = 2 changes told
        if isinstance(part, ast.Subscript) and isinstance(part.ctx, ast.Store):
            sets.add(getattr(part.value, "id", ""))
    return reads, sets


def statements_behind(notebook, name):
    """Those of the page that its result is computed by, and nothing else of it."""
    code = [c for c in nbformat.read(notebook, 4).cells if c.cell_type == "code"]
    page = [one for cell in code for one in ast.parse(cell.source).body]
    last = next(n for n, s in enumerate(page) if f"{name}.reveal(" in ast.unparse(s))
    (needed, _), chosen = names(page[last]), [page[last]]
    for one in reversed(page[:last]):
        reads, sets = names(one)
        if needed & sets:
            anew = isinstance(one, ast.Assign) and not reads & sets
            needed = reads | (needed - sets if anew else needed)
            chosen.insert(0, one)
    return ast.Module(chosen, [])


STORED = [
    pytest.param(path, name, ours["usual"], id=f"{path.stem[:2]}-{name}")
    for path in WITH
    for name, ours in guide.guide_of(home_of(path)).get("predict", {}).items()
    if ours.get("stored")
]


@pytest.mark.parametrize(("notebook", "name", "usual"), STORED)
def test_stored_runs_decide_as_the_guide_expects(notebook, name, usual, monkeypatch):
    monkeypatch.setenv("KDLAB_PROGRESS", "off")
    monkeypatch.setattr(training, "fit", None)  # what trains is not stored
    monkeypatch.setattr(data, "colour_dataset", lambda: "colour_digits")  # is quick
    space = {}
    exec(compile(statements_behind(notebook, name), notebook.name, "exec"), space)
    asked = space[name]
    assert asked.choices[asked.answer] == usual


@pytest.mark.parametrize("notebook", WITH, ids=NAMES)
def test_questions_numbers_and_pictures(notebook):
    told = guide.guide_of(home_of(notebook))
    assert 3 <= len(told["discussion"]) <= 5 and len(told["error"]) >= 3
    for one in told["discussion"]:
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
    page, shown = (
        (tmp_path / f"{home}{end}.html").read_text("utf-8") for end in ("", "-slides")
    )
    pictures, asked = len(told["picture"]), len(told.get("predict", {}))
    assert shown.count('class="slide"') == pictures + 2 * asked
    assert len([*(tmp_path / "slides").glob("*.svg")]) == len(told["picture"])
    for text in (page, shown):
        assert not re.search(r'(src|href)="(?!data:|index\.html|' + home + ")", text)
        assert all(re.findall(r'<img alt="([^"]*)"', text))
    assert page.count("(estimate)") == len(told.get("predict", {}))


@pytest.mark.parametrize(
    "home", ["start_here", "loss_blend", "cifar10", "quantization"]
)
def test_pictures_of_images_say_of_which(home):
    made = slides.explorers_of(home)
    images = {name for name, make in made.items() if slides.dataset_of(make)}
    expected = {"answer", "loudness", "two_teachers", "grid", "clip", "channels"}
    assert images == expected & set(made)


@pytest.mark.parametrize("template", ["page", "slides"])
def test_the_data_set_of_a_picture_stands_beside_it(template):
    one = {"sentence": "A 3.", "address": "data:", "say": "Look.", "dataset": "Ours"}
    told = {**WHOLE, "title": "T", "home": "h", "slides": [one], "deck": [one]}
    html = guide.PAGES.get_template(f"{template}.html.j2").render(exercises={}, **told)
    assert html.lower().count("data: ours") == 1


def test_a_number_is_that_of_the_stored_runs():
    runs = load_runs("gain").query("method == 'labels'")["test_errors"]
    asked = {"runs": "gain", "where": "method == 'labels'", "column": "test_errors"}
    said = guide_toml.told({**asked, "what": ""})
    assert (
        said["mean"] == f"{mean(runs):.0f}" and said["spread"] == f"{stdev(runs):.0f}"
    )
    half = 2.093 * stdev(runs) * (1 + 1 / 20) ** 0.5  # Student's t, twenty runs
    low, high = (float(end) for end in said["band"].split(" to "))
    assert len(runs) == 20 and high - low == pytest.approx(2 * half, abs=1)
    with pytest.raises(ValueError, match="No run of gain"):
        guide_toml.told({**asked, "where": "method == 'none'", "what": ""})


def test_a_control_or_option_that_is_not_there_is_named():
    panel = slides.explorers_of("dark_knowledge")["omitted_runs"]()
    with pytest.raises(ValueError, match=r"No control \['heat'\]"):
        slides.values_at(panel, {"heat": 1})
    with pytest.raises(ValueError, match="arm takes one of"):
        slides.values_at(panel, {"arm": "nobody"})


def test_a_lesson_without_a_guide_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(guide, "guide_of", lambda home: None)
    assert guide.write(tmp_path, ALL[:1]) == [ALL[0].stem]


def test_no_answer_is_on_a_slide_before_its_question():
    asked = [{"name": "first"}, {"name": "second"}]
    pictures = [{"n": 0, "after": "second"}, {"n": 1, "before": "second"}, {"n": 2}]
    shown = slides.deck(asked, [*pictures, {"n": 3, "after": "first"}])
    order = [one.get("n", (one.get("kind"), one.get("name"))) for one in shown]
    first, second = (
        [(kind, name) for kind in ("question", "answer")]
        for name in ("first", "second")
    )
    assert order == [*first, 3, 1, *second, 0, 2]
    with pytest.raises(ValueError, match=r"no prediction: \['third'\]"):
        slides.deck(asked, [{"n": 4, "before": "third"}])


def put(place, key, value):
    """The whole guide, with this in the place."""
    changed = deepcopy(WHOLE)
    node = changed
    for step in place:
        node = node[step]
    if value is None:
        del node[key]
    else:
        node[key] = value
    return changed


@pytest.mark.parametrize(
    ("place", "key", "value", "said"),
    [
        ((), "rubric", {}, r"at the top: no key \['rubric'\]; allowed: before, "),
        (("before",), "Run", "", r"\[before\]: no key \['Run'\]; allowed: fails, run"),
        (("plan", "50", 0), "dropp", True, r"\[\[plan.50\]\] 1: no key \['dropp'\]; "),
        ((), "predict", {"far": {"use": 1}}, r"\[predict.far\]: no key \['use'\]; "),
        ((), "number", [RUNS, {**RUNS, "ID": "a"}], r"\[\[number\]\] 2: no key"),
        (("discussion", 0), "full", None, r"\[\[discussion\]\] 1: \['full'\] must be"),
        ((), "number", [{**RUNS, "id": "a"}] * 2, r"id \['a'\] stands twice"),
    ],
)
def test_what_is_misspelt_missing_or_there_twice_is_named(place, key, value, said):
    guide_toml.check(WHOLE)
    with pytest.raises(ValueError, match=said):
        guide_toml.check(put(place, key, value))


@pytest.mark.parametrize(
    "text", ['idea = "One."\nbeside = 1', 'idea = "One.', "[a]\n[a]"]
)
def test_a_guide_that_is_refused_is_named(tmp_path, text):
    (tmp_path / "guide.toml").write_text(text)
    with pytest.raises(ValueError, match=f"^lessons/{tmp_path.name}/guide.toml, "):
        guide_toml.guide_of(tmp_path)


def test_a_class_is_warned_of_what_stands_in_for_mnist(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("sys.argv", ["guide", "00", "--to", str(tmp_path)])
    monkeypatch.setattr(guide, "write", lambda folder, notebooks: [])
    for name in ("mnist", "digits"):
        monkeypatch.setattr(guide, "course_dataset", lambda: name)  # noqa: B023
        guide.main()
        assert ("scikit-learn's digits" in capsys.readouterr().err) == (name != "mnist")


def test_a_text_takes_the_numbers_that_it_names():
    numbers = {"gain": {"mean": "12", "spread": "3", "value": "12 ± 3"}}
    text = {"say": ["It spares {gain}, in the mean {gain.mean}."], "minutes": 5}
    said = guide_toml.filled(text, numbers)
    assert said == {"say": ["It spares 12 ± 3, in the mean 12."], "minutes": 5}
    with pytest.raises(ValueError, match="id 'Loss'"):
        guide_toml.filled("{Loss}", numbers)
    with pytest.raises(ValueError, match="no .median"):
        guide_toml.filled("{gain.median}", numbers)


def test_a_ratio_is_taken_seed_by_seed():
    same = {"runs": "gain", "where": "method == 'labels'", "column": "test_errors"}
    said = guide_toml.told({**same, "ratio_to": same["where"], "digits": 2, "what": ""})
    assert (said["value"], said["band"]) == ("1.00 ± 0.00", "the same in all")
