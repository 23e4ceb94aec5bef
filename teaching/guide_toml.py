"""A lesson's guide.toml: the words of its guide, checked, and filled with numbers.

No result is typed: numbers come from stored runs. All texts are plain words with
*emphasis* and `code`; `KEYS` says what each table must have, and what it may.

    idea = "The one idea, in two sentences."
    [before]                     # run = what to run first, fails = [what may fail]
    [[plan.50]] [[plan.90]]      # minutes, what: they add up; drop = true on the one to
                                 # drop if late
    [predict.NAME]               # wrong (share, an estimate), why, resolve; usual = the
                                 # choice expected, where the run decides, stored = true
                                 # where stored runs do; most = the wrong one expected
    [[number]]                   # what, runs, where (a pandas query); column, else
                                 # test_errors; screen, digits; beside = the query of
                                 # its twins on labels: errors spared; ratio_to = the
                                 # query of what it is divided by, seed by seed; of =
                                 # NAME of a prediction; id: {id} in any text is its
                                 # mean ± spread, {id.mean} and {id.spread} one of both
    [[error]]                    # seen, say
    [[discussion]]               # question, good, full, half (what earns 4, what 2
                                 # points); needs = a section that the plans skip
    [[picture]]                  # explorer (of test_lesson.explorers), controls, say;
                                 # before or after = NAME of a prediction, on the slides
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from scipy.stats import t

from kdlab.figures import mean_spread
from kdlab.results import load_runs, spared

KEYS = {  # of each table: those that it must have, those that it may have
    "": ("idea before plan error discussion", "predict number picture"),
    "before": ("run fails", ""),
    "plan": ("minutes what", "drop"),
    "predict": ("wrong why resolve", "usual stored most"),
    "number": ("what runs where", "column screen digits beside ratio_to of id"),
    "error": ("seen say", ""),
    "discussion": ("question good full half", "needs"),
    "picture": ("explorer say", "controls before after"),
}


def guide_of(home: Path) -> dict | None:
    """The lesson's guide.toml; None if it has none.

    Raises ValueError for one that is no TOML, for a key that is not in `KEYS` or is
    missing, and for an id that two numbers have.
    """
    path = home / "guide.toml"
    if not path.exists():
        return None
    try:
        guide = tomllib.loads(path.read_text(encoding="utf-8"))
        check(guide)
    except ValueError as error:  # TOMLDecodeError is one
        raise ValueError(f"lessons/{home.name}/guide.toml, {error}") from None
    return guide


def check(guide: dict) -> None:
    """Raises ValueError for unknown or missing keys, or an id that stands twice."""
    for place, kind, table in tables_of(guide):
        must, may = (set(keys.split()) for keys in KEYS[kind])
        if wrong := set(table) - must - may:
            allowed = ", ".join(sorted(must | may))
            raise ValueError(f"{place}: no key {sorted(wrong)}; allowed: {allowed}.")
        if missing := must - set(table):
            raise ValueError(f"{place}: {sorted(missing)} must be there, too.")
    ids = Counter(one["id"] for one in guide.get("number", []) if "id" in one)
    if twice := [name for name, times in ids.items() if times > 1]:
        raise ValueError(f"[[number]]: id {twice} stands twice; each needs its own.")


def tables_of(guide: dict) -> Iterator[tuple[str, str, dict]]:
    """(where it stands, its entry of `KEYS`, itself) of each table, the file first."""
    yield "at the top", "", guide
    for kind, node in guide.items():
        named = {kind: node}
        if kind in ("plan", "predict"):
            named = {f"{kind}.{name}": child for name, child in node.items()}
        for name, child in named.items():
            if isinstance(child, list):
                for number, one in enumerate(child, start=1):
                    yield f"[[{name}]] {number}", kind, one
            elif isinstance(child, dict):
                yield f"[{name}]", kind, child


# --- numbers --------------------------------------------------------------------------


def values_of(number: dict) -> list[float]:
    """One value of each stored run, or errors spared beside its twin."""
    runs = load_runs(number["runs"])
    some = runs.query(number["where"])
    if "beside" in number:
        return spared(some, runs.query(number["beside"]))
    column = number.get("column", "test_errors")
    if "ratio_to" in number:
        both = (r.set_index("seed") for r in (some, runs.query(number["ratio_to"])))
        ours, theirs = (one[column] for one in both)
        return (ours / theirs).dropna().tolist()
    return some[column].dropna().tolist()


def told(number: dict) -> dict:
    """Mean, spread and the band of the next run, in words; a difference's own error."""
    values = values_of(number)
    if not values:
        raise ValueError(f"No run of {number['runs']} fits {number['where']!r}.")
    mean, spread = mean_spread(values)
    digits, n = number.get("digits", 0), len(values)
    half = t.ppf(0.975, n - 1) * spread * (1 + 1 / n) ** 0.5 if n > 1 else 0.0
    low, high = (f"{end:,.{digits}f}" for end in (mean - half, mean + half))
    words = {"mean": f"{mean:,.{digits}f}", "spread": f"{spread:,.{digits}f}"}
    words["value"] = f"{words['mean']} ± {words['spread']}" if n > 1 else words["mean"]
    words["band"] = f"{low} to {high}" if n > 1 and spread else "the same in all"
    words["error"] = f"{spread / n**0.5:,.{digits}f}" if "beside" in number else ""
    return {"screen": "", **number, **words, "runs": f"{n} of {number['runs']}.csv"}


def filled(node: object, numbers: dict[str, dict]) -> object:
    """The guide with {id}, {id.mean}, {id.spread} of its numbers put into all texts.

    Raises ValueError for an id that no number has.
    """

    def value(found: re.Match) -> str:
        name, part = found[1], found[2] or "value"
        if name not in numbers:
            raise ValueError(f"No number has the id {name!r}: {sorted(numbers)}.")
        if part not in ("value", "mean", "spread"):
            raise ValueError(f"{found[0]}: a number has .mean and .spread, no .{part}.")
        return numbers[name][part]

    if isinstance(node, dict):
        return {key: filled(child, numbers) for key, child in node.items()}
    if isinstance(node, list):
        return [filled(child, numbers) for child in node]
    if isinstance(node, str):
        return re.sub(r"\{([A-Za-z]\w*)(?:\.(\w+))?\}", value, node)
    return node


def with_numbers(guide: dict) -> dict:
    """The guide with the values of its numbers in its texts."""
    named = [number for number in guide.get("number", []) if "id" in number]
    return filled(guide, {number["id"]: told(number) for number in named})
