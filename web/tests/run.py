#!/usr/bin/env python3
"""Tests the package and its page in a headless Chromium: python web/tests/run.py [--screenshots FOLDER] [--only WORD] [package|page|firefox]

Needs Python 3.9 and Chromium (Debian's package chromium), found by WGBERT_CHROMIUM or in PATH; without one the exit code is 69. What is
tested is target/web/page, which web/build makes. The adapter is the browser's own software one. Firefox (Debian's firefox-esr), on Mesa's
software adapter, is tested where it is asked for, or where WGBERT_REQUIRE names firefox.
"""
import argparse, base64, json, os, pathlib, shutil, signal, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/tools"), str(ROOT / "web/tests")]
from chromium import Chromium, browser
from page import CHECK, said
from server import PAGE, Server

FLAGS = ["--enable-unsafe-webgpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
LIMIT = 200


class Tab:
    """A page in the browser."""

    def __init__(self, chromium):
        self.chromium = chromium
        target = chromium.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = chromium.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.call(f"{domain}.enable")
        chromium.events.clear()

    def call(self, method, **parameters):
        return self.chromium.call(method, self.session, **parameters)

    def go(self, url):
        self.chromium.events = [event for event in self.chromium.events if event.get("method") != "Page.loadEventFired"]
        self.call("Page.navigate", url=url)
        self.chromium.until("Page.loadEventFired")

    def value(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise SystemExit(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def until(self, expression, seconds=60):
        end = time.monotonic() + seconds
        while not (value := self.value(expression)):
            if time.monotonic() > end:
                raise SystemExit(f"{expression} did not hold within {seconds} s; the page says: {self.value('document.body.innerText')}")
            time.sleep(0.05)
        return value

    def said(self):
        """What it said to the console."""
        events, self.chromium.events = self.chromium.events, []
        keep = lambda event: event.get("method") in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [said(event, "") for event in events if keep(event)]

    def picture(self, path, width, height=1400):
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        data = base64.b64decode(self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)["data"])
        if path:
            path.write_bytes(data)
        return data


def told(results):
    """Says what the page of tests found; what is wrong."""
    faults = [result["error"] for result in results if result["error"]]
    for result in results:
        print(f"{'FAILED' if result['error'] else 'ok'}  {result['name']}  ({result['seconds']:.1f} s)  {result['said']}")
    return faults if results else ["no test was run"]


def test_firefox(path, only):
    """The same tests of the package; Firefox has its own WebGPU, of wgpu, and no steering is needed."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        prefs = {"dom.webgpu.enabled": True, "gfx.webgpu.ignore-blocklist": True, "browser.shell.checkDefaultBrowser": False}
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in prefs.items()]
        (pathlib.Path(folder) / "user.js").write_text("\n".join(lines))
        server = Server()
        url = f"{server.origin}/tests/package.html" + (f"?only={only}" if only else "")
        # Of several drivers Mesa's software one.
        drivers = sorted(map(str, pathlib.Path("/usr/share/vulkan/icd.d").glob("lvp_icd*.json")))
        environment = {"VK_ICD_FILENAMES": ":".join(drivers), **os.environ, "HOME": folder} if drivers else {**os.environ, "HOME": folder}
        command = [path, "--headless", "--no-remote", "--profile", folder, url]
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet, start_new_session=True)
        try:
            if not server.arrived.wait(LIMIT):
                return [f"Firefox did not end the tests within {LIMIT} s"]
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            server.stop()
        return told(server.results[0])


def test_package(chromium, server, only):
    tab = Tab(chromium)
    tab.go(f"{server.origin}/tests/package.html" + (f"?only={only}" if only else ""))
    # The browser's messages are read meanwhile, so that it is not held up by them.
    end = time.monotonic() + LIMIT
    while not server.arrived.wait(0.2):
        tab.value("0")
        if time.monotonic() > end:
            raise SystemExit(f"the tests of the package did not end within {LIMIT} s; so far: {tab.value('document.body.innerText')}")
    faults = told(server.results[0])
    # What the tests ask for that is not there, and an adapter that is made wrong, the browser and the package say.
    expected = ("404 (Not Found)", "wgbert: ", "400 (Bad", "net::ERR_", "this is no shader", "no-store")
    faults += [line for line in tab.said() if line and not any(word in line for word in expected)]
    return faults


def test_page(chromium, server, screenshots):
    tab, faults = Tab(chromium), []
    answered = "document.querySelector('#answer li.best .name')?.textContent"
    tab.go(f"{server.origin}/")
    tab.until(f"{answered} === 'positive'")
    status = tab.value("document.getElementById('status').textContent")
    # Its adapter is software, which is said.
    if "on the CPU, because" not in status or "software" not in status:
        faults.append(f"the page does not say what answers: {status}")
    tab.until("document.querySelectorAll('#why table').length === 1")
    # A text is typed.
    tab.value("(() => { const text = document.getElementById('text'); text.focus(); text.select(); })()")
    tab.call("Input.insertText", text="It was terrible, and nobody laughed.")
    tab.until(f"{answered} === 'negative'")
    tab.until("document.querySelector('#why .text').textContent.includes('terrible')")
    # A button is clicked, by the keyboard.
    before = tab.value("document.querySelector('#why').innerHTML")
    tab.value("document.querySelector('#why button[aria-pressed=false]').focus()")
    for kind in ("keyDown", "keyUp"):
        tab.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
    tab.until(f"document.querySelector('#why').innerHTML !== {json.dumps(before)}")
    # A table is chosen.
    with tempfile.TemporaryDirectory() as folder:
        def choose(name, text):
            table = pathlib.Path(folder) / name
            table.write_text(text)
            node = tab.call("DOM.querySelector", nodeId=tab.call("DOM.getDocument")["root"]["nodeId"], selector="#table")["nodeId"]
            tab.call("DOM.setFileInputFiles", nodeId=node, files=[str(table)])

        choose("reviews.csv", "id,review\n1,It was good.\n2,It was terrible.\n")
        tab.until("!document.getElementById('result').hidden")
        labelled = tab.value("document.getElementById('preview').textContent")
        if not labelled.startswith("id,review,") or "positive" not in labelled or "negative" not in labelled:
            faults.append(f"the table came back as {labelled!r}")
        choose("many.csv", "review\n" + "It was good, and it was bad.\n" * 20000)
        tab.until("/^many.csv: [\\d,]+ rows$/.test(document.getElementById('job-status').textContent)")
        tab.value("document.getElementById('cancel').click()")
        tab.until("document.getElementById('job-status').textContent.includes('cancelled after')", 10)
    # A checkpoint's folder is chosen.
    node = tab.call("DOM.querySelector", nodeId=tab.call("DOM.getDocument")["root"]["nodeId"], selector="#folder")["nodeId"]
    tab.call("DOM.setFileInputFiles", nodeId=node, files=[str(ROOT / "tests/golden/bert")])
    tab.until("document.getElementById('status').textContent.startsWith('bert: ')", 30)
    tab.value("document.getElementById('sentiment').click()")
    tab.until("document.getElementById('status').textContent.startsWith('The sentiment model of this page: text-')", 30)
    tab.until("document.querySelectorAll('#why table').length === 1 && !document.getElementById('why').classList.contains('waits')")
    for scheme in ("light", "dark"):
        for width in (1200, 360):
            tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            tab.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
            tab.value("document.querySelectorAll('details').forEach(e => e.open = true)")
            checked = json.loads(tab.value(CHECK))
            faults += [f"{scheme}, {width} pixels: {fault}" for fault in checked["faults"]]
            picture = tab.picture(screenshots and screenshots / f"page-{scheme}-{width}.png", width)
            # A page without contents is a few kilobytes.
            if len(picture) < 20_000:
                faults.append(f"{scheme}, {width} pixels: the picture has {len(picture)} bytes")
    faults += [line for line in tab.said() if line]
    # Offline: nobody serves it any more.
    tab.until("navigator.serviceWorker.ready.then(() => caches.keys()).then(names => names.some(name => name.startsWith('wgbert-page-')))")
    tab.go(f"{server.origin}/")
    tab.until(f"{answered} === 'positive'")
    server.stop()
    tab.go(f"{server.origin}/")
    tab.until(f"{answered} === 'positive'")
    # That the server is away is the one thing that may be said.
    faults += [line for line in tab.said() if line and "net::ERR_CONNECTION_REFUSED" not in line]
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--screenshots", type=pathlib.Path)
    parser.add_argument("--only")
    parser.add_argument("what", nargs="*", default=["package", "page"])
    arguments = parser.parse_args()
    required = os.environ.get("WGBERT_REQUIRE", "").split(",")
    if arguments.screenshots:
        arguments.screenshots.mkdir(parents=True, exist_ok=True)
    if not (PAGE / "index.html").is_file():
        raise SystemExit("there is no page: web/build makes it")
    path = browser()
    if not path:
        print("no Chromium was found", file=sys.stderr)
        raise SystemExit(69)
    faults = []
    if "firefox" in arguments.what + required:
        firefox = shutil.which("firefox-esr") or shutil.which("firefox")
        faults += test_firefox(firefox, arguments.only) if firefox else ["there is no Firefox: apt-get install firefox-esr"]
    if set(arguments.what) - {"firefox"}:
        faults += in_chromium(path, arguments)
    for fault in faults:
        print(f"FAILED  {fault}")
    raise SystemExit(int(bool(faults)))


def in_chromium(path, arguments):
    faults = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        chromium, server = Chromium(path, profile, FLAGS), Server()
        # A browser that hangs is ended, and with it what waits for it.
        signal.signal(signal.SIGALRM, lambda *_: (chromium.end(), sys.exit("the browser did not answer")))
        signal.alarm(2 * LIMIT)
        try:
            if "package" in arguments.what:
                faults += test_package(chromium, server, arguments.only)
            if "page" in arguments.what:
                faults += test_page(chromium, server, arguments.screenshots)
                print("ok  the page")
        finally:
            chromium.end()
    return faults


main()
