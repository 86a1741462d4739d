"""The pictures of the documentation: made from the demo's data by ``FACTBOOK_UPDATE_IMAGES=1 pytest tests/browser/test_images.py``.

Pixels differ from machine to machine, so nobody compares them. Beside the pictures stands what each was made from: a digest of its template
and all that this includes, of the style sheet and of the scripts. Whoever changes one of these is told to make the pictures again.
"""

from __future__ import annotations

import json
import os
import re
from hashlib import sha256
from pathlib import Path

import pytest
from jinja2 import meta
from tests.browser.shelf import fill, served

from factbook.web.assets import FOLDER
from factbook.web.rendering import environment

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
MADE_FROM = IMAGES / "made-from.json"
SWITCH = "FACTBOOK_UPDATE_IMAGES"
LARGEST = 300_000
PICTURES = {
    "home": ("/ui", "home.html"),
    "table": ("/ui/table/chinook/main/Customer", "table_columns.html"),
    "lineage": ("/ui/table/chinook/main/Customer/lineage", "table_lineage.html"),
    "diff": ("/ui/diff/chinook", "diff.html"),
}
"""Pages by the names of their pictures, with their templates; of each there is a light and a dark picture."""


def made_from(template: str) -> str:
    """Return a digest of what a page looks like by: its templates, and the style sheets and scripts these name."""
    found, waiting = {}, [template]
    while waiting:
        name = waiting.pop()
        source, _, _ = environment().loader.get_source(environment(), name)
        found[name] = source
        waiting += [other for other in meta.find_referenced_templates(environment().parse(source)) if other not in found]
    files = {asset for source in found.values() for asset in re.findall(r"asset\(['\"](.+?)['\"]\)", source)}
    parts = [*(found[name].encode() for name in sorted(found)), *((FOLDER / name).read_bytes() for name in sorted(files))]
    return sha256(b"\0".join(parts)).hexdigest()[:16]


def now() -> dict[str, str]:
    return {name: made_from(template) for name, (_, template) in PICTURES.items()}


@pytest.fixture
def pictures(request, tmp_path):
    """The pictures; made anew where the switch says so."""
    if os.environ.get(SWITCH):
        browser = request.getfixturevalue("browser")
        fill(tmp_path, hostile=False)
        IMAGES.mkdir(exist_ok=True)
        with served(tmp_path, watch=False) as base:
            for name, (path, _) in PICTURES.items():
                for scheme in ("light", "dark"):
                    page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme=scheme, locale="en-GB", timezone_id="UTC")
                    page.goto(base + path, wait_until="networkidle")
                    page.screenshot(path=IMAGES / f"{name}-{scheme}.png")
                    page.close()
        MADE_FROM.write_text(json.dumps(now(), indent=1) + "\n")
    return sorted(IMAGES.glob("*.png"))


def test_pictures_are_there_of_a_sane_size_and_made_from_the_pages_as_they_are(pictures):
    assert [file.stem for file in pictures] == sorted(f"{name}-{scheme}" for name in PICTURES for scheme in ("light", "dark"))
    for file in pictures:
        assert file.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n", file.name
        assert 5_000 < file.stat().st_size < LARGEST, file.name
    stale = [name for name, digest in now().items() if json.loads(MADE_FROM.read_text()).get(name) != digest]
    assert stale == [], f"These pages look different now. Make their pictures again: {SWITCH}=1 pytest tests/browser/test_images.py"


def test_every_picture_is_shown_light_and_dark_with_words():
    shown = [
        (page, tag)
        for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
        for tag in re.findall(r"<picture>.*?</picture>", page.read_text(), re.S)
    ]
    named = set()
    for page, tag in shown:
        files = re.findall(r"(?:src|srcset)=\"(.+?)\"", tag)
        assert all((page.parent / file).is_file() for file in files), (page.name, files)
        assert re.search(r'<img [^>]*alt="[^"]{10,}"', tag), (page.name, "says nothing to whoever does not see it")
        named |= {(page.parent / file).resolve().name for file in files}
    assert named == {f"{name}-{scheme}.png" for name in PICTURES for scheme in ("light", "dark")}
