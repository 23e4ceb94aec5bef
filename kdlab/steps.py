"""Panels of generators: each picture is drawn as it comes, while something trains.

A thread drives the generator, so that no cell is blocked and buttons are heard. It can
be closed between any two steps: a new position of a control does so and starts another.
"""

import asyncio
import math
import threading
import time
from collections.abc import Callable, Generator
from functools import partial

import ipywidgets as widgets

from kdlab.picture import Panel, Picture, Presets, plain_figure, report

FRAME = 0.05  # seconds between two pictures: at most 20 a second
ONE_STEP = threading.Lock()  # no two generators compute at the same time


class Run:
    """One generator, driven in a thread of its own until it ends or is stopped."""

    def __init__(
        self,
        start: Callable[[], Generator],
        draw: Callable[[object, str], None],
        ended: Callable[["Run"], None],
        before: "Run | None",
    ):
        """`before`: the run that must have ended first; it is told to stop."""
        self.start, self.draw, self.ended, self.before = start, draw, ended, before
        self.stopped = threading.Event()
        self.result: object = None  # what the generator returns
        self.error: Exception | None = None  # an unexpected one
        self.thread = threading.Thread(target=self._drive, name="kdlab", daemon=True)
        if before:
            before.stopped.set()

    def _drive(self) -> None:
        if self.before:
            self.before.thread.join()  # never two threads on one model
            self.before = None
        try:
            self.result = self._draw_all()
        except (ValueError, FloatingPointError) as error:
            self.draw(None, str(error))
        except Exception as error:  # kept for `finished`: a thread has nobody to tell
            self.error = error
            self.draw(None, f"{type(error).__name__}: {error}")
            report(error)
        finally:
            self.ended(self)

    def _draw_all(self) -> object:
        """Draw what is yielded, the last picture in any case; return its result."""
        steps, held, drawn = self.start(), None, -math.inf
        try:
            while not self.stopped.is_set():
                with ONE_STEP:
                    held = next(steps)
                if time.monotonic() - drawn >= FRAME:
                    self.draw(*held)
                    held, drawn = None, time.monotonic()
                time.sleep(0.001)  # the others' turn
        except StopIteration as end:
            return end.value
        finally:
            steps.close()  # a stopped generator meets GeneratorExit
            if held:
                self.draw(*held)
        return None


class StepsPanel(Panel):
    """The panel of a generator; `explore_steps` makes one."""

    def __init__(
        self,
        generator: Callable[..., Generator],
        presets: Presets,
        controls: dict[str, widgets.Widget],
    ):
        """Start the first run at once."""
        super().__init__(controls, presets)
        for control in controls.values():
            if hasattr(control, "continuous_update"):
                control.continuous_update = False  # a new run on release only
        self.generator, self.run = generator, None
        self._start()

    def _start(self) -> None:
        values, places = self.values(), self.places()

        def draw(figure: object | None, sentence: str) -> None:
            self.show_now(figure and plain_figure(figure), sentence, places)

        start = partial(self.generator, **values)
        self.run = Run(start, draw, self._ended, before=self.run)
        self.picture.running = True
        self.run.thread.start()

    def _ended(self, run: Run) -> None:
        if run is self.run:  # else another one is under way
            self.picture.running = False

    def stop(self) -> None:
        """Close the generator after its present step."""
        self.run.stopped.set()

    def close(self) -> None:
        """Stop, too, when the panel is thrown away."""
        self.stop()
        super().close()

    async def finished(self) -> object:
        """Wait for the end; what the generator returned, or its unexpected error."""
        while self.run.thread.is_alive():
            await asyncio.sleep(0.02)
        if self.run.error:
            raise self.run.error
        return self.run.result

    def _on_change(self, change: dict) -> None:
        self._start()

    def _on_message(self, picture: Picture, content: object, buffers: list) -> None:
        super()._on_message(picture, content, buffers)
        if content == "stop":
            self.stop()
        elif content == "start":
            self._start()


def explore_steps(
    generator: Callable[..., Generator],
    *,
    presets: Presets | None = None,
    **controls: widgets.Widget,
) -> StepsPanel:
    """Controls over `generator(**values)`, which yields (figure, sentence) as it works.

    It runs in a thread and the kernel stays free. A new position of a control closes
    the generator and starts another, and so does "Run again"; "Stop" closes it. At most
    20 pictures a second are drawn, the last one always. A ValueError or
    FloatingPointError is shown as the sentence. In a later cell,
    `result = await panel.finished()` waits for what the generator returns.
    """
    return StepsPanel(generator, presets or {}, controls)
