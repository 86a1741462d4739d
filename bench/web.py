"""The pages over a large store: how long the server takes for each, what a browser loads, and when one can use them.

    python -m bench.web [--days 365] [--scale 1.0] [--repeats 60] [--store sqlite:///FILE ...]

Fills a store of 10,000 tables with a year of history (:mod:`bench.generate_store`) on SQLite and on PostgreSQL, unless stores are given
that were filled so before. One server process answers as ``factbook serve`` does; requests come one after the other over loopback, for
objects drawn at random. A page that the server does not know is told as ``not there``. Writes ``bench/results/web.json`` (server time of
each page, beside the floor: ``/health``) and ``web-browser.json`` (what Chromium loads and when it can be used).
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from bench import load, report
from bench.floor_repository import postgres, sqlite
from bench.generate_said import DOMAINS, TERMS, ports
from bench.generate_store import SOURCES, WORDS, Company, fill
from factbook.app import Factbook
from factbook.settings import load_settings
from factbook.web.rendering import path

REPEATS = 60
COLUMNS = ["store", "page", "p50, ms", "p95, ms", "kB", "kB packed"]
_HEAD = b"Accept: text/html\r\nAccept-Encoding: gzip\r\n"

Pick = Callable[["Objects"], str]


class Objects:
    """What pages are asked about: objects of the store, drawn at random, the same in every run."""

    def __init__(self, scale: float, jobs: Sequence[str]) -> None:
        self._chance = random.Random(7)
        company = Company(scale)
        self._tables = list(company.tables)
        self._used = [given for given, _ in ports(company.tables)]
        self._jobs = jobs

    def table(self, *tab: str) -> str:
        """Return the path of a page of a table, which every third time is one that was measured."""
        chosen = self._chance.choice(self._tables if self._chance.random() > 0.3 else self._tables[:20])
        return path("table", chosen.source_id, chosen.schema or "", chosen.table or "", *tab)

    def spoken(self, page: str) -> str:
        """Return the path of a page of what is said of a table."""
        chosen = self._chance.choice(self._tables)
        return path(page, chosen.source_id, chosen.schema or "", chosen.table or "")

    def product(self) -> str:
        return f"product_{self._chance.randrange(len(self._used)):04d}"

    def contracted(self) -> str:
        chosen = self._chance.choice(self._used)
        return f"{chosen.source_id}.{chosen.schema}.{chosen.table}"

    def source(self) -> str:
        return self._chance.choice(SOURCES)

    def job(self) -> str:
        return self._chance.choice(self._jobs)

    def number(self, below: int) -> int:
        return self._chance.randrange(below)

    def words(self) -> str:
        """Return what somebody types: the beginning of a word, or two words."""
        word = self._chance.choice(WORDS)
        return word[: self._chance.randrange(2, len(word) + 1)] if self._chance.random() < 0.5 else f"{word}+{self._chance.choice(WORDS)}"

    def past(self) -> str:
        """Return a moment of the last 300 days as a parameter."""
        return f"as_of={(datetime.now(UTC) - timedelta(days=self._chance.randrange(1, 300))).date()}"


PAGES: dict[str, Pick] = {
    "home": lambda of: "/ui",
    "home, in the past": lambda of: f"/ui?{of.past()}",
    "sources": lambda of: "/ui/sources",
    "sources, in the past": lambda of: f"/ui/sources?{of.past()}",
    "source": lambda of: path("source", of.source()),
    "schema of 5,000 tables": lambda of: "/ui/source/warehouse/core",
    "source, in the past": lambda of: f"{path('source', of.source())}?{of.past()}",
    "search, as one types": lambda of: f"/ui/search?search={of.words()}",
    "search": lambda of: f"/ui/search?search={of.words()}&page=1",
    "table": lambda of: of.table(),
    "table: profile": lambda of: of.table("profile"),
    "table: relations": lambda of: of.table("relations"),
    "table: lineage": lambda of: of.table("lineage"),
    "table: history": lambda of: of.table("history"),
    "table: quality": lambda of: of.table("quality"),
    "table: definition": lambda of: of.table("definition"),
    "table: used by": lambda of: of.table("used-by"),
    "table: facts": lambda of: of.table("facts"),
    "table, in the past": lambda of: f"{of.table()}?{of.past()}",
    "table: profile, in the past": lambda of: f"{of.table('profile')}?{of.past()}",
    "table: relations, in the past": lambda of: f"{of.table('relations')}?{of.past()}",
    "table: lineage, in the past": lambda of: f"{of.table('lineage')}?{of.past()}",
    "table: quality, in the past": lambda of: f"{of.table('quality')}?{of.past()}",
    "table: used by, in the past": lambda of: f"{of.table('used-by')}?{of.past()}",
    "notes of a table": lambda of: of.spoken("notes"),
    "edit the notes of a table": lambda of: of.spoken("edit"),
    "lineage": lambda of: f"/ui/lineage?at={of.contracted()}",
    "lineage: impact": lambda of: f"/ui/lineage/impact?at={of.contracted()}",
    "lineage: paths": lambda of: f"/ui/lineage/paths?at={of.contracted()}&to={of.contracted()}",
    "changes": lambda of: "/ui/diff",
    "changes of a source": lambda of: path("diff", of.source()),
    "changes since a moment": lambda of: f"{path('diff', of.source())}?{of.past().replace('as_of', 'from')}",
    "changes: impact": lambda of: path("diff", of.source(), "impact"),
    "moments of a source": lambda of: path("moments", of.source()),
    "products": lambda of: "/ui/products",
    "products, in the past": lambda of: f"/ui/products?{of.past()}",
    "product": lambda of: path("product", of.product()),
    "product: history": lambda of: path("product", of.product(), "history"),
    "product: edit": lambda of: path("product", of.product(), "edit"),
    "new product": lambda of: "/ui/new-product",
    "domains": lambda of: "/ui/domains",
    "domain": lambda of: path("domain", DOMAINS[of.number(len(DOMAINS))]),
    "contracts": lambda of: "/ui/contracts",
    "contracts that are broken": lambda of: "/ui/contracts?state=broken",
    "contract": lambda of: path("contract", of.contracted()),
    "contract: history": lambda of: path("contract", of.contracted(), "history"),
    "contract: edit": lambda of: path("contract", of.contracted(), "edit"),
    "new contract": lambda of: "/ui/new-contract",
    "glossary": lambda of: "/ui/glossary",
    "term": lambda of: path("term", f"term_{of.number(TERMS):03d}"),
    "term: edit": lambda of: path("term", f"term_{of.number(TERMS):03d}", "edit"),
    "new term": lambda of: "/ui/new-term",
    "suggestions": lambda of: "/ui/suggestions",
    "quality of all": lambda of: "/ui/quality",
    "quality of all, in the past": lambda of: f"/ui/quality?{of.past()}",
    "quality of a source": lambda of: path("quality", of.source()),
    "documentation": lambda of: "/ui/documentation",
    "coverage of a source": lambda of: path("coverage", of.source()),
    "alerts": lambda of: "/ui/alerts",
    "rules": lambda of: "/ui/rules",
    "jobs": lambda of: "/ui/jobs",
    "jobs that run": lambda of: "/ui/jobs/live",
    "job": lambda of: path("job", of.job()),
    "records": lambda of: "/ui/records",
    "records of a kind": lambda of: f"/ui/records?kind=statistics_snapshot&source_id={of.source()}",
    "record": lambda of: path("record", str(1 + of.number(100_000))),
    "kinds": lambda of: "/ui/kinds",
    "kind": lambda of: "/ui/kind/annotation",
    "connections": lambda of: "/ui/connections",
    "new source": lambda of: "/ui/new-source",
    "tokens": lambda of: "/ui/tokens",
    "audit": lambda of: "/ui/audit",
}
"""The pages that are measured. A page that is new is to stand here, too."""
KEPT = "coverage of a source"
"""A page whose answer is kept until something is told that it is made from: the first time has a row of its own."""


@contextmanager
def served(url: str) -> Iterator[int]:
    """Run ``factbook serve`` over a store, without what works in the background; give its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        chosen = {"FACTBOOK_DATA_DIR": folder, "FACTBOOK_META_DB_URL": url, "FACTBOOK_WATCH": "off", "LOG_LEVEL": "WARNING"}
        process = subprocess.Popen([sys.executable, "-m", "factbook", "serve", "--port", str(port)], env=os.environ | chosen)
        try:
            _wait_for(f"http://127.0.0.1:{port}/health")
            yield port
        finally:
            process.terminate()
            process.wait()


def _wait_for(address: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(address).read()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("The server did not come up")


def _request(target: str, *, is_part: bool = False) -> bytes:
    part = b"HX-Request: true\r\n" if is_part else b""
    return load.request("GET", target).replace(b"\r\n\r\n", b"\r\n" + _HEAD + part + b"\r\n", 1)


def measure(name: str, port: int, of: Objects, repeats: int, only: str) -> Iterator[list[Any]]:
    """Yield a row for each page of one store."""
    floor = load.run(port, itertools.repeat(_request("/health"), repeats * 5), connections=1)
    yield [name, "floor: /health", *_percentiles(floor), None, None]
    for page, pick in PAGES.items():
        if only not in page:
            continue
        is_part = page == "search, as one types"
        status, size = _fetched(port, pick(of), packed=False)
        if status == 404:
            yield [name, page, None, None, "not there", None]
            continue
        if status != 200:
            raise AssertionError(f"{page} was answered with {status}")
        packed = _fetched(port, pick(of), packed=True)[1]
        if page == KEPT:
            targets = sorted({path("coverage", source_id) for source_id in SOURCES})
            first = load.run(port, (_request(target) for target in targets), connections=1)
            yield [name, f"{page}, the first time", *_percentiles(first), None, None]
        requests = [_request(pick(of), is_part=is_part) for _ in range(repeats)]
        run = load.run(port, iter(requests), connections=1, seconds=20)
        if set(run.statuses) != {200}:
            raise AssertionError(f"{page} was answered with {run.statuses}")
        yield [name, page, *_percentiles(run), round(size / 1000, 1), round(packed / 1000, 1)]


def _percentiles(run: load.Run) -> list[float]:
    return [round(1e3 * run.percentile(share), 1) for share in (0.5, 0.95)]


def _fetched(port: int, target: str, *, packed: bool) -> tuple[int, int]:
    """Return the status of a page and how many bytes came."""
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{target}", headers={"Accept": "text/html"})
    if packed:
        asked.add_header("Accept-Encoding", "gzip")
    try:
        with urllib.request.urlopen(asked) as answer:
            return answer.status, len(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, 0


@contextmanager
def stores(given: Sequence[str], days: int, scale: float) -> Iterator[Iterator[tuple[str, str]]]:
    """Give names and URLs of filled stores, one after the other."""

    def fresh() -> Iterator[tuple[str, str]]:
        for ground_of in (sqlite, postgres):
            with ground_of() as ground:
                house = _opened(ground.url)
                begun = time.perf_counter()
                fill(house, days=days, scale=scale)
                if ground.name == "PostgreSQL":
                    house.sql.database.maintain("VACUUM ANALYZE")
                house.close()
                print(f"{ground.name}: filled in {time.perf_counter() - begun:.0f} s", flush=True)
                yield ground.name, ground.url

    yield (("SQLite" if url.startswith("sqlite") else "PostgreSQL", url) for url in given) if given else fresh()


def _opened(url: str) -> Factbook:
    return Factbook(load_settings({}, data_dir=tempfile.gettempdir(), meta_db_url=url, log_level="CRITICAL"))


def jobs_of(url: str) -> list[str]:
    """Return the ids of some jobs."""
    house = _opened(url)
    found = [job.job_id for job in house.jobs.page(limit=50).items]
    house.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the pages over a large store.")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--only", default="", help="pages whose names hold this; nothing is kept then")
    parser.add_argument("--store", action="append", default=[], help="a store that was filled before")
    asked = parser.parse_args()
    rows: list[list[Any]] = []
    browsed: list[list[Any]] = []
    with stores(asked.store, asked.days, asked.scale) as filled:
        for name, url in filled:
            of = Objects(asked.scale, jobs_of(url))
            with served(url) as port:
                for row in measure(name, port, of, asked.repeats, asked.only):
                    print(*row, sep="\t", flush=True)
                    rows.append(row)
                if not asked.only:
                    from bench.browsing import browse

                    browsed += browse(name, port, of)
    if asked.only:
        return
    note = f"`python -m bench.web`, {report.machine()} 10,000 tables of 20 columns, a year of daily scans, 1,000 products."
    one = f"One server process, one request after the other over loopback, {asked.repeats} of each page."
    report.write("web", COLUMNS, rows, f"{note} {one} `kB` is what one page holds, and what of it travels packed by gzip.")
    from bench.browsing import COLUMNS as BROWSED

    words = (
        "Headless Chromium on the same machine, medians. A page can be used when it is parsed and its scripts have run, so that `/` leads "
        "into the search. `first` is an empty cache, `again` one that holds what the first visit left."
    )
    report.write("web-browser", BROWSED, browsed, f"{note} {words}")


if __name__ == "__main__":
    main()
