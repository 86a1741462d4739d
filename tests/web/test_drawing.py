"""Charts and copying, in a real browser: what is drawn is also told, and names stay text."""

import html
import json
import re
import subprocess

from tests.web.conftest import HOSTILE

from factbook.web.assets import FOLDER
from factbook.web.rendering import for_script

DATA = {
    "kind": "line",
    "unit": "share",
    "x": ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"],
    "series": [{"name": HOSTILE, "values": [0.1, None, 0.25]}, {"name": "mean", "values": [0.2, 0.3, 0.4]}],
    "marks": [{"series": 0, "index": 2, "text": "above what its history allows"}],
}
PAGE = """<!doctype html><meta charset="utf-8"><title>drawn</title>
<style>:root { --accent: #0b5cc0; } .canvas { width: 600px; height: 300px; }</style>
<figure><div class="canvas" data-draw="chart"></div><script type="application/json">%(data)s</script></figure>
<button type="button" data-copy-of="text" hidden>Copy</button><code id="text">SELECT &lt;b&gt;</code><pre id="told"></pre>
<script>%(echarts)s</script><script>%(chart)s</script><script>%(copy)s</script>
<script>
addEventListener("load", () => {
  const told = [];
  const canvas = document.querySelector(".canvas"), readout = document.querySelector(".readout"), button = document.querySelector("button");
  told.push(canvas.querySelectorAll("canvas").length, document.querySelectorAll("figure script").length, readout.textContent);
  const left = canvas.getBoundingClientRect().x;
  canvas.dispatchEvent(new PointerEvent("pointermove", { clientX: left + 60, clientY: 100 }));
  const legend = [...document.querySelectorAll(".key-of-chart span")].map((item) => item.textContent);
  told.push(readout.textContent, legend, button.hidden);
  document.getElementById("told").textContent = JSON.stringify(told);
});
</script>"""


def test_a_chart_is_drawn_and_told(chromium, tmp_path):
    page = tmp_path / "chart.html"
    scripts = {"chart": FOLDER / "chart.js", "copy": FOLDER / "copy.js", "echarts": FOLDER / "vendor" / "echarts-6.1.0.simple.min.js"}
    page.write_text(PAGE % ({name: file.read_text() for name, file in scripts.items()} | {"data": for_script(DATA)}), encoding="utf-8")
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile", "--lang=en-GB"]
    found = subprocess.run([*command, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=60, check=True)
    told = json.loads(html.unescape(re.search('<pre id="told">(.*?)</pre>', found.stdout)[1]))
    assert told[:2] == [1, 1]
    assert HOSTILE in told[2]
    assert "25%" in told[2]
    assert "above what its history allows" in told[2]
    assert "10%" in told[3]
    assert told[4] == [HOSTILE, "mean"]
    assert told[5] is False
