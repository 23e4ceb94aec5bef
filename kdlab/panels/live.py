"""Panels of generators: each picture is drawn as it comes, while something trains.

A thread drives the generator, so that no cell is blocked and buttons are heard. It can
be closed between any two steps: a new position of a control does so and starts another.
What a generator returns at its end it may return, too, as it is closed, as far as it
has come: `with suppress(GeneratorExit): ...` around its steps, `return found` after.
"""

import asyncio
import atexit
import math
import threading
import time
from collections.abc import Callable, Generator
from functools import partial

import ipywidgets as widgets

from kdlab.panels.panel import (
    Panel,
    Picture,
    Presets,
    plain_figure,
    report,
    set_controls,
)

FRAME = 0.05  # seconds between two pictures: at most 20 a second
TURN = 0.02  # seconds of steps after which other threads have theirs
ONE_STEP = threading.Lock()  # no two generators compute at the same time


class Drive:
    """One generator, driven in a thread of its own until it ends or is stopped."""

    def __init__(
        self,
        start: Callable[[], Generator],
        draw: Callable[[object, str], None],
        ended: Callable[["Drive"], None],
        before: "Drive | None",
        first_only: bool = False,
    ):
        """`before`: the drive that must have ended first; it is told to stop.

        `first_only`: end after the first picture.
        """
        self.start, self.draw, self.ended, self.before = start, draw, ended, before
        self.first_only = first_only
        self.stopped, self.paused = threading.Event(), threading.Event()
        self.drew = False  # whether there was a picture, or an error instead of one
        self.result: object = None  # what the generator returns, also as it is closed
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
                    yielded = next(steps)
                held = yielded if callable(yielded) else held
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
            steps.throw(GeneratorExit)  # stopped: it may return what it has
        except StopIteration as end:
            return end.value
        except GeneratorExit:
            return None
        finally:
            steps.close()  # also after an error of a drawing
            if held:
                self._draw(held)
        raise RuntimeError("A generator that is stopped must end, and not yield.")

    def _draw(self, picture: object) -> None:
        """Pictures are made only when they are drawn."""
        self.drew = True
        self.draw(*(picture() if callable(picture) else picture))


class LivePanel(Panel):
    """Controls over `generator(**values)`, which yields pictures as it works.

    It runs in a thread and the kernel stays free. A new position of a control closes
    the generator and starts another; buttons pause it, close it ("Stop") and start it
    again. At most 20 pictures a second are drawn, the last one always. A ValueError or
    FloatingPointError is shown as the sentence. In a later cell,
    `result = await panel.finished()` waits for what the generator returns, also if it
    is stopped; None if it never began, was refused, or returns nothing when closed.

    Args:
        generator: yields functions that return (figure, sentence), called only if this
            picture is drawn; whatever else it yields is a place to stop.
        presets: as of `explore`.
        button: the label of the button that starts it again.
        preview: a new position draws the first picture only; the button does the work.
        values: of controls, {name: value}, to begin with instead of their own.
        controls: one ipywidget for each argument of the generator.

    Raises ValueError for a control that is not there, or a value it cannot take.
    """

    def __init__(
        self,
        generator: Callable[..., Generator],
        *,
        presets: Presets | None = None,
        button: str = "Run again",
        preview: bool = False,
        values: dict[str, object] | None = None,
        **controls: widgets.Widget,
    ):
        """Start the first run at once; with `preview` only its first picture."""
        self.drive = None  # also in a panel that is refused, and closed, below
        set_controls(controls, values or {})
        super().__init__(controls, presets or {})
        for control in controls.values():
            if hasattr(control, "continuous_update"):
                control.continuous_update = False  # a new run on release only
        self.generator, self.preview = generator, preview
        self.lock = threading.RLock()  # of `drive` and the state that the buttons show
        self.picture.start = button
        self._start(first_only=preview)

    def _start(self, first_only: bool) -> None:
        values, places = self.values(), self.places()

        def draw(figure: object | None, sentence: str) -> None:
            self.show_now(figure and plain_figure(figure), sentence, places)

        start = partial(self.generator, **values)
        with self.lock:
            self.drive = Drive(start, draw, self._ended, self.drive, first_only)
            self.picture.state = "ended" if first_only else "running"
            self.drive.thread.start()

    def _ended(self, drive: Drive) -> None:
        with self.lock:
            if drive is not self.drive:  # another one is under way
                return
            if drive.stopped.is_set() and not drive.drew:
                drive.draw(None, "Stopped before there was a picture.")
            self.picture.state = "ended"

    def pause(self) -> None:
        """Wait after the present step, until `resume`; its picture is drawn."""
        with self.lock:
            if self.picture.state == "running":
                self.drive.paused.set()
                self.picture.state = "paused"

    def resume(self) -> None:
        """Go on from where `pause` stopped."""
        with self.lock:
            if self.picture.state == "paused":
                self.drive.paused.clear()
                self.picture.state = "running"

    def stop(self) -> None:
        """Close the generator after its present step; the last picture may follow."""
        with self.lock:
            self.drive.stopped.set()
            self.picture.state = "ended"

    def close(self) -> None:
        """Stop, too, when the panel is thrown away."""
        if self.drive:
            self.stop()
        super().close()

    async def finished(self) -> object:
        """Wait for the end; what the generator returned, or its unexpected error."""
        while self.drive.thread.is_alive():
            await asyncio.sleep(0.02)
        if self.drive.error:
            raise self.drive.error
        return self.drive.result

    def _on_change(self, change: dict) -> None:
        self._start(first_only=self.preview)

    def _on_message(self, picture: Picture, content: object, buffers: list) -> None:
        super()._on_message(picture, content, buffers)
        pressed = {"stop": self.stop, "pause": self.pause, "resume": self.resume}
        if content == "start":
            self._start(first_only=False)
        elif isinstance(content, str) and content in pressed:
            pressed[content]()


explore_live = LivePanel  # where it is called, a verb reads better
