"""retrain_explorer in a real JupyterLab: dots come, a new position cancels them."""

import re

from browser.test_explorers import TEXTS

CELLS = [
    """from kdlab.explorers_retrain import retrain_explorer
from kdlab.teachers import images_of, some_of, teacher_of
from kdlab.training import predict
teacher = teacher_of("digits", "course", 0, 0)
train_set, test_set = some_of(images_of("digits", "train"), 1000), dict(
    images_of("digits", "test"))
for columns in (train_set, test_set):
    columns["teacher_logits"] = predict(teacher, columns["images"])
# so many that no training is over before it is seen
train_set = {k: column.repeat_interleave(5, 0) for k, column in train_set.items()}""",
    """panel = retrain_explorer(train_set, test_set, width=16)
panel""",
    "errors = await panel.finished()",
]

SAYS = """pattern => document.querySelector('.kdlab-sentence').textContent
    .match(pattern)"""


def dots(notebook, part="x"):
    traces = notebook.figure()["data"]
    return next(t for t in traces if t["name"] == "one run" and t["xaxis"] == part)


def test_five_pairs_of_dots_come_and_a_new_position_starts_again(lab):
    notebook = lab.run(CELLS)
    told = notebook.execute("print(errors['with the teacher'] + errors['labels'])")
    assert dots(notebook)["x"] == [int(n) for n in re.findall(r"\d+", told)]
    assert "5 of 5 seeds" in notebook.sentence()
    notebook.push("the same, patient")
    notebook.page.wait_for_function(SAYS, arg="[1-4] of 5 seeds")
    notebook.set_slider("temperature T", 2.0)  # cancels it
    notebook.page.wait_for_timeout(500)
    notebook.push("Stop")
    notebook.panel().get_by_role("button", name="Run again").wait_for()
    notebook.page.wait_for_timeout(300)  # the last picture may follow
    stopped = notebook.sentence()
    assert "5 of 5 seeds" not in stopped
    notebook.page.wait_for_timeout(400)
    assert notebook.sentence() == stopped


def test_everything_can_be_read_in_both_themes_and_in_a_narrow_window(lab):
    notebook = lab.run([*CELLS[:1], CELLS[1].replace("16", "16, smoothing=True")])
    notebook.page.wait_for_function(SAYS, arg="5 of 5 seeds", timeout=60_000)
    frame = notebook.panel().locator(".kdlab-frame")
    for theme in ("dark", "light"):
        notebook.set_theme(theme)
        notebook.settle()
        for text in frame.evaluate(TEXTS):
            assert text["colored"] and text["inside"], text
    notebook.page.set_viewport_size({"width": 700, "height": 900})
    notebook.settle()
    assert not notebook.overflows()
