"""`make pocket`: pad, student and card as one file, of the scripts of the widget."""

import base64
import hashlib
import json
from pathlib import Path
from string import Template

from kdlab.data import Columns, course_dataset, course_images
from kdlab.weights import write_whole

from .widget import HERE, SCRIPTS, STYLES, joined, page_of

FILE = Path(__file__).parents[3] / "build" / "pocket.html"


def pocket_page(dataset: str, test_set: Columns) -> str:
    """The page with this dataset's student and the first test image of each class."""
    script = joined(*SCRIPTS, HERE / "file.js")
    data = json.dumps(page_of(dataset, test_set))
    parts = {"script": script, "style": joined(*STYLES)}
    parts["data"] = data.replace("<", r"\u003c")
    only = hashlib.sha256(script.encode()).digest()  # no other script may run
    parts["checksum"] = base64.b64encode(only).decode()
    return Template(joined(HERE / "pocket.html")).substitute(parts)


def main() -> None:
    """Write the file of the course's dataset, and say where it is."""
    page = pocket_page(course_dataset(), course_images("test")).encode()
    write_whole(FILE, page)
    print(f"{FILE}: {len(page) / 1000:.0f} kB, needs nothing else.")


if __name__ == "__main__":
    main()
