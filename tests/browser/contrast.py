"""Contrast of every text that is seen, against the pixels that lie behind it.

    assert faint(page, ".kdlab-panel") == []

Plots draw on the page's own background, on cells and on bars, which no style sheet
tells: so each place is photographed without its texts. WCAG 2.2, success criterion
1.4.3, asks for 4.5; large letters are not let off, and neither are disabled buttons.
"""

import io

import numpy as np
from PIL import Image

ENOUGH = 4.5
HIGH = 3000  # pixels of a window in which nothing lies under a tool bar
HIDE = """*, *::before, *::after { -webkit-text-fill-color: transparent !important;
    transition: none !important; animation: none !important; caret-color: transparent; }
    text, tspan { fill: transparent !important; stroke: transparent !important; }"""

# Each run of letters that is seen in `place`: its words, colour [r, g, b, a], boxes.
TEXTS = """place => {
    const { left, top } = place.getBoundingClientRect(), found = [];
    const letters = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
    const rgba = color => {
        const [r, g, b, a = 1] = color.match(/[\\d.]+/g).map(Number);
        return [r, g, b, a]; };
    const look = (words, e, around) => {
        const unseen = 'option, script, style, .kdlab-spoken, mjx-assistive-mml';
        if (!words.trim() || e.closest(unseen)) return;
        if (!e.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
            return;
        const svg = e.closest('svg'), style = getComputedStyle(e);
        const color = rgba(svg ? style.fill : style.color);
        if (svg) color[3] *= style.fillOpacity;
        for (let at = e; at && at !== place.parentElement; at = at.parentElement)
            color[3] *= getComputedStyle(at).opacity;
        const boxes = [...around.getClientRects()].filter(b => b.width > 1);
        found.push({ words: words.trim(), color, boxes: boxes.map(b =>
            [b.left - left, b.top - top, b.right - left, b.bottom - top]) });
    };
    while (letters.nextNode()) {
        const range = document.createRange(), node = letters.currentNode;
        range.selectNodeContents(node);
        look(node.data, node.parentElement, range);
    }
    for (const box of place.querySelectorAll('select, input:not([type]), textarea,'
        + ' input:is([type=number], [type=text])'))
        look(box.selectedOptions?.[0]?.text ?? box.value, box, box);
    return found; }"""


def luminance(colors: np.ndarray) -> np.ndarray:
    """The relative luminance of colours [..., 3], 0 to 255: WCAG's definition."""
    parts = np.asarray(colors) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How far two colours [..., 3] are apart, 1 to 21."""
    both = np.stack([luminance(one), luminance(other)])
    return (both.max(0) + 0.05) / (both.min(0) + 0.05)


def of_texts(place) -> list[tuple[float, str]]:
    """(contrast, words) of each text in a locator's one element, on its worst box.

    That of most pixels behind it counts: thin lines of a grid may cross a text.
    """
    place.scroll_into_view_if_needed()
    texts = place.evaluate(TEXTS)
    style = place.page.add_style_tag(content=HIDE)
    try:
        photo = Image.open(io.BytesIO(place.screenshot(scale="css"))).convert("RGB")
    finally:
        style.evaluate("e => e.remove()")
    pixels, found = np.asarray(photo, dtype=float), []
    for text in texts:
        *ink, opacity = text["color"]
        for box in text["boxes"]:
            left, top, right, bottom = (max(0, round(end)) for end in box)
            behind = pixels[top:bottom, left:right].reshape(-1, 3)
            if len(behind):
                seen = opacity * np.array(ink) + (1 - opacity) * behind
                found.append((float(np.median(contrast(seen, behind))), text["words"]))
    return found


def faint(page, *selectors: str) -> list[str]:
    """'2.3 in .kdlab-panel: words', for each text that is too faint there."""
    lines, size = [], page.viewport_size
    page.set_viewport_size({**size, "height": HIGH})
    page.wait_for_timeout(100)
    for selector in selectors:
        for place in page.locator(selector).all():
            lines += [
                f"{found:.1f} in {selector}: {words[:60]}"
                for found, words in (of_texts(place) if place.is_visible() else [])
                if found < ENOUGH
            ]
    page.set_viewport_size(size)
    return lines
