"""What a page owes to people who do not see it or use no mouse, as far as markup and colours can be judged by rules."""

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from tests.web.test_pages import PAGES, VOID

from factbook.web.assets import FOLDER

CSS = (FOLDER / "factbook.css").read_text()
LANDMARKS = {"header", "nav", "main", "footer"}


class Outline(HTMLParser):
    """What a screen reader takes from a page."""

    def __init__(self, text):
        super().__init__()
        self.stack, self.elements, self.headings, self.names, self.ids, self.pointed = [], [], [], [], set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        element = {"tag": tag, "attributes": attributes, "text": "", "within": [outer["tag"] for outer in self.stack]}
        self.elements.append(element)
        self.ids |= {attributes["id"]} & {attributes.get("id")} if "id" in attributes else set()
        for name in ("aria-labelledby", "aria-describedby", "for"):
            self.pointed |= {attributes[name]} if name in attributes else set()
        if tag not in VOID:
            self.stack.append(element)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.stack.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            self.stack.pop()

    def handle_data(self, data):
        for element in self.stack:
            element["text"] += data

    def of(self, *tags):
        return [element for element in self.elements if element["tag"] in tags]


@pytest.fixture(scope="module")
def outlines(client):
    paths = [*PAGES, "/ui/source/nowhere", "/ui/sign-in", "/ui/search"]
    return {path: Outline(client.get(path).text) for path in paths}


def test_every_page_has_a_language_a_title_of_its_own_and_one_main_part(outlines):
    for path, page in outlines.items():
        assert page.of("html")[0]["attributes"]["lang"] == "en", path
        assert len(page.of("main")) == 1, path
        assert page.of("title")[0]["text"].strip() not in ("", "Factbook"), path
    titles = [page.of("title")[0]["text"] for page in outlines.values()]
    assert len(set(titles)) >= len(titles) - 9  # the parts of a table share theirs


def test_headings_begin_with_one_and_leave_no_level_out(outlines):
    for path, page in outlines.items():
        levels = [int(element["tag"][1]) for element in page.of("h1", "h2", "h3", "h4")]
        assert levels.count(1) == 1, path
        assert levels[0] == 1, path
        assert all(after - before <= 1 for before, after in pairwise(levels)), (path, levels)
        assert all(element["text"].strip() for element in page.of("h1", "h2", "h3", "h4")), path


def test_fields_have_labels_and_what_is_clicked_has_a_name(outlines):
    for path, page in outlines.items():
        labels = {element["attributes"].get("for"): element["text"].strip() for element in page.of("label")}
        for field in page.of("input", "select", "textarea"):
            if field["attributes"].get("type") != "hidden":
                assert labels.get(field["attributes"].get("id")), (path, field["attributes"])
        for element in page.of("a", "button", "summary"):
            assert element["text"].strip() or element["attributes"].get("aria-label"), (path, element["attributes"])


def test_what_is_pointed_at_is_there(outlines):
    for path, page in outlines.items():
        assert page.pointed <= page.ids, path
        assert len(page.ids) == sum("id" in element["attributes"] for element in page.elements), path


def test_several_navigations_are_told_apart_and_the_content_is_one_step_away(outlines):
    for path, page in outlines.items():
        names = [element["attributes"].get("aria-label") for element in page.of("nav")]
        assert None not in names, path
        assert len(names) == len(set(names)), path
        if path != "/ui/sign-in":
            assert page.of("a")[0]["attributes"]["href"] == "#main", path
            assert page.of("a")[0]["attributes"]["class"] == "skip", path


def test_tables_say_what_their_rows_and_columns_are(outlines):
    seen = 0
    for path, page in outlines.items():
        for cell in page.of("th"):
            assert cell["attributes"].get("scope") in ("col", "row", "rowgroup"), (path, cell)
        assert len(page.of("table")) == len(page.of("thead")), path
        seen += len(page.of("table"))
        for region in page.elements:
            if region["attributes"].get("class") == "scroll":
                # What scrolls is reached by keyboard, and so has a role and a name.
                assert region["attributes"].get("tabindex") == "0", path
                assert region["attributes"].get("role") == "region", path
                assert region["attributes"].get("aria-label"), path
    assert seen > 10


def test_pictures_and_bars_have_words(outlines):
    for path, page in outlines.items():
        for picture in page.of("svg", "img", "progress"):
            is_decoration = picture["attributes"].get("alt") == ""
            assert is_decoration or picture["attributes"].get("aria-label") or picture["attributes"].get("alt"), path


def test_texts_stand_inside_landmarks(outlines):
    for path, page in outlines.items():
        for element in page.of("p", "h1", "h2", "table", "form"):
            notice = element["attributes"].get("role") == "status"
            assert notice or LANDMARKS & set(element["within"]), (path, element["text"][:40])


def test_where_one_is_is_said(outlines):
    for path in ("/ui", "/ui/alerts", "/ui/jobs", "/ui/kinds", "/ui/tokens"):
        current = [element["attributes"]["href"] for element in outlines[path].of("a") if "aria-current" in element["attributes"]]
        assert current == [path]


def colours():
    """Return the palettes of the style sheet, light and dark."""
    blocks = re.findall(r":root \{(.*?)\n\s*\}", CSS, re.S)
    assert len(blocks) == 2
    light, dark = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in blocks)
    return {"light": light, "dark": dark}


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """Return the contrast of two colours by WCAG 2.2."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


TEXTS = [(text, ground) for text in ("ink", "soft", "accent", "bad") for ground in ("paper", "card")] + [
    ("accent", "tint"),
    ("soft", "tint"),
    ("ink", "tint"),
    ("card", "accent"),
    ("pk", "pk-tint"),
    ("uq", "uq-tint"),
    ("bad", "bad-tint"),
    ("warn", "warn-tint"),
    ("good", "good-tint"),
    ("ink", "good-tint"),
    ("soft", "plain"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_on_its_ground_and_fields_have_edges(scheme):
    palette = colours()[scheme]
    assert {(text, ground) for text, ground in TEXTS if contrast(palette[text], palette[ground]) < 4.5} == set()
    assert {ground for ground in ("paper", "card") if contrast(palette["edge"], palette[ground]) < 3} == set()
    assert {ground for ground in ("paper", "card", "tint") if contrast(palette["accent"], palette[ground]) < 3} == set()


def test_focus_is_seen():
    assert ":focus-visible { outline: 2px solid var(--accent);" in CSS
    assert re.findall(r"([^{}]*)\{[^}]*outline: (?:none|0)", CSS) in ([], ["\nmain:focus "])
