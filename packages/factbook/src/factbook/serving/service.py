"""Serve rows: find what an address means, read the question by it, ask the source, count the use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

from factbook.repository.sql import SqlRepository
from factbook.serving import formats
from factbook.serving.cursors import Place, format_place, parse_place
from factbook.serving.datasets import dataset_of
from factbook.serving.model import Dataset, Form, Limits, ReadViews, Resolve, Rows
from factbook.serving.pool import Pool
from factbook.serving.question import Question, read_question
from factbook.serving.rate import RateLimit
from factbook.serving.statement import Statement, paging_of
from factbook.serving.usage import UsageCounter, Use
from factbook.sources.connectors import connector_for
from factbook.sources.session import Row, Session
from factbook_sdk.facts import MetadataTarget

if TYPE_CHECKING:
    from collections.abc import Generator

MAX_PAGE_BYTES = 32 * 1024 * 1024
"""Texts and bytes of one page; what would be more ends the page early, and the cursor goes on."""
_ROWS_AT_A_TIME = 1_000
_MAX_KNOWN = 1_000
_CELL_BYTES = 16


class Serving:
    """The domain data APIs of one tenant. ``url_of`` gives the address of a source with its secrets."""

    def __init__(
        self,
        repository: SqlRepository,
        resolve: Resolve,
        url_of: Callable[[str], str],
        read_views: ReadViews,
        *,
        tenant: str,
        limits: Limits,
        rate: RateLimit,
        pool: Pool,
        usage: UsageCounter,
    ) -> None:
        self._repository = repository
        self._resolve = resolve
        self._url_of = url_of
        self._read_views = read_views
        self._looked: dict[str, int] = {}
        self._looking = threading.Lock()
        self._tenant = tenant
        self._limits = limits
        self._rate = rate
        self._pool = pool
        self._usage = usage
        self._known: dict[tuple[str, str], tuple[int, Dataset]] = {}

    def dataset(self, domain: str, dataset: str) -> Dataset | None:
        """Return what is served at an address, ``None`` if nothing is bound there; raises :class:`NotFound` where it cannot be served.

        It is remembered as long as the log has not grown: whatever is said about a product or its table holds for the next request.
        """
        end = self._repository.last_offset()
        known = self._known.get((domain, dataset))
        if known is not None and known[0] == end:
            return known[1]
        found = self._resolve(domain, dataset)
        if found is None:
            return None
        self._look_at_views(found[1].table.source_id)
        made = dataset_of(self._repository, domain, dataset, *found, tenant=self._tenant)
        if len(self._known) >= _MAX_KNOWN:
            self._known = {}
        self._known[domain, dataset] = end, made
        return made

    def _look_at_views(self, source_id: str) -> None:
        """See to it that what a source's views are made from is known, and with it which of their columns are sensitive."""
        scan = self._repository.latest(MetadataTarget(source_id), "catalog_scan", tenant=self._tenant)
        if scan is None or scan.record.payload is None:
            return
        with self._looking:
            if self._looked.get(source_id) != scan.offset:
                self._read_views(scan.record)
                self._looked[source_id] = scan.offset

    def admit(self, principal: str) -> None:
        """Count a request against the principal's rate; raises :class:`RateLimited`."""
        self._rate.take(self._tenant, principal)

    def read(self, dataset: Dataset, parameters: Sequence[tuple[str, str]]) -> Rows:
        """Return a page of rows; raises :class:`InvalidParameter`, and what sources raise."""
        question = read_question(dataset, parameters, max_rows=self._limits.max_rows)
        paging = paging_of(dataset, question)
        place = Place(None)
        if question.cursor is not None:
            place = parse_place(question.cursor, question.fingerprint, len(question.order) if paging == "key" else None)
        url = self._url_of(dataset.source_id)
        with self._pool.session(url, connector_for, wait_seconds=self._limits.seconds) as session:
            rows, has_more = self._rows(session, dataset, question, place)
        shown = len(question.fields)
        cursor = None
        if has_more:
            behind = Place(rows[-1][shown:]) if paging == "key" else Place(None, place.offset + len(rows))
            cursor = format_place(behind, question.fingerprint)
        flags = [index for index, field in enumerate(question.fields) if field.family == "boolean"]
        return Rows(dataset, question.fields, [_with_flags(row[:shown], flags) for row in rows], question.limit, cursor, paging)

    def write(self, page: Rows, form: Form, *, principal: str) -> bytes:
        """Return a page's body, and count it as used."""
        body = formats.write(page, form)
        dataset = page.dataset
        self._usage.count(Use(self._tenant, dataset.product, dataset.port, principal, form), len(page.rows))
        return body

    def _rows(self, session: Session, dataset: Dataset, question: Question, place: Place) -> tuple[list[tuple[Any, ...]], bool]:
        statement = Statement(session, dataset, question, place)
        left = place.offset if statement.skips else 0
        rows: list[tuple[Any, ...]] = []
        size = 0
        size_of_chunk = min(_ROWS_AT_A_TIME, question.limit + 1)
        chunks = session.chunks(statement.text, statement.parameters, size=size_of_chunk, limit_seconds=self._limits.seconds)
        # A session's chunks are a generator, which ends its statement when it is closed.
        with closing(cast("Generator[list[Row]]", chunks)) as found:
            for chunk in found:
                for row in chunk:
                    if left:
                        left -= 1
                        continue
                    if len(rows) == question.limit or (rows and size > MAX_PAGE_BYTES):
                        return rows, True
                    rows.append(tuple(row))
                    size += sum(len(cell) if isinstance(cell, (str, bytes)) else _CELL_BYTES for cell in row)
        return rows, False


def _with_flags(row: tuple[Any, ...], flags: list[int]) -> tuple[Any, ...]:
    """Return a row whose flags are flags, where the engine keeps them as numbers."""
    if not flags:
        return row
    cells = list(row)
    for index in flags:
        if cells[index] in (0, 1):
            cells[index] = bool(cells[index])
    return tuple(cells)
