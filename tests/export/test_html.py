"""The static dictionary: every page stands alone, nothing in it leads outside, and no name in it becomes markup."""

from __future__ import annotations

import json
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from shelves import HOSTILE, chinook, export, hostile, pagila, store, told, wide

from factbook.export import html
from factbook.export.html import HtmlExporter
from factbook.export.html_index import script
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.schema_snapshot import Column, SchemaSnapshot
from factbook_sdk.repository.memory import MemoryRepository

_VOID = {"meta", "link", "input", "br"}
_ADDRESSES = {"href", "src", "action", "data", "srcset", "poster", "formaction", "ping"}


class Page(HTMLParser):
    """A page taken apart: its elements with their attributes, its text, and whether every element is closed where it should be."""

    def __init__(self, file: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(file.read_text(encoding="utf-8"))
        self.close()
        assert not self._open, f"{file} leaves {self._open} open"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute twice in {tag}"
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> too much"
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())

    def addresses(self) -> list[str]:
        return [value or "" for _, attributes in self.elements for name, value in attributes.items() if name in _ADDRESSES]


def pages(folder: Path) -> dict[str, Page]:
    return {file.relative_to(folder).as_posix(): Page(file) for file in sorted(folder.rglob("*.html"))}


def called(file: Path) -> list:
    """Return the arguments of the one call that a script of data is."""
    text = file.read_text(encoding="utf-8")
    return json.loads("[" + text[text.index("(") + 1 : text.rindex(");")] + "]")


SHELVES = {"told pagila": lambda: told(pagila()), "hostile": hostile, "wide": lambda: wide(1100), "empty": MemoryRepository}


@pytest.fixture(params=SHELVES)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    export(HtmlExporter(), SHELVES[request.param](), tmp_path / "out")
    return tmp_path / "out"


def test_every_address_is_a_file_of_the_folder(written: Path) -> None:
    for path, page in pages(written).items():
        for address in page.addresses():
            target, _, anchor = unquote(address).partition("#")
            file = (written / path).parent / target if target else written / path
            assert file.is_file(), f"{path} leads to {address}"
            assert written in file.resolve().parents
            if anchor:
                assert anchor in {attributes.get("id") for _, attributes in Page(file).elements}


def test_nothing_runs_but_our_own_scripts(written: Path) -> None:
    for path, page in pages(written).items():
        for tag, attributes in page.elements:
            assert not [name for name in attributes if name.startswith("on") or name == "style"], (path, tag)
            assert tag not in ("iframe", "object", "embed", "base", "form", "style")
            if tag == "script":
                assert str(attributes["src"]).endswith(("assets/dictionary.js", "assets/tables.js"))
        [policy] = [attributes["content"] for _, attributes in page.elements if attributes.get("http-equiv") == "Content-Security-Policy"]
        assert "default-src 'none'" in str(policy)
        assert "unsafe" not in str(policy)


def test_our_own_files_name_no_address_outside() -> None:
    for file in html._template_folder().iterdir():
        if file.is_file():
            text = file.read_text(encoding="utf-8")
            assert "://" not in text, file.name
            assert "innerHTML" not in text
            assert "|safe" not in text.replace(" ", "")


def test_hostile_names_are_seen_as_they_are(tmp_path: Path) -> None:
    export(HtmlExporter(), hostile(), tmp_path / "out")
    index = called(tmp_path / "out" / "assets" / "tables.js")[0]
    [[source, folder, schemas]] = index["sources"]
    assert source == HOSTILE[0]
    assert {name for name, _, _ in schemas} == set(HOSTILE)
    for name, schema_folder, [row] in schemas:
        page = Page(tmp_path / "out" / folder / schema_folder / f"{row[1] or row[0]}.html")
        assert page.words.count(" ".join(name.split())) >= 5, name


def test_the_index_ends_no_script_and_no_line(tmp_path: Path) -> None:
    export(HtmlExporter(), hostile(), tmp_path / "out")
    for file in (tmp_path / "out" / "assets").glob("*[s0-9].js"):
        if file.name != "dictionary.js":
            text = file.read_text(encoding="utf-8")
            assert "<" not in text
            assert len(text.splitlines()) == 1
    assert script("f", "</script>\u2028") == 'f("\\u003c/script>\\u2028");\n'


def test_the_index_holds_every_table_and_column(tmp_path: Path) -> None:
    export(HtmlExporter(), told(pagila()), tmp_path / "out")
    index = called(tmp_path / "out" / "assets" / "tables.js")[0]
    rows = index["sources"][0][2][0][2]
    first, text = called(tmp_path / "out" / "assets" / "columns-0.js")
    lines = dict(zip((row[0] for row in rows), text.split("\n"), strict=True))
    assert (first, index["shards"], len(rows)) == (0, 1, 30)
    assert lines["film"].split("\t")[:2] == ["film_id", "title\rAs on the poster"]
    assert rows[8] == ["film", 0, 0, 14, "Every film we have ever lent"]
    assert rows[1] == ["actor_info", 0, "view", 4, ""]


def test_columns_are_cut_into_files_that_fit_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("factbook.export.html_index.SHARD_CHARACTERS", 300)
    export(HtmlExporter(), pagila(), tmp_path / "out")
    assets = tmp_path / "out" / "assets"
    number = called(assets / "tables.js")[0]["shards"]
    assert number > 3
    place = 0
    for shard in range(number):
        first, text = called(assets / f"columns-{shard}.js")
        assert first == place
        place += len(text.split("\n"))
    assert place == 30


def test_a_page_tells_what_is_known(tmp_path: Path) -> None:
    export(HtmlExporter(), told(pagila()), tmp_path / "out")
    words = Page(tmp_path / "out" / "pagila" / "public" / "film.html").words
    for said in (
        "Every film we have ever lent ada",
        "owner Catalogue team ada",
        "looks like a year guesser.v1, 80% sure",
        "language_id → language language_id on update cascade, on delete restrict",
        "film_actor film_id → film_id",
        "25.0% null",
        "≈ 140",
        "ACADEMY | DINOSAUR 1",
        "2026-01-01 00:00 breaking changed columns.title.data_type : text varchar(255)",
        'erDiagram t0["film"] {',
    ):
        assert said in words


def test_values_of_sensitive_columns_are_on_no_page(tmp_path: Path) -> None:
    export(HtmlExporter(), told(pagila()), tmp_path / "out")
    assert not [file for file in (tmp_path / "out").rglob("*") if file.is_file() and "29.99" in file.read_text(encoding="utf-8")]


def test_a_partition_leads_to_its_table(tmp_path: Path) -> None:
    export(HtmlExporter(), pagila(), tmp_path / "out")
    page = Page(tmp_path / "out" / "pagila" / "public" / "payment_p2022_01.html")
    assert "Partition of payment FOR VALUES FROM" in page.words
    assert "payment.html" in page.addresses()


def test_the_same_facts_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        export(HtmlExporter(), told(pagila()), tmp_path / name)
    one, two = (
        {file.relative_to(tmp_path / name): file.read_bytes() for file in (tmp_path / name).rglob("*") if file.is_file()}
        for name in ("one", "two")
    )
    assert one == two
    assert len(one) == 37


def test_a_long_list_is_cut_into_pages_that_know_each_other(tmp_path: Path) -> None:
    export(HtmlExporter(), wide(1100), tmp_path / "out")
    folder = tmp_path / "out" / "wide" / "main"
    lists = [Page(folder / name) for name in ("index.html", "index-2.html", "index-3.html")]
    rows = [sum(attributes.get("scope") == "row" for _, attributes in page.elements) for page in lists]
    assert rows == [500, 500, 101]
    assert {"index-2.html", "index-3.html"} <= set(lists[0].addresses())


def test_a_table_called_index_does_not_hide_the_list(tmp_path: Path) -> None:
    repository = MemoryRepository()
    for name in ("index", "Index", "assets"):
        store(repository, "schema_snapshot", MetadataTarget("assets", "index", name), SchemaSnapshot("table", [Column(name, 1, "int")]))
    export(HtmlExporter(), repository, tmp_path / "out")
    assert sum("index" in page.words for page in pages(tmp_path / "out").values()) >= 3
    assert len(pages(tmp_path / "out")) == 6


def test_a_hub_of_a_thousand_tables_stays_small(tmp_path: Path) -> None:
    export(HtmlExporter(), wide(1000), tmp_path / "out")
    text = (tmp_path / "out" / "wide" / "main" / "hub.html").read_text()
    assert text.count('class="box"') == 9
    assert text.count("<li>") == 1000


def test_control_characters_do_not_reach_a_page(tmp_path: Path) -> None:
    repository = MemoryRepository()
    built = SchemaSnapshot("table", [Column("a\x1bb", 1, "int", comment="\x07")], comment="x\x0cy")
    store(repository, "schema_snapshot", MetadataTarget("s", "m", "t\x1b"), built)
    export(HtmlExporter(), repository, tmp_path / "out")
    for file in (tmp_path / "out").rglob("*.*"):
        assert not set(file.read_text(encoding="utf-8")) & set("\x00\x07\x0c\x1b"), file


def test_chinook_counts_what_it_wrote(tmp_path: Path) -> None:
    report = export(HtmlExporter(), chinook(tmp_path), tmp_path / "out")
    assert report.counts == {"tables": 11, "columns": 64, "sources": 1}


def _one_table(columns: list[dict]) -> MemoryRepository:
    repository, target = MemoryRepository(), MetadataTarget("shop", "main", "orders")
    built = SchemaSnapshot("table", [Column(column["name"], place, "text") for place, column in enumerate(columns, 1)])
    store(repository, "schema_snapshot", target, built)
    store(repository, "statistics_snapshot", target, {"origin": "exact", "row_count": 9, "columns": columns})
    return repository


def _page(repository: MemoryRepository, folder: Path) -> str:
    export(HtmlExporter(), repository, folder)
    return (folder / "shop" / "main" / "orders.html").read_text(encoding="utf-8")


def test_bars_of_moments_say_days_and_moments_and_bars_of_numbers_numbers(tmp_path: Path) -> None:
    bins = [{"lower": 1_700_000_000.0, "upper": 1_700_086_400.0, "count": 9}]
    page = _page(
        _one_table(
            [
                {"name": "day", "minimum": "2023-11-14", "histogram": bins},
                {"name": "moment", "minimum": "2023-11-14 22:13:20", "histogram": bins},
                {"name": "price", "minimum": "2023.11", "histogram": bins},
                {"name": "far", "minimum": "99999-01-01", "histogram": [{"lower": 9e12, "upper": 9e12, "count": 1}]},
            ]
        ),
        tmp_path / "out",
    )
    assert "<title>2023-11-14 to 2023-11-15: 9</title>" in page
    assert "<title>2023-11-14 22:13:20 to 2023-11-15 22:13:20: 9</title>" in page
    assert "<title>1700000000.0 to 1700086400.0: 9</title>" in page
    assert "9000000000000 s since 1970" in page


def test_counts_of_frequent_values_stay_in_one_line(tmp_path: Path) -> None:
    export(HtmlExporter(), MemoryRepository(), tmp_path / "out")
    assert "article table td { white-space: nowrap; }" in (tmp_path / "out" / "assets" / "dictionary.css").read_text(encoding="utf-8")


RESULT = {"rule": "dear", "check": "max", "dimension": "validity", "columns": ["price"], "observed": 1871.0, "expected": "at most 9"}
SCORE = {"formula": "weakest_link", "formula_version": 1, "coverage": {"rules": 2, "rules_judged": 1}, "score": 90.0, "rules": ["dear"]}


def test_the_outcomes_of_rules_in_force_stand_on_the_table_s_page(tmp_path: Path) -> None:
    repository, target = _one_table([{"name": "price"}]), MetadataTarget("shop", "main", "orders")
    store(repository, "quality_result", target, RESULT | {"outcome": "failed"}, "quality.v1")
    store(repository, "quality_result", target, RESULT | {"outcome": "passed", "rule": "gone"}, "quality.v1")
    store(repository, "quality_score", target, SCORE, "quality.v1")
    page = _page(repository, tmp_path / "out")
    words = Page(tmp_path / "out" / "shop" / "main" / "orders.html").words
    assert "Score 90, 1 of 2 rules judged" in words
    assert "dear price failed 1871 at most 9" in words
    assert "gone" not in page


def test_what_a_rule_saw_of_a_sensitive_column_is_on_no_page(tmp_path: Path) -> None:
    repository, target = _one_table([{"name": "price"}]), MetadataTarget("shop", "main", "orders")
    note = {"property": "classification", "value": "pii", "column": "price"}
    store(repository, "annotation", target, {"author_type": "person", "notes": [note]}, "ann")
    store(repository, "quality_result", target, RESULT | {"outcome": "failed"}, "quality.v1")
    page = _page(repository, tmp_path / "out")
    assert "dear" in page
    assert "1871" not in page
