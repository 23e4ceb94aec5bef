"""Firefox and WebKitGTK as Debian ships them, under the names of Playwright.

Playwright drives Chromium as it is; of the other engines only builds of its own. These
two are asked in their own languages: Firefox by WebDriver BiDi, over a web socket, and
WebKitGTK by classic WebDriver, over HTTP. What both have in common is `Page`, with as
much of Playwright's `Page` and `Locator` as `Notebook` in conftest.py uses, so that a
test of Chromium's runs in them unchanged.

What a page complains of is heard from inside, once it is loaded: `console.error`,
errors that nobody caught, and the addresses that it asked for.
"""

import base64
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import websocket

NO_FIREFOX = "no Firefox found: install firefox-esr, or set FIREFOX to its path"
NO_WEBKIT = "no WebKitGTK found: install webkit2gtk-driver and xvfb"
KEYS = {
    **{"Backspace": "\ue003", "Tab": "\ue004", "Enter": "\ue006", "Escape": "\ue00c"},
    **{"Shift": "\ue008", "ControlOrMeta": "\ue009", "Space": " "},
    **{"PageUp": "\ue00e", "PageDown": "\ue00f", "End": "\ue010", "Home": "\ue011"},
    **{"ArrowLeft": "\ue012", "ArrowUp": "\ue013"},
    **{"ArrowRight": "\ue014", "ArrowDown": "\ue015"},
}
ROLES = {"button": "button", "radio": "[role=radio]", "alert": "[role=alert]"}
LISTEN = """() => {
    const told = window.__told = [], tell = (kind, text) => told.push([kind, text]);
    const say = console.error;
    console.error = (...what) => { tell('console', what.join(' ')); say(...what); };
    addEventListener('error', e => tell('pageerror', e.message));
    const why = e => e?.cause ? `${e}, for ${why(e.cause)}` : String(e);
    addEventListener('unhandledrejection', e => tell('pageerror', why(e.reason)));
    new PerformanceObserver(list => list.getEntries().map(e => tell('request', e.name)))
        .observe({ type: 'resource', buffered: true }); }"""
ASK = """async text => {
    const made = (%s);
    const value = await (typeof made === 'function' ? made(JSON.parse(text)) : made);
    return JSON.stringify([value ?? null, window.__told?.splice(0) ?? []]); }"""
# Where the mouse goes: the middle, as soon as the element rests there uncovered.
MIDDLE = """async e => {
    const frame = () => new Promise(requestAnimationFrame);
    const box = () => JSON.stringify(e.getBoundingClientRect());
    e.scrollIntoView({ block: 'center' });
    const before = box();
    await frame(), await frame();
    const { x, y, width, height } = e.getBoundingClientRect();
    const middle = [x + width / 2, y + height / 2];
    return before === box() && e.contains(document.elementFromPoint(...middle))
        ? middle : null; }"""


class Page:
    """One page of a browser, which is called by `run` and `perform`, see below."""

    def __init__(self, browser):
        self.browser, self.heard, self.url = browser, {}, None
        self.mouse = SimpleNamespace(move=self._move, down=self._down, up=self._up)
        self.keyboard = SimpleNamespace(press=self._press, type=self._type)
        self.at = (0, 0)

    def on(self, event, do):
        """Call this with what the page says: 'console', 'pageerror' or 'request'."""
        self.heard[event] = do

    def goto(self, url):
        self.browser.navigate(url)
        self.url = url
        self.evaluate(LISTEN)

    def reload(self):
        self.goto(self.url)

    def close(self):
        """Leave it: the browser keeps its one page for whoever comes next."""
        self.heard = {}
        self.goto("about:blank")

    def evaluate(self, js, arg=None):
        """The value of an expression, or of a function of `arg`; promises are kept."""
        value, told = json.loads(self.browser.run(ASK % js, json.dumps(arg)))
        for kind, text in told:
            said = SimpleNamespace(type="error", text=text, location={}, url=text)
            self.heard.get(kind, id)(text if kind == "pageerror" else said)
        return value

    def wait_for_function(self, js, arg=None, timeout=30_000):
        """Ask twenty times a second until it is true; the value."""
        end = time.monotonic() + timeout / 1000
        while not (value := self.evaluate(js, arg)):
            if time.monotonic() > end:
                raise TimeoutError(f"not within {timeout} ms: {js}, with {arg!r}")
            time.sleep(0.05)
        return value

    def wait_for_timeout(self, milliseconds):
        time.sleep(milliseconds / 1000)

    def set_viewport_size(self, size):
        self.browser.resize(**size)

    def screenshot(self, path):
        path.write_bytes(base64.b64decode(self.browser.photograph()))

    def locator(self, selector):
        return Locator(self, "[document]").locator(selector)

    def wait_for_selector(self, selector, **options):
        self.locator(selector).wait_for(**options)

    # --- hands --------------------------------------------------------------------

    def _mouse(self, *actions):
        kind = {"pointerType": "mouse"}
        how = {"type": "pointer", "id": "mouse", "parameters": kind}
        self.browser.perform([{**how, "actions": list(actions)}])

    def _move(self, x, y, steps=1):
        (left, top), self.at = self.at, (x, y)
        shares = [step / steps for step in range(1, steps + 1)]
        way = [(left + t * (x - left), top + t * (y - top)) for t in shares]
        move = {"type": "pointerMove", "duration": 0}
        self._mouse(*({**move, "x": round(x), "y": round(y)} for x, y in way))

    def _down(self):
        self._mouse({"type": "pointerDown", "button": 0})

    def _up(self):
        self._mouse({"type": "pointerUp", "button": 0})

    def _press(self, combination):
        keys = [KEYS.get(key, key) for key in combination.split("+")]
        down = [{"type": "keyDown", "value": key} for key in keys]
        up = [{"type": "keyUp", "value": key} for key in reversed(keys)]
        self.browser.perform([{"type": "key", "id": "keys", "actions": down + up}])

    def _type(self, text):
        for letter in text:
            self._press(letter)


class Locator:
    """Elements of a page: a JavaScript expression, evaluated each time it is used."""

    def __init__(self, page, found):
        self.page, self.found = page, found

    def _all(self, then):
        return Locator(self.page, f"{self.found}.{then}")

    def locator(self, selector):
        found = self
        for part in selector.split(" >> "):
            if part.startswith("nth="):
                found = found.nth(int(part[4:]))
            else:
                inside = f"e.querySelectorAll({json.dumps(part)})"
                found = found._all(f"flatMap(e => [...{inside}])")
        return found

    def nth(self, number):
        return self._all(f"slice({number}, {number + 1})")

    @property
    def first(self):
        return self.nth(0)

    def all(self):
        return [self.nth(number) for number in range(self.count())]

    def count(self):
        return self.page.evaluate(f"{self.found}.length")

    def filter(self, has_text):
        text = json.dumps(has_text.lower())
        return self._all(f"filter(e => e.textContent.toLowerCase().includes({text}))")

    def get_by_role(self, role, name=None, exact=False):
        found = self.locator(ROLES[role])
        if name is None:
            return found
        called = f"(e.ariaLabel ?? e.textContent).trim(), name = {json.dumps(name)}"
        same = "text === name" if exact else "text.includes(name)"
        return found._all(f"filter(e => {{ const text = {called}; return {same}; }})")

    def wait_for(self, timeout=30_000, state="visible"):
        there = "!" if state in ("hidden", "detached") else ""
        self.page.wait_for_function(f"{there}{self.found}.length", timeout=timeout)

    def evaluate(self, js, arg=None):
        self.wait_for()
        return self.page.evaluate(f"arg => ({js})({self.found}[0], arg)", arg)

    def bounding_box(self):
        sides = "{ x: r.x, y: r.y, width: r.width, height: r.height }"
        return self.evaluate(
            f"e => {{ const r = e.getBoundingClientRect(); return {sides}; }}"
        )

    def scroll_into_view_if_needed(self):
        self.evaluate("e => e.scrollIntoView({ block: 'center' })")

    def inner_text(self):
        return self.evaluate("e => e.innerText")

    def get_attribute(self, name):
        return self.evaluate("(e, name) => e.getAttribute(name)", name)

    def focus(self):
        self.evaluate("e => e.focus()")

    def press(self, key):
        self.focus()
        self.page.keyboard.press(key)

    def click(self):
        self.wait_for()
        js = f"() => ({MIDDLE})({self.found}[0])"
        self.page.mouse.move(*self.page.wait_for_function(js))
        self.page.mouse.down()
        self.page.mouse.up()

    def screenshot(self, path):
        self.scroll_into_view_if_needed()
        self.page.screenshot(path)  # its surroundings, too


class Firefox:
    """BiDi's commands to the one page of a browser that listens at this address."""

    def __init__(self, address):
        self.socket = websocket.create_connection(address, suppress_origin=True)
        self.number = 0
        self.send("session.new", capabilities={})
        self.page = self.send("browsingContext.create", type="tab")["context"]

    def send(self, method, **params):
        """The result of a command; events in between are nobody's."""
        self.number += 1
        call = {"id": self.number, "method": method, "params": params}
        self.socket.send(json.dumps(call))
        while (answer := json.loads(self.socket.recv())).get("id") != self.number:
            pass
        if answer["type"] == "error":
            raise RuntimeError(f"{method}: {answer['error']}: {answer['message']}")
        return answer["result"]

    def navigate(self, url):
        self.send(
            "browsingContext.navigate", context=self.page, url=url, wait="complete"
        )

    def run(self, function, text):
        done = self.send(
            "script.callFunction",
            functionDeclaration=function,
            arguments=[{"type": "string", "value": text}],
            target={"context": self.page},
            awaitPromise=True,
        )
        if done["type"] == "exception":
            raise RuntimeError(f"{done['exceptionDetails']['text']}, in {function}")
        return done["result"]["value"]

    def perform(self, actions):
        self.send("input.performActions", context=self.page, actions=actions)

    def resize(self, **size):
        self.send("browsingContext.setViewport", context=self.page, viewport=size)

    def photograph(self):
        return self.send("browsingContext.captureScreenshot", context=self.page)["data"]


class WebKit:
    """Classic commands to WebKitWebDriver at this address, which starts a browser."""

    def __init__(self, address, program):
        self.address = address
        own = {"binary": program, "args": ["--automation"]}
        wanted = {"alwaysMatch": {"webkitgtk:browserOptions": own}}
        session = self.send("session", capabilities=wanted)
        self.address += f"session/{session['sessionId']}/"
        self.send("timeouts", script=120_000)

    def send(self, command, **params):
        """The value of a command: POST where it has parameters, else GET."""
        data = json.dumps(params).encode() if params else None
        try:
            answer = urllib.request.urlopen(self.address + command, data, timeout=150)
            return json.load(answer)["value"]
        except urllib.request.HTTPError as error:
            why = json.load(error)["value"]
            text = f"{command}: {why['error']}: {why['message']}, with {params}"
            raise RuntimeError(text) from None

    def navigate(self, url):
        self.send("url", url=url)

    def run(self, function, text):
        script = f"const [text, done] = arguments; ({function})(text).then(done, \
            error => done({{ error: String(error) }}));"
        done = self.send("execute/async", script=script, args=[text])
        if isinstance(done, dict):
            raise RuntimeError(f"{done['error']}, in {function}")
        return done

    def perform(self, actions):
        self.send("actions", actions=actions)

    def resize(self, width, height):
        self.send("window/rect", width=width, height=height)
        bars = height - int(self.run("async () => String(innerHeight)", ""))
        self.send("window/rect", width=width, height=height + bars)

    def photograph(self):
        return self.send("screenshot")

    def end(self):
        """Close the browser: it outlives its driver otherwise."""
        request = urllib.request.Request(self.address[:-1], method="DELETE")
        urllib.request.urlopen(request, timeout=20).close()


def find_firefox():
    """Its path; None if there is none."""
    asked = os.environ.get("FIREFOX")
    names = [asked] if asked else ["firefox-esr", "firefox"]
    return next(filter(None, map(shutil.which, names)), None)


def find_webkit():
    """The browser that WebKitWebDriver starts; None if something is missing."""
    browsers = sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))
    needed = all(map(shutil.which, ["WebKitWebDriver", "Xvfb"]))
    return str(browsers[-1]) if needed and browsers else None


@contextmanager
def started(*command, **options):
    """A process whose output is read, ended whatever happens."""
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **output, **options) as process:
        try:
            yield process
        finally:
            process.terminate()


def soon(what, seconds=30):
    """The value of what() as soon as it is no error."""
    end = time.monotonic() + seconds
    while True:
        try:
            return what()
        except (OSError, ValueError, RuntimeError):
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


@contextmanager
def firefox(folder: Path):
    """A headless Firefox that writes into this folder alone: its page."""
    ours = {**os.environ, "HOME": str(folder)}  # root may not use somebody else's
    how = ("--headless", "--no-remote", "--remote-debugging-port=0")
    told = folder / "WebDriverBiDiServer.json"
    with started(find_firefox(), *how, "--profile", str(folder), env=ours):
        port = soon(lambda: json.loads(told.read_text()))["ws_port"]
        yield Page(Firefox(f"ws://127.0.0.1:{port}/session"))


@contextmanager
def webkit(folder: Path):
    """A WebKitGTK on its own screen that writes into this folder alone: its page."""
    screen = ("-displayfd", "1", "-screen", "0", "1600x1200x24", "-nolisten", "tcp")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with started("Xvfb", *screen) as xvfb:
        homes = ("HOME", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_DATA_HOME")
        ours = {**os.environ, **dict.fromkeys(homes, str(folder))}
        ours["DISPLAY"] = f":{int(xvfb.stdout.readline())}"
        with started("WebKitWebDriver", f"--port={port}", env=ours):
            driver = soon(lambda: WebKit(f"http://127.0.0.1:{port}/", find_webkit()))
            yield Page(driver)
            driver.end()
