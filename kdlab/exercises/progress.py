"""What a student answered, in one small file beside the notebooks: progress.json.

    {"version": 1, "lessons": {"temperature": {
      "predict": {"louder": {"committed": [0, 2], "answer": 1, "opened": true}},
      "quiz": [[[2, 0], [1], [], []], ...],
      "check": {"soft_loss": {"tries": 3, "last": "right", "mark": 1887,
                              "solved": true, "hints": {"T² is forgotten.": 1}}}}}}

A lesson goes by the name of its home. Places count from 0 in the order of words.toml:
choices from first to last, the one that was found, whether it was looked at before any;
for each round of a quiz ('Start again' begins one) and each question the options tried.
`mark` tells a new try from the same once more. No names, no times, no network.

KDLAB_PROGRESS=off switches it off, any other value is a folder for the file. Without it
only a notebook that is open in Jupyter or VS Code has one: what runs notebooks by
itself (nbconvert, voila, tests), and KDLAB_EXPORT, neither reads nor writes answers.
"""

import json
import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from zlib import crc32

from filelock import FileLock
from IPython import get_ipython

VERSION = 1


def place() -> Path | None:
    """Where the file lies; None if nothing is to be stored."""
    asked, shell = os.environ.get("KDLAB_PROGRESS", ""), get_ipython()
    in_vscode = shell and shell.user_ns.get("__vsc_ipynb_file__")
    notebook = os.environ.get("JPY_SESSION_NAME") or in_vscode
    off = asked.lower() in ("off", "no", "0") or os.environ.get("KDLAB_EXPORT")
    if off or not (asked or notebook):
        return None
    folder = Path(asked).expanduser() if asked else Path(notebook).parent
    return folder.resolve() / "progress.json"


def stored(change: Callable[[dict], None] | None = None) -> dict[str, dict] | None:
    """{lesson: what is stored of it}, after this change; None where nothing can be.

    One kernel at a time, whole files only; what goes wrong is said in one line.
    """
    try:
        path = place()
        if path is None:
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(".progress.lock"), timeout=3):
            lessons = _lessons(path)
            if change is not None:
                change(lessons)
                _write(path, lessons)
            return lessons
    except (OSError, RuntimeError) as error:  # also: no home, no lock, a newer file
        say(
            f"Your answers are not kept: {error}. KDLAB_PROGRESS may name another "
            "folder, or be off."
        )
        return None


def read(text: str) -> dict[str, dict]:
    """{lesson: what is stored of it} from a file's text.

    Raises ValueError for what is no such file, NotImplementedError for a newer one.
    """
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError("it is no progress.json") from error
    version = content.get("version") if isinstance(content, dict) else None
    if isinstance(version, int) and version > VERSION:
        raise NotImplementedError(f"progress.json is of a newer course: {version}")
    if not _is_sound(content):
        raise ValueError("it is no progress.json")
    return content["lessons"]


def as_text(lessons: Mapping[str, dict]) -> str:
    """The text of a file: see `read`."""
    content = {"version": VERSION, "lessons": lessons}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


@cache
def say(line: str) -> None:
    """Print a line once."""
    print(line)


def _lessons(path: Path) -> dict[str, dict]:
    """Those of the file; none if it is not there, or broken: then it is moved aside."""
    try:
        return read(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        aside = path.replace(path.with_name("progress-broken.json"))
        say(f"{path.name} cannot be read ({error}). It is {aside.name} now.")
        return {}


def _write(path: Path, lessons: Mapping[str, dict]) -> None:
    """The whole file or, interrupted, nothing of it."""
    unfinished = path.with_name(".progress.unfinished")
    with unfinished.open("w", encoding="utf-8") as file:
        file.write(as_text(lessons))
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _is_sound(content: object) -> bool:
    """Whether content is as this module's first lines say."""
    try:
        counts = []
        for lesson in content["lessons"].values():
            for made in lesson.get("predict", {}).values():
                counts += [*made["committed"], made.get("answer", 0)]
            for tried in lesson.get("quiz", []):
                counts += [place for tries in tried for place in tries]
            for check in lesson.get("check", {}).values():
                counts += [check["tries"], *check["hints"].values()]
        return content["version"] == VERSION and all(type(x) is int for x in counts)
    except (AttributeError, KeyError, TypeError):
        return False


# --- what is added to a lesson's part ----------------------------------------------


def keep_prediction(part: dict, name: str, committed: list[int], found: dict) -> None:
    """Choices from first to last; another kernel may have stored some meanwhile."""
    record = part.setdefault("predict", {}).setdefault(name, {"committed": []})
    known = record["committed"]
    if committed[: len(known)] == known:
        record["committed"] = list(committed)
    elif committed and committed[-1] != known[-1]:
        record["committed"] = [*known, committed[-1]]
    record.update(found)


def keep_tries(part: dict, tried: list[list[int]]) -> None:
    """A quiz: more in this round, or, with nothing tried, a new one."""
    rounds = part.setdefault("quiz", [])
    if not rounds or (any(rounds[-1]) and not any(tried)):
        rounds.append([])
    known = rounds[-1] + [[]] * (len(tried) - len(rounds[-1]))
    rounds[-1] = [
        [*had, *(x for x in now if x not in had)]
        for had, now in zip(known, tried, strict=False)
    ]


def keep_verdict(part: dict, name: str, kind: str, text: str) -> None:
    """One more try at an exercise, unless it is the same once more, as by Run all."""
    new = {"tries": 0, "hints": {}}
    record = part.setdefault("check", {}).setdefault(name, new)
    mark = crc32(text.encode())
    if record.get("mark") == mark:
        return
    record["tries"] += not record.get("solved")
    record |= {"last": kind, "mark": mark}
    if kind == "right":
        record["solved"] = True
    if kind == "known mistake":
        record["hints"][text] = record["hints"].get(text, 0) + 1
