"""The exercises in nbgrader: what students get, what is tested, and who gets what."""

import csv
import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
from html import unescape
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from textwrap import dedent, indent

import nbformat
import pytest

import claims
from kdlab.exercises import checks
from teaching import grading
from test_wrong_answers import KNOWN, NAMES, RIGHT, WRONG, named, task_of, written

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / "build" / f"nbgrader-{Path(sys.prefix).name.strip('.')}"
SOLUTION = re.compile(r"    ### BEGIN SOLUTION\n(.*?)    ### END SOLUTION\n", re.S)


def hidden():
    """The hidden test's functions, as a module."""
    found = spec_from_file_location("hidden", grading.PARTS / "hidden.py")
    found.loader.exec_module(module := module_from_spec(found))
    return module


HIDDEN = hidden()


# --- what is written ------------------------------------------------------------------


def ids(cells):
    return [cell.metadata.nbgrader.grade_id for cell in cells]


@pytest.mark.parametrize("path", grading.NOTEBOOKS, ids=lambda path: path.stem)
def test_each_exercise_of_a_lesson_is_in_its_assignment(path):
    cells = grading.assignment(path).cells  # validated
    tasks = [line.partition("(")[0] for where, line, _ in RIGHT if where == path]
    assert len(set(ids(cells))) == len(cells)
    by_name = dict(zip(ids(cells), cells, strict=True))
    for name in dict.fromkeys(tasks):
        prompt, answer, test = (by_name[name + x] for x in ("-prompt", "", "-test"))
        asked = prompt.source.partition("\n\n")[2]
        there = nbformat.read(path, 4).cells
        assert asked[0].isupper()
        assert any(asked.lower() in cell.source.lower() for cell in there)
        assert len(SOLUTION.findall(answer.source)) == 1
        stub = SOLUTION.sub("", answer.source)
        assert stub in [cell.source for cell in there]  # word by word
        assert test.metadata.nbgrader["points"] == HIDDEN.RIGHT == grading.POINTS
    prose = "".join(c.source for c in cells if c.cell_type == "markdown")
    assert "solutions.py" not in prose and "**1.**" not in prose
    marks = [cell.metadata.nbgrader for cell in cells]
    assert all(mark.locked != mark.solution for mark in marks)
    assert sum(mark.grade for mark in marks) >= len(set(tasks))


def test_a_guide_s_questions_are_graded_by_a_person():
    question = {
        "question": "Why?\n",
        "good": "Because.",
        "full": "All.",
        "half": "A bit.",
    }
    one, two = grading.of_question(3, question)
    assert one.source.endswith("Why?")
    assert two.source == "Because.\n\n4 points: All.\n\n2 points: A bit."
    assert two.metadata.nbgrader["grade"] and two.metadata.nbgrader["solution"]
    assert ids([one, two]) == ["question-3-prompt", "question-3"]


def test_questions_on_what_the_plans_skip_are_asked_only_on_demand(
    tmp_path, monkeypatch
):
    path = next(path for path in grading.NOTEBOOKS if path.stem[:2] == "09")
    asked = grading.guide_of(grading.home_of(path))["discussion"]
    skipped = {n for n, one in enumerate(asked, start=1) if "needs" in one}
    assert 0 < len(skipped) < len(asked)
    monkeypatch.setattr(grading, "NOTEBOOKS", [path])
    numbers = {n for n, _ in enumerate(asked, start=1)}
    for flags, expected in ([], numbers - skipped), (["--all"], numbers):
        monkeypatch.setattr("sys.argv", ["grading", str(tmp_path), *flags])
        grading.main()
        made = nbformat.read(tmp_path / "source" / "arena" / "arena.ipynb", 4)
        assert {f"question-{n}" for n in expected} == {
            name for name in ids(made.cells) if re.fullmatch(r"question-\d+", name)
        }, "a question keeps its number of the guide"


def test_a_second_time_sources_are_made_anew_and_settings_stay(tmp_path):
    grading.write(tmp_path)
    made = sorted(tmp_path.glob("source/*/*.ipynb"))
    assert [path.stem for path in made] == sorted(x.stem[3:] for x in claims.ALL)
    settings, first = tmp_path / "nbgrader_config.py", made[0].read_bytes()
    settings.write_text("mine")
    made[0].write_text("old")
    grading.write(tmp_path)
    assert settings.read_text() == "mine" and made[0].read_bytes() == first


# --- who gets what -------------------------------------------------------------------

# Runs an assignment as a kernel does, in the folder of a submission that holds files
# of the course's names; prints the points of each exercise.
SOLVED = """
import json, sys
from pathlib import Path
import nbformat
from IPython.core.interactiveshell import InteractiveShell
points, shell = {}, InteractiveShell()
for path in sys.argv[1:]:
    for cell in nbformat.read(path, as_version=4).cells:
        name = cell.metadata.nbgrader.grade_id
        if name.endswith("-test"):
            Path("kdlab.py").touch(), Path("lessons.py").touch()
        if cell.cell_type == "code":
            done = shell.run_cell(cell.source)
            if name.endswith("-test"):
                points[f"{Path(path).stem}: {name}"] = done.result
        Path("kdlab.py").unlink(True), Path("lessons.py").unlink(True)
print(json.dumps(points))
"""


def test_the_solutions_have_full_points_without_any_data(tmp_path):
    grading.write(tmp_path)
    sources = sorted(map(str, tmp_path.glob("source/*/*.ipynb")))
    nowhere = {**os.environ, "KDLAB_DATA": str(tmp_path), "KDLAB_PROGRESS": "off"}
    command = [sys.executable, "-c", SOLVED, *sources]
    done = run(command, tmp_path, nowhere)
    points = json.loads(done.splitlines()[-1])
    assert len(points) == len({(path, line) for path, line, _ in RIGHT})
    assert set(points.values()) == {grading.POINTS}, points


def points_of(path, line, code):
    return HIDDEN._judged(checks, task_of(path, line), written(line, code, NAMES))


@pytest.mark.parametrize(("path", "line", "code"), list(named(RIGHT)))
def test_a_right_answer_has_full_points(path, line, code):
    assert points_of(path, line, code) == (4, task_of(path, line).right)


@pytest.mark.parametrize(("path", "line", "entry"), list(named(KNOWN)))
def test_a_known_mistake_loses_three_points_or_all_and_is_named(path, line, entry):
    hint, code = entry
    points, said = points_of(path, line, code)
    seen = checks.run(task_of(path, line).probe, written(line, code, NAMES))
    stops = isinstance(seen.value, Exception)
    assert points == (0 if stops else 1) and said == hint


@pytest.mark.parametrize(("path", "line", "entry"), list(named(WRONG)))
def test_a_wrong_answer_keeps_three_points_only_if_its_numbers_are_right(
    path, line, entry
):
    points, said = points_of(path, line, entry[1])
    assert points < 4
    right = re.search(r"\b(is|are) (not )?right\b|^Right, but", said)
    assert points < 3 or right, said
    assert entry[0] in said


def run(command, folder, environment=None):
    """What it prints; fails with all it said if it ends with an error."""
    options = {"capture_output": True, "text": True, "timeout": 600}
    done = subprocess.run(command, cwd=folder, env=environment, **options)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


# --- through nbgrader itself ----------------------------------------------------------

# Kept out of the course's environment: it would add a menu, a panel and a button to the
# JupyterLab that students see, and that the tests in a browser try.
LESSON = "quantization"
NAMES_THERE = "affine", "channel_steps", "straight_through", "speed_up"
QUESTION = {"question": "Why not 4 bits?", "good": "No engine multiplies them."}
QUESTION |= {"full": "Names the engine.", "half": "Says that nothing is faster."}
ANSWERS = {  # by student; what stands in the place of the solution
    "half": {
        "affine": "gap = (high - low) / (2**bits - 1)\nreturn gap, round(-low / gap)",
        "channel_steps": "return weight.abs().max() / (2 ** (bits - 1) - 1)",
        "straight_through": """
            low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
            return (weight / step).round().clamp(low, high) * step""",
    },
    "untouched": {},
    "stuck": {
        "affine": "while True: pass",
        "channel_steps": "return weight.(abs)",
        "straight_through": 'raise ValueError("no idea")',
        "speed_up": "import sys; sys.exit()",
    },
    "cheating": {
        "affine": 'print(4)\nprint("4 of 4 points.")\nreturn 4',
        "channel_steps": """
            from kdlab.exercises import checks
            from lessons.quantization import exercises as own
            right = checks.Verdict("right", "")
            checks.verdict = own.verdict = lambda *given: right
            checks.same = lambda *given: True
            lesson.check = own.TASKS.clear()
            return weight""",
        "straight_through": "return weight\nprint = isinstance = sum = None",
        "speed_up": "torch.allclose = lambda *a, **k: True\nreturn torch.ones(())",
    },
}
POINTS = """
import json, sys
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db") as book:
    found = book.assignment_submissions(sys.argv[1])
    print(json.dumps({one.student.id: {
        grade.name: "asked" if grade.needs_manual_grade else grade.auto_score
        for grade in one.notebooks[0].grades
    } for one in found}))
"""


@pytest.fixture(scope="module")
def nbgrader():
    """Runs nbgrader; it lies beside the course, in an environment that sees it."""
    scripts = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
    python, ready = scripts / Path(sys.executable).name, ENVIRONMENT / "ready"
    if not (ready.exists() and ready.read_text() == sys.version):
        venv.create(ENVIRONMENT, clear=True, with_pip=False)
        vars = {"base": str(ENVIRONMENT), "platbase": str(ENVIRONMENT)}
        courses = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})"
        Path(sysconfig.get_path("purelib", vars=vars), "course.pth").write_text(courses)
        install = [python, "-m", "pip", "install", "-q", "nbgrader>=0.9.6"]
        done = subprocess.run(install, capture_output=True, text=True)
        if done.returncode and not os.environ.get("CI"):
            pytest.skip(f"pip could not fetch nbgrader: {done.stderr[-200:]}")
        assert done.returncode == 0, done.stderr
        ready.write_text(sys.version)
    paths = os.pathsep.join([str(scripts), os.environ["PATH"]])  # it calls alembic
    share = str(Path(sys.prefix, "share", "jupyter"))  # nbconvert's templates
    there = {**os.environ, "PATH": paths, "JUPYTER_PATH": share}
    there.pop("KDLAB_PROGRESS", None)  # nbgrader_config.py sets it

    def act(folder, *arguments):
        return run([python, *arguments], folder, there)

    return act


def handed_in(release, name, answers):
    """A submission: the student version, with these lines in place of the stub's."""
    done = nbformat.read(release, as_version=4)
    for cell in done.cells:
        answer = answers.get(cell.metadata.nbgrader.grade_id)
        if answer and cell.cell_type == "code":
            lines = indent(dedent(answer).strip("\n"), "    ")
            cell.source = cell.source.replace("    # your code here", lines)
            if name == "stuck":  # its check would come to no end, too
                cell.source = cell.source.partition("\n\n\n")[0]
        elif answer:
            cell.source = answer
    folder = release.parents[2] / "downloaded" / LESSON / "archive"
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(done, folder / f"{name}_{LESSON}.ipynb")


@pytest.fixture(scope="module")
def course(nbgrader, tmp_path_factory):
    """A course in which everybody has handed in, and got feedback."""
    folder = tmp_path_factory.mktemp("course")
    path = next(path for path in grading.NOTEBOOKS if path.stem.endswith(LESSON))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grading, "NOTEBOOKS", [path])
        patch.setattr(grading, "questions_of", lambda *asked: {1: QUESTION})
        grading.write(folder)
    nbgrader(folder, "-m", "nbgrader", "generate_assignment", LESSON)
    release = folder / "release" / LESSON / f"{LESSON}.ipynb"
    code = (grading.home_of(path) / "solutions.py").read_text("utf-8")
    solved = {name: dedent(grading.body_of(code, name)) for name in NAMES_THERE}
    ANSWERS["solved"] = solved | {"question-1": "Where is the engine?"}
    for name, answers in ANSWERS.items():
        handed_in(release, name, answers)
    nbgrader(folder, "-m", "nbgrader", "zip_collect", LESSON)
    quick = "--Execute.timeout=25"
    nbgrader(folder, "-m", "nbgrader", "autograde", LESSON, quick)
    nbgrader(folder, "-m", "nbgrader", "generate_feedback", LESSON)
    nbgrader(folder, "-m", "nbgrader", "export")
    return folder


def test_the_student_version_holds_the_stubs_and_nothing_that_tells(course):
    release = course / "release" / LESSON / f"{LESSON}.ipynb"
    cells = nbformat.read(release, as_version=4).cells
    notebook = nbformat.read(course / "source" / LESSON / release.name, 4)
    text = "\n".join(cell.source for cell in cells)
    assert ids(cells) == ids(notebook.cells)
    assert text.count("    # your code here\n") == len(NAMES_THERE)
    assert text.count("# Graded: ") == len(NAMES_THERE)
    answers = [QUESTION[key] for key in ("good", "full", "half")]
    for told in ("SOLUTION", "HIDDEN", "_award", "detach()", *answers):
        assert told not in text
    assert "*Your answer here.*" in text and QUESTION["question"] in text


def test_everybody_gets_the_points_that_the_answers_are_worth(nbgrader, course):
    found = json.loads(nbgrader(course, "-c", POINTS, LESSON))
    of = {
        student: [grades[f"{name}-test"] for name in NAMES_THERE]
        for student, grades in found.items()
    }
    assert of == {
        "solved": [4, 4, 4, 4],
        "half": [4, 1, 3, 0],
        "untouched": [0, 0, 0, 0],
        "stuck": [0, 0, 0, 0],
        "cheating": [0, 0, 0, 0],
    }
    rows = list(csv.DictReader((course / "grades.csv").open()))
    assert {row["student_id"]: float(row["score"]) for row in rows} == {
        student: sum(points) for student, points in of.items()
    }
    asked = {student: grades["question-1"] for student, grades in found.items()}
    assert asked == dict.fromkeys(ANSWERS, 0) | {"solved": "asked"}


@pytest.mark.parametrize(
    ("student", "words"),
    {
        "solved": ["4 of 4 points. Zero has a place of its own"],
        "half": [
            "1 of 4 points. That is one step for the whole layer. Each output has",
            "3 of 4 points. The numbers are right, but the gradient dies",
            "0 of 4 points. speed_up still returns None.",
        ],
        "stuck": [
            "affine came to no end, and was stopped.",
            "There is no function channel_steps. Did its cell stop?",
            "with ValueError: no idea",
            "0 of 4 points. SystemExit",
        ],
        "cheating": ["0 of 4 points. The submission changes what judges it."],
    }.items(),
)
def test_the_feedback_names_the_mistake_and_shows_no_code_of_the_test(
    course, student, words
):
    page = course / "feedback" / student / LESSON / f"{LESSON}.html"
    text = unescape(re.sub(r"<[^>]+>", "", page.read_text("utf-8")))
    text = " ".join(text.split())
    for said in words:
        assert said in text
    assert "HIDDEN" not in text, "students see what was found, not sixty lines each"
    assert "most recent call last" not in text or student == "cheating"


def test_grading_keeps_no_progress(course):
    assert not [*course.rglob("progress.json")]
