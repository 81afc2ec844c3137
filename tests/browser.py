"""Headless Chromium driven through its pipe: pages are opened at a size, measured, photographed, printed."""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-sync",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
    "--force-color-profile=srgb",
)
PATIENCE_S = 120


def find_browser() -> str | None:
    """Path of a Chromium, None where none is installed."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


class Browser:
    """One page of one Chromium, a context that ends it. `requests` are the addresses it asked for."""

    def __init__(self, profile: Path) -> None:
        # Chromium reads commands from descriptor 3 and answers on 4, each message ended by a zero byte.
        theirs, self._to = os.pipe()
        self._from, answers = os.pipe()
        command = [find_browser() or "chromium", *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        line = f'exec "$@" 3<&{theirs} 4>&{answers}'
        self._process = subprocess.Popen(
            ["bash", "-c", line, "browser", *command],
            pass_fds=(theirs, answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        os.close(answers)
        self._number, self._rest, self._session = 0, b"", ""
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._happened: list[str] = []
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError, RuntimeError):
            self._session = ""
            self.call("Browser.close")
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
        os.close(self._to)
        os.close(self._from)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Result of one command of the DevTools protocol; RuntimeError with the browser's word if refused."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        left = json.dumps(message).encode() + b"\0"
        while left:
            left = left[os.write(self._to, left) :]
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def _next(self) -> dict[str, Any]:
        """The next message, noted if it tells of an event."""
        end = time.monotonic() + PATIENCE_S
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._from], [], [], max(0, end - time.monotonic()))
            more = os.read(self._from, 1 << 20) if ready else b""
            if not more:
                raise RuntimeError("the browser does not answer")
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        method, params = message.get("method", ""), message.get("params", {})
        self._happened.append(method)
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))
        elif method in ("Log.entryAdded", "Runtime.consoleAPICalled"):
            self.complaints.append(str(params))
        return message

    def open(self, page: Path, width: int, height: int, dark: bool = False, media: str = "screen") -> None:
        """Show `page` in a window of so many CSS pixels, and wait till it is loaded."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", media=media, features=scheme)
        self._happened.clear()
        self.call("Page.navigate", url=page.resolve().as_uri())
        while "Page.loadEventFired" not in self._happened:
            self._next()
        self.run("new Promise(done => requestAnimationFrame(() => setTimeout(() => done(0), 300)))")

    def run(self, script: str) -> Any:
        """Value of a JavaScript expression in the page, a promise awaited."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def press(self, key: str, code: int) -> None:
        """Press and release one key, as a person would."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def photograph(self, file: Path, whole: bool = False) -> None:
        """Write a PNG of the window, or of the `whole` page."""
        file.parent.mkdir(parents=True, exist_ok=True)
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(shot["data"]))

    def print_a4(self, file: Path) -> int:
        """Write the page as PDF on A4; return its number of sheets."""
        done = self.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=True)
        content = base64.b64decode(done["data"])
        file.write_bytes(content)
        return content.count(b"/Type /Page\n") or content.count(b"/Type /Page") - content.count(
            b"/Type /Pages"
        )
