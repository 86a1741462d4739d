"""Every page in a real browser: light and dark, wide and narrow, judged by axe, and without scripts."""

from __future__ import annotations

import pytest
from axe_playwright_python.base import AXE_SCRIPT
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


_JUDGED = """(rules) => axe.run({ runOnly: rules, resultTypes: ["violations"] }).then(
    (found) => found.violations.flatMap((item) => item.nodes.map((node) => `${item.id}: ${node.html.slice(0, 160)}`)))"""


def violations(page, rules):
    """Return what axe finds, one line each."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    return page.evaluate(_JUDGED, rules)


@pytest.mark.parametrize("template", PAGES)
def test_axe_finds_nothing_everything_takes_the_focus_and_nothing_sticks_out(visit, shelf, template):
    page = visit(viewport=WIDE, color_scheme="light").open(address(shelf, template))
    assert violations(page, WHOLE) == []
    page.keyboard.press("Tab")
    assert page.evaluate(_UNREACHED) == []
    # The same page turned narrow and dark: a second one would cost as much again.
    page.set_viewport_size(NARROW)
    page.emulate_media(color_scheme="dark")
    assert violations(page, OF_LAYOUT) == []
    assert page.evaluate(_SIDEWAYS) == 0, "the page scrolls sideways at 360 px"


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_page_says_the_same_without_scripts(visit, shelf, template):
    where = address(shelf, template)
    bare = visit(java_script_enabled=False).open(where)
    heading = bare.locator("h1")
    assert heading.count() == 1
    assert bare.locator("main").inner_text().strip() != heading.inner_text().strip(), "nothing but a heading"


def test_every_page_has_a_value_for_its_parameters(shelf):
    assert [address(shelf, template) for template in TEMPLATES]
