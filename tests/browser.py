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
SCREENS = {"desk": (1280, 720), "phone": (390, 844)}
# Every text of the page against what lies behind it, by WCAG 2: (ratio, text) of those below what is asked.
CONTRAST = """(() => {
  const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const parts = colour => numbers(colour).length < 4 ? [...numbers(colour), 1] : numbers(colour);
  const behind = node => {
    for (; node; node = node.parentElement) {
      const c = parts(getComputedStyle(node).backgroundColor);
      if (c[3] === 1) return c;
    }
    return [255, 255, 255, 1];
  };
  const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT), poor = [];
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), node = walker.currentNode.parentElement;
    if (!text || !node.checkVisibility() || node.closest('script, style, .chart')) continue;
    const style = getComputedStyle(node), svg = node.closest('svg');
    const a = light(parts(svg ? style.fill : style.color)), b = light(behind(node));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) poor.push([ratio, text]);
  }
  return poor;
})()"""
# What reaches beyond its box: the page itself, a table that has no scroller, a card's line.
CLIPPED = """(() => {
  const out = [];
  const whole = document.documentElement.scrollWidth;
  if (whole > innerWidth) out.push('page ' + whole);
  for (const table of document.querySelectorAll('table')) {
    const box = table.closest('.wide');
    if (!box || (box.scrollWidth > box.clientWidth + 1 && (innerWidth > 1000 || box.tabIndex !== 0)))
      out.push('table ' + (box ? box.getAttribute('aria-label') : table.textContent.slice(0, 40)));
  }
  for (const node of document.querySelectorAll('.card, .card *, .head, .verdict, .alarm'))
    if (!node.closest('svg') && node.checkVisibility() && node.clientWidth
        && node.scrollWidth > node.clientWidth + 1)
      out.push('clipped ' + node.textContent.slice(0, 40));
  return out;
})()"""


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


def faults_of(page: Path, profile: Path) -> list[Any]:
    """What is wrong with the looks of a page: on a desk and a phone, light and dark, all unfolded."""
    found: list[Any] = []
    with Browser(profile) as browser:
        for name, size in SCREENS.items():
            for dark in (False, True):
                browser.open(page, *size, dark=dark)
                browser.run("document.querySelectorAll('details').forEach(d => d.open = true)")
                faults = [*browser.run(CLIPPED), *browser.run(CONTRAST)]
                found += [(name, "dark" if dark else "light", fault) for fault in faults]
        return found + browser.complaints
