"""axe-core on a page: what stands in the way of a reader without a mouse or eyes.

    assert findings(page, ".kdlab-panel", ".kdlab-exercise") == []

looks at what these selectors match; without any, at the whole page. Colours it can
judge only where a text lies on one plain background: `contrast.py` looks at pixels.
"""

from axe_playwright_python.sync_playwright import Axe

from browser.contrast import faint

GRAVE = "serious", "critical"


def findings(page, *selectors: str, impacts=GRAVE, without=()) -> list[str]:
    """'serious color-contrast: <p>… at #place: what is wrong', for each element.

    Selectors that match nothing now are passed over; ValueError if none matches.
    `without`: selectors of what is inside, but not ours.
    """
    there = [one for one in selectors if page.locator(one).count()]
    if selectors and not there:
        raise ValueError(f"None of {selectors} is in the page: nothing was looked at.")
    context = {"include": [[one] for one in there or ["html"]]}
    context["exclude"] = [[one] for one in without if page.locator(one).count()]
    broken = Axe().run(page, context).response["violations"]
    return [
        f"{rule['impact']} {rule['id']}: {_words(node)}"
        for rule in broken
        if rule["impact"] in impacts
        for node in rule["nodes"]
    ]


def must_be_for_all(page, *selectors: str):
    """Nothing grave for axe there, and no text too faint."""
    assert findings(page, *selectors) == []
    assert faint(page, *selectors) == []


def _words(node: dict) -> str:
    """An element, where it is, and all that axe says of it."""
    checks = node["any"] + node["all"] + node["none"]
    said = "; ".join(check["message"] for check in checks)
    place = " ".join(map(str, node["target"]))
    return f"{' '.join(node['html'].split())[:160]} at {place}: {said}"
