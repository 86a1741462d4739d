"""Every example in the README and the docs does what its page says."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.api.serving import uvicorn
from tests.bus.servers import nats_server
from tests.docs.snippets import blocks, pattern, run_page

ROOT = Path(__file__).parents[2]
EXAMPLE_URLS = ("postgresql://reader@db.example.com/shop", "postgresql://factbook@db.example.com/facts")
"""What pages write where a reader writes their own; the tests put a fresh database in their place."""
EXAMPLE_SERVICE = "http://localhost:8000"
"""Where pages have a service running; the tests put a fresh one in its place."""
EXAMPLE_BUS = "nats://localhost:4222"
"""Where pages have NATS running; the tests start a server of their own in its place."""
# Decisions tell what was tried once, with whatever that took; everything else is meant to be done again.
SHELVES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [page for page in SHELVES if page.exists() and page.parent.name != "decisions" and list(blocks(page.read_text()))]
WITH_A_SERVER = [page for page in PAGES if any(url in page.read_text() for url in EXAMPLE_URLS)]
WITH_A_SERVICE = [page for page in PAGES if any(EXAMPLE_SERVICE in block.body for block in blocks(page.read_text()))]
WITH_A_BUS = [page for page in PAGES if any(EXAMPLE_BUS in block.body for block in blocks(page.read_text()))]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page not in WITH_A_SERVER + WITH_A_SERVICE + WITH_A_BUS], ids=lambda page: page.stem
)
def test_the_examples_do_what_their_page_says(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_page(page.read_text(), tmp_path, {})


@pytest.mark.parametrize("page", [page for page in WITH_A_SERVER if page not in WITH_A_SERVICE], ids=lambda page: page.stem)
def test_the_examples_with_a_server_do_what_their_page_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    monkeypatch.chdir(tmp_path)
    run_page(at_database(page.read_text(), postgres_url), tmp_path, {})


@pytest.mark.parametrize("page", WITH_A_SERVICE, ids=lambda page: page.stem)
def test_the_examples_with_a_service_do_what_their_page_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(tmp_path)
    text = page.read_text()
    if page in WITH_A_SERVER:
        text = at_database(text, request.getfixturevalue("postgres_url"))
    with uvicorn(tmp_path) as server:
        run_page(text.replace(EXAMPLE_SERVICE, str(server.client.base_url)), tmp_path, {})


def at_database(text: str, url: str) -> str:
    for example in EXAMPLE_URLS:
        text = text.replace(example, url)
    return text


@pytest.mark.usefixtures("nats_url")  # left out where NATS is
@pytest.mark.parametrize("page", WITH_A_BUS, ids=lambda page: page.stem)
def test_the_examples_with_a_bus_do_what_their_page_says(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with nats_server(tmp_path) as server:
        run_page(page.read_text().replace(EXAMPLE_BUS, server.url), tmp_path, {})


def test_an_ellipsis_stands_for_anything() -> None:
    assert pattern("a  …  b\n…\nend").fullmatch("a 12 x b\none\ntwo\nend")
    assert not pattern("a … b").fullmatch("a 1\nb")


def test_a_block_is_only_left_out_with_a_reason() -> None:
    page = "<!-- not run: it waits for ever -->\n```console\n$ false\n```\n\n```console\n$ true\n```\n"
    assert [block.body for block in blocks(page)] == ["$ true\n"]
