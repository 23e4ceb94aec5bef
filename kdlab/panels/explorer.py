"""Explorers of pure views: controls over a picture that the browser answers.

`explore(view, temperature=slider)` shows `view(temperature=...)`, a pure function that
returns (figure, sentence). The kernel draws the first picture. Once the browser shows
it, the kernel draws the view at every position of the tabulated controls (by default
the first one) and sends this table (`table`). From then on the browser (`panels.js`)
answers a move by itself: over a slow network, while the kernel trains, or without it.
What no table covers (another image, a typed value) is drawn by the kernel, and a new
table follows. A table says what it covers, so an outdated one is never shown.
"""

import asyncio
import itertools
import math
import os
import time
from collections.abc import Callable, Iterator

import ipywidgets as widgets

from kdlab.panels.panel import (
    Panel,
    Picture,
    Presets,
    place_of,
    plain_figure,
    positions,
    report,
)
from kdlab.panels.table import Place, Table

MOST_PICTURES = 2000  # more take too long to draw and to send
SLICE, BREATH = 0.02, 0.005  # seconds: draw, then listen to the browser
REST = 0.1  # seconds without a move, such as of a pen, before a new table is begun
SLOW, NEWS = 1.0, 0.5  # seconds: a table that takes longer says so often how far it is


class Explorer(Panel):
    """Controls over `view(**values) -> (figure, sentence)`, a pure and quick function.

    Args:
        view: returns a figure, a plain dict of data and layout, and one sentence that
            says what it shows; a ValueError refuses the values and says why.
        tabulate: how many of the controls, from the first on, the browser answers.
        presets: buttons beside Reset, {"too hot": 32.0} for the first control, or
            {"too hot": {"temperature": 32.0, "log": True}}.
        controls: one ipywidget for each argument of the view.

    Raises:
        ValueError: a preset that its control cannot take, or more than 2,000 pictures
            to tabulate.
    """

    def __init__(
        self,
        view: Callable[..., tuple[object, str]],
        *,
        tabulate: int = 1,
        presets: Presets | None = None,
        **controls: widgets.Widget,
    ):
        """Draw the first picture; the table follows when the browser asks."""
        self.view, self.traces = view, None
        self.positions = {n: positions(controls[n]) for n in [*controls][:tabulate]}
        self.covered, self.job, self.shown = None, None, False
        pictures = math.prod(len(values) for values in self.positions.values())
        if pictures > MOST_PICTURES:
            raise ValueError(
                f"{pictures} pictures to tabulate, at most {MOST_PICTURES}:"
                " tabulate fewer controls, or give them fewer steps."
            )
        super().__init__(controls, presets or {})
        self._draw_now()
        if os.environ.get("KDLAB_EXPORT"):  # a page without a kernel needs all at once
            self.picture.plotly_code.fill()
            self.tabulate_now({})

    def tabulate_now(self, more: dict[str, dict[Place, object]]) -> None:
        """Send the whole table at once, over these {place: value} of controls, too."""
        self.positions |= more
        table = self._new_table()
        for _ in self._fill(table):
            pass
        self._send_table(table)

    def look(self, values: dict[str, object]) -> tuple[object | None, str]:
        """What the view shows: its figure and sentence, or None and why it refuses."""
        try:
            figure, sentence = self.view(**values)
        except ValueError as error:
            return None, str(error)
        data = figure["data"]
        self.traces = len(data) if self.traces is None else self.traces
        if len(data) != self.traces:
            raise TypeError(
                f"A view draws the same number of traces everywhere: {self.traces}"
                f" before, {len(data)} at {values}. Draw empty ones instead."
            )
        return figure, sentence

    def _axes(self) -> dict[str, dict[Place, object]]:
        """{control: {place: value}} of the table: one place of those not tabulated."""
        present = {k: {place_of(c): c.value} for k, c in self.controls.items()}
        return {**present, **self.positions}

    def points(self) -> Iterator[dict[str, object]]:
        """The values of the controls at each row of the table."""
        axes = [axis.values() for axis in self._axes().values()]
        for point in itertools.product(*axes):
            yield dict(zip(self.controls, point, strict=True))

    def _picture(self, values: dict[str, object]) -> tuple[dict | None, str]:
        figure, sentence = self.look(values)
        return figure and plain_figure(figure), sentence

    def _new_table(self) -> Table:
        return Table({name: list(axis) for name, axis in self._axes().items()})

    def _fill(self, table: Table) -> Iterator[None]:
        """Draw one picture more at each step."""
        for values in self.points():
            table.add(*self._picture(values))
            yield

    def _send_table(self, table: Table) -> None:
        self.picture.table = table.packed()
        self.covered = table

    def _draw_now(self) -> None:
        """Answer the controls; an error of the view is shown and goes on its way."""
        places = self.places()
        try:
            picture = self._picture(self.values())
        except Exception as error:
            self.show_now(None, f"{type(error).__name__}: {error}", places)
            raise
        self.show_now(*picture, places)

    def _on_change(self, change: dict) -> None:
        if self.covered and self.covered.covers(self.places()):
            self.job = None  # there and back: the table under way is not wanted
            return
        self._draw_now()
        tabulated = [self.controls[name] for name in self.positions]
        if self.shown and change["owner"] not in tabulated:
            self._start_table(after=REST)

    def _on_message(self, picture: Picture, content: object, buffers: list) -> None:
        super()._on_message(picture, content, buffers)
        if content == "shown" and not self.shown and self.positions:
            self.shown = True
            self._start_table()

    def _start_table(self, after: float = 0.0) -> None:
        self.job = asyncio.get_running_loop().create_task(self._tabulate(after))

    async def _tabulate(self, after: float) -> None:
        """Draw the table in slices; the browser is heard in between."""
        mine = asyncio.current_task()
        await asyncio.sleep(after)
        if self.job is not mine:
            return
        pause = time.perf_counter() + SLICE
        tell, table = pause + SLOW, self._new_table()
        pictures = math.prod(map(len, table.axes.values()))
        try:
            for _ in self._fill(table):
                if time.perf_counter() > tell:
                    done = f"{len(table.rows)} of {pictures}"
                    self.picture.filling = f"preparing: {done}"
                    tell = time.perf_counter() + NEWS
                if time.perf_counter() > pause:
                    await asyncio.sleep(BREATH)
                    pause = time.perf_counter() + SLICE
                if self.job is not mine:  # a newer table is under way
                    return
        except Exception as error:  # of the view: a task has nobody to raise it to
            self.show_now(None, f"{type(error).__name__}: {error}", self.places())
            report(error)
        else:
            self._send_table(table)
        finally:
            if self.job in (mine, None):  # else a newer one tells
                self.picture.filling = ""


explore = Explorer  # where it is called, a verb reads better


def show(figure: object, sentence: str) -> Explorer:
    """A picture without controls; like an explorer it follows the page's theme."""
    return explore(lambda: (figure, sentence))
