"""Pages point at things that are there, show numbers that were measured, and hold no address of a machine."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tools import bench_table, generate_docs

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
_LINK = re.compile(r"\]\((?P<target>[^)#\s]+)(#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = [match["target"] for match in _LINK.finditer(page.read_text()) if "://" not in match["target"]]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_page_can_be_reached_from_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    reached = {(index.parent / match["target"]).resolve() for match in _LINK.finditer(index.read_text())}
    pages = {page for page in PAGES if page.is_relative_to(ROOT / "docs") and page != index}
    assert {page for page in pages if page not in reached and page.parent not in reached} == set()


def test_a_changed_setting_makes_its_page_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate_docs, "ROOT", tmp_path)
    page = tmp_path / "docs" / "reference" / "settings.md"
    page.parent.mkdir(parents=True)
    page.write_text(generate_docs.settings_page())
    assert "docs/reference/settings.md" not in generate_docs.stale_pages()
    page.write_text(page.read_text().replace("8000", "9000"))
    assert "docs/reference/settings.md" in generate_docs.stale_pages()


def test_measured_numbers_come_from_their_result_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = tmp_path / "bench" / "results"
    results.mkdir(parents=True)
    (results / "scan.json").write_text(json.dumps({"columns": ["tables", "seconds"], "rows": [[10000, 4.5678]], "note": "Two cores."}))
    monkeypatch.setattr(bench_table, "ROOT", tmp_path)
    text = bench_table.filled("before\n<!-- bench:scan -->\nold\n<!-- /bench -->\nafter\n")
    assert "| 10,000 | 4.57 |" in text
    assert "old" not in text
    assert bench_table.filled(text) == text


def test_a_table_without_a_result_file_is_refused() -> None:
    with pytest.raises(KeyError, match="never_measured"):
        bench_table.filled("<!-- bench:never_measured -->\n<!-- /bench -->\n")
