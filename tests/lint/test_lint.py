"""A report: severities, exceptions, shares, moments, pages."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from shelf import Shelf, at, key

from factbook.errors import InvalidRequest, NotFound
from factbook.lint import Lint, LintRules, load_rules
from factbook.lint.rules import Ignore
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.annotation import Note
from factbook_sdk.repository.memory import MemoryRepository


@pytest.fixture
def shelf() -> Shelf:
    shelf = Shelf()
    shelf.table("orders", "id: the key", "note", constraints=[key("id")], comment="All orders")
    shelf.table("lines", "id", "note: said by the customer")
    shelf.table("seen", "id", schema="other", object_type="view")
    return shelf


def lines(rules: LintRules, shelf: Shelf) -> list[str]:
    return [f"{item.severity} {item.rule} {item.place}" for item in shelf.report(rules).findings]


def test_the_worst_comes_first_then_by_rule_and_place(shelf: Shelf) -> None:
    found = lines(LintRules(rules={"column_description": "error", "table_description": "info"}).only(["column_description", "key"]), shelf)
    assert found == [
        "error key main.lines",
        "error column_description main.lines.id",
        "error column_description main.orders.note",
        "error column_description other.seen.id",
    ]


def test_a_rule_that_is_off_finds_nothing(shelf: Shelf) -> None:
    assert shelf.found("key", LintRules(rules={"key": "off"})) == []


def test_shares_are_of_the_source_and_of_each_schema(shelf: Shelf) -> None:
    shelf.note("lines", Note("owner", "Sales"))
    whole, main, other = shelf.report().coverage
    assert (whole.schema, main.schema, other.schema) == (None, "main", "other")
    assert (whole.tables.documented, whole.tables.total, whole.columns.documented, whole.columns.total) == (1, 3, 2, 5)
    assert whole.share == 3 / 8
    assert main.share == 3 / 6
    assert (other.share, main.owners.documented) == (0.0, 1)


def test_what_is_excused_is_neither_found_nor_counted(shelf: Shelf) -> None:
    rules = LintRules(
        ignore=[
            Ignore("Views of others", table="other.*"),
            Ignore("Nobody knows", rule="column_description", table="*.lines", column="i?"),
            Ignore("Gone since", table="main.gone"),
        ]
    )
    report = shelf.report(rules)
    assert not [item for item in report.findings if item.schema == "other" or item.column == "id"]
    assert [(item.reason, item.count > 0) for item in report.ignored] == [
        ("Views of others", True),
        ("Nobody knows", True),
        ("Gone since", False),
    ]
    assert (report.coverage[0].tables.total, report.coverage[0].columns.total) == (2, 3)


def test_it_judges_a_moment_of_the_past_and_says_what_was_documented_then(shelf: Shelf) -> None:
    shelf.table("lines", "id: key", "note: x", hours=2, comment="All lines")
    shelf.note("orders", Note("description", "free text", column="note"), hours=2)
    shelf.gone("orders", hours=4)
    now = shelf.report(since=at(1))
    assert (now.coverage[0].share, now.since_coverage.share) == (3 / 5, 3 / 8)
    assert shelf.report(as_of=at(2)).coverage[0].share == 6 / 8
    assert shelf.report(as_of=at(-1)).coverage[0].tables.total == 0


def test_a_source_that_nobody_knows_is_not_found() -> None:
    with pytest.raises(NotFound, match="nowhere"):
        Lint(MemoryRepository(), tenant="default").report("nowhere")


def test_another_tenant_is_not_judged(shelf: Shelf) -> None:
    with pytest.raises(NotFound):
        Lint(shelf.repository, tenant="other").report("shop")


def test_pages_joined_are_the_whole(shelf: Shelf) -> None:
    lint = Lint(shelf.repository, tenant="default")
    found, cursor = [], None
    while True:
        page = lint.page("shop", limit=3, cursor=cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == shelf.report().findings
    assert len(found) > 6


@pytest.mark.parametrize("cursor", ["", "zz", "7b7d", b"[1]".hex()])
def test_a_cursor_of_somebody_else_is_refused(shelf: Shelf, cursor: str) -> None:
    with pytest.raises(InvalidRequest, match="cursor"):
        Lint(shelf.repository, tenant="default").page("shop", cursor=cursor)


@pytest.mark.parametrize(
    ("least", "worst", "number"),
    [(None, None, 0), (0.375, None, 0), (0.376, None, 1), (None, "error", 1), (None, "info", 1), (0.9, "warning", 2)],
)
def test_what_does_not_pass_is_said(shelf: Shelf, least: float | None, worst: str | None, number: int) -> None:
    assert len(Lint(shelf.repository, tenant="default").page("shop").failures(least, worst)) == number


def test_a_warning_is_no_error(shelf: Shelf) -> None:
    page = Lint(shelf.repository, tenant="default").page("shop", LintRules(rules={"key": "off"}))
    assert page.failures(None, "error") == []
    assert page.failures(None, "warning") != []


def test_notes_on_what_is_no_table_change_nothing(shelf: Shelf) -> None:
    before = shelf.report()
    shelf._store("annotation", "never_scanned", {"author_type": "person", "notes": []}, 1, "main", "ada")
    assert shelf.report() == before
    assert shelf.repository.latest(MetadataTarget("shop", "main", "never_scanned"), "annotation") is not None


GOOD = """
rules:
  table_owner: error
  column_description: off
naming:
  table: "[a-z_]+"
ignore:
  - rule: key
    table: public.payment_p*
    reason: Their parent has it
"""


def test_a_rules_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(GOOD)
    rules = load_rules(tmp_path / "rules.yaml")
    assert rules.severities["table_owner"] == "error"
    assert "column_description" not in rules.severities
    assert rules.ignore[0].covers("key", "public", "payment_p2022", None)
    assert not rules.ignore[0].covers("relations", "public", "payment_p2022", None)


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("# later\n")
    assert load_rules(tmp_path / "rules.yaml") == LintRules()


@pytest.mark.parametrize(
    ("text", "field", "why"),
    [
        ("rules: {kee: off}", "rules.kee", "no such rule"),
        ("rules: {key: fatal}", "rules[...]", "fatal"),
        ("rulez: {}", "rules", "rulez"),
        ("naming: {table: '['}", "naming.table", "regular expression"),
        ("naming: {tabel: x}", "naming", "tabel"),
        ("ignore: [{table: x}]", "ignore[0]", "reason"),
        ("ignore: [{table: x, reason: ''}]", "ignore[0].reason", "length"),
        ("ignore: [{rule: kee, reason: x}]", "ignore[0].rule", "kee"),
        ("ignore: [{tables: x, reason: y}]", "ignore[0]", "tables"),
        ("rules: [", "rules", "YAML"),
        ("- a", "rules", "object"),
        ("rules: {key: off, key: error}", "rules", "duplicate"),
        ("!!python/object/apply:os.system ['true']", "rules", ""),
        ("\x00", "rules", ""),
        ("rules: 2026-13-45", "rules", "YAML"),
        ("rules: " + "9" * 5000, "rules", "YAML"),
        ("rules: " + "[" * 5000, "rules", "YAML"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, field: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(text)
    with pytest.raises(InvalidRequest) as raised:
        load_rules(tmp_path / "rules.yaml")
    assert why in str(raised.value)
    assert field in str(raised.value.field)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"none\.yaml"):
        load_rules(tmp_path / "none.yaml")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidRequest, match="no YAML"):
        load_rules(tmp_path / "rules.yaml")


def test_an_unknown_rule_to_look_at_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="kee"):
        LintRules().only(["kee"])
