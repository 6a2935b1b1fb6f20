#!/usr/bin/env python3
"""Looks at pages in a headless Chromium: python tests/tools/page.py [--screenshots FOLDER] PAGE.html...

Needs Python 3.9 and Chromium (Debian's package chromium), which is found by WGBERT_CHROMIUM or in PATH; without one the exit code is 69.
Each page is opened light and dark, on a wide screen and on one of 360 pixels, and fails (exit code 1) if it says anything to the
console, asks for anything but itself, is wider than the screen, has text with less contrast than WCAG's AA, parts that scroll and cannot
be reached by the keyboard, tables without captions or heads, or names that name nothing. FOLDER gets a picture of each look.
"""
import base64, json, pathlib, sys, tempfile

from chromium import Chromium, browser

LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (1200, 360)]
TALLEST = 6000

CHECK = r"""
(() => {
  const faults = [], root = document.documentElement;
  if (document.compatMode !== "CSS1Compat") faults.push("it is in quirks mode");
  if (!root.lang || !document.title) faults.push("it has no language or no title");
  if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.querySelectorAll("main *")].filter(e => !e.closest(".scroll") && e.getBoundingClientRect().right > root.clientWidth);
    faults.push(`it is ${root.scrollWidth} pixels wide on ${root.clientWidth}: ${wide.slice(0, 3).map(e => e.outerHTML.slice(0, 80)).join(" ")}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
  ids.filter((id, place) => ids.indexOf(id) !== place).forEach(id => faults.push(`id ${id} is there twice`));
  for (const e of document.querySelectorAll("[aria-labelledby]"))
    e.getAttribute("aria-labelledby").split(" ").filter(id => !ids.includes(id)).forEach(id => faults.push(`nothing is called ${id}`));
  for (const e of document.querySelectorAll("a[href^='#']"))
    if (!ids.includes(e.getAttribute("href").slice(1))) faults.push(`${e.outerHTML} leads nowhere`);
  for (const table of document.querySelectorAll("table")) {
    if (!table.caption || !table.tHead) faults.push("a table has no caption or no head");
    for (const th of table.querySelectorAll("th")) if (!th.scope) faults.push(`a head has no scope: ${th.outerHTML}`);
    for (const row of table.rows) if (row.cells.length !== table.rows[0].cells.length) faults.push(`a row is short: ${row.outerHTML.slice(0, 200)}`);
  }
  for (const e of document.querySelectorAll("*")) {
    const scrolls = /auto|scroll/.test(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth;
    if (scrolls && e.tabIndex < 0) faults.push(`it scrolls, but not by the keyboard: ${e.outerHTML.slice(0, 120)}`);
    if (e.tabIndex >= 0 && e.getAttribute("role") === "region" && !e.getAttribute("aria-labelledby")) faults.push("a region has no name");
  }
  const channels = colour => (colour.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const luminance = colour => {
    const [r, g, b] = channels(colour).slice(0, 3).map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = e => {
    for (; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor, alpha = channels(colour)[3];
      if (alpha === undefined || alpha === 1) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  let texts = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; node = walker.nextNode();) {
    const e = node.parentElement, style = getComputedStyle(e);
    if (!node.data.trim() || !e.getClientRects().length || e.tagName === "title") continue;
    texts++;
    const ink = e instanceof SVGElement ? style.fill : style.color;
    const [light, dark] = [luminance(ink), luminance(background(e))].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05), size = parseFloat(style.fontSize);
    const large = size >= 24 || size >= 18.66 && style.fontWeight >= 700;
    if (ratio < (large ? 3 : 4.5)) faults.push(`contrast ${ratio.toFixed(2)} of ${JSON.stringify(node.data.slice(0, 40))}: ${ink} on ${background(e)}`);
  }
  if (texts < 5) faults.push(`there are only ${texts} texts`);
  return JSON.stringify({ faults: [...new Set(faults)].slice(0, 20), height: root.scrollHeight });
})()
"""

# Whether each button that is not pressed changes what the page shows; one without buttons has nothing to change.
CLICK = r"""
[...document.querySelectorAll("button[aria-pressed=false]")].slice(0, 12).every(button => {
  const before = document.querySelector("main").outerHTML;
  button.click();
  return document.querySelector("main").outerHTML !== before && button.getAttribute("aria-pressed") === "true";
})
"""


def said(event, page):
    """What is wrong about an event, if it is."""
    method, parameters = event.get("method"), event.get("params", {})
    if method == "Runtime.consoleAPICalled":
        return f"console: {[argument.get('value') for argument in parameters['args']]}"
    if method == "Runtime.exceptionThrown":
        return f"exception: {parameters['exceptionDetails'].get('text')}"
    if method == "Log.entryAdded":
        return f"console: {parameters['entry']['text']}"
    if method == "Network.requestWillBeSent":
        url = parameters["request"]["url"]
        return None if url == page or url.startswith("data:") else f"it asks for {url}"


def look(chromium, path, scheme, width, screenshots):
    url = path.resolve().as_uri()
    target = chromium.call("Target.createTarget", url="about:blank")["targetId"]
    session = chromium.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    call = lambda method, **parameters: chromium.call(method, session, **parameters)
    for domain in ("Page", "Runtime", "Log", "Network"):
        call(f"{domain}.enable")
    call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
    chromium.events.clear()
    call("Page.navigate", url=url)
    chromium.until("Page.loadEventFired")
    # Also what is folded.
    opened = "document.querySelectorAll('details').forEach(e => e.open = true)"
    result = [call("Runtime.evaluate", expression=expression, returnByValue=True) for expression in (CHECK, opened, CHECK)]
    for answer in result:
        if "exceptionDetails" in answer:
            raise SystemExit(f"the check fails: {answer['exceptionDetails']}")
    checks = [json.loads(result[place]["result"]["value"]) for place in (0, 2)]
    faults = list(filter(None, (said(event, url) for event in chromium.events)))
    changed = call("Runtime.evaluate", expression=CLICK, returnByValue=True)["result"]["value"]
    faults += [] if changed else ["a button that is clicked changes nothing"]
    faults += dict.fromkeys(fault for check in checks for fault in check["faults"])
    if screenshots:
        call("Runtime.evaluate", expression=opened.replace("true", "false"))
        clip = {"x": 0, "y": 0, "width": width, "height": min(checks[0]["height"], TALLEST), "scale": 1}
        picture = call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)["data"]
        (screenshots / f"{path.stem}-{scheme}-{width}.png").write_bytes(base64.b64decode(picture))
    chromium.call("Target.closeTarget", targetId=target)
    return faults


def main():
    arguments, screenshots = sys.argv[1:], None
    if arguments[:1] == ["--screenshots"]:
        screenshots, arguments = pathlib.Path(arguments[1]), arguments[2:]
        screenshots.mkdir(parents=True, exist_ok=True)
    if not arguments:
        raise SystemExit(__doc__)
    path = browser()
    if not path:
        print("no Chromium was found", file=sys.stderr)
        raise SystemExit(69)
    failed = False
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        chromium = Chromium(path, profile)
        try:
            for page in map(pathlib.Path, arguments):
                for scheme, width in LOOKS:
                    faults = look(chromium, page, scheme, width, screenshots)
                    failed |= bool(faults)
                    for fault in faults:
                        print(f"{page.name}, {scheme}, {width} pixels: {fault}")
        finally:
            chromium.end()
    raise SystemExit(int(failed))


if __name__ == "__main__":
    main()
