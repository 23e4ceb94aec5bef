"""A harness for explorers: a real JupyterLab in Chromium, driven like by a student.

    def test_a_hotter_teacher_is_softer(lab):
        notebook = lab.run(["from kdlab.explorers import *", "some_explorer(...)"])
        notebook.set_slider("temperature", 8.0)  # typed into its number box
        notebook.wait_for_sentence("At temperature 8 ...")
        notebook.screenshot("temperature-light")

`lab.run(cells)` opens a notebook of these code cells in a page of its own, runs all of
them and waits until everything is drawn. The argument `panel` counts the explorers of
the page from 0. At the end of a test the fixture closes every page and kernel, and
fails the test if anything went wrong unseen: a cell's or a callback's error in the
kernel, an error in the console, a request to another host or one that failed.

Screenshots go to the folder KDLAB_SHOTS, if it is set, else to the test's `tmp_path`.
Without Chromium (CHROMIUM, or in PATH) these tests skip; with CI=true they fail.
"""

import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from playwright.sync_api import sync_playwright

from browser.stock import NO_FIREFOX, NO_WEBKIT
from browser.timing import SIGNATURE, measure_latency

NAMES = ("chromium", "chromium-browser", "google-chrome")
NO_CHROMIUM = "no Chromium found: install it, or set CHROMIUM to its path"
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
    " --disable-background-networking --disable-component-update"
).split()
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "docmanager-extension/plugin": {"autosave": False},
    "notebook-extension/tracker": {"windowingMode": "none"},  # all cells in the page
}
NOTEBOOK = "window.jupyterapp.shell.currentWidget"
SESSION = f"{NOTEBOOK}.context.sessionContext"


def find_chromium():
    """The browser's path; None if there is none."""
    asked = os.environ.get("CHROMIUM")
    return next(filter(None, map(shutil.which, [asked] if asked else NAMES)), None)


def need_chromium():
    """Skip the test without it; with CI=true fail."""
    if not find_chromium():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(NO_CHROMIUM)


def pytest_terminal_summary(terminalreporter):
    skipped = terminalreporter.stats.get("skipped", [])
    for missing in (NO_CHROMIUM, NO_FIREFOX, NO_WEBKIT):
        if count := sum(missing in str(report.longrepr) for report in skipped):
            terminalreporter.write_line(f"{count} browser tests skipped: {missing}")


class Server:
    """A JupyterLab on a free port, with a token and folders of its own."""

    def __init__(self, folder: Path):
        self.notebooks = folder / "notebooks"
        self.notebooks.mkdir()
        self.token = secrets.token_hex(16)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        for name, value in SETTINGS.items():
            path = folder / "settings/@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(value))
        self.log = folder / "lab.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command(), env=self.environment(folder), stdout=log, stderr=log
            )

    def command(self):
        return [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            *("--ip=127.0.0.1", f"--ServerApp.port={self.port}"),
            *("--ServerApp.port_retries=0", f"--IdentityProvider.token={self.token}"),
            f"--ServerApp.root_dir={self.notebooks}",
            "--LabApp.expose_app_in_browser=True",
            "--LabApp.extension_manager=readonly",
        ]

    def environment(self, folder: Path):
        own = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "share",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "IPYTHONDIR": "ipython",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        }
        paths = {name: str(folder / own[name]) for name in own}
        return {**os.environ, **paths, "KDLAB_PROGRESS": "off"}  # each run starts anew

    def url(self, path: str, port: int | None = None) -> str:
        return f"http://127.0.0.1:{port or self.port}/{path}?token={self.token}"

    def wait(self):
        for _ in range(600):
            try:
                urllib.request.urlopen(self.url("api/status"), timeout=2).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        raise RuntimeError(f"JupyterLab did not start:\n{self.log.read_text()[-3000:]}")

    def stop(self):
        """Its kernels end with it, also if it must be killed."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def jupyterlab(folder: Path, kind=Server):
    """A running Server, or another kind of it, stopped whatever happens."""
    server = kind(folder)
    try:
        server.wait()
        yield server
    finally:
        server.stop()


class Notebook:
    """One notebook in one page: the student's hands and eyes."""

    def __init__(self, page, shots: Path):
        self.page, self.shots = page, shots
        self.complaints: list[str] = []
        self.harmless = [
            "ResizeObserver loop",  # a resize that takes two frames
            "[anywidget] Failed to initialize model",  # plots.js makes up for it
            "undefined (reading 'schema')",  # shortcuts of Jupyter Notebook 7
        ]
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self._complain("page error", str(error)))
        page.on("request", self._on_request)
        page.on("requestfailed", self._on_failed)

    # --- what went wrong ----------------------------------------------------------

    def _complain(self, kind, text):
        if not any(harmless in text for harmless in self.harmless):
            self.complaints.append(f"{kind}: {text[:500]}")

    def _on_console(self, message):
        if message.type == "error":
            self._complain("console", f"{message.text} {message.location.get('url')}")

    def _on_request(self, request):
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.hostname != "127.0.0.1":
            self._complain("request to another host", request.url)

    def _on_failed(self, request):
        if request.failure != "net::ERR_ABORTED":  # given up by the page itself
            self._complain("request failed", f"{request.url} {request.failure}")

    def kernel_errors(self) -> list[str]:
        """Every error that the kernel published, of cells and of callbacks."""
        return self.page.evaluate("window.__kernelErrors ?? []")

    def expect_kernel_error(self, text: str):
        """Wait for an error that belongs to the test; it is forgotten."""
        self.page.wait_for_function(
            "t => window.__kernelErrors.some(e => e.includes(t))", arg=text
        )
        self.page.evaluate(
            """t => { const all = window.__kernelErrors;
            all.splice(all.findIndex(e => e.includes(t)), 1); }""",
            text,
        )

    # --- running ------------------------------------------------------------------

    def open(self, url: str):
        self.page.goto(url)
        self._wait_for_kernel()

    def _wait_for_kernel(self):
        self.page.wait_for_function(
            """() => { const shell = window.jupyterapp?.shell;
            if (shell && !shell.currentWidget)  // it came so slowly that none is
                shell.activateById([...shell.widgets('main')][0]?.id);
            return shell?.currentWidget?.context?.sessionContext
                ?.session?.kernel?.status === 'idle'; }""",
            timeout=60_000,
        )
        self.page.evaluate(
            f"""() => {{ window.__kernelErrors = [];
            {SESSION}.iopubMessage.connect((_, message) => {{
                if (message.header.msg_type !== 'error') return;
                const {{ ename, evalue }} = message.content;
                window.__kernelErrors.push(ename + ': ' + evalue); }}); }}"""
        )

    def run_all(self, timeout=120.0) -> float:
        """Run all cells; seconds until the kernel is done."""
        started = time.monotonic()
        self.page.evaluate(
            "() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }"
        )
        self.page.wait_for_timeout(100)
        self.page.wait_for_function(
            f"""() => {SESSION}.session.kernel.status === 'idle' &&
            ![...document.querySelectorAll('.jp-InputPrompt')]
                .some(e => e.textContent.includes('*'))""",
            timeout=timeout * 1000,
        )
        seconds = time.monotonic() - started
        self.settle()
        return seconds

    def settle(self, quiet=0.3):
        """Wait until every panel shows a picture and the page has been still."""
        self.page.wait_for_function(
            """() => [...document.querySelectorAll('.kdlab-picture')]
            .every(e => e.querySelector('.kdlab-sentence')?.textContent)"""
        )
        self.page.evaluate(
            """quiet => new Promise(done => {
                const root = document.querySelector('.jp-Notebook');
                let timer = setTimeout(finish, quiet);
                const watch = new MutationObserver(() => {
                    clearTimeout(timer); timer = setTimeout(finish, quiet); });
                function finish() { watch.disconnect(); done(); }
                watch.observe(root, { subtree: true, childList: true,
                    attributes: true, characterData: true });
                setTimeout(finish, 3000);  // something trains
            })""",
            quiet * 1000,
        )

    def execute(self, code: str, wait=True) -> str:
        """Run code in the kernel without a cell; what it prints."""
        return self.page.evaluate(
            f"""([code, wait]) => {{
                const future = {SESSION}.session.kernel.requestExecute({{ code }});
                let text = '';
                future.onIOPub = m => {{ text += m.content.text ?? ''; }};
                if (wait) return future.done.then(() => text);
                future.done.catch(() => null);  // a kernel that dies answers nobody
                return ''; }}""",
            [code, wait],
        )

    def wait_for_output(self, code: str, text: str):
        """Run code until it prints this; ten seconds at most."""
        for _ in range(100):
            if (printed := self.execute(code).strip()) == text:
                return
            self.page.wait_for_timeout(100)
        raise TimeoutError(f"{code} printed {printed!r}, expected {text!r}.")

    def kernel_status(self) -> str:
        """What JupyterLab shows: 'idle', 'busy', ..., 'none' without a kernel."""
        return self.page.evaluate(f"{SESSION}.session?.kernel?.status ?? 'none'")

    def make_busy(self, seconds: float):
        """The kernel computes for so long, and no cell is heard."""
        self.page.evaluate(
            f"""code => {{ window.__busy = true;
            {SESSION}.session.kernel.requestExecute({{ code }}).done
                .then(() => {{ window.__busy = false; }}, () => null); }}""",
            f"import time; time.sleep({seconds})",
        )

    def is_busy(self) -> bool:
        """Is it still? (The status says idle as soon as a callback was answered.)"""
        return self.page.evaluate("window.__busy")

    def stop_being_busy(self):
        """Interrupt what make_busy computes, so that nothing waits for its end."""
        self.page.evaluate(f"() => {SESSION}.session.kernel.interrupt()")
        self.expect_kernel_error("KeyboardInterrupt")

    def kill_kernel(self):
        """Shut down: nobody answers any more. ipywidgets says so at each move."""
        self.page.evaluate(f"() => {SESSION}.shutdown()")
        self.page.wait_for_function(f"!{SESSION}.session?.kernel")
        self.harmless.append("Could not send widget sync message")

    def crash_kernel(self):
        """Kill its process; JupyterLab starts another, which knows no panel."""
        self.execute("import os; os.kill(os.getpid(), 9)", wait=False)
        self.page.wait_for_selector(".jp-Dialog")
        self.page.keyboard.press("Escape")
        self.page.wait_for_selector(".jp-Dialog", state="detached")

    def reload(self):
        """Save, load the page again, and wait for the pictures."""
        self.page.evaluate(
            "() => window.jupyterapp.commands.execute('docmanager:save')"
        )
        self.page.reload()
        self._wait_for_kernel()
        self.page.wait_for_selector(".kdlab-sentence:not(:empty)")
        self.settle()

    # --- hands --------------------------------------------------------------------

    def panel(self, panel=0):
        """The explorer as a playwright locator."""
        return self.page.locator(".kdlab-panel").nth(panel)

    def control(self, label: str, panel=0):
        """The control whose label begins so."""
        boxes = self.panel(panel).locator(":scope > [class*=widget]")
        return boxes.filter(has_text=label).first

    def set_slider(self, label: str, value: float, panel=0):
        """Type a number into the slider's number box."""
        box = self.control(label, panel).locator(".widget-readout")
        box.click()
        box.press("ControlOrMeta+a")
        self.page.keyboard.type(str(value))
        self.page.keyboard.press("Enter")

    def drag_slider(self, label: str, fraction: float, panel=0):
        """Drag the handle with the mouse to this fraction of the track."""
        control = self.control(label, panel)
        control.scroll_into_view_if_needed()
        handle = control.locator(".noUi-handle").bounding_box()
        track = control.locator(".noUi-base").bounding_box()
        y = handle["y"] + handle["height"] / 2
        self.page.mouse.move(handle["x"] + handle["width"] / 2, y)
        self.page.mouse.down()
        self.page.mouse.move(track["x"] + fraction * track["width"], y, steps=8)
        self.page.mouse.up()

    def press(self, label: str, *keys: str, panel=0):
        """Press keys on a slider's focused handle."""
        self.control(label, panel).locator(".noUi-handle").focus()
        for key in keys:
            self.page.keyboard.press(key)

    def choose(self, label: str, option: str, panel=0):
        """Choose an option of a drop-down."""
        self.control(label, panel).locator("select").select_option(option)

    def pick(self, name: str, panel=0):
        """Click a thumbnail of an image picker, by its name."""
        self.panel(panel).get_by_role("radio", name=name, exact=True).click()

    def draw(self, *strokes: list[tuple[float, float]], panel=0):
        """Draw with the mouse on a pad; points (x, y) are shares of the paper."""
        paper = self.panel(panel).locator(".kdlab-paper")
        paper.scroll_into_view_if_needed()
        left, top, width, height = paper.bounding_box().values()
        for first, *others in strokes:
            self.page.mouse.move(left + first[0] * width, top + first[1] * height)
            self.page.mouse.down()
            for x, y in others:
                self.page.mouse.move(left + x * width, top + y * height, steps=6)
            self.page.mouse.up()

    def push(self, text: str, panel=0):
        """Press a button of a panel: Reset, a preset, Stop."""
        self.panel(panel).get_by_role("button", name=text, exact=True).click()

    def set_theme(self, theme: str):
        """'light' or 'dark'."""
        light = "true" if theme == "light" else "false"
        if self.page.evaluate("document.body.dataset.jpThemeLight") == light:
            return
        self.page.evaluate(
            "t => window.jupyterapp.commands.execute('apputils:change-theme', t)",
            {"theme": f"JupyterLab {theme.title()}"},
        )
        shown = "t => document.body.dataset.jpThemeLight === t"
        self.page.wait_for_function(shown, arg=light)
        self.settle()

    # --- eyes ---------------------------------------------------------------------

    def readout(self, label: str, panel=0) -> str:
        """The text in a slider's number box."""
        return self.control(label, panel).locator(".widget-readout").inner_text()

    def sentence(self, panel=0) -> str:
        """The sentence beneath the picture."""
        return self.panel(panel).locator(".kdlab-sentence").inner_text()

    def wait_for_sentence(self, text: str, panel=0, timeout=10.0):
        """Wait until the sentence is this one, exactly, and its picture is drawn."""
        self.page.wait_for_function(
            """([text, n]) => { const panel =
            document.querySelectorAll('.kdlab-panel')[n];
            window.__sentence = panel.querySelector('.kdlab-sentence').textContent;
            return window.__sentence === text; }""",
            arg=[text, panel],
            timeout=timeout * 1000,
        )

    def picture(self, panel=0) -> str:
        """A hash of what the picture looks like: it differs when the pixels do."""
        frame = self.panel(panel).locator(".kdlab-frame")
        return hashlib.sha256(frame.evaluate(SIGNATURE).encode()).hexdigest()[:16]

    def figure(self, panel=0) -> dict:
        """The data and the layout that plotly has drawn."""
        frame = self.panel(panel).locator(".kdlab-frame")
        text = frame.evaluate("e => JSON.stringify({ data: e.data, layout: e.layout })")
        return json.loads(text)

    def overflows(self, panel=0) -> bool:
        """Does anything in the panel reach over its right edge?"""
        return self.panel(panel).evaluate(
            """panel => { const right = panel.getBoundingClientRect().right + 1;
            return [...panel.querySelectorAll('button, p, svg, .widget-readout')]
                .some(e => e.getBoundingClientRect().right > right); }"""
        )

    def first_picture_seconds(self) -> float:
        """Run all, and the seconds until the first picture is there."""
        started = time.monotonic()
        self.page.evaluate(
            "() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }"
        )
        self.page.wait_for_selector(".kdlab-frame svg.main-svg", timeout=120_000)
        return time.monotonic() - started

    def latency(self, panel=0, moves=40):
        """From key to changed pixels, on the first slider of a panel: see timing.py."""
        here = f".kdlab-panel >> nth={panel}"
        for name in ("noUi-handle", "kdlab-frame"):
            self.page.locator(here).locator(f".{name}").first.evaluate(
                "e => e.setAttribute('data-timed', '')"
            )
        return measure_latency(
            self.page, ".noUi-handle[data-timed]", ".kdlab-frame[data-timed]", moves
        )

    def screenshot(self, name: str, panel: int | None = None) -> Path:
        """Photograph the page, or one panel; returns the file's path."""
        path = self.shots / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        target = self.page if panel is None else self.panel(panel)
        target.screenshot(path=path)
        return path

    def close(self) -> list[str]:
        """Shut the kernel down and close the page; all that went wrong."""
        try:
            errors = [f"kernel: {error}" for error in self.kernel_errors()]
            complaints = [*errors, *self.complaints]
            self.page.evaluate(f"() => {SESSION}.shutdown()")
        finally:
            self.page.close()
        return complaints


class Lab:
    """Opens notebooks in pages of their own."""

    def __init__(self, server: Server, browser, shots: Path):
        self.server, self.browser, self.shots = server, browser, shots
        self.opened: list[Notebook] = []

    def open(self, cells, *, width=1280, height=900, port=None) -> Notebook:
        """A notebook of these cells, with a kernel, not yet run; code may be a text."""
        code = nbformat.v4.new_code_cell
        notebook = nbformat.v4.new_notebook(
            cells=[code(cell) if isinstance(cell, str) else cell for cell in cells]
        )
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
        name = f"{secrets.token_hex(4)}.ipynb"
        nbformat.write(notebook, self.server.notebooks / name)
        page = self.browser.new_page()
        page.set_viewport_size({"width": width, "height": height})
        opened = Notebook(page, self.shots)
        self.opened.append(opened)
        opened.open(self.server.url(f"doc/tree/{name}", port))
        return opened

    def run(self, cells, *, theme="light", **options) -> Notebook:
        """The same, run, with everything drawn; `options` are those of `open`."""
        notebook = self.open(cells, **options)
        notebook.set_theme(theme)  # JupyterLab remembers that of the test before
        notebook.run_all()
        return notebook

    def close(self) -> list[str]:
        """Close all; what went wrong in any of them."""
        complaints = []
        for notebook in self.opened:
            try:
                complaints += notebook.close()
            except Exception as error:  # the others must be closed, too
                complaints.append(f"closing: {error}")
        return complaints


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One JupyterLab for all tests of the session."""
    need_chromium()
    with jupyterlab(tmp_path_factory.mktemp("jupyterlab")) as running:
        yield running


@pytest.fixture(scope="module")
def browser(server):
    """Chromium. For one module: while it is open, asyncio.run fails in this thread."""
    with sync_playwright() as playwright:
        path = find_chromium()
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium.new_context()  # one: JupyterLab is read from its cache
        chromium.close()


@contextmanager
def watched(server, browser, shots):
    """A Lab; at the end nothing may have gone wrong in any of its notebooks."""
    lab = Lab(server, browser, Path(os.environ.get("KDLAB_SHOTS") or shots))
    try:
        yield lab
    finally:
        complaints = lab.close()
    assert complaints == []


@pytest.fixture
def lab(server, browser, tmp_path):
    """Opens notebooks, in pages of the test's own."""
    with watched(server, browser, tmp_path) as lab:
        yield lab


@pytest.fixture(scope="module")
def module_lab(server, browser, tmp_path_factory):
    """Opens notebooks that all tests of a file may use: a page takes ten seconds."""
    with watched(server, browser, tmp_path_factory.mktemp("shots")) as lab:
        yield lab


@pytest.fixture
def notebook(page):
    """A file's one `page`, run again: nothing is moved, predicted or tried."""
    page.set_theme("light")
    page.run_all()
    return page
