"""A browser for the tests: headless Chromium, told what to do over its DevTools protocol. No driver has to be installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from base64 import b64decode
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pytest

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
#: Busy machines are slow to begin.
_BEGIN_S = 90.0
_ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--remote-debugging-port=0", "about:blank",
)  # fmt: skip


def needed() -> None:
    """Skip where there is no browser, or nothing to speak to it with."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    pytest.importorskip("websockets", reason="needs websockets: pip install 'mindleaf[live]'")


class Browser:
    """One tab. ``events`` holds what it reported: exceptions, refusals of the content policy, requests, dialogs."""

    def __init__(self, width: int = 1400, height: int = 900, dark: bool = False) -> None:
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._size, self._dark, self._number = (width, height), dark, 0
        self.events: list[dict[str, Any]] = []
        self._open = ExitStack()

    def __enter__(self) -> Self:
        from websockets.sync.client import connect

        command = [str(CHROMIUM), f"--user-data-dir={self._folder.name}", *_ARGUMENTS]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        place, give_up = Path(self._folder.name) / "DevToolsActivePort", time.monotonic() + _BEGIN_S
        while not (place.exists() and place.read_text().count("\n")):
            assert self._process.poll() is None and time.monotonic() < give_up, "Chromium did not begin"
            time.sleep(0.05)
        port, path = place.read_text().split("\n")[:2]
        # Events are read with the next question: while a test looks on for a minute a ping would wait behind them.
        address = f"ws://127.0.0.1:{port}{path}"
        self._socket = self._open.enter_context(connect(address, max_size=None, proxy=None, ping_interval=None))
        self._session = ""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")
        width, height = self._size
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 700)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if self._dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        self._process.terminate()
        self._process.wait(20)
        self._folder.cleanup()

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol and its answer; events on the way are kept."""
        self._number += 1
        told = {"id": self._number, "method": method, "params": parameters}
        self._socket.send(json.dumps(told | ({"sessionId": self._session} if self._session else {})))
        while True:
            message = json.loads(self._socket.recv(timeout=120))
            if message.get("id") == self._number:
                assert "error" not in message, message["error"]
                return message["result"]
            self.events.append(message)

    def open(self, url: str) -> None:
        self.ask("Page.navigate", url=url)

    def value(self, expression: str) -> Any:
        """What an expression comes to; a promise is awaited."""
        answer = self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, condition: str, seconds: float = 60.0) -> Any:
        """Wait until the expression is true, looked at whenever the page changes; what it comes to then."""
        return self.value(f"""new Promise((resolve, reject) => {{
            const look = () => {{ let found; try {{ found = ({condition}); }} catch {{ found = false; }}
                if (found) {{ watch.disconnect(); clearTimeout(late); resolve(found); }} }};
            const watch = new MutationObserver(look);
            const late = setTimeout(() => reject(new Error("waited in vain for " + {json.dumps(condition)} + ": " + document.body.innerText)), {1000 * seconds});
            watch.observe(document, {{ subtree: true, childList: true, attributes: true, characterData: true }});
            look();
        }})""")

    def press(self, key: str) -> None:
        self.ask("Input.dispatchKeyEvent", type="keyDown", key=key, text=key if len(key) == 1 else "\r" if key == "Enter" else "")
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key)

    def click(self, selector: str) -> None:
        """As a mouse would: at the element's middle."""
        x, y = self.value(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: 'center'}});"
            " const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def picture(self, path: Path, whole: bool = False) -> None:
        shot = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(b64decode(shot["data"]))

    def reported(self, *methods: str) -> list[dict[str, Any]]:
        """Events of these kinds so far, oldest first."""
        self.value("1")
        return [event["params"] for event in self.events if event["method"] in methods]
