"""Markdown: what GitHub shows is what is known, whatever things are called."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

sys.path.insert(0, str(Path(__file__).parent))
from golden import assert_golden, files
from shelves import HOSTILE, chinook, export, hostile, pagila, told, wide

from factbook.export.catalog import Catalog
from factbook.export.filenames import file_names
from factbook.export.markdown import MarkdownExporter
from factbook.export.markdown_text import code, fence, text
from factbook.export.relations import Relations, mermaid
from factbook_sdk.repository.memory import MemoryRepository

READER = MarkdownIt("gfm-like", {"linkify": False})


def seen(markdown: str) -> str:
    """Return the words of rendered Markdown, as a reader sees them."""
    html = READER.renderInline(markdown).replace("<br>", "\n")
    bare = re.sub(r"</?(code|em|strong)>", "", html)
    for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        bare = bare.replace(entity, char)
    return bare


def test_chinook_is_the_one_we_looked_at(tmp_path: Path) -> None:
    export(MarkdownExporter(), chinook(tmp_path), tmp_path / "out")
    shown = tmp_path / "out" / "chinook"
    for page in (shown / "README.md", tmp_path / "out" / "README.md"):
        page.write_text(re.sub(r"sqlite [\d.]+", "sqlite VERSION", page.read_text()))
    assert_golden("markdown-chinook", tmp_path / "out")


def test_a_told_pagila_in_one_file_is_the_one_we_looked_at(tmp_path: Path) -> None:
    export(MarkdownExporter(), told(pagila()), tmp_path / "out", single="true")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["README.md"]
    assert_golden("markdown-pagila.md", tmp_path / "out" / "README.md")


def test_the_same_facts_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        export(MarkdownExporter(), told(pagila()), tmp_path / name)
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_what_is_written_is_counted(tmp_path: Path) -> None:
    report = export(MarkdownExporter(), pagila(), tmp_path / "out")
    assert report.counts == {"tables": 30, "columns": 173, "sources": 1}


@pytest.mark.parametrize("repository", [hostile, lambda: told(pagila())])
def test_every_link_leads_to_a_file(repository, tmp_path: Path) -> None:
    export(MarkdownExporter(), repository(), tmp_path / "out")
    checked = 0
    for file in (tmp_path / "out").rglob("*.md"):
        tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(file.read_text())
        for token in (child for item in tokens for child in item.children or ()):
            if token.type == "link_open":
                assert (file.parent / str(token.attrs["href"]).replace("%20", " ")).is_file(), (file, token.attrs)
                checked += 1
    assert checked > 30


def test_nothing_hostile_becomes_markup(tmp_path: Path) -> None:
    export(MarkdownExporter(), hostile(), tmp_path / "out")
    for file in (tmp_path / "out").rglob("*.md"):
        for token in READER.parse(file.read_text()):
            inner = [token, *(token.children or ())]
            assert not any(item.type == "html_block" for item in inner)
            tags = [item.content for item in inner if item.type == "html_inline"]
            assert set(tags) <= {"<br>", "<code>", "</code>"}


def test_a_page_of_a_hostile_table_has_its_sections_and_no_more(tmp_path: Path) -> None:
    export(MarkdownExporter(), hostile(), tmp_path / "out")
    [page] = [file for file in (tmp_path / "out").rglob("*.md") if file.parent.name.startswith("heading-") and file.name != "README.md"]
    tokens = READER.parse(page.read_text())
    titles = [tokens[number + 1].content for number, token in enumerate(tokens) if token.type == "heading_open"]
    assert titles[1:] == ["Columns", "Relations", "References", "Referenced by", "Constraints", "Definition", "Statistics"]


@pytest.mark.parametrize("name", [*HOSTILE, "1. first", "- item", "+ plus", "_under_ my_table", "~~no~~", "$x$", "> quote", "a\\|b", "`"])
def test_words_are_seen_as_they_are(name: str) -> None:
    shown = "\n".join(name.splitlines()).replace("\u202e", "\\u202e")
    assert seen(text(name)) == shown
    assert seen(code(name)) == shown.replace("\n", " ")


@pytest.mark.parametrize("name", [*HOSTILE, "a|b", "`|`"])
def test_a_cell_stays_one_cell(name: str) -> None:
    rendered = READER.render(f"| a | b |\n| --- | --- |\n| {text(name)} | {code(name)} |\n")
    assert rendered.count("<td>") == 2


def test_a_fence_is_longer_than_any_in_its_body() -> None:
    [token] = READER.parse(fence("````\n# no heading", "sql"))
    assert (token.type, token.content) == ("fence", "````\n# no heading\n")


def test_the_neighbourhood_is_bounded() -> None:
    relations = Relations(Catalog(wide(100), tenant="default").tables("wide"))
    assert len(relations.incoming(("main", "hub"))) == 100
    assert mermaid(("main", "hub"), relations).count("--o{") == 12


def test_file_names_differ_where_only_case_does() -> None:
    names = file_names(["Orders", "orders", "ORDERS", "README", "con", "a/b", "a-b", ".hidden", "x" * 300, "été"], taken=["README"])
    folded = [name.casefold() for name in names.values()]
    assert len(set(folded)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name) for name in names.values())
    assert (names["a-b"], names["ORDERS"]) == ("a-b", "ORDERS")
    assert names["con"] != "con"
    assert names["README"] != "README"


def test_an_empty_store_gives_an_empty_index(tmp_path: Path) -> None:
    export(MarkdownExporter(), MemoryRepository(), tmp_path / "out")
    assert files(tmp_path / "out") == {"README.md": "# Data dictionary\n\n"}
