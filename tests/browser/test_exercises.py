"""Predictions and quizzes answered by keyboard alone, in a real JupyterLab."""

import pytest

from browser.axe import must_be_for_all
from lessons import soft_targets as lesson

LONG = "about the same, for `T²` is there to make sure of that at <b>every</b> T " * 2
WORDS = {
    "question": "By what factor?",
    "choices": [LONG, "12 times", "64 times"],
    "bounds": [5, 30],
    "measured": "{found:.1f}",
    "explanation": "See `T²` & the gaps.",
}
CELLS = [
    "from kdlab.exercises import Prediction",
    f"guess = Prediction({WORDS!r})\nguess",
    "guess.reveal(11.7)",
    "from lessons.soft_targets import quiz\ntest = quiz()\ntest",
]
CURRENT, KERNEL = (
    "window.jupyterapp.shell.currentWidget",
    "sessionContext.session.kernel",
)
CUT = """panel => {
    const edge = panel.getBoundingClientRect().right;
    const inline = e => getComputedStyle(e).display === 'inline';
    const cut = e => e.getBoundingClientRect().right > edge
        || !inline(e) && e.scrollWidth > e.clientWidth + 1;
    return [...panel.querySelectorAll('*')].filter(cut).map(e => e.outerHTML); }"""


@pytest.fixture(scope="module")
def page(module_lab):
    return module_lab.run(CELLS)


def panel(notebook, number):
    """The prediction is 0, its result 1, the quiz 2."""
    return notebook.page.locator(".kdlab-exercise").nth(number)


def wait_for(notebook, number, text, seconds=5):
    panel(notebook, number).filter(has_text=text).wait_for(timeout=seconds * 1000)


def keys(notebook, *names):
    for name in names:
        notebook.page.keyboard.press(name)


def focus(notebook, number, selector="input >> nth=0"):
    panel(notebook, number).locator(selector).focus()


def spoken(notebook, number):
    """What a screen reader is told when it changes."""
    live = "[aria-live=polite], [role=status]"
    heard = panel(notebook, number).locator(live).all()
    return " ".join(one.inner_text() for one in heard)


def active_cell(notebook):
    return notebook.page.evaluate(f"{CURRENT}.content.activeCellIndex")


def test_a_prediction_made_by_keyboard_appears_on_the_result(notebook):
    assert "Predict first" in panel(notebook, 1).inner_text()
    assert "11.7" not in panel(notebook, 1).inner_text()  # folded
    focus(notebook, 0)
    here = active_cell(notebook)
    keys(notebook, "ArrowDown", "Enter")
    wait_for(notebook, 1, "You predicted: 12 times")
    wait_for(notebook, 1, "Found: 12 times (11.7)")
    wait_for(notebook, 1, "✓ Your prediction agrees.")
    assert "Found: 12 times" in spoken(notebook, 1)
    assert active_cell(notebook) == here  # JupyterLab took none of the keys
    assert panel(notebook, 0).locator("input:disabled").count() == 3
    assert notebook.execute("print(guess.made)") == "12 times\n"
    keys(notebook, "Space")  # the button kept the focus; now it is Change my mind
    keys(notebook, "Shift+Tab", "ArrowDown", "Tab", "Enter")
    wait_for(notebook, 0, "Changed. At first you predicted: 12 times")
    wait_for(notebook, 1, "You predicted: 64 times (at first: 12 times)")
    wait_for(notebook, 1, "✗ Your prediction differs: why?")


def test_the_result_can_be_seen_without_a_prediction(notebook):
    focus(notebook, 0, "button")
    keys(notebook, "Enter")  # nothing is chosen yet
    notebook.settle()
    assert panel(notebook, 0).locator("button").inner_text() == "Commit"
    assert "Predict first" in panel(notebook, 1).inner_text()
    focus(notebook, 1, "button")
    keys(notebook, "Enter")
    wait_for(notebook, 1, "No prediction was made.")
    wait_for(notebook, 1, "Found: 12 times (11.7)")
    assert "agrees" not in panel(notebook, 1).inner_text()
    focus(notebook, 0)
    keys(notebook, "ArrowDown", "Enter")
    wait_for(notebook, 1, "You predicted: 12 times")


def test_a_busy_kernel_keeps_nobody_waiting_and_learns_the_answers(notebook):
    notebook.make_busy(6)
    focus(notebook, 0)
    keys(notebook, "ArrowDown", "Enter")
    wait_for(notebook, 1, "You predicted: 12 times")
    options = lesson.quiz().questions[0]["options"]
    right = [option["right"] for option in options].index(True)
    focus(notebook, 2, f"input >> nth={right}")
    keys(notebook, "Space", "Enter")
    wait_for(notebook, 2, options[right]["feedback"])
    assert notebook.page.evaluate(f"{CURRENT}.context.{KERNEL}.status") == "busy"
    assert (
        notebook.execute("print(guess.made, test.tried[0])") == f"12 times [{right}]\n"
    )
    save = "() => window.jupyterapp.commands.execute('docmanager:save')"
    notebook.page.evaluate(save)
    notebook.page.reload()  # the kernel tells the new page
    wait_for(notebook, 0, "Committed.", seconds=60)
    wait_for(notebook, 1, "You predicted: 12 times")
    wait_for(notebook, 2, "1 of 5 solved, 1 at the first try.")


def test_a_quiz_answers_each_option_and_counts_first_tries(notebook):
    quiz = lesson.quiz().questions
    for number, question in enumerate(quiz):
        right = [option["right"] for option in question["options"]].index(True)
        wrong = 1 if right == 0 else 0
        form = f"form >> nth={number} >> input >> nth="
        if number == 1:  # the second question is missed at first
            focus(notebook, 2, f"{form}{wrong}")
            keys(notebook, "Space", "Enter")
            missed = question["options"][wrong]["feedback"]
            wait_for(notebook, 2, f"✗ Not this one. {missed}")
        focus(notebook, 2, f"{form}{right}")
        keys(notebook, "Space", "Enter")
        wait_for(notebook, 2, f"✓ Right. {question['options'][right]['feedback']}")
        assert question["options"][right]["feedback"] in spoken(notebook, 2)
    wait_for(notebook, 2, f"All solved, {len(quiz) - 1} of {len(quiz)} at the first")
    panel(notebook, 2).get_by_role("button", name="Start again").focus()
    keys(notebook, "Enter")
    wait_for(notebook, 2, f"0 of {len(quiz)} solved, 0 at the first try.")
    assert "✓" not in panel(notebook, 2).inner_text()
    assert panel(notebook, 2).locator("input:checked").count() == 0


def test_texts_are_readable_narrow_and_in_both_themes(notebook):
    notebook.page.set_viewport_size({"width": 600, "height": 900})
    notebook.settle()
    first = panel(notebook, 0)
    assert "<b>every</b>" in first.inner_text() and first.locator("b").count() == 0
    assert first.locator("code").first.inner_text() == "T²"
    focus(notebook, 0)
    keys(notebook, "ArrowDown", "Enter")
    for option in range(2):  # one of them at least is wrong
        focus(notebook, 2, f"form >> nth=0 >> input >> nth={option}")
        keys(notebook, "Space", "Enter")
    for number in range(3):
        assert panel(notebook, number).evaluate(CUT) == []
    for theme in ("light", "dark"):
        notebook.set_theme(theme)
        must_be_for_all(notebook.page, ".kdlab-exercise")
        notebook.screenshot(f"exercises-{theme}")
