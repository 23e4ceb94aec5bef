"""Predictions that are remembered, and quizzes that are well formed."""

import nbformat
import pytest
from nbclient import NotebookClient

from kdlab.exercises import QUIZZES, commit, load_quiz, quiz

OPTION = '[[question.option]]\ntext = "{}"\nfeedback = "because"\n'
RIGHT = OPTION.format("a") + "right = true\n"
QUESTION = '[[question]]\ntext = "why"\n' + RIGHT + OPTION.format("b")
QUESTION += OPTION.format("c")


@pytest.fixture
def guess():
    return commit("How much larger?", ["as large", "12 times"])


# --- predictions -------------------------------------------------------------------


def test_a_prediction_is_remembered_and_a_change_stays_on_record(guess):
    assert guess.made is None
    guess.committed = [0]
    assert guess.made == "as large"
    guess.committed = [0, 1]
    assert guess.made == "12 times" and guess.choices[guess.committed[0]] == "as large"


def test_a_result_shown_before_the_prediction_follows_it(guess):
    result = guess.reveal("12 times", measured="11.7", explanation="T² is not exact.")
    assert not result.opened  # folded: predict first
    guess.committed = [1]
    assert result.prediction.made == guess.choices[result.answer] == "12 times"
    sent = result.get_state()
    assert sent["prediction"] == f"IPY_MODEL_{guess.model_id}"  # watched by the page
    assert (sent["measured"], sent["explanation"]) == ("11.7", "T² is not exact.")


def test_two_predictions_do_not_share_their_memory(guess):
    other = commit("And again?", ["yes", "no"])
    guess.committed = [1]
    assert other.made is None


def test_an_answer_that_is_no_choice_is_refused_with_the_choices(guess):
    with pytest.raises(ValueError, match="'as large', '12 times'.*got '13 times'"):
        guess.reveal("13 times")


@pytest.mark.parametrize("choices", [[], ["only"], ["same", "same"], "ab"])
def test_choices_that_offer_no_choice_are_refused(choices):
    with pytest.raises(ValueError, match="two or more"):
        commit("Why?", choices)


def test_the_widgets_run_where_nobody_clicks():
    cells = [
        "from kdlab.exercises import commit, quiz",
        'guess = commit("Why?", ["a", "b"])\nguess',
        'guess.reveal("a")',
        'quiz("01_soft_targets")',
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells]
    )
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    for cell in notebook.cells[1:]:
        assert "application/vnd.jupyter.widget-view+json" in cell.outputs[0].data


# --- quizzes -----------------------------------------------------------------------


def written(folder, text):
    (folder / "q.toml").write_text(text, encoding="utf-8")
    return folder


def test_a_quiz_starts_untried_and_keeps_what_was_tried(tmp_path):
    widget = quiz("q", written(tmp_path, 4 * QUESTION))
    assert widget.tried == [[], [], [], []]
    first = widget.questions[0]
    assert first["text"] == "why"
    assert [option["right"] for option in first["options"]] == [True, False, False]


def test_line_breaks_in_a_text_are_spaces(tmp_path):
    text = (4 * QUESTION).replace('"why"', '"""\nwhy\n  not\n"""')
    assert load_quiz("q", written(tmp_path, text))[3]["text"] == "why not"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (3 * QUESTION, "4 or 5 questions, got 3"),
        (6 * QUESTION, "4 or 5 questions, got 6"),
        (4 * QUESTION + OPTION.format("d") + OPTION.format("e"), "question 4 needs 3"),
        (4 * QUESTION + OPTION.format("d") + "right = true", "exactly one.*got 2"),
        (3 * QUESTION + QUESTION.replace("right = true", ""), "question 4.*got 0"),
        (4 * QUESTION + "right = false", "option 3: write `right = true`"),
        (4 * QUESTION + OPTION.format("a"), "two options of one text"),
        (4 * QUESTION + "rigth = true", "option 3 has .*'rigth'"),
        ((4 * QUESTION).replace('feedback = "because"', "", 1), "question 1, option 1"),
        ((4 * QUESTION).replace('"because"', '" "', 1), "option 1 has an empty text"),
        ((4 * QUESTION).replace('"why"', "3", 1), "question 1 has an empty text: 3"),
        ("title = 'x'\n" + 4 * QUESTION, "expected only"),
        ("", "expected only"),
        ("[[question", "q.toml: "),
    ],
)
def test_a_malformed_quiz_is_refused_and_says_where(tmp_path, text, complaint):
    with pytest.raises(ValueError, match=complaint) as refused:
        quiz("q", written(tmp_path, text))
    assert str(refused.value).startswith("q.toml: ")


def test_a_missing_quiz_is_named_with_those_there_are(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No quiz 'p'.*\['q'\]"):
        quiz("p", written(tmp_path, ""))


def test_there_are_quizzes():
    assert sorted(QUIZZES.glob("*.toml"))


@pytest.mark.parametrize(
    "path", sorted(QUIZZES.glob("*.toml")), ids=lambda path: path.stem
)
def test_every_quiz_of_the_course_is_well_formed(path):
    for question in load_quiz(path.stem):
        texts = [question["text"]]
        for option in question["options"]:
            texts += option["text"], option["feedback"]
        for text in texts:  # an odd backtick would turn the rest into code
            assert text.count("`") % 2 == 0, f"{path.name}: unpaired ` in {text!r}"
            assert "*" not in text and "$" not in text, (
                f"{path.name}: markup in {text!r}"
            )
        right, wrong = (
            [len(o["text"]) for o in question["options"] if o["right"] is kind]
            for kind in (True, False)
        )
        assert right[0] <= 1.4 * max(wrong), f"{path.name}: its length gives it away"
