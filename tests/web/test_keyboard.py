"""The search by keyboard, in a real browser: the script of the pages runs in a page of the test that presses the keys."""

import html
import json
import re
import subprocess

from factbook.web.assets import FOLDER

PAGE = """<!doctype html><title>keys</title>
<form class="finder"><input id="search"><div id="hits"><a href="#1" id="one">1</a><a href="#2" id="two">2</a></div></form>
<p><time datetime="2026-01-31T12:00:00Z">2026-01-31 12:00</time>
<data class="number" value="9007199254740993">9,007,199,254,740,993</data></p>
<input id="other"><pre id="told"></pre>
<script>%s</script>
<script>
addEventListener("load", () => {
  const told = [];
  const press = (key) => {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
    document.activeElement.dispatchEvent(event);
    told.push([key, document.activeElement.id, event.defaultPrevented]);
  };
  press("/"); press("ArrowDown"); press("ArrowDown"); press("ArrowDown"); press("ArrowUp");
  press("ArrowDown"); press("Escape"); press("ArrowDown"); press("/");
  document.getElementById("other").focus(); press("/");
  told.push(document.querySelector("time").textContent, document.querySelector("data").textContent);
  document.getElementById("told").textContent = JSON.stringify(told);
});
</script>"""


def test_slash_arrows_and_escape_walk_the_search(chromium, tmp_path):
    page = tmp_path / "keys.html"
    page.write_text(PAGE % (FOLDER / "factbook.js").read_text())
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile", "--lang=en-GB"]
    found = subprocess.run([*command, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=60, check=True)
    told = json.loads(html.unescape(re.search('<pre id="told">(.*?)</pre>', found.stdout)[1]))
    assert told[:-2] == [
        ["/", "search", True],
        ["ArrowDown", "one", True],
        ["ArrowDown", "two", True],
        ["ArrowDown", "search", True],
        ["ArrowUp", "search", True],
        ["ArrowDown", "one", True],
        ["Escape", "search", False],
        ["ArrowDown", "search", False],
        ["/", "search", False],
        ["/", "other", False],
    ]
    assert "2026" in told[-2] != "2026-01-31 12:00"
    assert told[-1] == "9,007,199,254,740,993", "a number too large for the browser stays as it was written"
