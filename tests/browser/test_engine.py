"""The engine of the explorers, with small views, in a real JupyterLab.

The views are run in the notebook and here: what the page shows must be what they say.
"""

import inspect
import json

import numpy as np
import plotly.graph_objects as go
import pytest
from playwright.sync_api import Error as PlaywrightError

from browser.proxy import DelayingProxy

IMPORTS = """import time
import ipywidgets as widgets
import numpy as np
import plotly.graph_objects as go
import torch
from kdlab.figures import image_address
from kdlab.panels import explore, explore_live, image_picker, show"""

TEMPERATURES = [0.2 * 10 ** (0.05 * step) for step in range(48)]  # 0.2 to 44.8


def view(temperature, image):
    if temperature < 0.3:
        raise ValueError("too cold: choose 0.3 or more")
    probs = np.exp(np.roll([4.0, 2.0, -1.0], image) / temperature)
    probs = probs / probs.sum()
    figure = go.Figure([go.Bar(x=["a", "b", "c"], y=probs), go.Scatter(y=[image])])
    figure.update_layout(title=f"temperature {temperature:.2f}", yaxis_range=[0, 1])
    return figure, f"At {temperature:.2f}, image {image}: top class {probs.max():.1%}."


EXPLORER = """
addresses = [image_address(torch.rand(1, 28, 28)) for _ in range(5)]
panel = explore(view, temperature=widgets.FloatLogSlider(
    2, min=np.log10(0.2), max=1.65, step=0.05, description="temperature (T)"),
    image=image_picker(addresses, [f"image {i}, a {i}" for i in range(5)]),
    presets={"Hinton 2015": 20.0, "other": {"image": 3}})
panel"""
CELLS = [IMPORTS, inspect.getsource(view) + EXPLORER]
START = view(2.0, 0)[1]
SAYS = """([pattern, panel]) => new RegExp(pattern).test(
    document.querySelectorAll('.kdlab-sentence')[panel]?.textContent)"""


def expect(notebook, temperature, image, panel=0):
    """Sentence and picture become those of the view for these values."""
    figure, sentence = view(temperature, image)
    notebook.wait_for_sentence(sentence, panel)
    drawn, wanted = notebook.figure(panel), json.loads(figure.to_json())
    np.testing.assert_allclose(drawn["data"][0]["y"], figure.data[0].y, rtol=1e-5)
    assert drawn["data"][1]["y"] == [image]
    assert drawn["layout"]["title"]["text"] == wanted["layout"]["title"]["text"]
    assert drawn["layout"]["title"]["text"] in notebook.panel(panel).inner_text()


def wait_until_it_says(notebook, pattern, panel=0):
    try:
        notebook.page.wait_for_function(SAYS, arg=[pattern, panel], timeout=60_000)
    except PlaywrightError as error:
        raise TimeoutError(f"Not {pattern!r}: {notebook.sentence(panel)!r}") from error


def wait_for_table(notebook):
    """Until the kernel has tabulated the view: then it is not needed any more."""
    covered = "print(bool(panel.covered) and panel.covered.covers(panel.places()))"
    notebook.wait_for_output(covered, "True")
    notebook.settle()  # the browser has it, too


@pytest.fixture(scope="module")
def page(module_lab):
    return module_lab.run(CELLS)


def test_slider_answers_to_mouse_keyboard_and_number_box(notebook):
    assert notebook.sentence() == START
    before = notebook.picture()
    notebook.drag_slider("temperature", 0.8)
    reached = min(TEMPERATURES, key=lambda t: abs(t - float(notebook.readout("temp"))))
    assert 10 < reached < 20
    expect(notebook, reached, 0)
    assert notebook.picture() != before
    at = TEMPERATURES.index(reached)
    notebook.press("temperature", "ArrowRight", "ArrowUp", "ArrowLeft")
    expect(notebook, TEMPERATURES[at + 1], 0)
    notebook.set_slider("temperature", 7.9)  # the slider takes its nearest position
    expect(notebook, 0.2 * 10**1.6, 0)
    notebook.panel().get_by_role("button", name="Hinton 2015").focus()
    notebook.page.keyboard.press("Enter")
    expect(notebook, 20.0, 0)
    notebook.push("Reset")
    expect(notebook, 2.0, 0)
    notebook.page.wait_for_timeout(500)  # plotly's last touches, such as a resize
    assert notebook.picture() == before


def test_without_the_kernel_sliders_presets_and_reset_answer(lab):
    notebook = lab.run(CELLS)
    wait_for_table(notebook)
    notebook.kill_kernel()
    notebook.press("temperature", "ArrowRight", "ArrowRight")
    expect(notebook, TEMPERATURES[22], 0)
    notebook.push("Hinton 2015")
    expect(notebook, 20.0, 0)
    notebook.push("Reset")
    expect(notebook, 2.0, 0)
    notebook.pick("image 2, a 2")  # not in the table: the panel says so
    wait_until_it_says(notebook, "There is no kernel any more.*Load the page again")
    notebook.pick("image 0, a 0")
    expect(notebook, 2.0, 0)


def test_a_busy_kernel_is_waited_for(notebook):
    wait_for_table(notebook)
    notebook.make_busy(20)
    notebook.pick("image 2, a 2")
    notebook.wait_for_sentence(
        "Waiting for the kernel: the picture is not yet what the controls say."
    )
    notebook.stop_being_busy()
    expect(notebook, 2.0, 2)


def test_a_kernel_that_another_window_ended_is_said_also_by_buttons(lab):
    notebook = lab.run([IMPORTS + STEPS, CELLS[1]])
    wait_for_table(notebook)
    notebook.push("Stop")
    notebook.panel().get_by_role("button", name="Run again").wait_for()
    other = lab.browser.new_page()
    other.goto(notebook.page.url)
    kernel = "window.jupyterapp?.shell?.currentWidget?.context?.sessionContext?.session"
    other.wait_for_function(f"{kernel}?.kernel?.status === 'idle'")
    other.evaluate(f"{kernel}.shutdown()")  # as kernelShutdown does at its close
    other.close()
    notebook.page.wait_for_function(f"!{kernel}?.kernel")
    notebook.harmless += ["Could not send widget sync", "restore the debugger state"]
    notebook.push("Run again")
    wait_until_it_says(notebook, "There is no kernel any more")
    notebook.press("temperature", "ArrowRight", panel=1)
    expect(notebook, TEMPERATURES[21], 0, panel=1)  # the table is here
    notebook.pick("image 2, a 2", panel=1)
    wait_until_it_says(notebook, "closed in another window", 1)


def test_an_old_browser_is_told_what_it_lacks(lab):
    notebook = lab.open(CELLS)
    notebook.page.evaluate("delete window.DecompressionStream")
    notebook.run_all()
    wait_until_it_says(notebook, "browser is too old.*Firefox 113.*Safari 16.4")
    assert notebook.panel().get_by_role("alert").count() == 1


HURRY = """() => { const { timeout } = AbortSignal; AbortSignal.timeout = wait =>
    timeout.call(AbortSignal, wait === 2000 ? 0 : wait); }"""


def test_a_busy_browser_that_reads_the_script_too_late_still_hears_the_kernel(lab):
    notebook = lab.open(CELLS)
    notebook.page.evaluate(HURRY)  # anywidget's two seconds are over at once
    notebook.run_all()
    expect(notebook, 2.0, 0)
    notebook.pick("image 2, a 2")  # the kernel answers
    expect(notebook, 2.0, 2)
    notebook.push("Reset")
    expect(notebook, 2.0, 0)


ODD = """
nothing = {"data": [], "layout": {}}
odd = explore(lambda t, share, epochs, arm, also, low: (nothing, "."),
    t=widgets.FloatLogSlider(1, base=2, min=-2, max=5, step=1 / 6,
        description="temperature T", readout_format=".4g"),
    share=widgets.FloatSlider(0.5, max=1, step=0.1, description="weight"),
    epochs=widgets.SelectionSlider(options=[("2", 2), ("1,500", 1500)],
        description="epochs"),
    arm=widgets.Dropdown(options=["a", "b"], description="arm"),
    also=widgets.Checkbox(description="also"),
    low=widgets.FloatText(0.3, description="lower end"))
odd"""


def test_a_screen_reader_hears_names_and_the_values_that_are_seen(lab):
    notebook = lab.run([IMPORTS + ODD])
    panel, names = notebook.panel(), ["temperature T", "weight", "epochs"]

    def heard():
        return [
            panel.get_by_role("slider", name=name).get_attribute("aria-valuetext")
            for name in names
        ]

    assert heard() == ["1.000", "0.50", "2"]  # neither -2.2e-16 nor the option's number
    for name in names:
        notebook.press(name, "ArrowRight")
    assert heard() == ["1.122", "0.60", "1,500"]
    notebook.push("Reset")
    assert heard() == ["1.000", "0.50", "2"]
    notebook.drag_slider("weight", 1.0)
    assert heard()[1] == "1.00"
    for name in names:
        assert panel.get_by_role("textbox", name=name).count() == 1
    for role, name in (("combobox", "arm"), ("checkbox", "also")):
        assert panel.get_by_role(role, name=name).count() == 1
    assert panel.get_by_role("spinbutton", name="lower end").count() == 1


def test_after_a_crash_of_the_kernel_sliders_answer(lab):
    notebook = lab.run(CELLS)
    wait_for_table(notebook)
    notebook.crash_kernel()
    notebook.press("temperature", "ArrowRight")
    expect(notebook, TEMPERATURES[21], 0)


def test_image_picker_by_mouse_keyboard_and_preset_then_a_busy_kernel(notebook):
    radios = notebook.panel().get_by_role("radio")
    assert radios.count() == 5

    def chosen():
        marks = [r.get_attribute("aria-checked") for r in radios.all()]
        return marks.index("true") if marks.count("true") == 1 else marks

    notebook.pick("image 2, a 2")
    expect(notebook, 2.0, 2)
    assert chosen() == 2
    for key, image in (("ArrowRight", 3), ("End", 4), ("ArrowDown", 0), ("ArrowUp", 4)):
        notebook.page.keyboard.press(key)
        expect(notebook, 2.0, image)
        assert chosen() == image
        focused = notebook.page.evaluate("document.activeElement.ariaLabel")
        assert focused == f"image {image}, a {image}"
    notebook.page.keyboard.press("Home")
    expect(notebook, 2.0, 0)
    notebook.push("other")
    expect(notebook, 2.0, 3)
    wait_for_table(notebook)  # of the new image
    notebook.make_busy(15)
    notebook.press("temperature", "ArrowRight")
    expect(notebook, TEMPERATURES[21], 3)
    notebook.push("Hinton 2015")
    expect(notebook, 20.0, 3)
    assert notebook.is_busy()
    notebook.stop_being_busy()


def test_nothing_moves_while_a_slow_table_says_how_far_it_is(notebook):
    parts = notebook.panel().locator("button, .kdlab-frame, .kdlab-sentence")

    def places():
        return [part.bounding_box() for part in parts.all()]

    before, told = places(), "preparing: 53 of 82"
    notebook.execute(f"panel.picture.filling = {told!r}")
    notebook.page.wait_for_function(
        """told => getComputedStyle(document.querySelector('.kdlab-frame'),
            '::after').content.includes(told)""",
        arg=told,
    )
    assert places() == before
    notebook.execute("panel.picture.filling = ''")


def test_a_refusing_view_says_why_and_the_picture_stays(notebook):
    picture = notebook.picture()
    notebook.push("Reset")
    notebook.set_slider("temperature", 0.2)
    notebook.wait_for_sentence("⚠ too cold: choose 0.3 or more")
    assert notebook.panel().get_by_role("alert").count() == 1
    assert "stale" in notebook.panel().locator(".kdlab-frame").get_attribute("class")
    assert notebook.picture() == picture
    notebook.set_theme("dark")  # what stays follows the page, too
    title = notebook.panel().locator(".gtitle")
    assert title.evaluate("e => getComputedStyle(e).fill") == "rgb(255, 255, 255)"
    notebook.push("Reset")
    expect(notebook, 2.0, 0)
    assert notebook.panel().get_by_role("alert").count() == 0


def test_a_bug_in_a_view_is_seen_in_the_panel_and_in_the_kernel(lab):
    broken = "def buggy(n):\n    return view(2.0, n) if n < 5 else None()"
    call = "explore(buggy, tabulate=0, n=widgets.IntSlider(1, max=9, description='n'))"
    notebook = lab.run([*CELLS, f"{broken}\n{call}"])
    notebook.set_slider("n", 7, panel=1)
    notebook.wait_for_sentence("⚠ TypeError: 'NoneType' object is not callable", 1)
    notebook.expect_kernel_error("TypeError: 'NoneType' object is not callable")


def test_theme_width_reload_and_a_second_view(lab):
    notebook = lab.run([*CELLS, "panel", 'show({"data": [{"y": [1]}]}, "A dot.")'])
    title = notebook.panel().locator(".gtitle")
    light = title.evaluate("e => getComputedStyle(e).fill")
    notebook.screenshot("engine-light")
    notebook.set_theme("dark")
    dark = title.evaluate("e => getComputedStyle(e).fill")
    page_color = notebook.panel().evaluate("e => getComputedStyle(e).color")
    assert dark != light and dark == page_color
    notebook.screenshot("engine-dark")
    notebook.push("Hinton 2015", panel=1)  # both views show one panel
    expect(notebook, 20.0, 0, panel=0)
    expect(notebook, 20.0, 0, panel=1)
    assert notebook.sentence(2) == "A dot."
    notebook.page.set_viewport_size({"width": 600, "height": 900})
    notebook.settle()
    notebook.screenshot("engine-narrow")
    for panel in range(3):
        assert not notebook.overflows(panel)
    notebook.reload()
    expect(notebook, 20.0, 0)
    notebook.push("Reset")
    expect(notebook, 2.0, 0, panel=1)


STEPS = """
closed = []
def steps(width):
    try:
        for step in range(600 if width == 3 else 5):
            figure = go.Figure(go.Scatter(y=[width] * (step + 2)))
            yield lambda: (figure, f"{width}: {step}")
            time.sleep(0.1)
    finally:
        closed.append(width)
    if width == 5:
        raise FloatingPointError("the loss is not finite")
    return f"trained {width}"
width = widgets.IntSlider(3, min=1, max=9, description="width")
panel = explore_live(steps, width=width)
panel"""


def test_steps_are_drawn_as_they_come_and_cancelled_by_a_new_position(lab):
    notebook = lab.run([IMPORTS + STEPS])
    seen = notebook.sentence()
    assert seen.startswith("3: ")
    notebook.page.wait_for_timeout(500)
    assert notebook.sentence() != seen  # it goes on, the kernel is free
    notebook.set_slider("width", 4)
    notebook.wait_for_sentence("4: 4")
    assert notebook.figure()["data"][0]["y"] == [4] * 6
    notebook.wait_for_output("print(closed)", "[3, 4]")
    notebook.set_slider("width", 5)
    notebook.wait_for_sentence("⚠ the loss is not finite")
    notebook.push("Reset")
    notebook.wait_for_sentence("3: 2")
    notebook.push("Pause")
    notebook.panel().get_by_role("button", name="Resume").wait_for()
    notebook.page.wait_for_timeout(300)  # the step under way ends, and is drawn
    paused = notebook.sentence()
    notebook.page.wait_for_timeout(400)
    assert notebook.sentence() == paused
    notebook.push("Resume")
    notebook.panel().get_by_role("button", name="Pause").wait_for()
    notebook.push("Stop")
    notebook.panel().get_by_role("button", name="Run again").wait_for()
    notebook.page.wait_for_timeout(300)  # the last picture may follow
    stopped = notebook.sentence()
    notebook.page.wait_for_timeout(400)
    assert notebook.sentence() == stopped
    notebook.wait_for_output("print(closed)", "[3, 4, 5, 3]")


CLEAR = """cell => window.jupyterapp.shell.currentWidget.content
    .widgets[cell].outputArea.model.clear()"""


def test_it_trains_as_long_as_somebody_looks(lab):
    notebook = lab.run([IMPORTS + STEPS, "panel"])
    state = "print(panel.picture.state)"
    notebook.page.evaluate(CLEAR, 1)  # one of two views
    notebook.page.wait_for_timeout(500)
    assert notebook.execute(state).strip() == "running"
    notebook.page.evaluate(CLEAR, 0)
    notebook.wait_for_output(state, "ended")


def test_a_cell_run_again_leaves_one_thread(lab):
    notebook = lab.run([IMPORTS + STEPS])
    notebook.run_all()  # a run takes a minute: the first is not over
    names = "import threading; print([t.name for t in threading.enumerate()].count"
    notebook.wait_for_output(names + "('kdlab'))", "1")
    assert notebook.execute("print(panel.picture.state)").strip() == "running"


def test_a_cell_that_waits_for_the_end_does_not_stop_the_hand(lab):
    late = "width.value = 4\nresult = await panel.finished()\nprint(result)"
    notebook = lab.run([IMPORTS + STEPS, late])
    assert notebook.execute("print(result)").strip() == "trained 4"
    assert notebook.sentence() == "4: 4"


def test_over_a_slow_network_the_slider_is_as_quick(lab, server):
    with DelayingProxy(server.port, delay=0.1) as proxy:
        notebook = lab.run(CELLS, port=proxy.port)
        wait_for_table(notebook)
        assert proxy.received > 1e5
        proxy.delay = 6.0  # an answer of the kernel would take twelve seconds
        notebook.press("temperature", "ArrowRight", "ArrowRight")
        expect(notebook, TEMPERATURES[22], 0)  # waits for ten
        proxy.delay = 0.0
