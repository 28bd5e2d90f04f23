"""A browser by the WebDriver protocol, which is HTTP and JSON: Chromium and its driver."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from typing import Any, Callable

# Longer than anything takes when all is well, in seconds.
TIMEOUT = 60.0

# The key under which the protocol has references to elements.
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def eventually(what: str, read: Callable[[], Any]) -> Any:
    """Give what ``read`` gives, as soon as that is something."""
    end = time.monotonic() + TIMEOUT
    while True:
        found = read()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen")
        time.sleep(0.05)


class Browser:
    """A browser with one tab. To be closed."""

    def __init__(self) -> None:
        driver = shutil.which("chromedriver")
        if driver is None:
            raise AssertionError("no chromedriver (Debian: apt-get install chromium-driver)")
        self._process = subprocess.Popen(
            [driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._base = f"http://127.0.0.1:{self._port()}"
        options = {"args": list(ARGUMENTS)}
        capabilities = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        session = self._request("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self._base += f"/session/{session['sessionId']}"

    def _port(self) -> int:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            words = line.rstrip(".\n").split()
            if "successfully" in words:
                return int(words[-1])
        raise AssertionError("chromedriver has ended")

    def _request(self, verb: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if verb != "POST" else json.dumps(body or {}).encode()
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(self._base + path, data, headers, method=verb)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            said = json.load(error)["value"]
            raise AssertionError(f"{verb} {path}: {said['error']}: {said['message']}") from error

    def close(self) -> None:
        """End the browser and its driver."""
        self._request("DELETE", "")
        self._process.terminate()
        self._process.wait(TIMEOUT)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def open(self, address: str) -> None:
        """Show a page, and wait until it is loaded."""
        self._request("POST", "/url", {"url": address})

    def cdp(self, command: str, **parameters: Any) -> Any:
        """Send a command that only this browser knows."""
        return self._request("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a function's body in the page; a promise is waited for."""
        return self._request("POST", "/execute/sync", {"script": script, "args": arguments})

    def log(self) -> list[str]:
        """Give what the console has got since the last time."""
        entries = self._request("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries]

    def element(self, selector: str) -> Element:
        """Give the first element of a selector."""
        found = self._request("POST", "/element", {"using": "css selector", "value": selector})
        return Element(self, found[ELEMENT])

    def elements(self, selector: str) -> list[Element]:
        """Give all elements of a selector."""
        found = self._request("POST", "/elements", {"using": "css selector", "value": selector})
        return [Element(self, one[ELEMENT]) for one in found]

    def texts(self, selector: str) -> list[str]:
        """Give the texts of all elements of a selector, hidden ones too."""
        script = "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)"
        texts: list[str] = self.run(script, selector)
        return texts

    def text(self, selector: str) -> str:
        """Give the text of the one element of a selector."""
        (text,) = self.texts(selector)
        return text

    def focused(self) -> str:
        """Give the id of the element that has the focus."""
        return str(self.run("return document.activeElement.id"))

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        steps = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        actions = [{"type": "key", "id": "keys", "actions": steps}]
        self._request("POST", "/actions", {"actions": actions})


class Element:
    """An element of the page."""

    def __init__(self, browser: Browser, reference: str) -> None:
        self._browser = browser
        self._path = f"/element/{reference}"

    def click(self) -> None:
        """Click into its middle."""
        self._browser._request("POST", f"{self._path}/click")

    def type(self, text: str) -> None:
        """Put this text in the place of what is there."""
        self._browser._request("POST", f"{self._path}/clear")
        self._browser._request("POST", f"{self._path}/value", {"text": text})

    def is_displayed(self) -> bool:
        """Say whether it is to be seen."""
        return bool(self._browser._request("GET", f"{self._path}/displayed"))

    def label(self) -> str:
        """Give its name as a reader of screens says it."""
        return str(self._browser._request("GET", f"{self._path}/computedlabel"))

    def role(self) -> str:
        """Give its role as a reader of screens says it."""
        return str(self._browser._request("GET", f"{self._path}/computedrole"))
