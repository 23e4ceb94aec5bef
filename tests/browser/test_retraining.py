"""retrain_explorer in a real JupyterLab: dots come, a new position cancels them."""

import re

CELLS = [
    """from kdlab.data import load_images, sample
from kdlab.explorers import retrain_explorer
from kdlab.training import predict
from kdlab.weights import load_teacher
teacher, _ = load_teacher("digits")
train_set = sample(load_images("digits", "train"), 1000)
test_set = load_images("digits", "test")
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
