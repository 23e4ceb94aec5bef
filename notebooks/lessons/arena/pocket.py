"""`make pocket`: the student, its pad and its card as one HTML file, to be mailed.

It runs from any folder, asks no network, and has the scripts of the notebook's widget.
"""

import base64
import hashlib
import json
from pathlib import Path
from string import Template

from kdlab.data import Columns, course_dataset, course_images
from kdlab.weights import write_whole

from .widget import HERE, SCRIPTS, STYLES, joined, page_of

FILE = Path(__file__).parents[3] / "build" / "pocket.html"
START = """
const data = JSON.parse(document.getElementById("data").textContent);
makePocket(document.getElementById("pocket"), data);
document.querySelector("details")?.setAttribute("open", "");
"""


def pocket_page(dataset: str, test_set: Columns) -> str:
    """The page with this dataset's student and the first test image of each class."""
    script = joined(*SCRIPTS) + START
    digest = hashlib.sha256(script.encode()).digest()  # the only script that may run
    data = json.dumps(page_of(dataset, test_set)).replace("<", r"\u003c")
    return Template((HERE / "pocket.html").read_text(encoding="utf-8")).substitute(
        checksum=base64.b64encode(digest).decode(),
        style=joined(*STYLES),
        data=data,
        script=script,
    )


def main() -> None:
    """Write the file of the course's dataset, and say where it is."""
    page = pocket_page(course_dataset(), course_images("test")).encode()
    write_whole(FILE, page)
    print(f"{FILE}: {len(page) / 1000:.0f} kB, needs nothing else.")


if __name__ == "__main__":
    main()
