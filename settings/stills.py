"""Exported pages show what was seen: a still picture and its sentence, in plain text.

A page or a PDF has no kernel, and often no JavaScript. What a panel, a prediction or a
quiz shows is in the state of its widget, which JupyterLab saves with the notebook
(`saveState`), and `nbconvert --execute` does, too. With KDLAB_EXPORT=1 panels stay
alive instead: the page then holds their tables of pictures.
"""

import base64
import gzip
import json
import os
from collections.abc import Iterator
from html import escape

from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_output

VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"


class Stills(Preprocessor):
    """Puts words and pictures in the place of widgets."""

    enabled = True

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple:
        """Change the outputs of all cells; what is not known stays as it is."""
        saved = nb.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
        if saved and not os.environ.get("KDLAB_EXPORT"):
            for cell in nb.cells:
                outputs = cell.get("outputs", [])
                outputs[:] = [new for old in outputs for new in stills(old, saved)]
            if not any(VIEW in str(cell.get("outputs", [])) for cell in nb.cells):
                del nb.metadata[
                    "widgets"
                ]  # else the page asks for scripts from elsewhere
        return nb, resources


def stills(output: NotebookNode, saved: dict) -> Iterator[NotebookNode]:
    """The outputs in the place of one."""
    view = output.get("data", {}).get(VIEW)
    states = list(shown(view["model_id"], saved)) if view else []
    drawn = [still for state in states for still in of_widget(state, saved)]
    yield from drawn or [output]


def shown(model: str, saved: dict) -> Iterator[dict]:
    """The saved widget and all in it."""
    if model in saved:
        yield saved[model]
        for child in saved[model]["state"].get("children", []):
            yield from shown(child.removeprefix("IPY_MODEL_"), saved)


def of_widget(widget: dict, saved: dict) -> Iterator[NotebookNode]:
    """The still of a picture of the course, or the words of an exercise."""
    kind = widget["state"].get("_anywidget_id", "").rpartition(".")[2]
    if kind == "Picture":
        yield from of_picture(widget, saved)
    elif kind in WORDS:
        yield words(WORDS[kind](widget["state"], saved))


def words(text: str) -> NotebookNode:
    """An output of this text, in markdown."""
    return new_output("display_data", {"text/markdown": text})


# --- panels ---------------------------------------------------------------------------


def of_picture(widget: dict, saved: dict) -> Iterator[NotebookNode]:
    """The picture that the browser shows for what the controls say; the sentence."""
    from still_pictures import png  # matplotlib takes a second

    controls = {
        name: saved[reference.removeprefix("IPY_MODEL_")]["state"]
        for name, reference in widget["state"].get("controls", {}).items()
    }
    sent = {b["path"][0]: base64.b64decode(b["data"]) for b in widget["buffers"]}
    packed = [sent[name] for name in ("table", "now") if sent.get(name)]
    tables = [json.loads(gzip.decompress(pack)) for pack in packed]
    places = {name: c.get("index", c.get("value")) for name, c in controls.items()}
    for table in tables:
        row = row_of(table, places)
        if row is not None or table is tables[-1]:
            figure, sentence = picture(table, row or 0)
            if figure:
                data = base64.b64encode(png(figure)).decode()
                page = (
                    f'<img alt="{escape(sentence)}" src="data:image/png;base64,{data}">'
                )
                both = {"text/html": page, "image/png": data}  # LaTeX takes the second
                yield new_output("display_data", both)
            yield words(sentence)
            return


def row_of(table: dict, places: dict) -> int | None:
    """The row for these places of the controls; None: not in this table."""
    row = 0
    for name, axis in table["axes"].items():
        at = [i for i, value in enumerate(axis) if is_near(value, places[name], axis)]
        if not at:
            return None
        row = row * len(axis) + at[0]
    return row


def is_near(one: object, other: object, axis: list) -> bool:
    """Are two places one? The browser's floats may differ in the last digits."""
    if not isinstance(one, float) or not isinstance(other, int | float):
        return one == other
    return abs(one - other) <= 1e-6 * (abs(axis[0]) + abs(axis[-1]))


def picture(table: dict, row: int) -> tuple[dict | None, str]:
    """The figure and the sentence of a row; no figure if the view refused."""
    values, numbers = table["values"], table["rows"][row]
    figure: dict = {}
    if numbers is not None:
        pairs = [*table["first"], *zip(table["paths"], numbers, strict=True)]
        for path, number in pairs:
            put(figure, path, values[number])
        figure = {"layout": {}, **figure}
        figure["data"] = [figure["data"][key] for key in sorted(figure.get("data", {}))]
    return figure or None, table["sentences"][row]


def put(node: dict, path: list, value: object) -> None:
    """Set what lies at the end of a path; null takes it away."""
    for key in path[:-1]:
        node = node.setdefault(key, {})
    if value is None:
        node.pop(path[-1], None)
    else:
        node[path[-1]] = value


# --- exercises ------------------------------------------------------------------------


def of_prediction(state: dict, saved: dict) -> str:
    """The question, and which choice was made."""
    made = state.get("committed", [])
    lines = [f"**Predict first.** {state['question']}", ""]
    for number, choice in enumerate(state["choices"]):
        mark = " **(predicted)**" if made and number == made[-1] else ""
        lines.append(f"- {choice}{mark}")
    return "\n".join(lines)


def of_result(state: dict, saved: dict) -> str:
    """What was found; nothing that was not seen, either."""
    prediction = saved[state["prediction"].removeprefix("IPY_MODEL_")]["state"]
    made, choices = prediction.get("committed", []), prediction["choices"]
    if not made and not state.get("opened"):
        return f"**Result**, folded: {prediction['question']} No prediction was made."
    said = f"**You predicted:** {choices[made[-1]]}\n\n" if made else ""
    measured = f" ({state['measured']})" if state.get("measured") else ""
    found = f"**Found:** {choices[state.get('answer', 0)]}{measured}"
    return f"{said}{found}\n\n{state.get('explanation', '')}"


def of_quiz(state: dict, saved: dict) -> str:
    """All questions; of the options that were tried, whether they are right."""
    lines = ["**Quiz**", ""]
    tried = state.get("tried") or [[] for _ in state["questions"]]
    asked = zip(state["questions"], tried, strict=True)
    for number, (question, tries) in enumerate(asked, start=1):
        lines += [f"{number}. {question['text']}", ""]
        for place, option in enumerate(question["options"]):
            mark = "✓ " if option["right"] else "✗ "
            said = f" *{mark}{option['feedback']}*" if place in tries else ""
            lines.append(f"    - {option['text']}{said}")
        lines.append("")
    return "\n".join(lines)


WORDS = {"Prediction": of_prediction, "Result": of_result, "Quiz": of_quiz}
WORDS["Keeper"] = lambda state, saved: ""  # buttons: a page has no file to keep
