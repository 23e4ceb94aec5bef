"""The drawing pad under mouse and finger: alone in a page, then in a real JupyterLab.

Alone, `toMnist` is compared with a computation of this file's own, in numpy. In
JupyterLab a *twin* of the explorer says here what the page must show of a drawing.
"""

import numpy as np
import pytest

from kdlab.data import load_images
from kdlab.explorers import pad_explorer
from kdlab.panels import drawn_image, drawn_value
from kdlab.panels.pad import FOLDER, REFUSED
from kdlab.weights import load_teacher

ALONE = f"""<!DOCTYPE html><meta charset="utf-8"><meta name="viewport"
content="width=device-width"><style>{(FOLDER / "pad.css").read_text()}</style>
<div id="pad"></div><script>{(FOLDER / "pad.js").read_text()}
const told = [], drawing = newDrawing();
const pad = makePad(document.getElementById('pad'), {{ label: 'draw', drawing,
    change: value => told.push([performance.now(), value]) }});</script>"""
SEVEN = [[(0.2, 0.2), (0.5, 0.17), (0.8, 0.2), (0.6, 0.5), (0.45, 0.85)]]
PLUS = [[(0.5, 0.3), (0.5, 0.6)], [(0.3, 0.48), (0.75, 0.48)]]
TAIL = [[(0.1, 0.1), (0.4, 0.12), (0.15, 0.3), (0.12, 0.95)]]  # its mass lies high


def on_paper(strokes, zoom=252.0, right=0.0, down=0.0):
    """The strokes in the pad's own pixels."""
    return [[[x * zoom + right, y * zoom + down] for x, y in s] for s in strokes]


def value_of(page, strokes, thickness=24.0):
    drawing = {"thickness": thickness, "strokes": strokes}
    return page.evaluate("drawing => toMnist(drawing)", drawing)


def covered(strokes, thickness):
    """The share [28, 28] of each pixel that lies under the pen, by 100 samples."""
    ticks = (np.arange(280) + 0.5) / 10
    samples = np.stack(np.meshgrid(ticks, ticks), axis=-1)
    under = np.zeros((280, 280), dtype=bool)
    for points in map(np.array, strokes):
        for start, end in zip(points[:-1], points[1:], strict=True):
            way = end - start
            along = ((samples - start) @ way / (way @ way)).clip(0, 1)[..., None]
            away = np.linalg.norm(samples - start - along * way, axis=-1)
            under |= away <= thickness / 2
    return under.reshape(28, 10, 28, 10).mean(axis=(1, 3))


def middle_of(ink):
    """Its centre of mass (x, y), from the image's corner."""
    places = np.arange(28) + 0.5
    return np.array([ink.sum(0) @ places, ink.sum(1) @ places]) / ink.sum()


def mnist_form(strokes, thickness):
    """As MNIST's images were made: 20 pixels at most, then moved by whole pixels."""
    points = np.concatenate([np.array(s) for s in strokes])
    low, high = points.min(0) - thickness / 2, points.max(0) + thickness / 2
    scale = 20 / (high - low).max()
    boxed = [(np.array(s) - (low + high) / 2) * scale + 14 for s in strokes]
    moved = np.round(14.5 - middle_of(covered(boxed, thickness * scale)))
    return covered([s + moved for s in boxed], thickness * scale)


@pytest.fixture(scope="module")
def alone(browser):
    """A page with nothing but a pad."""
    page = browser.new_page()
    page.set_content(ALONE)
    yield page
    page.close()


@pytest.mark.parametrize("strokes", [SEVEN, PLUS, TAIL])
@pytest.mark.parametrize("thickness", [14.0, 24.0, 36.0])
def test_a_drawing_is_brought_into_the_form_of_mnist(alone, strokes, thickness):
    drawn = on_paper(strokes)
    ours = drawn_image(value_of(alone, drawn, thickness))[0].numpy() / 255
    wanted = mnist_form(drawn, thickness)
    assert np.abs(ours - wanted).mean() < 0.01
    assert np.abs(ours - wanted).max() < 0.35  # where thin strokes meet
    inked = ours > 0.02
    assert max(inked.any(0).sum(), inked.any(1).sum()) == 20
    assert (abs(middle_of(ours) - 14.5) < 0.51).all()  # as in every image of MNIST


def test_place_and_size_on_the_paper_do_not_matter(alone):
    large = value_of(alone, on_paper(TAIL), 24.0)
    moved = value_of(alone, on_paper(TAIL, zoom=126.0, right=100, down=30), 12.0)
    ours, other = (drawn_image(value).float() for value in (large, moved))
    assert (ours - other).abs().max() <= 1


def test_images_of_mnist_itself_lie_as_drawings_do():
    images = load_images("mnist", "test")["images"][:500, 0].numpy() / 255
    sides = [max((i > 0).any(0).sum(), (i > 0).any(1).sum()) for i in images]
    assert np.mean(np.array(sides) == 20) > 0.99
    assert all((abs(middle_of(image) - 14.5) < 0.51).all() for image in images)


def test_nothing_a_dot_and_everything_are_no_digits(alone):
    assert value_of(alone, []) == ""
    assert value_of(alone, [[[100, 100]]]) == "dot"
    assert value_of(alone, [[[100, 100], [110, 135]]]) == "dot"
    assert len(value_of(alone, [[[100, 100], [110, 137]]])) > 1000
    many = "toMnist({ thickness: 24, strokes: [Array(200_000).fill([9, 9])] })"
    assert alone.evaluate(many) == "dot"
    lines = [[[0, y], [252, y]] for y in range(0, 253, 10)]
    assert value_of(alone, lines) == "full"
    assert len(value_of(alone, [[[126, 20], [126, 230]]])) > 1000  # a 1


# --- hands ----------------------------------------------------------------------------


def draw(page, strokes, steps=8, rest=0):
    left, top, *_ = page.locator(".kdlab-paper").bounding_box().values()
    for first, *others in on_paper(strokes, right=left, down=top):
        page.mouse.move(*first)
        page.mouse.down()
        for place in others:
            page.mouse.move(*place, steps=steps)
            page.wait_for_timeout(rest)
        page.mouse.up()


def told(page):
    """[[time, value], ...] of all that was told; once nothing more is to come."""
    page.wait_for_timeout(120)
    return page.evaluate("told")


def ink_at(page, x, y):
    """How white the paper is there, 0 to 255."""
    script = """([x, y]) => { const paper = document.querySelector('.kdlab-paper');
        return paper.getContext('2d').getImageData(x * paper.width, y * paper.height,
            1, 1).data[0]; }"""
    return page.evaluate(script, [x, y])


def press(page, name):
    page.get_by_role("button", name=name).click()


@pytest.fixture
def empty(alone):
    """The pad without a drawing, and nothing told."""
    alone.evaluate("pad.set(' '), pad.set(''), told.length = 0")
    alone.evaluate("drawing.thickness = 24, drawing.taken = null, pad.set('dot')")
    alone.evaluate("pad.set('')")  # painted anew
    return alone


def test_the_mouse_draws_undoes_and_clears(empty):
    draw(empty, PLUS)
    both = told(empty)[-1][1]
    assert both == value_of(empty, empty.evaluate("drawing.strokes"))
    assert ink_at(empty, 0.5, 0.4) == ink_at(empty, 0.4, 0.48) == 255
    press(empty, "Undo")
    one = told(empty)[-1][1]
    assert one not in (both, "") and ink_at(empty, 0.35, 0.48) == 0
    assert one == value_of(empty, empty.evaluate("drawing.strokes"))
    draw(empty, PLUS[1:])
    press(empty, "Clear")
    assert told(empty)[-1][1] == "" and ink_at(empty, 0.5, 0.4) == 0
    assert empty.get_by_role("button", name="Clear").is_disabled()
    press(empty, "Undo")
    assert told(empty)[-1][1] == value_of(empty, empty.evaluate("drawing.strokes"))
    assert ink_at(empty, 0.5, 0.4) == ink_at(empty, 0.4, 0.48) == 255
    for _ in range(2):
        press(empty, "Undo")
    assert told(empty)[-1][1] == ""
    assert empty.get_by_role("button", name="Undo").is_disabled()


def test_a_value_from_elsewhere_takes_the_strokes_and_undo_brings_them_back(empty):
    empty.evaluate("drawing.thickness = 30")
    draw(empty, PLUS)
    own, other = (
        told(empty)[-1][1],
        drawn_value(load_images("digits", "test")["images"][0]),
    )
    for value, thickness in ((other, 30), ("", 24)):
        empty.evaluate("value => pad.set(value)", value)
        assert empty.evaluate("drawing.strokes") == []
        assert empty.evaluate("drawing.thickness") == thickness  # "": Reset
        press(empty, "Undo")
        assert told(empty)[-1][1] == own
        assert empty.evaluate("drawing.thickness") == 30


def test_endless_scribbling_is_no_burden(empty):
    empty.evaluate("""drawing.strokes.push(Array(4000).fill([9, 9])),
        drawing.told = Array(300).fill('')""")
    draw(empty, PLUS)
    assert told(empty) and empty.evaluate("drawing.told.length") == 100
    assert empty.evaluate("drawing.strokes.map(s => s.length)") == [4000, 1, 1]


def test_a_tap_is_a_dot_but_no_stroke_begins_with_one(empty):
    draw(empty, SEVEN)
    assert "dot" not in [value for _, value in told(empty)]
    press(empty, "Clear")
    draw(empty, [[(0.5, 0.5)]])
    assert told(empty)[-1][1] == "dot" and ink_at(empty, 0.5, 0.5) == 255


def test_it_tells_twenty_times_a_second_at_most_and_the_last_one_always(empty):
    draw(empty, SEVEN, steps=30, rest=20)
    times = [time for time, _ in told(empty)]
    assert len(times) > 3
    assert min(np.diff(times)) > 45
    strokes = empty.evaluate("drawing.strokes")
    assert told(empty)[-1][1] == value_of(empty, strokes)


def test_the_pen_may_leave_the_paper_and_only_the_left_button_draws(empty):
    draw(empty, [[(0.5, 0.3), (1.4, 0.5), (0.5, 0.9)]])
    points = np.concatenate(empty.evaluate("drawing.strokes"))
    assert points.min() >= 0 and points.max() == 252  # at the edge
    left, top, *_ = empty.locator(".kdlab-paper").bounding_box().values()
    empty.mouse.click(left + 50, top + 50, button="right")
    empty.mouse.move(left + 150, top + 150)
    assert len(empty.evaluate("drawing.strokes")) == 1


def test_the_thickness_is_that_of_the_whole_drawing_and_obeys_the_keyboard(empty):
    slider = empty.get_by_role("slider", name="thickness")
    slider.press("ArrowRight")
    assert told(empty) == []  # nothing is drawn
    draw(empty, SEVEN)
    thin = drawn_image(told(empty)[-1][1]).float().mean()
    for _ in range(8):
        empty.keyboard.press("ArrowRight")
    assert empty.evaluate("drawing.thickness") == 33
    assert drawn_image(told(empty)[-1][1]).float().mean() > 1.15 * thin


def test_a_value_from_elsewhere_is_shown_and_a_stroke_begins_anew(empty):
    draw(empty, PLUS)
    own = told(empty)[-1][1]
    empty.evaluate("value => pad.set(value)", own)  # its own: the strokes stay
    assert len(empty.evaluate("drawing.strokes")) == 2
    image = np.zeros((1, 28, 28), dtype=np.uint8)
    image[0, 4:24, 20:22] = 255
    value = drawn_value(drawn_image(own).new_tensor(image))
    count = len(told(empty))
    empty.evaluate("value => pad.set(value)", value)
    assert empty.evaluate("drawing.strokes") == [] and len(told(empty)) == count
    assert ink_at(empty, 21 / 28, 0.5) == 255 and ink_at(empty, 0.5, 0.4) == 0
    assert empty.get_by_role("slider", name="thickness").is_disabled()  # no strokes
    draw(empty, SEVEN)
    assert told(empty)[-1][1] == value_of(empty, empty.evaluate("drawing.strokes"))
    assert ink_at(empty, 21 / 28, 0.7) == 0
    assert empty.get_by_role("slider", name="thickness").is_enabled()


class Finger:
    """A touch screen of a phone, by Chromium's own protocol."""

    def __init__(self, page):
        self.page, self.session = page, page.context.new_cdp_session(page)

    def send(self, kind, *points):
        touches = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(points)]
        event = {"type": kind, "touchPoints": touches}
        self.session.send("Input.dispatchTouchEvent", event)

    def draw(self, paper, strokes, other=None):
        """A stroke after the other; a second finger rests at `other` meanwhile."""
        paper.scroll_into_view_if_needed()
        left, top, *_ = paper.bounding_box().values()
        for first, *others in on_paper(strokes, right=left, down=top):
            resting = on_paper([[other]], right=left, down=top)[0] if other else []
            self.send("touchStart", first)
            last = first
            for place in others:
                for share in np.linspace(0.2, 1, 5):
                    at = np.array(last) + share * (np.array(place) - last)
                    self.send("touchMove", at.tolist(), *resting)
                last = place
            self.send("touchEnd")


@pytest.fixture
def phone(browser):
    """A browser with a touch screen, 390 pixels wide, three dots to each."""
    context = browser.browser.new_context(
        viewport={"width": 390, "height": 844}, device_scale_factor=3, has_touch=True
    )
    yield context
    context.close()


def test_a_finger_draws_on_a_phone_and_the_page_stays(phone):
    page = phone.new_page()
    page.set_content(ALONE + "<div style='height: 3000px'></div>")
    finger, upwards = Finger(page), [PLUS[0][::-1]]  # elsewhere the page would scroll
    finger.draw(page.locator(".kdlab-paper"), upwards)
    finger.draw(page.locator(".kdlab-paper"), PLUS[1:], other=(0.1, 0.1))
    value = told(page)[-1][1]
    strokes = page.evaluate("drawing.strokes")
    assert [len(stroke) > 4 for stroke in strokes] == [True, True]
    assert value == value_of(page, strokes)
    assert ink_at(page, 0.5, 0.4) == 255 and ink_at(page, 0.1, 0.1) == 0
    assert page.evaluate("[scrollX, scrollY]") == [0, 0]
    assert page.evaluate("document.documentElement.scrollWidth") == 390


# --- in JupyterLab --------------------------------------------------------------------

CELLS = [
    """from kdlab.explorers import pad_explorer
from kdlab.weights import load_teacher
panel = pad_explorer(load_teacher("digits")[0])
panel""",
    "panel",
]
WAITING = "Waiting for the kernel: the picture is not yet what the controls say."
DEAF = (
    "import ctypes; ctypes.PyDLL(None).usleep(4_000_000)"  # keeps all threads waiting
)
VALUE = "print(panel.controls['drawing'].value)"


@pytest.fixture(scope="module")
def twin():
    return pad_explorer(load_teacher("digits")[0])


@pytest.fixture(scope="module")
def page(module_lab):
    return module_lab.run(CELLS)


@pytest.fixture
def notebook(page):
    page.set_theme("light")
    page.page.set_viewport_size({"width": 1280, "height": 900})
    page.push("Reset")
    page.wait_for_sentence(REFUSED[""])
    return page


def expect(notebook, twin, panel=0, strokes=None):
    """What is shown becomes the view's answer to the drawing (of `strokes`); its value.

    The value is read before and after the page: a stroke on its way must not part them.
    """

    def come(value, sentence):
        return (
            shown == sentence
            and (strokes is None or is_of(value, strokes))
            and notebook.execute(VALUE).strip() == value
        )

    for _ in range(50):
        notebook.page.wait_for_timeout(200)
        value = notebook.execute(VALUE).strip()
        figure, sentence = twin.look({**twin.values(), "drawing": value})
        shown, drawn = notebook.sentence(panel), notebook.figure(panel)["data"]
        if come(value, sentence):
            break
    assert come(value, sentence)
    for trace, wanted in zip(drawn, figure["data"], strict=True):
        np.testing.assert_allclose(trace["x"], wanted["x"], atol=1e-5)
    return value


def is_of(value, strokes):
    """Whether the value is MNIST's form of these strokes, of the usual thickness."""
    if value in REFUSED:
        return False
    image = drawn_image(value)[0].numpy() / 255
    return np.abs(image - mnist_form(on_paper(strokes), 24)).mean() < 0.01


def test_each_stroke_changes_the_teachers_answer(notebook, twin):
    notebook.draw(*PLUS[:1])
    first = expect(notebook, twin)
    notebook.draw(*PLUS[1:])
    second = expect(notebook, twin)
    notebook.push("Undo")
    assert expect(notebook, twin) == first != second
    notebook.push("Clear")
    assert expect(notebook, twin) == ""
    assert np.sum(notebook.figure()["data"][0]["x"]) == 0


def test_a_dot_is_refused_and_the_old_picture_stays(notebook, twin):
    notebook.draw([(0.5, 0.5)])
    notebook.wait_for_sentence(f"⚠ {REFUSED['dot']}")
    assert np.sum(notebook.figure()["data"][0]["x"]) == 0
    notebook.push("Clear")
    notebook.draw(*SEVEN)
    expect(notebook, twin)
    bars = notebook.figure()["data"][0]["x"]
    lines = [[(0.01, y), (0.99, y)] for y in np.arange(0.03, 1, 0.06)]
    notebook.draw(*lines)
    notebook.wait_for_sentence(f"⚠ {REFUSED['full']}")
    notebook.push("Clear")
    notebook.draw(*SEVEN)
    expect(notebook, twin)
    assert notebook.figure()["data"][0]["x"] == bars


def test_two_views_are_one_drawing(notebook, twin):
    notebook.draw(*PLUS[:1])
    notebook.draw(*PLUS[1:], panel=1)
    value = expect(notebook, twin)
    expect(notebook, twin, panel=1)
    notebook.push("Undo")
    assert expect(notebook, twin) != value
    notebook.push("Undo", panel=1)
    assert expect(notebook, twin) == ""


def test_reset_and_the_kernel_set_the_pad(notebook, twin):
    notebook.draw(*SEVEN)
    drawn = expect(notebook, twin)
    notebook.push("Reset")
    assert expect(notebook, twin) == ""
    notebook.push("Undo")
    assert expect(notebook, twin) == drawn
    value = drawn_value(load_images("digits", "test")["images"][3])
    notebook.execute(f"panel.controls['drawing'].value = {value!r}")
    assert expect(notebook, twin) == value


def test_what_was_wanted_from_a_slow_kernel_does_not_come_back(notebook, twin):
    notebook.execute(DEAF, wait=False)
    notebook.draw(*PLUS[:1])
    notebook.wait_for_sentence(WAITING)  # the browser has asked for this stroke alone
    notebook.draw(*PLUS[1:])
    expect(notebook, twin, strokes=PLUS)
    notebook.push("Undo")
    assert expect(notebook, twin) != ""


def test_it_fits_in_both_themes_at_every_width(notebook, twin):
    notebook.draw(*SEVEN)
    expect(notebook, twin)
    for theme in ("light", "dark"):
        notebook.set_theme(theme)
        for width in (1280, 700, 390):
            notebook.page.set_viewport_size({"width": width, "height": 900})
            notebook.settle()
            notebook.screenshot(f"pad/{theme}-{width}", panel=0)
            assert not notebook.overflows()
            paper, frame = (
                notebook.panel().locator(part).bounding_box()
                for part in (".kdlab-paper", ".kdlab-frame")
            )
            beside = frame["x"] >= paper["x"] + paper["width"]
            assert beside == (width == 1280)
            assert paper["width"] == paper["height"] == 252


def test_a_finger_draws_in_jupyterlab_on_a_phone(server, phone, lab, twin):
    lab.browser = phone
    notebook = lab.run(CELLS[:1], width=390, height=844)
    paper = notebook.panel().locator(".kdlab-paper")
    Finger(notebook.page).draw(paper, PLUS)
    expect(notebook, twin, strokes=PLUS)
    notebook.screenshot("pad/finger")
