"""The server's page in a real browser, as people use it.

``STREELING_TEST_SERVER`` names the server, and the interpreter that runs this runs the component.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import unittest
import urllib.request
from pathlib import Path
from typing import Any

from webdriver import TIMEOUT, Browser, eventually

TOKEN = "s3cret-0f-the-page"

TAB = "\ue004"


class Server:
    """A running server around ``Doubles``. To be closed."""

    def __init__(self, **variables: str) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/tmp"),
            "STREELING_PYTHON": sys.executable,
            "PREDICTIVE_UNIT_METRICS_SERVICE_PORT": "0",
            "GRPC_WORKERS": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            **variables,
        }
        arguments = ["Doubles", "--host", "127.0.0.1", "--http-port", "0"]
        self._process = subprocess.Popen(
            [os.environ["STREELING_TEST_SERVER"], *arguments],
            cwd=Path(__file__).parent,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.address = self._address()
        # What it logs later must not fill the pipe.
        self._reader = threading.Thread(target=self._rest, daemon=True)
        self._reader.start()

    def _address(self) -> str:
        assert self._process.stderr is not None
        lines = []
        for line in self._process.stderr:
            lines.append(line)
            found = re.search(r"serving REST at (http://\S+)", line)
            if found:
                return found[1] + "/"
        raise AssertionError("the server has ended: " + "".join(lines))

    def _rest(self) -> None:
        assert self._process.stderr is not None
        for _ in self._process.stderr:
            pass

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(TIMEOUT)
        self._reader.join(TIMEOUT)
        assert self._process.stderr is not None
        self._process.stderr.close()


class PageCase(unittest.TestCase):
    """A test with a browser of its own."""

    server: Server
    variables: dict[str, str] = {}  # noqa: RUF012

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server(**cls.variables)
        cls.addClassCleanup(cls.server.close)

    def setUp(self) -> None:
        self.browser = Browser()
        self.addCleanup(self.browser.close)
        self.browser.open(self.server.address)

    def wait_for_text(self, selector: str, pattern: str) -> str:
        """Wait until the text of an element matches; give it."""
        found = []

        def matches() -> bool:
            found.append(self.browser.text(selector))
            return re.search(pattern, found[-1]) is not None

        try:
            eventually(f"{pattern} in {selector}", matches)
        except AssertionError as error:
            raise AssertionError(f"{error}, but {found[-1]!r}") from None
        return found[-1]

    def predict(self, rows: str) -> None:
        """Type rows and click."""
        self.browser.element("#input").type(rows)
        self.browser.element("#send").click()

    def state(self) -> Any:
        """Give what the page reads of the server."""
        path = "streeling-page/state"
        with urllib.request.urlopen(self.server.address + path, timeout=TIMEOUT) as response:
            return json.load(response)

    def has_no_complaint(self) -> None:
        """Check that the console has got nothing."""
        self.assertEqual(self.browser.log(), [])


class OpenPage(PageCase):
    """Without a token."""

    def test_prediction_by_a_click(self) -> None:
        browser = self.browser
        self.wait_for_text("#state", "Ready")
        self.assertEqual(browser.text("h1"), "Doubles.Doubles")
        self.predict("1.5,2\n3,4e2\n")
        self.wait_for_text("#result", "Status 200")
        self.assertEqual(browser.texts("#table thead th"), ["first", "<b>second</b>"])
        self.assertEqual(browser.texts("#table td"), ["3", "4", "6", "800"])
        sent = json.loads(browser.text("#body"))
        self.assertEqual(sent, {"data": {"ndarray": [[1.5, 2], [3, 400]]}})
        self.assertIn('"ndarray":[[3.0,4.0],[6.0,800.0]]', browser.text("#raw"))

        # Numbers of the server follow without a click.
        self.wait_for_text("#calls", "^[1-9]")
        self.wait_for_text("#median", "s$")
        self.assertEqual(browser.text("#errors"), "0")
        self.assertEqual(browser.text("#workers"), "1 of 1")
        self.assertEqual(browser.text("#queued"), "0")
        self.assertEqual(browser.text("#methods"), "predict")
        self.assertEqual(browser.text("#service-type"), "MODEL")
        metadata = self.wait_for_text("#metadata", "doubles")
        self.assertEqual(json.loads(metadata)["versions"], ["7"])
        # A name is text, whatever is in it.
        self.assertEqual(browser.texts("b"), [])
        self.has_no_complaint()

    def test_rows_with_names_and_other_inputs(self) -> None:
        browser = self.browser
        self.wait_for_text("#state", "Ready")
        self.predict('a;"b;""c"""\r\n1;2\r\n')
        self.wait_for_text("#result", "Status 200")
        self.assertTrue(browser.run("return document.getElementById('names').checked"))
        sent = json.loads(browser.text("#body"))["data"]
        self.assertEqual(sent, {"names": ["a", 'b;"c"'], "ndarray": [[1, 2]]})
        self.assertEqual(browser.texts("#table td"), ["2", "4"])
        for kind, key, typed, value in [
            ("text", "strData", "two\nlines", "two\nlines"),
            ("json", "jsonData", '{"a": [1]}', {"a": [1]}),
        ]:
            browser.element(f"#kind option[value={kind}]").click()
            self.predict(typed)
            self.assertEqual(json.loads(browser.text("#body")), {key: value})
            self.wait_for_text("#raw", f'"{key}"')
            self.assertFalse(browser.element("#names-choice").is_displayed())
        self.has_no_complaint()

    def test_protocols(self) -> None:
        browser = self.browser
        self.wait_for_text("#state", "Ready")
        protocols = self.state()["protocols"]
        choice = browser.element("#protocol-choice")
        self.assertEqual(choice.is_displayed(), "v2" in protocols)
        self.assertEqual(browser.text("#protocols").count(","), len(protocols) - 1)
        if "v2" not in protocols:
            return
        browser.element("#protocol option[value=v2]").click()
        self.assertFalse(browser.element("#method-choice").is_displayed())
        self.assertEqual(browser.text("#send"), "Infer")
        self.predict("a,b\n1.5,2\n3,4")
        self.wait_for_text("#result", "Status 200")
        self.assertIn("/v2/models/Doubles/infer", browser.text("#curl"))
        self.assertEqual(browser.texts("#table td"), ["3", "4", "6", "8"])
        self.has_no_complaint()

    def test_what_is_wrong_is_said(self) -> None:
        browser = self.browser
        self.wait_for_text("#state", "Ready")
        for rows, problem in [
            ("1,2\n3", "Row 2 has 1 value, the first one has 2 values."),
            ("a,b\n1,2\n3", "Row 3 has 1 value, the first one has 2 values."),
            ('1,"2', "The quotes that open in row 1 do not close."),
            (" \n\n", "There is no row."),
            ("1e999", "1e999 is too large for a number."),
        ]:
            self.predict(rows)
            self.assertEqual(browser.text("#problem"), problem)
            self.assertEqual(browser.focused(), "input")
            self.assertFalse(browser.element("#outcome").is_displayed())
        self.has_no_complaint()
        self.predict("-1,2")
        self.assertEqual(browser.text("#problem"), "")
        self.wait_for_text("#result", "✕ Status 500 after .*: .*below zero")
        self.wait_for_text("#errors", "^[1-9]")
        # The browser itself says so of every such status.
        (complaint,) = browser.log()
        self.assertIn("/predict", complaint)

    def test_keyboard_and_reader(self) -> None:
        browser = self.browser
        self.wait_for_text("#state", "Ready")
        order = []
        for _ in range(7):
            browser.press(TAB)
            order.append(browser.focused() or "skip")
        self.assertEqual(order, ["skip", "protocol", "method", "kind", "input", "names", "send"])
        for part in browser.elements("input, select, textarea, button"):
            if part.is_displayed():
                self.assertNotEqual(part.label(), "")
        self.assertEqual(browser.element("#input").label(), "Rows")
        self.assertEqual(browser.element("main").role(), "main")
        self.assertEqual(browser.element("#result").role(), "status")
        self.assertEqual(browser.element("#problem").role(), "alert")
        names = [part.label() for part in browser.elements("section") if part.is_displayed()]
        self.assertEqual(names, ["Try it", "Now", "Component"])
        headings = browser.texts("h1, h2, h3")
        self.assertEqual(headings[0], "Doubles.Doubles")
        self.has_no_complaint()

    def test_phone(self) -> None:
        browser = self.browser
        for width, scheme in [(320, "dark"), (390, "light"), (1280, "light")]:
            size = {"width": width, "height": 640, "deviceScaleFactor": 2, "mobile": width < 600}
            browser.cdp("Emulation.setDeviceMetricsOverride", **size)
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            browser.cdp("Emulation.setEmulatedMedia", features=features)
            browser.open(self.server.address)
            self.wait_for_text("#state", "Ready")
            self.wait_for_text("#metadata", "doubles")
            browser.run("document.querySelectorAll('details').forEach((e) => { e.open = true })")
            self.predict("1234567890.125,2")
            self.wait_for_text("#result", "Status 200")
            eventually("the table of calls", browser.element("#by-method").is_displayed)
            sizes = "const { scrollWidth, clientWidth } = document.documentElement;"
            scroll, shown = browser.run(sizes + "return [scrollWidth, clientWidth]")
            self.assertEqual(scroll, shown)
            self.assertLessEqual(shown, width)
            colors = "return matchMedia('(prefers-color-scheme: dark)').matches"
            self.assertEqual(browser.run(colors), scheme == "dark")
            faint = browser.run(CONTRAST)
            self.assertEqual(faint, [], scheme)
        self.has_no_complaint()

    def test_nothing_is_read_while_nobody_looks(self) -> None:
        browser = self.browser
        self.wait_for_text("#state", "Ready")
        hide = """
            Object.defineProperty(document, 'hidden', {value: arguments[0], configurable: true});
            document.dispatchEvent(new Event('visibilitychange'));
        """
        looks = """
            const all = performance.getEntriesByType('resource');
            return all.filter((one) => one.name.endsWith('/streeling-page/state')).length;
        """
        eventually("a second look", lambda: browser.run(looks) > 1)
        browser.run(hide, True)
        # Longer than from one look to the next.
        pause = "return new Promise((end) => { setTimeout(end, 2500) })"
        browser.run(pause)
        before = browser.run(looks)
        browser.run(pause)
        self.assertEqual(browser.run(looks), before)
        browser.run(hide, False)
        eventually("another look", lambda: browser.run(looks) > before)
        self.has_no_complaint()

    def test_markup_is_refused(self) -> None:
        refused = """
            try {
                document.body.innerHTML = '<b>markup</b>';
                return 'taken';
            } catch (error) {
                return error.name;
            }
        """
        self.assertEqual(self.browser.run(refused), "TypeError")
        inline = """
            const script = document.createElement('script');
            try { script.textContent = 'window.ran = true'; } catch { return 'refused'; }
            document.body.append(script);
            return window.ran === true ? 'ran' : 'refused';
        """
        self.assertEqual(self.browser.run(inline), "refused")

    def test_requests_and_lines_to_copy(self) -> None:
        make = """
            const [typed, hasToken] = arguments;
            return import('/streeling-page/body.js').then((body) => {
                const made = body.request(typed, 'http://h/x/');
                const lines = [body.curl(made, hasToken), body.python(made, hasToken)];
                return [made.url, made.body, ...lines];
            });
        """

        def made(has_token: bool = False, **typed: Any) -> list[str]:
            usual = {"protocol": "seldon", "method": "predict", "model": "a b", "kind": "rows"}
            lines: list[str] = self.browser.run(make, {**usual, **typed}, has_token)
            return lines

        url, body, curl, python = made(text="007,+.5,,it's,12345678901234567890", isNamed=False)
        self.assertEqual(url, "http://h/x/predict")
        self.assertEqual(body, '{"data":{"ndarray":[[7,0.5,null,"it\'s",12345678901234567890]]}}')
        self.assertNotIn("TOKEN", curl + python)
        said = subprocess.run(
            ["sh", "-c", curl.replace("curl", "printf '%s\\n'", 1)],
            check=True,
            capture_output=True,
            text=True,
        )
        self.assertEqual(said.stdout.splitlines()[1], "http://h/x/predict")
        self.assertEqual(said.stdout.splitlines()[-1], body)
        compile(python, "lines", "exec")
        _, _, curl, python = made(True, text="1", isNamed=False)
        self.assertIn('-H "authorization: Bearer $TOKEN"', curl)
        self.assertIn("'Bearer ' + os.environ['TOKEN']", python)

        url, body, _, _ = made(protocol="v2", text="a,b\n1,2\n3,4", isNamed=True)
        self.assertEqual(url, "http://h/x/v2/models/a%20b/infer")
        (sent,) = json.loads(body)["inputs"]
        self.assertEqual((sent["datatype"], sent["shape"]), ("INT64", [2, 2]))
        self.assertEqual(sent["data"], [1, 2, 3, 4])
        self.assertEqual(json.loads(sent["parameters"]["names"]), ["a", "b"])
        _, body, _, _ = made(protocol="v2", text="1.0\tx\n2\ty", isNamed=False)
        number, text = json.loads(body)["inputs"]
        self.assertEqual((number["name"], number["datatype"]), ("column_0", "FP64"))
        self.assertEqual((text["shape"], text["data"]), ([2, 1], ["x", "y"]))
        _, body, _, _ = made(protocol="v2", kind="json", text='{"a": 1}', isNamed=False)
        (sent,) = json.loads(body)["inputs"]
        self.assertEqual(sent["parameters"], {"content_type": "json"})
        self.assertEqual(sent["data"], ['{"a": 1}'])
        _, body, _, _ = made(protocol="v2", kind="text", text="hello", isNamed=False)
        (sent,) = json.loads(body)["inputs"]
        self.assertEqual((sent["shape"], sent["data"]), ([], ["hello"]))


class LockedPage(PageCase):
    """With a token."""

    variables = {"STREELING_AUTH_TOKEN": TOKEN}  # noqa: RUF012

    def test_token(self) -> None:
        browser = self.browser
        self.wait_for_text("#state", "Token needed")
        self.assertTrue(browser.element("#access").is_displayed())
        # Nothing of this server is on the page.
        self.assertNotIn("Doubles", browser.text("html"))
        browser.element("#token").type("wrong")
        browser.element("#access-form button").click()
        self.wait_for_text("#access-status", "does not take")
        browser.element("#token").type(TOKEN)
        browser.element("#access-form button").click()
        self.wait_for_text("#state", "Ready")
        self.assertFalse(browser.element("#access").is_displayed())
        self.predict("1,2")
        self.wait_for_text("#result", "Status 200")
        self.wait_for_text("#metadata", "doubles")
        self.assertIn('-H "authorization: Bearer $TOKEN"', browser.text("#curl"))
        kept = "return [document.documentElement.outerHTML, document.getElementById('token').value,"
        kept += "document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage)]"
        self.assertNotIn(TOKEN, "".join(browser.run(kept)))
        # It is gone with the page.
        browser.open(self.server.address)
        self.wait_for_text("#state", "Token needed")


# The texts that have less than 4.5 times the luminance of what is behind them, or the reverse.
CONTRAST = """
    const channels = (color) => color.match(/[\\d.]+/g).map(Number);
    const luminance = (color) => {
        const [r, g, b] = channels(color).map((value) => {
            const part = value / 255;
            return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
        for (let one = element; one; one = one.parentElement) {
            const color = getComputedStyle(one).backgroundColor;
            if (channels(color)[3] !== 0) {
                return color;
            }
        }
        return 'rgb(255, 255, 255)';
    };
    const faint = [];
    for (const element of document.querySelectorAll('body *')) {
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!own || !element.checkVisibility()) {
            continue;
        }
        const [one, other] = [getComputedStyle(element).color, behind(element)].map(luminance);
        const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        if (ratio < 4.5) {
            faint.push(`${element.tagName} ${element.id} ${ratio}`);
        }
    }
    return faint;
"""


if __name__ == "__main__":
    unittest.main()
