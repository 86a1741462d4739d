"""Every page in a real browser: light and dark, wide and narrow, judged by axe, and without scripts."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from tests.browser.conftest import NARROW, WIDE
from tests.browser.pages import MORE, TEMPLATES, address
from tests.browser.test_keyboard import USABLE

PAGES = [*TEMPLATES, *MORE]
WHOLE = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OF_LAYOUT = {"type": "rule", "values": ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"]}
"""What may differ between light and dark, wide and narrow."""
_SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_UNREACHED = f"""() => [...document.querySelectorAll("{USABLE}")].filter((element) => {{
    if (!element.checkVisibility({{ visibilityProperty: true }}) || element.disabled) return false;
    element.focus();
    const style = getComputedStyle(element);
    const isSeen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    return document.activeElement !== element || element.tabIndex < 0 || !isSeen;
}}).map((element) => element.outerHTML.slice(0, 120))"""


def violations(page, rules):
    """Return what axe finds, one line each."""
    found = Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]}).response["violations"]
    return [f"{item['id']}: {node['html'][:160]}" for item in found for node in item["nodes"]]


@pytest.mark.parametrize("template", PAGES)
def test_axe_finds_nothing_everything_takes_the_focus_and_nothing_sticks_out(visit, shelf, template):
    where = address(shelf, template)
    wide = visit(viewport=WIDE, color_scheme="light").open(where)
    assert violations(wide, WHOLE) == []
    wide.keyboard.press("Tab")
    assert wide.evaluate(_UNREACHED) == []
    narrow = visit(viewport=NARROW, color_scheme="dark").open(where)
    assert violations(narrow, OF_LAYOUT) == []
    assert narrow.evaluate(_SIDEWAYS) == 0, "the page scrolls sideways at 360 px"


@pytest.mark.parametrize("template", PAGES)
def test_a_page_says_the_same_without_scripts(visit, shelf, template):
    where = address(shelf, template)
    bare = visit(java_script_enabled=False).open(where)
    heading = bare.locator("h1")
    assert heading.count() == 1
    assert bare.locator("main").inner_text().strip() != heading.inner_text().strip(), "nothing but a heading"


def test_every_page_has_a_value_for_its_parameters(shelf):
    assert [address(shelf, template) for template in TEMPLATES]
