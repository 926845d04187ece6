"""A headless Chromium, spoken to over its DevTools protocol through two pipes: no server, no library.

    with Browser() as browser:
        page = browser.open(path)
        page.evaluate("document.title")
"""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_S = 120


def find_browser():
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    def __init__(self, width=1280, height=900, dark=False):
        self.profile = tempfile.TemporaryDirectory()
        to_browser, self.out = os.pipe()
        self.into, from_browser = os.pipe()
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
                 f"--user-data-dir={self.profile.name}", f"--window-size={width},{height}", "--remote-debugging-pipe", "about:blank"]

        def place_pipes():  # the protocol's pipes are descriptors 3 and 4
            os.dup2(to_browser, 30), os.dup2(from_browser, 31)
            os.dup2(30, 3), os.dup2(31, 4)

        self.process = subprocess.Popen([find_browser(), *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False,
                                        preexec_fn=place_pipes)
        os.close(to_browser), os.close(from_browser)
        self.buffer, self.number, self.events = b"", 0, []
        self.size, self.dark = (width, height), dark

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.call("Browser.close")
        except (OSError, RuntimeError):
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.out), os.close(self.into)
        shutil.rmtree(self.profile.name, ignore_errors=True)

    def read(self, limit_s):
        """The next message, or nothing in that time."""
        end = time.monotonic() + limit_s
        while b"\0" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.into], [], [], left)[0]:
                return None
            more = os.read(self.into, 1 << 20)
            if not more:
                raise RuntimeError("the browser ended")
            self.buffer += more
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def call(self, method, session=None, **parameters):
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        data, sent = json.dumps(request).encode() + b"\0", 0
        while sent < len(data):
            sent += os.write(self.out, data[sent:])
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            message = self.read(end - time.monotonic())
            if message is None:
                break
            if message.get("id") == self.number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]
            self.events.append(message)
        raise RuntimeError(f"{method}: no answer within {PATIENCE_S} s")

    def open(self, path):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Page(self, target, session, Path(path).resolve().as_uri())


class Page:
    def __init__(self, browser, target, session, address):
        self.browser, self.target, self.session = browser, target, session
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        width, height = browser.size
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.media(dark=browser.dark)
        start = time.monotonic()
        self.call("Page.navigate", url=address)
        self.address = address
        self.wait_for("document.readyState === 'complete' && typeof moewire !== 'undefined' && moewire.ready")
        self.opened_s = time.monotonic() - start

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def media(self, dark=False, kind=""):
        self.call("Emulation.setEmulatedMedia", media=kind, features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"].get("exception", {}).get("description", str(result["exceptionDetails"])))
        return result["result"].get("value")

    def wait_for(self, condition, limit_s=60):
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            if self.evaluate(condition):
                return
            time.sleep(0.05)
        raise RuntimeError(f"never true: {condition}")

    def key(self, key, code=None, text=None):
        more = {"text": text} if text else {}
        numbers = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowRight": 39, "ArrowLeft": 37, " ": 32}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=code or key, windowsVirtualKeyCode=numbers.get(key, 0), **(more if kind == "keyDown" else {}))

    def screenshot(self, path, selector=None, whole=False):
        options = {"format": "png"}
        if selector or whole:
            box = self.evaluate(f"(() => {{ const b = document.querySelector({json.dumps(selector or 'body')}).getBoundingClientRect();"
                                " return {x: b.x + scrollX, y: b.y + scrollY, width: b.width, height: b.height}; })()")
            options.update(clip={**box, "scale": 1}, captureBeyondViewport=True)
        Path(path).write_bytes(base64.b64decode(self.call("Page.captureScreenshot", **options)["data"]))

    def pdf(self, path):
        Path(path).write_bytes(base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"]))

    def problems(self):
        """Console messages, exceptions and log entries that are no information; requests but for the page itself."""
        self.evaluate("1")
        found = []
        for event in self.browser.events:
            if event.get("sessionId") != self.session:
                continue
            method, what = event["method"], event["params"]
            if method == "Runtime.consoleAPICalled" and what["type"] in ("error", "warning", "assert"):
                found.append(f"console: {what['args']}")
            elif method == "Runtime.exceptionThrown":
                found.append(f"exception: {what['exceptionDetails']}")
            elif method == "Log.entryAdded" and what["entry"]["level"] in ("error", "warning"):
                found.append(f"log: {what['entry']['text']}")
            elif method == "Network.requestWillBeSent" and what["request"]["url"] != self.address and not what["request"]["url"].startswith(("data:", "blob:")):
                found.append(f"request: {what['request']['url']}")
        return found
