"""Pages by keyboard: Tab goes through them in their order. That all of them show the focus, test_pages.py sees."""

from __future__ import annotations

import pytest
from tests.browser.pages import address

USABLE = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']"


@pytest.mark.parametrize("template", ["/table/{source_id}/{schema}/{table}", "/records", "/new-source"])
def test_tab_goes_through_a_page_from_its_beginning_to_its_end(visit, shelf, template):
    page = visit().open(address(shelf, template))
    page.evaluate(f"""document.querySelectorAll("{USABLE}").forEach((element, at) => {{ element.dataset.at = at; }})""")
    there = page.evaluate(
        f"""[...document.querySelectorAll("{USABLE}")].filter((e) => e.checkVisibility() && !e.disabled).map((e) => e.dataset.at)"""
    )
    seen = []
    for _ in there:
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.dataset.at"))
    assert seen == there, "the order of the focus is that of the page"


def test_the_first_key_leads_past_the_head(visit, shelf):
    watched = visit()
    page = watched.open("/ui/table/chinook/main/Customer")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
