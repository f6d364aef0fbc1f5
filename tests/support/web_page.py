"""A page in a real browser, through WebDriver's HTTP interface: no package is needed, only the browser."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


class WebPage:
    """An open page."""

    def __init__(self, session: str) -> None:
        self._session = session

    def js(self, script: str, *arguments: Any) -> Any:
        """What a function body returns in the page."""
        return _call("POST", f"{self._session}/execute/sync", {"script": script, "args": list(arguments)})

    def devtools(self, command: str, **parameters: Any) -> Any:
        return _call("POST", f"{self._session}/goog/cdp/execute", {"cmd": command, "params": parameters})

    def press(self, *keys: str) -> None:
        """Press keys one after the other, wherever the focus is."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        _call("POST", f"{self._session}/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def open(self, path: Path) -> None:
        _call("POST", f"{self._session}/url", {"url": path.resolve().as_uri()})

    def console(self) -> list[dict[str, Any]]:
        """What the browser complained about since the last call."""
        return _call("POST", f"{self._session}/se/log", {"type": "browser"})


@contextmanager
def browser(profile: Path) -> Iterator[WebPage]:
    """A new browser with an empty profile; it ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [DRIVER, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    base = f"http://127.0.0.1:{port}"
    try:
        _wait(f"{base}/status")
        options = {"binary": str(CHROMIUM), "args": [*FLAGS, f"--user-data-dir={profile}"]}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        found = _call("POST", f"{base}/session", {"capabilities": {"alwaysMatch": wanted}})
        session = f"{base}/session/{found['sessionId']}"
        try:
            yield WebPage(session)
        finally:
            _call("DELETE", session)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(url: str) -> None:
    for _ in range(100):
        try:
            if _call("GET", url)["ready"]:
                return
        except urllib.error.URLError:
            pass
        time.sleep(0.2)
    raise TimeoutError("chromedriver does not answer")


def _call(method: str, url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, method=method, data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)["value"]
