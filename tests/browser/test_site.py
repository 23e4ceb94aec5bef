"""The pages of the site in Chromium, from a file and from a server; no kernel."""

import functools
import http.server
import re
import threading
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from playwright.sync_api import expect, sync_playwright

from browser import stock
from browser.axe import findings
from browser.conftest import ARGUMENTS, NO_CHROMIUM, find_chromium
from browser.timing import measure_latency
from teaching import executed, site

CELLS = [
    """import ipywidgets as widgets
from IPython.display import display
from kdlab.panels import drawing_pad, explore, explore_live, image_picker
from kdlab.panels.controls import choice, dropdown, temperature_slider, tick
from kdlab.exercises.widgets import Prediction, Quiz

PIXEL = ("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklE"
    "QVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==")

def view(**values):
    height = values["temperature"]
    if height > 20:
        raise ValueError("Too hot: at most 20.")
    bars = {"type": "bar", "x": ["a", "b"], "y": [height, 1]}
    axes = {"yaxis": {"range": [0, 32], "title": {"text": "height"}}}
    axes["xaxis"] = {"title": {"text": "what is counted here, beside what was before"}}
    longer = "longer than the axes, and shorter than all of the picture"
    title = {"text": f"{height:.3g}: {longer}"}
    title |= {"xref": "paper", "x": 0, "xanchor": "left"}
    looks = {"title": title, "height": 300, "margin": {"l": 400}}
    figure = {"data": [bars], "layout": {**looks, **axes}}
    said = ", ".join(f"{key} {value:.4g}" if key == "temperature" else f"{key} {value}"
        for key, value in values.items())
    return figure, said + "."

explore(view, temperature=temperature_slider(1.0), image=image_picker([PIXEL] * 3,
    ["a 0", "a 1", "a 2"]), kind=dropdown("kind", ["red", "tall"]),
    log=tick("powers of ten"), labels=choice("labels", [10, 200, 3000], 200),
    presets={"hot": 16.0})""",
    """def steps(temperature):
    for step in range(3):
        yield lambda: (view(temperature=temperature)[0], f"Step {step}.")
live = explore_live(steps, temperature=temperature_slider(2.0))
live""",
    "await live.finished()",
    """import base64
drawn = base64.b64encode(bytes(400) + bytes([255] * 384)).decode()
def seen(temperature, drawing):
    if not drawing:
        raise ValueError("Nothing is drawn yet.")
    figure, _ = view(temperature=temperature)
    return figure, f"{temperature:.3g}: {len(drawing)} letters."
explore(seen, temperature=temperature_slider(1.0, high=2), drawing=drawing_pad(),
    presets={"a digit": {"drawing": drawn}})""",
    """words = {"question": "Higher or lower?", "choices": ["higher", "lower"]}
words |= {"bounds": [1.0], "measured": "{found:.1f}", "explanation": "So it is."}
made = Prediction(words)
made""",
    """print("It was the lower one.")
explore(view, temperature=temperature_slider(2.0))""",
    "print('That was a lot.')\nmade.reveal(2.0)",
    """options = [{"text": "yes", "right": True, "feedback": "Indeed."},
    {"text": "no", "right": False, "feedback": "Look again."}]
asked = [{"text": "Is it so?", "options": options}]
Quiz(kind="quiz", questions=asked, tried=[[]])""",
    "widgets.Button(description='no page has this')",
    "print('x' * 300)",
]
WORDS = ["# 99 · All kinds", "## A formula\n\n$$p_i = \\frac{1}{2} \\ln T^2$$"]


class Folder:
    """The files of two pages: 02 on digits, and one with all kinds of widgets."""

    def __init__(self, folder: Path):
        temperature = executed.ALL[2]
        kinds = folder / "99_all_kinds.ipynb"
        notebook = new_notebook(cells=[*map(new_markdown_cell, WORDS)])
        notebook.cells += [new_code_cell(cell) for cell in CELLS]
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(notebook, kinds)
        done = {temperature: executed.executed(temperature, folder / "executed")}
        done[kinds] = executed.run(kinds)
        self.pages = folder / "site"
        self.told = site.build(done, self.pages)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Two pages; before the browser is open, for nbclient runs a loop of its own."""
    if not find_chromium():
        pytest.skip(NO_CHROMIUM)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KDLAB_DATASET", "digits")
        yield Folder(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def served(built):
    """The address of a plain server of the same files."""
    handler = functools.partial(Quiet, directory=built.pages)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def chromium(built):
    with sync_playwright() as playwright:
        path = find_chromium()
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(built, chromium):
    """Opens a page; at the end nothing may have gone wrong, or been asked elsewhere."""
    wrong, contexts = [], []

    def opened(name, *, base=None, wait=True, **options):
        base = base or built.pages.as_uri()
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on(
            "console",
            lambda told: told.type in ("error", "warning") and wrong.append(told.text),
        )
        page.on("requestfailed", lambda asked: wrong.append(f"failed: {asked.url}"))
        page.on(
            "request",
            lambda asked: (
                asked.url.startswith((base, "data:", "blob:"))
                or wrong.append(f"asked: {asked.url}")
            ),
        )
        page.goto(f"{base}/{name}.html")
        if wait:
            expect(page.locator("html[data-drawn]")).to_be_attached(timeout=30_000)
            for one in page.locator(".kdlab-sentence").all():
                expect(one).not_to_be_empty(timeout=30_000)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def sentence(page, panel=0):
    return page.locator(".kdlab-panel").nth(panel).locator(".kdlab-sentence")


def control(page, label, panel=0):
    return page.locator(".kdlab-panel").nth(panel).get_by_label(label, exact=True)


NAMES = "99_all_kinds", "02_temperature", "index"
START = "temperature 1, image 0, kind red, log False, labels 200."


# --- explorers ------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["file", "server"])
def test_a_slider_answers_by_keyboard_from_a_file_and_from_a_server(visit, served, way):
    page = visit("99_all_kinds", base=served if way == "server" else None)
    expect(sentence(page)).to_have_text(START)
    slider = control(page, "temperature T")
    before = page.locator(".kdlab-frame").first.inner_html()
    slider.press("ArrowRight")
    expect(sentence(page)).to_have_text(START.replace("1,", "1.122,", 1))
    expect(slider).to_have_attribute("aria-valuetext", "1.122")
    expect(page.locator(".control output").first).to_have_text("1.122")
    assert page.locator(".kdlab-frame").first.inner_html() != before
    slider.press("Home")
    expect(sentence(page)).to_have_text(START.replace("1,", "0.25,", 1))


def test_all_controls_answer_together(visit):
    page = visit("99_all_kinds")
    page.get_by_role("radio", name="a 1").click()
    page.keyboard.press("ArrowRight")
    control(page, "kind").select_option("tall")
    control(page, "powers of ten").check()
    control(page, "labels").press("End")
    expect(sentence(page)).to_have_text(
        "temperature 1, image 2, kind tall, log True, labels 3000."
    )
    page.get_by_role("button", name="hot").click()
    expect(sentence(page)).to_contain_text("temperature 16, image 2")
    page.get_by_role("button", name="Reset").first.click()
    expect(sentence(page)).to_have_text(START)
    expect(control(page, "kind")).to_have_value("0")
    expect(control(page, "powers of ten")).not_to_be_checked()


def test_a_view_that_refuses_says_why_and_is_left_again(visit):
    page = visit("99_all_kinds")
    control(page, "temperature T").press("End")
    expect(sentence(page)).to_have_text("⚠ Too hot: at most 20.")
    control(page, "temperature T").press("Home")
    expect(sentence(page)).to_contain_text("temperature 0.25")


def test_a_training_shows_its_last_picture_and_says_that_it_needs_a_kernel(visit):
    page = visit("99_all_kinds")
    panel = page.locator(".kdlab-panel").nth(1)
    expect(panel.locator(".without")).to_contain_text("so nothing trains here")
    expect(sentence(page, 1)).to_have_text("Step 2.")
    assert panel.locator("svg.main-svg").count()
    for one in panel.locator("input, button").all():
        expect(one).to_be_disabled()


def test_a_drawing_needs_a_kernel_and_that_of_a_button_does_not(visit):
    page = visit("99_all_kinds")
    panel = page.locator(".kdlab-panel").nth(2)
    expect(panel.locator(".hint")).to_contain_text("in Jupyter only")
    panel.get_by_role("button", name="a digit").click()
    expect(sentence(page, 2)).to_have_text("1: 1048 letters.")
    control(page, "temperature T", 2).press("End")
    expect(sentence(page, 2)).to_have_text("4: 1048 letters.")
    left, top, width, height = panel.locator(".kdlab-paper").bounding_box().values()
    page.mouse.move(left + width / 3, top + height / 3)
    page.mouse.down()
    page.mouse.move(left + width / 2, top + height * 0.8, steps=5)
    page.mouse.up()
    expect(sentence(page, 2)).to_contain_text("This page runs no Python")
    panel.get_by_role("button", name="Reset").click()
    expect(sentence(page, 2)).to_have_text("⚠ Nothing is drawn yet.")


def test_the_slider_of_a_lesson_answers_at_once(visit):
    page = visit("02_temperature", bypass_csp=True)  # what measures needs eval
    page.locator(".fold").first.get_by_role("button").click()
    expect(sentence(page)).not_to_be_empty()
    slider = ".control input[type=range]"
    assert measure_latency(page, slider, ".kdlab-frame", moves=20).median < 0.25


# --- exercises ------------------------------------------------------------------------

TELLS = "It was the lower one.", "That was a lot."


def is_answering_at_its_true_size(page):
    """The picture that was folded: as wide as its panel, and it follows its slider."""
    panel = page.locator(".kdlab-panel").nth(3)
    frame, picture = panel.locator(".kdlab-frame"), panel.locator("svg.main-svg").first
    expect(picture).to_be_visible()
    expect(panel.locator(".kdlab-sentence")).to_have_text("temperature 2.")
    wide = [one.bounding_box()["width"] for one in (frame, picture)]
    assert wide[0] > 800 and abs(wide[0] - wide[1]) < 2
    focused = page.evaluate_handle("document.activeElement")
    control(page, "temperature T", 3).press("ArrowRight")
    expect(panel.locator(".kdlab-sentence")).to_have_text("temperature 2.245.")
    focused.evaluate("one => one.focus()")


def test_a_prediction_opens_its_result_and_nothing_tells_before(visit):
    page = visit("99_all_kinds")
    result = page.locator(".kdlab-exercise").nth(1)
    expect(result).not_to_contain_text("Found")
    expect(page.locator("main")).to_contain_text("Predict first, then look. ")
    for told in TELLS:
        expect(page.get_by_text(told, exact=True)).to_be_hidden()
    assert page.locator(".kdlab-panel").count() == 3
    page.get_by_label("higher").check()
    page.get_by_role("button", name="Commit").click()
    expect(result).to_contain_text("You predicted: higherFound: lower (2.0)")
    expect(result).to_contain_text("differs")
    expect(page.locator(".fold")).to_have_count(0)
    for told in TELLS:
        expect(page.get_by_text(told, exact=True)).to_be_visible()
    is_answering_at_its_true_size(page)
    expect(page.get_by_role("button", name="Change my mind")).to_be_focused()


@pytest.mark.parametrize("way", ["the line's button", "the result's"])
def test_what_tells_a_result_opens_with_it_and_without_a_prediction(visit, way):
    page = visit("99_all_kinds")
    name = "Show it without a prediction"
    line = page.locator(".fold").first.get_by_role("button", name=name)
    card = page.locator(".kdlab-exercise").nth(1)
    (line if way == "the line's button" else card.get_by_role("button")).press("Enter")
    expect(card).to_contain_text("No prediction was made. You can still make one")
    expect(page.locator(".fold")).to_have_count(0)
    is_answering_at_its_true_size(page)
    own = page.locator(".folds:has(> pre)").first if "line" in way else card
    expect(own.locator("xpath=descendant-or-self::*[@tabindex=-1]")).to_be_focused()


def test_without_a_script_nothing_is_folded(visit):
    page = visit("99_all_kinds", wait=False, java_script_enabled=False)
    for told in TELLS:
        expect(page.get_by_text(told, exact=True)).to_be_visible()


def test_a_quiz_answers_each_try(visit):
    page = visit("99_all_kinds")
    quiz = page.locator(".kdlab-exercise").nth(2)
    for option, said in {"no": "Look again.", "yes": "Indeed."}.items():
        quiz.get_by_label(option, exact=True).check()
        quiz.get_by_role("button", name="Check").click()
        expect(quiz).to_contain_text(said)
    expect(quiz).to_contain_text("All solved, 0 of 1 at the first try.")


# --- the page -------------------------------------------------------------------------


def test_what_no_page_can_draw_is_told_by_the_command_and_leaves_words(built, visit):
    assert built.told == ["99_all_kinds: a still stands for ButtonModel."]
    page = visit("99_all_kinds")
    expect(page.locator("main")).to_contain_text("no page has this")


def test_nothing_is_wrong_with_the_files(built):
    assert site.complaints(built.pages) == []
    for name in ("02_temperature", "99_all_kinds"):
        assert (built.pages / f"{name}.html").stat().st_size < 1_000_000


def test_light_and_dark_follow_the_system_and_a_switch(visit):
    page = visit("99_all_kinds", color_scheme="dark")
    paper = "() => getComputedStyle(document.body).backgroundColor"
    ink = "() => getComputedStyle(document.querySelector('.gtitle')).fill"
    dark = page.evaluate(paper), page.evaluate(ink)
    page.get_by_role("button", name="Dark").click()
    expect(page.get_by_role("button", name="Dark")).to_have_attribute(
        "aria-pressed", "false"
    )
    expect(page.locator(".gtitle").first).to_have_css("fill", "rgb(29, 35, 43)")
    assert page.evaluate(paper) == "rgb(255, 255, 255)" != dark[0]
    assert dark[1] != "rgb(29, 35, 43)"
    page.reload()
    expect(page.locator("html[data-theme=light]")).to_be_attached()


@pytest.mark.parametrize("name", NAMES)
def test_no_page_scrolls_sideways(visit, name):
    page = visit(name)
    for width in (1280, 700, 390):
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_timeout(300)  # plotly follows
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        over = page.evaluate(
            """width => [...document.querySelectorAll(
                'main p, main button, main input, main h2, main .kdlab-frame')]
                .filter(e => e.getBoundingClientRect().right > width + 1)
                .map(e => e.outerHTML.slice(0, 80))""",
            width,
        )
        assert over == []
        cut = page.evaluate(
            """() => [...document.querySelectorAll('.kdlab-frame text[class$=title]')]
                .filter(e => { const own = e.getBoundingClientRect();
                    const all = e.closest('.kdlab-frame').getBoundingClientRect();
                    return own.left < all.left || own.right > all.right })
                .map(e => e.textContent)"""
        )
        assert cut == []


def test_paper_is_white_and_holds_no_buttons_of_the_page(visit):
    page = visit("99_all_kinds", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    expect(page.locator(".gtitle").first).to_have_css("fill", "rgb(29, 35, 43)")
    expect(page.locator("header")).to_be_hidden()
    expect(page.get_by_role("button").filter(visible=True)).to_have_count(0)
    expect(page.locator("input[type=range]").filter(visible=True)).to_have_count(0)
    expect(page.locator(".fold").first).to_be_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(page.locator("html[data-theme=dark]")).to_be_attached()


@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_nothing_serious(visit, served, name):
    page = visit(name, base=served, bypass_csp=True)  # axe reads the styles
    assert findings(page) == []
    page.get_by_role("button", name="Dark").click()
    page.wait_for_timeout(300)  # pictures follow
    assert findings(page) == []


def test_the_keyboard_reaches_the_text_the_map_and_the_next_page(visit):
    page = visit("02_temperature")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the text")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    around = page.get_by_role("navigation", name="Notebooks").get_by_role("link")
    assert around.all_inner_texts() == ["01 · Soft targets", "03 · Dark knowledge"]
    page.get_by_role("link", name="Knowledge distillation").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        re.compile("distillation")
    )
    expect(page.locator(".cards li")).to_have_count(len(executed.ALL))


@pytest.mark.parametrize("name", ["firefox", "webkit"])
def test_other_browsers_answer_from_a_file_too(built, name, tmp_path):
    there = {"firefox": stock.find_firefox, "webkit": stock.find_webkit}[name]()
    if not there:
        pytest.skip({"firefox": stock.NO_FIREFOX, "webkit": stock.NO_WEBKIT}[name])
    with getattr(stock, name)(tmp_path) as page:
        wrong = []
        for event in ("pageerror", "console"):
            page.on(event, wrong.append)
        page.goto((built.pages / "99_all_kinds.html").as_uri())
        said = "document.querySelector('.kdlab-sentence')?.textContent"
        page.wait_for_function(f"() => {said} === '{START}'", timeout=60_000)
        page.evaluate("() => document.querySelector('input[type=range]').focus()")
        page.keyboard.press("ArrowRight")
        moved = START.replace("1,", "1.122,", 1)
        page.wait_for_function(f"() => {said} === '{moved}'")
        assert page.evaluate("() => [...document.fonts][0].status") == "loaded"
        assert wrong == []
