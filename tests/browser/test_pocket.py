"""The student in the page: beside its teacher in JupyterLab, and in its own file."""

import json
import math
import re

import pytest
import torch

from browser.axe import must_be_for_all
from kdlab.data import load_images
from kdlab.metrics import entropy
from kdlab.training import predict
from kdlab.weights import WEIGHTS, load_teacher
from lessons.arena.pocket import pocket_page

CELLS = [
    "from kdlab.data import load_images\nfrom kdlab.weights import load_teacher\n"
    "from lessons import arena as lesson",
    "teacher, _ = load_teacher('digits')\ntest_set = load_images('digits', 'test')",
    "pocket = lesson.Pocket(teacher, 'digits', test_set)\npocket",
]
COUNT = "asked = []\npocket.on_msg(lambda *message: asked.append(message[1]))"
FOUR = [[(0.3, 0.15), (0.25, 0.5), (0.7, 0.5)], [(0.65, 0.2), (0.65, 0.85)]]
GROOVES = """() => [...document.querySelectorAll('.kdlab-bar > i')].map(
    x => x.getBoundingClientRect().width)"""
SEEN = """place => { const { top, bottom } =
    document.querySelector(place).getBoundingClientRect();
    return top >= 0 && bottom <= window.innerHeight; }"""
OVERFLOWS = """e => { const right = e.getBoundingClientRect().right + 1;
    return [...e.querySelectorAll('*')].filter(x =>
        x.getBoundingClientRect().right > right).map(x => x.outerHTML); }"""


def bars(page, name):
    """What the bars of one of the two say."""
    return page.locator(f".kdlab-{name} [role=img]").get_attribute("aria-label")


def wait_for(page, name, text, seconds=8):
    """Until the bars of one of the two say this."""
    place = f".kdlab-{name} [role=img][aria-label*={json.dumps(text)}]"
    page.locator(place).wait_for(timeout=1000 * seconds)


def wait_for_words(page, selector, text, seconds=8):
    page.locator(selector).filter(has_text=text).wait_for(timeout=1000 * seconds)


def costs(page, name):
    return page.locator(f".kdlab-{name} .kdlab-costs").inner_text()


def try_it(page, digit):
    page.get_by_role("button", name=f"a {digit}", exact=True).click()


def draw(page, strokes):
    paper = page.locator(".kdlab-paper")
    paper.scroll_into_view_if_needed()
    left, top, width, height = paper.bounding_box().values()
    for stroke in strokes:
        places = [(left + x * width, top + y * height) for x, y in stroke]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=6)
        page.mouse.up()


def touch(page, stroke):
    """A finger on the paper, as the browser's own engine would report it."""
    paper = page.locator(".kdlab-paper")
    paper.scroll_into_view_if_needed()
    left, top, width, height = paper.bounding_box().values()
    hand = page.context.new_cdp_session(page)
    ways = ["touchStart", *["touchMove"] * (len(stroke) - 1)]
    for way, (x, y) in zip(ways, stroke, strict=True):
        place = {"x": left + x * width, "y": top + y * height}
        event = {"type": way, "touchPoints": [place]}
        hand.send("Input.dispatchTouchEvent", event)
    hand.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


@pytest.fixture(scope="module")
def digits():
    return load_images("digits", "test")


def said(name, logits):
    """What bars say of one image's logits."""
    first, second = torch.softmax(logits, 0).topk(2).indices.tolist()
    probs = torch.softmax(logits, 0)
    shares = [f"{x:.2f}" for x in probs.tolist()]
    rounded = {"0.00": "<0.01", "1.00": ">0.99"}  # nothing is quite certain
    shares = [rounded.get(share, share) for share in shares]
    words = [f"{n} with {shares[n]}" for n in (first, second)]
    return f"{name}: {words[0]}, then {words[1]}; "


# --- in JupyterLab --------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared(module_lab):
    return module_lab.run(CELLS)


@pytest.fixture
def notebook(shared):
    """One page for all: run again, nothing is drawn."""
    shared.run_all()
    wait_for_words(shared.page, ".kdlab-student .kdlab-said", "Nothing is drawn yet")
    return shared


def test_both_answer_a_drawing_and_are_compared(notebook, digits):
    page, teacher = notebook.page, load_teacher("digits")[0]
    draw(page, FOUR)
    wait_for_words(page, ".kdlab-told", "of 1 drawing.")
    assert "no answer" not in bars(page, "student") + bars(page, "teacher")
    for digit in (4, 9):  # drawings two and three
        image = digits["images"][digits["labels"].tolist().index(digit)]
        try_it(page, digit)
        wait_for(page, "teacher", said("Teacher", predict(teacher, image[None])[0]))
        wait_for(page, "student", f"Student: {digit} with")
    wait_for_words(page, ".kdlab-told", "Same first answer. So far")
    assert re.search(r"agree on [23] of 3 drawings", page.inner_text(".kdlab-told"))
    page.get_by_role("button", name="a 4 fading into a 9").click()
    firsts = [digits["labels"].tolist().index(digit) for digit in (4, 9)]
    logits = predict(teacher, digits["images"][firsts].int().sum(0).div(2).byte()[None])
    bits = entropy(torch.softmax(logits[0], 0)).item() / math.log(2)
    wait_for(page, "teacher", said("Teacher", logits[0]))
    assert page.inner_text(".kdlab-teacher h3").endswith(f"{bits:.2f} bits")
    assert page.inner_text(".kdlab-student .kdlab-said") == ""
    shares = page.locator(".kdlab-speaker .kdlab-bar span").all_inner_texts()
    assert len(shares) == 20 and "<0.01" in shares and not {"0.00", "1.00"} & {*shares}
    assert len(set(page.evaluate(GROOVES))) == 1  # one scale for all
    student = (WEIGHTS / "digits_student.json").stat().st_size
    assert re.fullmatch(
        rf"{student:,} bytes, [\d.]+ ms in this page", costs(page, "student")
    )
    own, both = map(float, re.findall(r"([\d.]+) ms", costs(page, "teacher")))
    assert 0 < own < both
    draw(page, FOUR)  # after an example: another drawing
    wait_for_words(page, ".kdlab-told", "of 5 drawings.")
    assert not page.locator(".kdlab-pocket").evaluate(OVERFLOWS)


def test_by_keyboard_alone_and_read_aloud_once_it_rests(notebook):
    page = notebook.page
    page.get_by_role("button", name="a 7", exact=True).focus()
    page.keyboard.press("Enter")
    spoken = ".kdlab-pocket [aria-live=polite]"
    wait_for_words(page, spoken, "Student: 7 with")
    assert "Teacher: 7 with" in page.locator(spoken).inner_text()
    page.get_by_role("button", name="Clear").focus()
    page.keyboard.press("Space")
    wait_for_words(page, spoken, "Nothing is drawn yet")
    for name in ("student", "teacher"):
        assert bars(page, name) == f"{name.title()}: no answer."
        assert "ms" not in costs(page, name) and "bytes" in costs(page, name)
    assert page.locator(".kdlab-pocket [aria-live]").count() == 1


def test_a_busy_kernel_is_asked_once_and_answers_the_last_drawing(notebook):
    page = notebook.page
    notebook.execute(COUNT)
    notebook.make_busy(30)
    for digit in (0, 1, 2, 3, 6):
        try_it(page, digit)
        wait_for(page, "student", f"Student: {digit} with")
    wait_for_words(page, ".kdlab-teacher .kdlab-said", "No answer from the kernel")
    assert bars(page, "teacher") == "Teacher: no answer."
    notebook.stop_being_busy()
    wait_for(page, "teacher", "Teacher: 6 with")
    assert page.inner_text(".kdlab-teacher .kdlab-said") == ""
    assert notebook.execute("print(len(asked))").strip() == "2"


def test_an_answer_that_is_lost_or_fails_silences_the_teacher_for_one_drawing(lab):
    lose = "send, lost = pocket.send, []\n"
    lose += "pocket.send = lambda told: send(told) if lost else lost.append(told)"
    page = (notebook := lab.run([*CELLS, lose])).page
    for digit in (0, 1, 6):
        try_it(page, digit)
    wait_for(page, "teacher", "Teacher: 6 with")  # asked without another stroke
    notebook.execute("pocket.teacher = None")
    try_it(page, 4)
    wait_for_words(page, ".kdlab-teacher .kdlab-said", "The teacher failed")
    notebook.execute("pocket.teacher = teacher")
    try_it(page, 3)
    wait_for(page, "teacher", "Teacher: 3 with")
    assert page.inner_text(".kdlab-teacher .kdlab-said") == ""


def test_a_student_that_was_tampered_with_is_silent_and_the_teacher_is_not(lab):
    spoil = "text = pocket.page['student']\nplace = text.index('weights') + 30\n"
    spoil += "other = 'A' if text[place] == 'B' else 'B'\n"
    spoil += "text = text[:place] + other + text[place + 1:]\n"
    spoil += "pocket.page = {**pocket.page, 'student': text}"
    first, second, last = CELLS
    cells = [first, second, last.removesuffix("\npocket"), spoil, "pocket"]
    page = lab.run(cells).page
    wait_for_words(page, ".kdlab-student .kdlab-said", "changed")
    try_it(page, 4)
    wait_for(page, "teacher", "Teacher: 4 with")
    assert bars(page, "student") == "Student: no answer."
    assert "ms" not in costs(page, "student")


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 700)])
def test_without_a_kernel_the_student_goes_on(lab, theme, width):
    notebook = lab.run(CELLS, theme=theme, width=width)
    page = notebook.page
    draw(page, FOUR)
    wait_for_words(page, ".kdlab-told", "of 1 drawing.")
    notebook.screenshot(f"pocket-{theme}-{width}")
    must_be_for_all(page, ".kdlab-pocket")
    assert not page.locator(".kdlab-pocket").evaluate(OVERFLOWS)
    notebook.kill_kernel()
    page.get_by_role("button", name="Clear").click()
    for digit in (3, 8):
        try_it(page, digit)
        wait_for(page, "student", f"Student: {digit} with")
        wait_for_words(page, ".kdlab-teacher .kdlab-said", "There is no kernel")
    draw(page, FOUR)
    wait_for_words(page, ".kdlab-teacher .kdlab-said", "There is no kernel")
    assert "no answer" not in bars(page, "student")
    notebook.screenshot(f"pocket-{theme}-{width}-without-kernel")


# --- as a file of its own -------------------------------------------------------------


@pytest.fixture(scope="module")
def file(tmp_path_factory, digits):
    path = tmp_path_factory.mktemp("mail") / "pocket.html"
    path.write_text(pocket_page("digits", digits), encoding="utf-8")
    return path


SCREENS = {
    "desk-light": {"viewport": {"width": 1000, "height": 800}, "color_scheme": "light"},
    "desk-dark": {"viewport": {"width": 1000, "height": 800}, "color_scheme": "dark"},
    "phone-light": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
    "phone-dark": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
    "phone-short": {"viewport": {"width": 390, "height": 664}},
}
PHONE = {"has_touch": True, "is_mobile": True, "device_scale_factor": 2}


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a file on a screen; at the end nothing was asked for or went wrong."""
    contexts, wrong = [], []

    def opens(path, screen):
        options = SCREENS[screen] | (PHONE if screen.startswith("phone") else {})
        context = browser.browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        wrong.extend(asked[1:])
        page.on("request", lambda request: wrong.append(request.url))
        return page

    yield opens
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.mark.parametrize("screen", SCREENS)
def test_the_file_answers_from_the_file_system(opened, file, screen, lab):
    page = opened(file, screen)
    assert (
        page.evaluate("document.documentElement.scrollWidth")
        <= page.viewport_size["width"]
    )
    assert bars(page, "student") == "Student: no answer."
    if screen.startswith("phone"):
        for stroke in FOUR:
            touch(page, stroke)
    else:
        draw(page, FOUR)
    page.wait_for_function(
        "() => !document.querySelector('[role=img][aria-label*=\"no answer\"]')"
    )
    page.screenshot(path=lab.shots / f"pocket-file-{screen}.png")
    page.evaluate("scroll(0, 0)")
    for place in (".kdlab-paper", ".kdlab-bars"):
        assert page.evaluate(SEEN, place), place  # both at once, while somebody draws
    assert page.locator(".kdlab-teacher").count() == 0
    page.get_by_role("button", name="Clear").click()
    wait_for_words(page, ".kdlab-said", "Nothing is drawn yet")
    assert page.evaluate(SEEN, ".kdlab-said")
    page.screenshot(path=lab.shots / f"pocket-file-{screen}-empty.png")
    try_it(page, 6)
    wait_for(page, "student", "Student: 6 with")
    if screen.startswith("desk"):
        must_be_for_all(page, "html")


def test_the_file_is_small_and_its_card_says_who_taught_the_student(opened, file):
    text = file.read_text(encoding="utf-8")
    assert len(text.encode()) < 150_000
    assert "plotly" not in text and not re.search(r"(src|href)=\"http", text)
    page, told = (
        opened(file, "desk-light"),
        (WEIGHTS / "digits_student.json").read_text(),
    )
    card = page.locator(".kdlab-card dl").inner_text()
    for fact in json.loads(told)["card"].values():
        assert (fact if isinstance(fact, str) else f"{fact:,.10g}") in card, fact
    assert "default-src 'none'" in text  # the browser lets nothing in or out


def test_a_file_that_was_cut_says_so(opened, file, tmp_path, digits):
    text = file.read_text(encoding="utf-8")
    place = text.index("weights") + 40
    other = "A" if text[place] == "B" else "B"
    spoilt = tmp_path / "pocket.html"
    spoilt.write_text(text[:place] + other + text[place + 1 :], encoding="utf-8")
    page = opened(spoilt, "desk-light")
    wait_for_words(page, ".kdlab-student .kdlab-said", "changed")
    try_it(page, 4)
    assert bars(page, "student") == "Student: no answer."
