"""Measurements with their targets, as one table and as JSON."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

COLUMNS = "part", "what", "measured", "target", "verdict", "besides"


@dataclass(frozen=True)
class Measurement:
    """One number beside its target; `besides` is what else was seen, by name."""

    part: str
    what: str
    value: float | None  # None: it could not be measured, `besides` says why
    unit: str = ""
    target: float | None = None
    at_least: bool = False  # else at most
    besides: dict[str, float | str] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """'met', 'missed', 'failed', or '' where there is no target."""
        if self.value is None:
            return "failed"
        if self.target is None:
            return ""
        reached = (
            self.value >= self.target if self.at_least else self.value <= self.target
        )
        return "met" if reached else "missed"


def number(value: object) -> str:
    """Three digits, or thousands with commas; texts as they are."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def cells_of(measurement: Measurement) -> list[str]:
    """The row of the table."""
    m = measurement
    sign = "≥" if m.at_least else "≤"
    besides = ", ".join(f"{name} {number(value)}" for name, value in m.besides.items())
    return [
        m.part,
        m.what,
        "–" if m.value is None else f"{number(m.value)} {m.unit}".strip(),
        "" if m.target is None else f"{sign} {number(m.target)} {m.unit}".strip(),
        m.verdict,
        besides,
    ]


def as_table(measurements: Sequence[Measurement]) -> str:
    """All rows in columns as wide as they need."""
    rows = [list(COLUMNS), *map(cells_of, measurements)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["─" * width for width in widths])
    padded = (map(str.ljust, row, widths) for row in rows)
    return "\n".join("  ".join(row).rstrip() for row in padded)


def as_json(measurements: Sequence[Measurement], machine: dict[str, object]) -> str:
    """{machine, measurements}, each with its verdict."""
    rows = [{**asdict(m), "verdict": m.verdict} for m in measurements]
    return json.dumps({"machine": machine, "measurements": rows}, indent=1)


def failure(
    part: str, error: Exception, what: str = "this part broke off"
) -> Measurement:
    """The row of what could not be measured."""
    why = " ".join(f"{type(error).__name__}: {error}".split())
    return Measurement(part, what, None, besides={"why:": why[:200]})


def processor() -> str:
    """The processor's name, as far as the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.processor() or platform.machine()
