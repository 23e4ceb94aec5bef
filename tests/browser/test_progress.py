"""What was answered is there again after a restart; 00 keeps its file."""

import json

import pytest

from browser.axe import must_be_for_all

CELLS = [
    "import os\nos.environ.pop('KDLAB_PROGRESS')  # off, in other tests\n"
    "from lessons import temperature as lesson, start_here",
    'loudness = lesson.predict("loudness")\nloudness',
    "loudness.reveal(9.0, at_1=1.0, at_8=9.0)",
    "lesson.quiz()",
    "start_here.course_map()",
]
MAP, KERNEL = ".kdlab-map", "shell.currentWidget.sessionContext.session.kernel"


@pytest.fixture
def folder(server):
    """The notebooks' folder, cleared at the end."""
    yield server.notebooks
    for path in server.notebooks.glob("*progress*"):
        path.unlink()


def exercise(notebook, number):
    """The prediction is 0, its result 1, the quiz 2, the buttons of the map 3."""
    return notebook.page.locator(".kdlab-exercise").nth(number)


def answer(notebook, number, option):
    """Choose an option of an exercise by keyboard, and submit."""
    exercise(notebook, number).locator(f"input >> nth={option}").focus()
    notebook.page.keyboard.press("Space")
    notebook.page.keyboard.press("Enter")


def wait_for(notebook, number, text):
    exercise(notebook, number).filter(has_text=text).wait_for(timeout=10_000)


def restart(notebook):
    """A new kernel, and Run all."""
    notebook.page.evaluate(f"() => window.jupyterapp.{KERNEL}.restart()")
    notebook.run_all()


def test_answers_are_kept_taken_along_and_brought_back(lab, folder, tmp_path):
    notebook = lab.run(CELLS)
    page, file = notebook.page, folder / "progress.json"
    page.evaluate(  # a cell that awaits, such as `await panel.finished()`
        f"code => {{ window.jupyterapp.{KERNEL}.requestExecute({{ code }}); }}",
        "import asyncio; await asyncio.sleep(600)",
    )
    answer(notebook, 0, 2)
    wait_for(notebook, 1, "You predicted: it grows more than twofold")
    for option in range(3):
        answer(notebook, 2, option)
    page.wait_for_timeout(1000)
    kept = json.loads(file.read_text())["lessons"]["temperature"]
    assert len(kept["quiz"][0][0]) == 3

    restart(notebook)
    wait_for(notebook, 0, "Committed.")
    wait_for(notebook, 1, "✓ Your prediction agrees.")
    wait_for(notebook, 2, "1 of 5 solved")
    row = page.locator(f"{MAP} tr", has_text="02 · Temperature")
    assert row.locator("td").nth(0).inner_text().endswith("1 right of 4")
    for theme in ("light", "dark"):
        notebook.set_theme(theme)
        page.locator(MAP).scroll_into_view_if_needed()
        must_be_for_all(page, MAP, ".kdlab-exercise")
        notebook.screenshot(f"map-{theme}")

    with page.expect_download() as waited:
        exercise(notebook, 3).get_by_role("button", name="Download").focus()
        page.keyboard.press("Enter")
    waited.value.save_as(tmp_path / "mine.json")
    assert (tmp_path / "mine.json").read_text() == file.read_text()

    anew = exercise(notebook, 3).get_by_role("button", name="begin anew")
    exercise(notebook, 3).get_by_role("button", name="Begin anew").press("Enter")
    anew.press("Space")
    wait_for(notebook, 3, "You begin anew.")
    row.filter(has_text="0 of 4").wait_for()
    assert json.loads(file.read_text())["lessons"] == {}

    with page.expect_file_chooser() as chooser:
        exercise(notebook, 3).get_by_role("button", name="Restore").press("Enter")
    chooser.value.set_files(tmp_path / "mine.json")
    wait_for(notebook, 3, "Restored.")
    row.filter(has_text="1 right of 4").wait_for()
    assert json.loads(file.read_text())["lessons"]["temperature"] == kept
