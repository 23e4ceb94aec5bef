"""The student in the page beside its teacher in the kernel: a pad, and both answers."""

import time
from collections.abc import Mapping
from pathlib import Path

import anywidget
import traitlets
from IPython.display import Code
from torch import nn

import kdlab
from kdlab.compression import model_bytes
from kdlab.data import Columns
from kdlab.metrics import soften
from kdlab.panels import drawn_image, drawn_value
from kdlab.panels.pad import REFUSED
from kdlab.training import predict
from kdlab.weights import WEIGHTS

KDLAB, HERE = Path(kdlab.__file__).parent, Path(__file__).parent
STYLES = KDLAB / "panels/pad.css", HERE / "pocket.css"
STUDENT = KDLAB / "compression/student.js"
SCRIPTS = KDLAB / "panels/pad.js", STUDENT, HERE / "pocket.js"


def joined(*paths: Path) -> str:
    """The texts of these files, one behind the other."""
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def page_of(dataset: str, test_set: Columns) -> dict[str, object]:
    """What `makePocket` needs: the student's text, sentences, and a digit of each class."""
    file = WEIGHTS / f"{dataset}_student.json"
    if not file.exists():
        raise ValueError(
            f"No student of {dataset!r} is stored: take 'mnist' or 'digits'."
        )
    labels = test_set["labels"].tolist()
    firsts = [test_set["images"][labels.index(digit)] for digit in range(10)]
    examples = [(f"a {n}", drawn_value(image)) for n, image in enumerate(firsts)]
    student = file.read_text(encoding="utf-8")
    return {"student": student, "refused": REFUSED, "examples": examples}


def student_code() -> Code:
    """The program with which the student answers in a page, to be read."""
    return Code(joined(STUDENT), language="javascript")


class Pocket(anywidget.AnyWidget):
    """A pad; the student of this dataset answers in the page, the teacher from here.

    It is asked by messages, not by the widget's state: so it hears while a cell waits.
    """

    _esm = joined(*SCRIPTS, HERE / "widget.js")
    _css = joined(*STYLES)
    page = traitlets.Dict().tag(sync=True)
    teacher_bytes = traitlets.Int().tag(sync=True)

    def __init__(self, teacher: nn.Module, dataset: str, test_set: Columns):
        """`test_set` gives digits to try without a pen, the first one of each class."""
        page = page_of(dataset, test_set)
        super().__init__(page=page, teacher_bytes=model_bytes(teacher))
        self.teacher = teacher
        self.on_msg(self._answer)

    def _answer(self, _: object, question: Mapping[str, str], buffers: list) -> None:
        """The teacher's probabilities of a drawing, and the milliseconds they took."""
        start = time.perf_counter()
        try:
            logits = predict(self.teacher, drawn_image(question["drawing"])[None])
        except Exception as error:  # the teacher may be anybody's
            return self.send({**question, "error": f"The teacher failed. {error}"})
        probs, took = soften(logits[0], 1.0), 1000 * (time.perf_counter() - start)
        self.send({**question, "probs": probs.tolist(), "ms": took})
