"""What a student answered is kept in one file: whole, his own, never in the way."""

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

import claims
from kdlab.exercises import Task, of_lesson, progress
from lessons.start_here import course_map
from lessons.start_here import progress as of_course

OPTION = '[[question.option]]\ntext = "{}"\nfeedback = "because"\n'
OPTIONS = (
    OPTION.format("a") + "right = true\n" + OPTION.format("b") + OPTION.format("c")
)
QUESTION = '[[question]]\ntext = "why {}"\n' + OPTIONS
WORDS = """
[predict.louder]
question = "How much larger?"
choices = ["as large", "12 times", "more"]
bounds = [1.5, 20]
explanation = "So it is."
""" + "".join(QUESTION.format(n) for n in range(4))
TWICE = Task(
    lambda answer: answer(torch.tensor(3.0)),
    lambda x: 2 * x,
    "Two of them.",
    {"That is the square.": lambda x: x**2},
    "x, and x once more.",
)
NOTHING_TRIED = [[], [], [], []]


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """Where the file lies in these tests."""
    progress.say.cache_clear()
    for name in ("KDLAB_EXPORT", "JPY_SESSION_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KDLAB_PROGRESS", str(tmp_path / "kept"))
    return tmp_path / "kept"


@pytest.fixture
def start(tmp_path):
    """Open a lesson's notebook in a new kernel: its check, predict and quiz."""

    def opened(words=WORDS, name="my_lesson"):
        home = tmp_path / name
        home.mkdir(exist_ok=True)
        (home / "words.toml").write_text(words, encoding="utf-8")
        return of_lesson(str(home / "__init__.py"), {"twice": TWICE})

    return opened


def of_file(folder, lesson="my_lesson"):
    """What the file says of a lesson."""
    content = json.loads((folder / "progress.json").read_text(encoding="utf-8"))
    assert content["version"] == 1
    return content["lessons"][lesson]


def written(folder, content):
    """The file with this content."""
    folder.mkdir(exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / "progress.json").write_text(text, encoding="utf-8")
    return folder / "progress.json"


def lessons(**parts):
    return {"version": 1, "lessons": parts}


# --- predictions, quizzes, exercises -----------------------------------------------


def test_a_prediction_is_there_again_and_its_result_opens(start, folder):
    louder = start()[1]("louder")
    assert louder.committed == [] and not (folder / "progress.json").exists()
    louder.committed = [0]
    louder.committed = [0, 2]
    louder.reveal(11.7)
    again = start()[1]("louder")
    assert again.committed == [0, 2] and again.made == "more"
    assert of_file(folder) == {
        "predict": {"louder": {"committed": [0, 2], "answer": 1}}
    }
    again.committed = [0, 2, 1]  # before its result is measured again
    assert of_file(folder)["predict"]["louder"]["answer"] == 1


def test_run_all_without_an_answer_writes_nothing(start, folder):
    check, predict, quiz = start()
    predict("louder").reveal(11.7)
    quiz()
    check(student("pass"))
    assert not (folder / "progress.json").exists()


def test_a_result_that_was_looked_at_first_stays_open(start, folder):
    louder = start()[1]("louder")
    louder.reveal(11.7).opened = True
    assert of_file(folder)["predict"]["louder"]["opened"] is True
    again = start()[1]("louder")
    assert again.reveal(11.7).opened and again.committed == []


def test_a_quiz_is_there_again_in_any_order_of_its_options(start, folder, monkeypatch):
    quiz = start()[2]()
    texts = [[o["text"] for o in question["options"]] for question in quiz.questions]
    wrong, right = texts[1].index("c"), texts[1].index("a")
    quiz.tried = [[], [wrong, right], [], []]
    assert of_file(folder)["quiz"] == [[[], [2, 0], [], []]]  # as in words.toml
    for home in ("/abode/one", "/abode/two", "/abode/three"):
        monkeypatch.setenv("HOME", home)
        monkeypatch.setenv("USERPROFILE", home)
        again = start()[2]()
        options = again.questions[1]["options"]
        assert [options[place]["text"] for place in again.tried[1]] == ["c", "a"]


def test_start_again_is_a_new_round_and_the_first_one_stays(start, folder):
    quiz = start()[2]()
    first = [question["options"][0]["text"] for question in quiz.questions]
    place = "abc".index(first[0])
    for tried in ([[0], [], [], []], NOTHING_TRIED, NOTHING_TRIED):
        quiz.tried = tried
    assert start()[2]().tried == NOTHING_TRIED
    quiz.tried = [[0, 1], [], [], []]
    rounds = of_file(folder)["quiz"]
    assert rounds[0] == [[place], [], [], []] and len(rounds) == 2
    assert start()[2]().tried == [[0, 1], [], [], []]


def student(source):
    space = {}
    exec(f"def twice(x):\n    {source}", space)
    return space["twice"]


def test_checks_are_counted_with_the_mistakes_that_were_met(start, folder, capsys):
    check = start()[0]
    check(student("pass"))
    assert not (folder / "progress.json").exists()  # not attempted
    for source in (
        "return x**2",
        "return x**2",
        "return x + 1",
        "raise OSError('anna')",
    ):
        check(student(source))
    kept = of_file(folder)["check"]["twice"]
    assert kept["tries"] == 3 and kept["last"] == "wrong"  # the same twice is one try
    assert kept["hints"] == {"That is the square.": 1} and "solved" not in kept
    again = start()[0]  # Run all in a new kernel
    again(student("raise OSError('anna')"))
    assert of_file(folder)["check"]["twice"] == kept
    again(student("return 2 * x"))
    again(student("return x + x"))
    again(student("pass"))
    kept = of_file(folder)["check"]["twice"]
    assert (kept["tries"], kept["last"], kept["solved"]) == (4, "right", True)
    text = (folder / "progress.json").read_text(encoding="utf-8")
    assert "anna" not in text and str(folder) not in text and "return" not in text


def test_a_lesson_is_found_by_the_name_of_its_home(start, folder):
    start(name="mine")[1]("louder").committed = [1]
    assert start(name="other")[1]("louder").committed == []
    assert start(name="mine")[1]("louder").committed == [1]


def test_questions_that_were_edited_later_drop_what_is_gone(start, folder):
    made = {"committed": [0, 7, -1], "answer": 9}
    tried = [[5, 1, 0], [0], [], [], [], [2]]
    part = {"predict": {"louder": made, "gone": made}, "quiz": [tried]}
    written(folder, lessons(my_lesson=part))
    _, predict, quiz = start()
    assert predict("louder").committed == [0]
    shown = quiz()
    texts = [[o["text"] for o in question["options"]] for question in shown.questions]
    assert [texts[0][place] for place in shown.tried[0]] == ["b", "a"]
    assert len(shown.tried) == 4
    predict("louder").committed = [0, 1]
    shown.tried = [[*shown.tried[0]], [], [], [1]]
    assert start()[1]("louder").committed == [0, 1]


# --- where, and whether ------------------------------------------------------------


def test_only_a_notebook_that_is_open_keeps_answers(start, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KDLAB_PROGRESS")
    start()[1]("louder").committed = [1]  # as under nbconvert, voila, nbval
    assert progress.place() is None
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "02_temperature.ipynb"))
    assert progress.place() == tmp_path.resolve() / "progress.json"
    for name, value in (("KDLAB_PROGRESS", "off"), ("KDLAB_EXPORT", "1")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            louder = start()[1]("louder")
            louder.committed = [2]
            assert progress.stored() is None and start()[1]("louder").committed == []
    assert list(tmp_path.glob("**/*progress*")) == []
    start()[1]("louder").committed = [1]
    assert (tmp_path / "progress.json").exists()


def test_a_folder_that_cannot_be_written_is_told_once(start, folder, capsys):
    folder.write_text("a file where the folder should be")
    check, predict, quiz = start()
    louder = predict("louder")
    louder.committed = [1]
    louder.reveal(11.7)
    quiz().tried = [[1], [], [], []]
    check(student("return 2 * x"))
    said = capsys.readouterr().out
    assert said.count("Your answers are not kept:") == 1 == said.count("KDLAB_PROGRESS")
    assert said.count("\n") == 2 and "✓ Right." in said and louder.made == "12 times"


@pytest.mark.parametrize(
    "content",
    [
        "",
        '{"version": 1, "less',
        "[]",
        {"lessons": {}},
        lessons(my_lesson=[]),
        lessons(my_lesson={"predict": {"louder": {}}}),
        lessons(my_lesson={"predict": {"louder": {"committed": ["no"]}}}),
        lessons(my_lesson={"predict": {"louder": {"committed": [0], "answer": "b"}}}),
        lessons(my_lesson={"quiz": [[["a"]]]}),
        lessons(my_lesson={"quiz": 3}),
        lessons(my_lesson={"check": {"twice": {"tries": 1}}}),
    ],
)
def test_a_broken_file_is_moved_aside(start, folder, capsys, content):
    path = written(folder, content)
    text = path.read_text(encoding="utf-8")
    louder = start()[1]("louder")
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "It is progress-broken.json now." in said
    assert (folder / "progress-broken.json").read_text(encoding="utf-8") == text
    louder.committed = [1]
    assert start()[1]("louder").committed == [1]


def test_a_file_of_a_newer_course_stays_as_it_is(start, folder, capsys):
    text = written(folder, {"version": 2, "people": []}).read_text()
    start()[1]("louder").committed = [1]
    assert "not kept: progress.json is of a newer course" in capsys.readouterr().out
    assert (folder / "progress.json").read_text() == text


def test_an_interrupted_write_leaves_the_file_as_it_was(start, folder, monkeypatch):
    louder = start()[1]("louder")
    louder.committed = [1]
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            progress.stored(lambda lessons: lessons.clear())
    assert of_file(folder)["predict"]["louder"]["committed"] == [1]
    louder.committed = [1, 2]  # nor is the next one hindered
    assert start()[1]("louder").committed == [1, 2]


def test_notebooks_that_write_at_once_lose_nothing(folder):
    def commit(number):
        made = progress.keep_prediction
        progress.stored(lambda all: made(all.setdefault("a", {}), f"{number}", [1], {}))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(commit, range(60)))
    assert len(of_file(folder, "a")["predict"]) == 60


def test_two_kernels_of_one_notebook_add_to_each_other(start, folder):
    (_, one, ones), (_, other, others) = start(), start()
    mine, theirs, my_quiz, their_quiz = one("louder"), other("louder"), ones(), others()
    mine.committed = [0]
    theirs.committed = [2]
    theirs.committed = [2, 1]
    my_quiz.tried = [[1], [], [], []]
    their_quiz.tried = [[], [0], [], []]
    assert start()[1]("louder").committed == [0, 2, 1]
    assert start()[2]().tried == [[1], [0], [], []]


def test_git_keeps_out_what_students_answer():
    ignored = (Path(__file__).parent.parent / ".gitignore").read_text().split()
    assert "progress*.json" in ignored and ".progress.*" in ignored


# --- the map of the course ---------------------------------------------------------

DONE = lessons(
    temperature={
        "predict": {
            "loudness": {"committed": [0, 2], "answer": 2},
            "order": {"committed": [1], "answer": 0},
            "limit": {"committed": [1]},
        },
        "quiz": [[[0], [1, 2, 3, 0]], [[]]],
        "check": {"soft_loss": {"tries": 2, "hints": {}, "last": "right"}},
    },
    gone={"predict": {"louder": {"committed": [1], "answer": 1}}},
)


def line_of(page, title):
    """The cells of a notebook's row, without markup."""
    row = page.partition(title)[2].partition("</tr>")[0]
    return [part.rpartition(">")[2] for part in row.split("</td>")[:-1]]


def test_the_map_says_in_words_what_is_done():
    page = of_course.drawn(DONE["lessons"])
    predictions, quiz, exercises = line_of(page, "02 · Temperature")
    assert predictions == "1 right, 1 wrong, 1 no result yet of 4"
    assert (quiz, exercises) == ("1 right, 1 right later of 5", "1 unsolved of 2")
    assert line_of(page, "01 · Soft targets")[0] == "0 of 3"
    assert line_of(page, "00 · Start here")[0] == "none"
    assert page.startswith("<style>") and "3 of 62 predictions made" in page
    assert "What you predicted wrongly: 1" in page and "You predicted: on a few" in page


def test_the_map_leads_to_every_notebook_and_tells_its_question():
    page = of_course.drawn({})
    rows = re.findall(r'<a href="([^"]+)">([^<]+)</a><br>([^<]+\?)<', page)
    assert [file for file, *_ in rows] == [path.name for path in claims.ALL]
    assert ("02_temperature.ipynb", "02 · Temperature") == rows[2][:2]
    assert rows[2][2] == "What does dividing logits by T do?"


def test_the_map_shows_nothing_where_nothing_is_kept(monkeypatch, capsys):
    monkeypatch.setenv("KDLAB_PROGRESS", "off")
    assert course_map() is None


class Page:
    """The browser's half of the buttons: what it was sent."""

    def __init__(self):
        self.keeper, self.heard = course_map(), []
        self.keeper.send = self.heard.append

    def ask(self, **content):
        self.keeper.act(content)
        return self.heard.pop()


def test_what_is_downloaded_can_be_restored_on_a_fresh_machine(start, folder):
    start()[1]("louder").committed = [1]
    page = Page()
    file = page.ask(wanted=True)["file"]
    assert file == (folder / "progress.json").read_text(encoding="utf-8")
    assert "begin anew" in page.ask(anew=True)["said"]
    assert start()[1]("louder").committed == []
    assert json.loads((folder / "progress-before.json").read_text()) == json.loads(file)
    start(name="other")[1]("louder").committed = [2]
    assert "Restored" in page.ask(restore=file)["said"]
    assert start()[1]("louder").committed == [1]
    assert start(name="other")[1]("louder").committed == [2]  # what was there stays


@pytest.mark.parametrize("text", ["", "{}", '{"version": 3}', "no JSON"])
def test_what_is_no_such_file_is_not_restored(start, folder, text):
    start()[1]("louder").committed = [1]
    assert Page().ask(restore=text)["said"].startswith("Not restored: ")
    assert start()[1]("louder").committed == [1]
    assert not (folder / "progress-before.json").exists()
