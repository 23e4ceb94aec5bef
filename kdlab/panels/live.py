"""Panels of generators: each picture is drawn as it comes, while something trains.

A thread drives the generator, so that no cell is blocked and buttons are heard. It can
be closed between any two steps: a new position of a control does so and starts another.
"""

import asyncio
import atexit
import math
import threading
import time
from collections.abc import Callable, Generator
from functools import partial

import ipywidgets as widgets

from kdlab.picture import Panel, Picture, Presets, plain_figure, report, set_controls

FRAME = 0.05  # seconds between two pictures: at most 20 a second
TURN = 0.02  # seconds of steps after which other threads have theirs
ONE_STEP = threading.Lock()  # no two generators compute at the same time


class Run:
    """One generator, driven in a thread of its own until it ends or is stopped."""

    def __init__(
        self,
        start: Callable[[], Generator],
        draw: Callable[[object, str], None],
        ended: Callable[["Run"], None],
        before: "Run | None",
        first_only: bool = False,
    ):
        """`before`: the run that must have ended first; it is told to stop.

        `first_only`: end after the first picture.
        """
        self.start, self.draw, self.ended, self.before = start, draw, ended, before
        self.first_only = first_only
        self.stopped, self.paused = threading.Event(), threading.Event()
        self.drew = False  # whether there was a picture, or an error instead of one
        self.result: object = None  # what the generator returns
        self.error: Exception | None = None  # an unexpected one
        self.thread = threading.Thread(target=self._drive, name="kdlab", daemon=True)
        if before:
            before.stopped.set()
        atexit.register(self.end)  # a thread cut off in torch would abort the process

    def end(self) -> None:
        """Stop, and wait for it."""
        self.stopped.set()
        self.thread.join(2)

    def _drive(self) -> None:
        if self.before:
            self.before.thread.join()  # never two threads on one model
            self.before = None
        try:
            self.result = self._draw_all()
        except (ValueError, FloatingPointError) as error:
            self._draw((None, str(error)))
        except Exception as error:  # kept for `finished`: a thread has nobody to tell
            self.error = error
            self._draw((None, f"{type(error).__name__}: {error}"))
            report(error)
        finally:
            self.ended(self)
            atexit.unregister(self.end)

    def _draw_all(self) -> object:
        """Draw what is yielded, the last picture in any case; return its result."""
        steps, held, drawn, turn = self.start(), None, -math.inf, time.monotonic()
        try:
            while not self.stopped.is_set():
                with ONE_STEP:
                    held = next(steps) or held
                now = time.monotonic()
                if held and (now - drawn >= FRAME or self.paused.is_set()):
                    self._draw(held)
                    held, drawn = None, time.monotonic()
                    if self.first_only:
                        break
                while self.paused.is_set() and not self.stopped.is_set():
                    time.sleep(0.02)
                if now - turn >= TURN:
                    time.sleep(0.001)  # the others' turn
                    turn = time.monotonic()
        except StopIteration as end:
            return end.value
        finally:
            steps.close()  # a stopped generator meets GeneratorExit
            if held:
                self._draw(held)
        return None

    def _draw(self, picture: object) -> None:
        """A picture, or a function that makes it only when it is drawn."""
        self.drew = True
        self.draw(*(picture() if callable(picture) else picture))


class StepsPanel(Panel):
    """The panel of a generator; `explore_steps` makes one."""

    def __init__(
        self,
        generator: Callable[..., Generator],
        presets: Presets,
        controls: dict[str, widgets.Widget],
        start: str,
        hold: bool,
    ):
        """Start the first run at once; with `hold` only its first picture."""
        super().__init__(controls, presets)
        for control in controls.values():
            if hasattr(control, "continuous_update"):
                control.continuous_update = False  # a new run on release only
        self.generator, self.hold, self.run = generator, hold, None
        self.lock = threading.RLock()  # of `run` and the state that the buttons show
        self.picture.start = start
        self._start(first_only=hold)

    def _start(self, first_only: bool) -> None:
        values, places = self.values(), self.places()

        def draw(figure: object | None, sentence: str) -> None:
            self.show_now(figure and plain_figure(figure), sentence, places)

        start = partial(self.generator, **values)
        with self.lock:
            self.run = Run(start, draw, self._ended, self.run, first_only)
            self.picture.state = "ended" if first_only else "running"
            self.run.thread.start()

    def _ended(self, run: Run) -> None:
        with self.lock:
            if run is not self.run:  # another one is under way
                return
            if run.stopped.is_set() and not run.drew:
                run.draw(None, "Stopped before there was a picture.")
            self.picture.state = "ended"

    def pause(self) -> None:
        """Wait after the present step, until `resume`; its picture is drawn."""
        with self.lock:
            if self.picture.state == "running":
                self.run.paused.set()
                self.picture.state = "paused"

    def resume(self) -> None:
        """Go on from where `pause` stopped."""
        with self.lock:
            if self.picture.state == "paused":
                self.run.paused.clear()
                self.picture.state = "running"

    def stop(self) -> None:
        """Close the generator after its present step; the last picture may follow."""
        with self.lock:
            self.run.stopped.set()
            self.picture.state = "ended"

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
        self._start(first_only=self.hold)

    def _on_message(self, picture: Picture, content: object, buffers: list) -> None:
        super()._on_message(picture, content, buffers)
        pressed = {"stop": self.stop, "pause": self.pause, "resume": self.resume}
        if content == "start":
            self._start(first_only=False)
        elif isinstance(content, str) and content in pressed:
            pressed[content]()


def explore_steps(
    generator: Callable[..., Generator],
    *,
    presets: Presets | None = None,
    start: str = "Run again",
    hold: bool = False,
    begin: dict[str, object] | None = None,
    **controls: widgets.Widget,
) -> StepsPanel:
    """Controls over `generator(**values)`, which yields pictures as it works.

    It runs in a thread and the kernel stays free. A new position of a control closes
    the generator and starts another; buttons pause it, close it ("Stop") and start it
    again. At most 20 pictures a second are drawn, the last one always. A ValueError or
    FloatingPointError is shown as the sentence. In a later cell,
    `result = await panel.finished()` waits for what the generator returns.

    Args:
        generator: yields (figure, sentence), or a function that returns them and is
            called only if this picture is drawn, or None where nothing is new.
        presets: as of `explore`.
        start: the label of the button that starts it again.
        hold: a new position draws the first picture only; the button does the work.
        begin: values of controls to begin with, instead of their own.
        controls: one ipywidget for each argument of the generator.

    Raises ValueError for a control that is not there, or a value it cannot take.
    """
    set_controls(controls, begin or {})
    return StepsPanel(generator, presets or {}, controls, start, hold)
