"""What students do to a page that trains: away for a while, elsewhere, in between."""

import os

from browser.proxy import DelayingProxy
from browser.test_engine import (
    CELLS,
    START,
    TEMPERATURES,
    expect,
    wait_for_table,
    wait_until_it_says,
)

AWAY = float(os.environ.get("KDLAB_AWAY", 8))  # seconds
TRAINS = """
def steps(length):
    for step in range(length):
        time.sleep(0.05)
        yield lambda: (dict(data=[dict(y=[step])], layout=dict(title=dict(text="t"))),
            f"step {step + 1} of {length}.")
    return f"trained {length}"
live = explore_live(
    steps, length=widgets.IntSlider(400, max=4000, description="length"))
live"""


def test_a_closed_laptop_finds_its_training_and_its_sliders_again(lab, server):
    """The websocket goes and comes back: what was trained meanwhile is there."""
    with DelayingProxy(server.port, delay=0.0) as proxy:
        notebook = lab.open([*CELLS, TRAINS], port=proxy.port)
        notebook.harmless += ["ERR_", "WebSocket", "Connection lost", "Failed to fetch"]
        notebook.run_all()
        wait_for_table(notebook)
        wait_until_it_says(notebook, r"^step \d", 1)
        proxy.fall_asleep()
        notebook.press("temperature", "ArrowRight")
        expect(notebook, TEMPERATURES[21], 0)  # the page has the table
        notebook.page.wait_for_timeout(1000 * AWAY)
        proxy.wake()
        wait_until_it_says(notebook, r"^step 400 of 400\.$", 1)
        if notebook.page.locator(".jp-Dialog").count():  # JupyterLab says it, too
            notebook.page.keyboard.press("Escape")
        notebook.set_slider("length", 2, panel=1)
        wait_until_it_says(notebook, r"^step 2 of 2\.$", 1)
        expect(notebook, TEMPERATURES[21], 0)
        lab.opened.remove(notebook)
        assert notebook.close() == []  # as long as the proxy lets it through


def test_two_notebooks_at_once_and_a_slider_while_one_trains(lab):
    training = lab.run([*CELLS, TRAINS.replace("(400,", "(4000,")])
    wait_for_table(training)
    wait_until_it_says(training, r"^step \d", 1)
    training.press("temperature", "ArrowRight")
    expect(training, TEMPERATURES[21], 0)
    other = lab.run(CELLS)
    other.wait_for_sentence(START)
    other.press("temperature", "ArrowRight", "ArrowRight")
    expect(other, TEMPERATURES[22], 0)
    before = training.sentence(1)
    assert before.startswith("step ") and before != "step 4000 of 4000."
    training.page.wait_for_function(
        "b => document.querySelectorAll('.kdlab-sentence')[1].textContent !== b",
        arg=before,
    )
    training.panel(1).get_by_role("button", name="Stop").click()
    assert training.execute("print(await live.finished())").strip() == "None"
