"""Names and texts out of databases that would be markup, scripts, addresses or templates: the browser shows them and runs nothing."""

from __future__ import annotations

import pytest
from tests.browser.pages import ASKED, TEMPLATES
from tests.browser.shelf import HOSTILE

from factbook.web.rendering import path as path_of

OF_TABLES = sorted(template for template in TEMPLATES if template.startswith("/table/{source_id}/{schema}/{table}"))
OF_SOURCES = sorted(template for template in TEMPLATES if template.endswith("/{source_id}"))
LISTS = sorted(template for template in TEMPLATES if "{" not in template and template not in ASKED)
_RAN = """() => ({
    addresses: [...document.querySelectorAll("[href], [src], [action]")]
        .map((e) => (e.getAttribute("href") ?? e.getAttribute("src") ?? e.getAttribute("action")).trim())
        .filter((address) => /^(javascript|vbscript|data:text)/i.test(address)),
    scripts: [...document.scripts].filter((script) => script.type !== "application/json" && !script.src).map((script) => script.text),
    handlers: [...document.querySelectorAll("*")].flatMap((e) => e.getAttributeNames()).filter((name) => name.startsWith("on")),
    unread: [...document.querySelectorAll('script[type="application/json"]')].filter((block) => {
        try { JSON.parse(block.text); return false; } catch { return true; }
    }).length,
})"""
NOTHING = {"addresses": [], "scripts": [], "handlers": [], "unread": 0}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_table_is_a_name_on_all_its_pages(visit, name):
    watched = visit()
    for template in OF_TABLES:
        tab = template.removeprefix("/table/{source_id}/{schema}/{table}").strip("/")
        page = watched.open(path_of("table", "hostile", "main", name, *filter(None, [tab])))
        assert name in page.locator("h1").inner_text()
        assert page.evaluate(_RAN) == NOTHING, template


@pytest.mark.parametrize("template", [*OF_SOURCES, *LISTS])
def test_lists_show_hostile_names_as_names(visit, template):
    page = visit().open(path_of(*template.replace("{source_id}", "hostile").strip("/").split("/")) if template else "/ui")
    assert page.evaluate(_RAN) == NOTHING


def test_a_search_for_markup_shows_it_in_its_field_and_among_its_hits(visit):
    page = visit().open("/ui")
    page.keyboard.press("/")
    page.keyboard.type("script")
    page.locator("#hits a").first.wait_for()
    assert "<script>alert(1)</script>" in page.locator("#hits").inner_text()
    page.keyboard.press("Enter")
    page.wait_for_url("**/ui/search?**")
    assert page.evaluate(_RAN) == NOTHING
    page.goto(page.url.replace("search=script", "search=%22%3E%3Cimg+src%3Dx+onerror%3Dalert(1)%3E"))
    assert page.locator("#search").input_value() == '"><img src=x onerror=alert(1)>'
    assert page.evaluate(_RAN) == NOTHING


def test_a_name_that_turns_the_writing_direction_turns_nothing_else(visit):
    page = visit().open(path_of("table", "hostile", "main", "\u202egnp.elbat"))
    steps = page.locator("nav.crumbs a")
    places = [steps.nth(at).bounding_box()["x"] for at in range(steps.count())]
    assert places == sorted(places)
