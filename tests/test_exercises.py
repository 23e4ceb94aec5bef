"""A lesson's desk: predictions that are remembered, quizzes, checks, their words."""

import math
from pathlib import Path
from unittest.mock import Mock

import nbformat
import pytest
import torch
from nbclient import NotebookClient

from kdlab.exercises import Task, load_words, of_lesson

OPTION = '[[question.option]]\ntext = "{}"\nfeedback = "because"\n'
RIGHT = OPTION.format("a") + "right = true\n"
QUESTION = '[[question]]\ntext = "why"\n' + RIGHT + OPTION.format("b")
QUESTION += OPTION.format("c")
LOUDER = """
[predict.louder]
question = "How much larger?"
choices = ["as large", "12 times", "more"]
bounds = [1.5, 20]
measured = "{found:.1f} times at T = {temperature}"
explanation = "T² is not exact: {{T}} is {found}."
"""
ORDER = """
[predict.order]
question = "Does the order change?"
choices = ["no", "yes"]
answer = "yes"
explanation = "It does."
"""


def written(folder, text):
    """A words.toml; the `__init__.py` beside which it lies."""
    (folder / "words.toml").write_text(text, encoding="utf-8")
    return str(folder / "__init__.py")


def twice(x):
    return 2 * x


TASKS = {
    "twice": Task(
        lambda answer: answer(torch.tensor(3.0)),
        twice,
        "Two of them.",
        {"That is the square.": lambda x: x**2},
        "x, and x once more.",
    ),
    "thrice": Task(lambda answer: answer(1.0), lambda x: 3 * x, "Three.", {}, "3x."),
}


@pytest.fixture
def desk(tmp_path):
    """`check`, `predict` and `quiz` of a lesson of one's own."""
    return of_lesson(written(tmp_path, LOUDER + ORDER + 4 * QUESTION), TASKS)


@pytest.fixture
def predict(desk):
    return desk[1]


@pytest.fixture
def louder(predict):
    return predict("louder")


# --- predictions -------------------------------------------------------------------


def test_a_prediction_is_remembered_and_a_change_stays_on_record(louder):
    assert louder.question == "How much larger?"
    assert louder.choices == ["as large", "12 times", "more"]
    assert louder.made is None
    louder.committed = [0]
    assert louder.made == "as large"
    louder.committed = [0, 1]
    assert louder.made == "12 times"
    assert louder.choices[louder.committed[0]] == "as large"


def test_a_prediction_survives_asking_again(predict, louder):
    louder.committed = [2]
    assert predict("louder") is louder and predict("louder").made == "more"
    louder.close()  # as all widgets are when they are thrown away
    again = predict("louder")
    assert again is not louder and again.comm is not None and again.made is None


def test_two_predictions_do_not_share_their_memory(predict, louder):
    louder.committed = [1]
    assert predict("order").made is None


def test_two_lessons_do_not_share_their_predictions(louder, tmp_path):
    louder.committed = [1]
    other = of_lesson(written(tmp_path, LOUDER + 4 * QUESTION), {})[1]
    assert other("louder").made is None


def test_a_prediction_that_is_not_there_is_named_with_those_there_are(predict):
    with pytest.raises(ValueError, match=r"no 'softer'; it has \['louder', 'order'\]"):
        predict("softer")


def test_a_result_shown_before_the_prediction_follows_it(louder):
    result = louder.reveal(11.74, temperature=8)
    assert not result.opened  # folded: predict first
    louder.committed = [1]
    assert result.prediction.made == louder.choices[result.answer] == "12 times"
    sent = result.get_state()
    assert sent["prediction"] == f"IPY_MODEL_{louder.model_id}"  # watched by the page
    assert sent["measured"] == "11.7 times at T = 8"
    assert sent["explanation"] == "T² is not exact: {T} is 11.74."


@pytest.mark.parametrize(
    ("found", "answer"),
    [
        (-math.inf, 0),
        (1.4, 0),
        (1.5, 0),  # a value on a bound belongs to the lower choice
        (1.500001, 1),
        (20, 1),
        (20.1, 2),
        (math.inf, 2),
        (torch.tensor(1.5), 0),
        (torch.tensor(1.6), 1),
    ],
)
def test_the_bounds_decide_between_the_choices(louder, found, answer):
    assert louder.reveal(found, temperature=1).answer == answer


@pytest.mark.parametrize("found", [[], [None], [math.nan], [torch.tensor(math.nan)]])
def test_without_a_number_that_decides_nothing_is_told(louder, found):
    with pytest.raises(ValueError, match="Hand over the number that decides"):
        louder.reveal(*found, temperature=1)


def test_where_no_number_decides_the_words_do(predict):
    order = predict("order")
    result = order.reveal()
    assert order.choices[result.answer] == "yes"
    assert (result.measured, result.explanation) == ("", "It does.")
    assert order.reveal(17.0).answer == result.answer


def test_a_number_that_the_texts_show_must_be_handed_over(louder):
    with pytest.raises(KeyError, match="temperature"):
        louder.reveal(3.0)


def test_the_answer_is_not_sent_before_it_is_revealed(predict):
    """A page that is looked into tells the question and its choices alone."""
    for name in ("louder", "order"):
        sent = {k for k in predict(name).get_state() if not k.startswith("_")}
        assert sent >= {"question", "choices", "committed"}
        assert not sent & {"words", "bounds", "answer", "measured", "explanation"}


def test_the_widgets_run_where_nobody_clicks(tmp_path):
    init = written(tmp_path, LOUDER + 4 * QUESTION)
    cells = [
        "from kdlab.exercises import of_lesson\n"
        f"check, predict, quiz = of_lesson({init!r}, {{}})",
        'louder = predict("louder")\nlouder',
        "louder.reveal(3.0, temperature=8)",
        "quiz()",
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells]
    )
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    for cell in notebook.cells[1:]:
        assert "application/vnd.jupyter.widget-view+json" in cell.outputs[0].data


# --- checks ------------------------------------------------------------------------


def said(capsys, desk, answer):
    """What `check` prints of an answer."""
    desk[0](answer)
    return capsys.readouterr().out


def student(source):
    """The function `twice` that a student wrote."""
    space = {"torch": torch}
    exec(f"def twice(x):\n    {source}", space)
    return space["twice"]


def test_a_function_is_judged_by_its_name_in_one_line(desk, capsys):
    assert said(capsys, desk, twice) == "✓ Right. Two of them.\n"

    def thrice(x):
        return 3 * x

    assert said(capsys, desk, thrice) == "✓ Right. Three.\n"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("...", "Not attempted yet: twice still returns None.\n"),
        ("return x**2", "✗ Not yet: That is the square.\n"),
        ("return x", "✗ Not yet: It is half of what is asked for.\n"),
        (
            "return x + 1",
            "✗ Not yet: On an example 6 is expected, got 4. "
            "Asked for: x, and x once more.\n",
        ),
        ("return x.y", "✗ Not yet: It stopped with AttributeError: 'Tensor' object"),
        ("raise SystemError('four')", "✗ Not yet: It stopped with SystemError: four\n"),
        ("print(2 * x)", "tensor(6.)\n✗ Not yet: twice prints, and returns None. Hand"),
        ("y = 2 * x", "✗ Not yet: twice computes, and returns None. Is return missing"),
        ("raise NotImplementedError", "Not attempted yet: twice still returns None.\n"),
    ],
)
def test_what_a_student_writes_is_answered_and_never_raised(
    desk, capsys, source, words
):
    assert said(capsys, desk, student(source)).startswith(words)


def test_what_is_no_function_is_asked_for(desk, capsys):
    for value in (torch.ones(3), None, 6.0):
        assert "Hand over the function itself" in said(capsys, desk, value)


def test_a_function_that_is_no_exercise_is_named_with_those_there_are(desk):
    with pytest.raises(ValueError, match=r"'<lambda>'; it has \['twice', 'thrice'\]"):
        desk[0](lambda x: x)
    with pytest.raises(ValueError, match="no 'Linear'; it has"):
        desk[0](torch.nn.Linear(1, 1))  # callable, and without a name


def test_a_check_moves_no_random_number(desk):
    torch.manual_seed(3)
    state = torch.random.get_rng_state()
    for answer in (twice, student("return torch.rand(1)"), student("...")):
        desk[0](answer)
    assert torch.equal(state, torch.random.get_rng_state())


# --- quizzes -----------------------------------------------------------------------


def test_a_quiz_starts_untried_and_keeps_what_was_tried(desk):
    widget = desk[2]()
    assert widget.tried == [[], [], [], []]
    first = widget.questions[0]
    assert first["text"] == "why"
    right = {option["text"]: option["right"] for option in first["options"]}
    assert right == {"a": True, "b": False, "c": False}
    widget.tried = [[1, 0], [], [], []]
    assert desk[2]().tried == [[], [], [], []]  # another one starts anew


def orders_of(monkeypatch, desk, home):
    """How a student of this home sees the options of each question."""
    monkeypatch.setenv("HOME", home)
    monkeypatch.setenv("USERPROFILE", home)
    questions = desk[2]().questions
    return [[option["text"] for option in q["options"]] for q in questions]


def test_no_place_of_a_quiz_is_right_more_often_than_another(monkeypatch, tmp_path):
    whys = (QUESTION.replace("why", f"why {n}") for n in range(4))
    desk = of_lesson(written(tmp_path, "".join(whys)), {})
    seen = [orders_of(monkeypatch, desk, f"/abode/student{n}") for n in range(150)]
    for number in range(4):
        for place in range(3):
            right = sum(orders[number][place] == "a" for orders in seen)
            assert 30 <= right <= 70, (number, place)  # 50 of 150, by chance
        assert len({tuple(orders[number]) for orders in seen}) == 6
    alike = sum(orders[0] == orders[1] for orders in seen)
    assert 10 <= alike <= 40  # the questions are shuffled apart: 1 of 6


def test_a_student_finds_the_options_where_they_were(monkeypatch, desk):
    homes = [f"/abode/student{n}" for n in (1, 2, 3, 1)]
    seen = [orders_of(monkeypatch, desk, home) for home in homes]
    assert seen[0] == seen[3] and not seen[0] == seen[1] == seen[2]
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.delenv(name)
    monkeypatch.setattr(Path, "home", Mock(side_effect=RuntimeError))
    assert desk[2]().tried == [[], [], [], []]  # nor does it need a home


def test_each_option_keeps_its_feedback_and_its_truth(tmp_path, monkeypatch):
    options = [("a", "yes", "right = true\n"), ("b", "no", ""), ("c", "never", "")]
    text = '[[question]]\ntext = "why"\n' + "".join(
        f'[[question.option]]\ntext = "{text}"\nfeedback = "{told}"\n{right}'
        for text, told, right in options
    )
    quiz = of_lesson(written(tmp_path, 4 * text), {})[2]
    for home in ("/abode/one", "/abode/two", "/abode/three"):
        monkeypatch.setenv("HOME", home)
        for question in quiz().questions:
            found = {tuple(option.values()) for option in question["options"]}
            assert found == {(a, b, c != "") for a, b, c in options}


# --- words -------------------------------------------------------------------------


def words_of(folder, text):
    written(folder, text)
    return load_words(folder / "words.toml")


def test_line_breaks_in_a_text_are_spaces(tmp_path):
    text = (LOUDER + 4 * QUESTION).replace('"why"', '"""\nwhy\n  not\n"""')
    text = text.replace('"How much larger?"', '"""\nHow much\n larger?"""')
    words = words_of(tmp_path, text.replace('"12 times"', '"""12\n times"""'))
    assert words["question"][3]["text"] == "why not"
    louder = words["predict"]["louder"]
    assert louder["question"] == "How much larger?"
    assert louder["choices"][1] == "12 times" and louder["bounds"] == [1.5, 20]


def test_a_lesson_may_have_no_predictions(tmp_path):
    assert words_of(tmp_path, 5 * QUESTION)["predict"] == {}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (3 * QUESTION, r"4 or 5 \[\[question\]\] tables"),
        (6 * QUESTION, r"4 or 5 \[\[question\]\] tables"),
        ("[question]\na = 1", r"4 or 5 \[\[question\]\] tables"),
        (4 * QUESTION + OPTION.format("d") + OPTION.format("e"), "question 4 needs 3"),
        (4 * QUESTION + OPTION.format("d") + "right = true", "exactly one.*got 2"),
        (3 * QUESTION + QUESTION.replace("right = true", ""), "question 4.*got 0"),
        (4 * QUESTION + "right = false", "option 3: write `right = true`"),
        (4 * QUESTION + OPTION.format("a"), "two options of one text"),
        (4 * QUESTION + "rigth = true", "option 3 has .*'rigth'"),
        ((4 * QUESTION).replace('feedback = "because"', "", 1), "question 1, option 1"),
        ((4 * QUESTION).replace('"because"', '" "', 1), "option 1 has an empty text"),
        ((4 * QUESTION).replace('"why"', "3", 1), "question 1 has an empty text: 3"),
        ("title = 'x'\n" + 4 * QUESTION, r"the file has .*'title'.*needs \['question'"),
        ("", r"the file has \[\] and needs \['question'\]"),
        (LOUDER, r"the file has \['predict'\] and needs \['question'\]"),
        ("[[question", "words.toml: "),
    ],
)
def test_a_malformed_quiz_is_refused_and_says_where(tmp_path, text, complaint):
    with pytest.raises(ValueError, match=complaint) as refused:
        of_lesson(written(tmp_path, text), {})  # at once: the lesson is not imported
    assert str(refused.value).startswith("words.toml: ")


CHOICES, BOUNDS = '["as large", "12 times", "more"]', "bounds = [1.5, 20]"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (CHOICES, '["only"]', "louder needs two or more choices"),
        (CHOICES, "[]", "louder needs two or more choices"),
        (CHOICES, '["a", "b", "a"]', "no two alike"),
        (CHOICES, '"abc"', "louder needs two or more choices"),
        (CHOICES, '["a", "b", " "]', "louder has an empty text: ' '"),
        (CHOICES, '["a", "b", 3]', "louder has an empty text: 3"),
        (BOUNDS, "", "louder needs either bounds between its choices or an answer"),
        (BOUNDS, f'{BOUNDS}\nanswer = "more"', "louder needs either bounds"),
        (BOUNDS, 'answer = "mroe"', r"louder: the answer is none of the choices \['as"),
        (BOUNDS, "answer = 3", "louder has an empty text: 3"),
        (BOUNDS, "bounds = [1.5]", "louder needs rising bounds, one fewer than choice"),
        (BOUNDS, "bounds = [1, 2, 3]", "louder needs rising bounds"),
        (BOUNDS, "bounds = [20, 1.5]", "louder needs rising bounds"),
        (BOUNDS, "bounds = [2, 2]", "louder needs rising bounds"),
        (BOUNDS, 'bounds = ["a", "b"]', "louder needs rising bounds"),
        (BOUNDS, "bounds = [[1], [2]]", "louder needs rising bounds"),
        (BOUNDS, "bounds = 3", "louder needs rising bounds"),
        (BOUNDS, f"{BOUNDS}\nbound = 3", "louder has .*'bound'.* and needs"),
        ('question = "How much larger?"', "", "louder has .* and needs .*'question'"),
        ('"How much larger?"', '""', "louder has an empty text: ''"),
        ("{{T}}", "{T", "louder has a brace that is not doubled"),
        ("{{T}}", "T}", "louder has a brace that is not doubled"),
        ("{found:.1f}", "{found:.1f", "louder has a brace that is not doubled"),
        ("[predict.louder]", "[[predict]]", r"predictions are \[predict.NAME\] tables"),
        ("[predict.louder]", "[predict]", "question has .* and needs"),
    ],
)
def test_a_malformed_prediction_is_refused_and_says_which(
    tmp_path, old, new, complaint
):
    assert LOUDER.count(old) == 1
    text = LOUDER.replace(old, new) + 4 * QUESTION
    with pytest.raises(ValueError, match=complaint) as refused:
        of_lesson(written(tmp_path, text), {})
    assert str(refused.value).startswith("words.toml: ")


def test_a_lesson_without_words_says_which_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="words.toml"):
        of_lesson(str(tmp_path / "__init__.py"), {})
