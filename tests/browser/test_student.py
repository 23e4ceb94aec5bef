"""The page's student in Chromium: it answers as its int8 file in ONNX Runtime."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest

from kdlab.compression import engine, page, to_page
from kdlab.data import load_images
from kdlab.weights import WEIGHTS
from test_page import DATASETS, made_again

CODE = Path(page.__file__).with_name("student.js").read_text(encoding="utf-8")
# pixels of many images, in base64 -> the logits of them all, and milliseconds of each
ANSWERS = """([text, base64]) => {
  const net = readNet(text), size = net.side ** 2, logits = [];
  const pixels = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const started = performance.now();
  for (let i = 0; i < pixels.length; i += size) {
    logits.push(...answer(net, pixels.subarray(i, i + size)));
  }
  const ms = (performance.now() - started) * size / pixels.length;
  return { logits, step: net.step, ms }; }"""
SAYS = "text => { try { readNet(text); return ''; } catch (e) { return e.message; } }"
CHANGED = "The student's file was cut or changed, or is none: get it again."


@pytest.fixture(scope="module")
def alone(browser, tmp_path_factory):
    """A page of a file, which has these functions and nothing else."""
    path = tmp_path_factory.mktemp("page") / "student.html"
    path.write_text(f"<!doctype html><meta charset=utf-8><script>{CODE}</script>")
    opened, wrong = browser.new_page(), []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.goto(path.as_uri())
    opened.on("request", lambda request: wrong.append(request.url))
    yield opened
    opened.close()
    assert wrong == []


def answers(alone, text, images):
    """What the page says of images, uint8 [N, 1, 28, 28]: logits, and their step."""
    pixels = base64.b64encode(images.numpy().tobytes()).decode()
    found = alone.evaluate(ANSWERS, [text, pixels])
    print(f"{found['ms']:.2f} ms for one answer")
    return np.float32(found["logits"]).reshape(-1, 10), found["step"]


def card_of(dataset):
    text = (WEIGHTS / f"{dataset}_student.json").read_text()
    return text, json.loads(text)["card"]


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_page_answers_as_the_engine(alone, tmp_path, dataset):
    test_set, (_, card) = load_images(dataset, "test"), card_of(dataset)
    few = made_again(dataset, tmp_path)
    text = to_page(few, tmp_path / "net.json", {}).read_text()
    engines = engine(few)(test_set["images"])
    ours, step = answers(alone, text, test_set["images"][:1000])
    assert len(ours) == {"mnist": 1000, "digits": 360}[dataset]
    assert np.ptp(ours) > 20 * step  # or all would lie within a step
    apart = abs(ours - engines[:1000].numpy()) / step
    print(f"{(apart == 0).mean():.4%} of the logits are equal, {apart.max()} steps")
    assert apart.max() < 1.01
    wrong = (engines.argmax(1) != test_set["labels"]).sum()
    assert abs(wrong - card["test errors"]) <= 0.0005 * len(engines)


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_stored_student_errs_as_its_card_says(alone, dataset):
    test_set, (text, card) = load_images(dataset, "test"), card_of(dataset)
    ours, _ = answers(alone, text, test_set["images"])
    wrong = (ours.argmax(1) != test_set["labels"].numpy()).sum()
    assert abs(wrong - card["test errors"]) <= 0.0005 * len(ours)  # as the engine
    assert len(ours) == card["test images"] == {"mnist": 10_000, "digits": 360}[dataset]
    assert alone.evaluate("t => readNet(t).card", text) == {**card, "bytes": len(text)}


def test_whatever_is_cut_or_changed_is_found(alone):
    text = (WEIGHTS / "digits_student.json").read_text()
    assert alone.evaluate(SAYS, text) == ""
    assert alone.evaluate(SAYS, f"\n  {text}\n") == ""  # as it stands in a page
    middle = text.index('"weights"') + 5000
    other = "B" if text[middle] == "A" else "A"
    for broken in (
        text[:middle] + other + text[middle + 1 :],
        text[:middle] + text[middle + 1] + text[middle] + text[middle + 2 :],
        text[:middle] + text[middle + 4 :],
        text[:middle] + "é" + text[middle + 1 :],
        text.replace('"test errors": 6', '"test errors": 0'),
        text[:-1],
        text[: len(text) // 2],
        text[:20],
        "",
        "{}",
        "<!doctype html><title>404</title>",
        json.dumps({"kdlab_student": 1}),
        text.replace('"kdlab_student": 1', '"kdlab_student": 2'),
    ):
        assert broken != text
        assert alone.evaluate(SAYS, broken) == CHANGED, broken[:80]


def test_an_image_of_another_size_is_refused(alone):
    text = (WEIGHTS / "digits_student.json").read_text()
    said = alone.evaluate(
        """text => { try { return answer(readNet(text), new Uint8Array(64)); }
        catch (error) { return error.message; } }""",
        text,
    )
    assert said == "An image has 784 pixels, got 64."


def test_greys_are_read_by_the_nets_own_table(alone):
    text, pixels = card_of("digits")[0], [n % 256 for n in range(784)]
    inverted, plain = alone.evaluate(
        """([text, pixels]) => {
        const net = readNet(text), mirrored = pixels.map((grey) => 255 - grey);
        const codes = net.codes.slice().reverse();
        return [answer({ ...net, codes }, pixels), answer(net, mirrored)]
            .map((logits) => [...logits]); }""",
        [text, pixels],
    )
    assert inverted == plain


def test_the_functions_serve_in_a_module_too(alone):
    text = (WEIGHTS / "digits_student.json").read_text()
    blank, module = [0] * 784, f"{CODE}\nexport default {{ readNet, answer }};"
    there = alone.evaluate(
        """async ([code, text, pixels]) => {
        const module = await import(`data:text/javascript,${encodeURIComponent(code)}`);
        const { readNet, answer } = module.default;
        return [...answer(readNet(text), pixels)]; }""",
        [module, text, blank],
    )
    here = alone.evaluate("([t, p]) => [...answer(readNet(t), p)]", [text, blank])
    assert there == here and len(here) == 10
