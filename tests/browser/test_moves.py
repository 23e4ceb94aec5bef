"""A move redraws only what it changes, in between refusals and the kernel's answers."""

from browser.test_engine import CELLS, STEPS, wait_for_table
from browser.test_explorers import SETUP, difference

# Counts how often plotly is asked for a whole picture, and for a part.
COUNT = """() => { window.__asked = { react: 0, animate: 0 };
    for (const way of ['react', 'animate']) {
        const asked = Plotly[way];
        Plotly[way] = (...what) => { window.__asked[way]++; return asked(...what); };
    } }"""

PARTS = "temperature", "gradient", "limit", "calibration"  # that a move draws anew


def asked(notebook):
    """{"react": whole pictures, "animate": parts} since the last time."""
    return notebook.page.evaluate(
        "() => { const n = { ...window.__asked };"
        " window.__asked.react = window.__asked.animate = 0; return n; }"
    )


def test_axes_and_legend_are_left_alone(lab):
    cells = [f"panel = explorers[{name!r}]()\npanel" for name in PARTS]
    notebook = lab.run([SETUP.format(lesson="temperature"), *cells])
    covered = "print(bool(panel.covered))"
    notebook.wait_for_output(covered, "True")  # of the last one: so of all
    notebook.settle()
    notebook.page.evaluate(COUNT)
    for number, name in enumerate(PARTS):
        handle = notebook.panel(number).locator(".noUi-handle").first
        handle.focus()
        asked(notebook)
        for key in ("Home", "ArrowRight", "PageUp", "ArrowRight", "End", "ArrowLeft"):
            notebook.page.keyboard.press(key)
            assert difference(notebook, number) == "", (name, key)
        ways = asked(notebook)
        assert ways["animate"] > ways["react"], (name, ways)


def test_refusals_answers_of_the_kernel_and_a_hidden_trace_in_between(lab):
    notebook = lab.run(CELLS)
    wait_for_table(notebook)
    slider = "temperature"
    for keys in (["Home"], ["PageUp"], ["ArrowRight"] * 2, ["Home"], ["End"]):
        notebook.press(slider, *keys)
        assert difference(notebook) == "", keys
    notebook.pick("image 2, a 2")  # drawn by the kernel; a new table follows
    notebook.press(slider, "ArrowLeft")
    wait_for_table(notebook)
    assert difference(notebook) == ""
    notebook.press(slider, "ArrowLeft")
    assert difference(notebook) == ""
    frame = notebook.panel().locator(".kdlab-frame")
    frame.evaluate("e => Plotly.restyle(e, { visible: 'legendonly' }, [1])")
    notebook.press(slider, "ArrowLeft", "ArrowLeft")
    assert difference(notebook) == ""


def test_a_live_panel_whose_curve_grows(lab):
    notebook = lab.run([CELLS[0] + STEPS])
    for _ in range(3):
        notebook.page.wait_for_timeout(300)
        notebook.push("Pause")
        notebook.panel().get_by_role("button", name="Resume").wait_for()
        notebook.page.wait_for_timeout(300)  # the step under way ends, and is drawn
        assert difference(notebook) == ""
        notebook.push("Resume")
        notebook.panel().get_by_role("button", name="Pause").wait_for()
    notebook.push("Stop")
