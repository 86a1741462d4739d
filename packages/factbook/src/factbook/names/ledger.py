"""The ledger: names that mean no table we know, and what people settled of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from typing import Any

import msgspec
from sqlalchemy import Row, select, tuple_

from factbook.errors import InvalidRequest, NotFound
from factbook.names.bindings import Binding, forget_binding, read_bindings, store_binding
from factbook.names.mentions import KINDS
from factbook.names.model import BindingPage, UnresolvedName, UnresolvedPage
from factbook.names.projection import mentions
from factbook.names.resolver import READS, Names
from factbook.names.similar import Similar
from factbook.repository.rows import moment
from factbook.repository.sql import SqlRepository
from factbook_sdk.facts.record import check_name
from factbook_sdk.repository.contract import DEFAULT_LIMIT, check_limit

LEDGER_READS = tuple(sorted({*READS, *KINDS}))
"""The kinds that the ledger is made of."""

_STEP_ROWS = 2_000
_MAX_PRODUCERS = 5
_ORDER = (mentions.c.place, mentions.c.digest, mentions.c.stream)
_UNKNOWN = "nothing is known of it"

_Place = tuple[str, str]
"""What a page is ordered by and goes on from."""


class NameLedger:
    """The names of one tenant."""

    def __init__(self, repository: SqlRepository, *, tenant: str) -> None:
        self._repository = repository
        self._tenant = tenant

    def names(self) -> Names:
        """Return a picture of all names as of now."""
        return Names(self._repository, tenant=self._tenant)

    def unresolved(
        self, *, namespace: str | None = None, search: str | None = None, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> UnresolvedPage:
        """Return names that nobody knows, by namespace and name; ``search`` is a part of the name in any case.

        What was settled or scanned since it was mentioned is left out. Raises :class:`InvalidRequest` for a limit or cursor that cannot be.
        """
        check_limit(limit)
        after = None if cursor is None else _parse_cursor(cursor)
        names = self.names()
        found = list(islice(self._open(names, namespace, (search or "").casefold(), after), limit + 1))
        shown = found[:limit]
        similar = Similar(table for source_id in names.sources for table in names.names_of(source_id)) if shown else Similar(())
        items = [msgspec.structs.replace(item, suggestions=similar.to(item.name)) for _, item in shown]
        return UnresolvedPage(items, _cursor(shown[-1][0]) if len(found) > limit else None)

    def bindings(self, *, namespace: str | None = None, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> BindingPage:
        """Return what is settled, by namespace and name."""
        check_limit(limit)
        after = None if cursor is None else _parse_cursor(cursor)
        ordered = sorted(read_bindings(self._repository, tenant=self._tenant).values(), key=_order)
        rest = [one for one in ordered if namespace in (None, one.namespace) and (after is None or _order(one) > after)]
        shown = rest[:limit]
        return BindingPage(shown, _cursor(_order(shown[-1])) if len(rest) > limit else None)

    def settle(
        self,
        namespace: str,
        name: str | None = None,
        *,
        meant: str | None = None,
        ignored: bool = False,
        reason: str | None = None,
        by: str | None = None,
    ) -> Binding:
        """Say what a name means: ``meant`` is a table, ``source.schema.table``; for a namespace as a whole it is a source.

        What is settled twice is what was said last. Raises :class:`NotFound` for a table or source of which nothing is known.
        """
        check_name(namespace, "namespace")
        check_name(name, "name")
        if (meant is None) != ignored:
            raise InvalidRequest(
                "It must be said what the name means, or that it is ignored",
                why="neither was said" if meant is None else "both were said",
                fix="Give --as SOURCE.SCHEMA.TABLE or --ignore",
                field="as",
            )
        parts = {} if meant is None else self._source(meant) if name is None else self._table(meant)
        binding = Binding(namespace, name, **parts, ignored=ignored, reason=reason)
        return store_binding(self._repository, binding, tenant=self._tenant, by=by)

    def forget(self, namespace: str, name: str | None = None) -> None:
        """Take back what was settled; raises :class:`NotFound` if nothing was."""
        forget_binding(self._repository, namespace, name, tenant=self._tenant)

    def _source(self, text: str) -> dict[str, Any]:
        if text not in self.names().sources:
            raise NotFound(f"Nothing is known of a source {text}", fix="Scan it first, or correct its name", field="as")
        return {"source_id": text}

    def _table(self, text: str) -> dict[str, Any]:
        names = self.names()
        found = names.named(text)
        if len(found) == 1:
            return {"source_id": found[0].source_id, "schema": found[0].schema, "table": found[0].table}
        if found:
            several = " and ".join(f"{table.source_id}.{table.schema}.{table.table}" for table in found[:3])
            raise InvalidRequest(f"{text} can mean several tables", why=several, fix="Write SOURCE.SCHEMA.TABLE", field="as")
        likely = Similar(table for source_id in names.sources for table in names.names_of(source_id)).to(text)
        fix = f"Did you mean {' or '.join(likely)}?" if likely else "Write SOURCE.SCHEMA.TABLE, as factbook dictionary shows it"
        raise NotFound(f"Nothing is known of a table {text}", fix=fix, field="as")

    def _open(self, names: Names, namespace: str | None, search: str, after: _Place | None) -> Iterator[tuple[_Place, UnresolvedName]]:
        """Yield what cannot be resolved now, with its place."""
        for (place, digest), rows in groupby(self._rows(namespace, after), key=lambda row: (row.place, bytes(row.digest))):
            item = _gathered(list(rows))
            if search not in item.name.casefold():
                continue
            answer = names.resolve(item.namespace, item.name)
            if not answer.known and not answer.ignored:
                yield (place, digest.hex()), msgspec.structs.replace(item, reason=item.reason or answer.reason or _UNKNOWN)

    def _rows(self, namespace: str | None, after: _Place | None) -> Iterator[Row[Any]]:
        """Yield mentions in order, some thousand at a time, so that no more than that is in memory."""
        where = [mentions.c.tenant == self._tenant]
        if namespace is not None:
            where.append(mentions.c.namespace == namespace)
        last = None if after is None else _after(after)
        while True:
            beyond = [] if last is None else [tuple_(*_ORDER) > last]
            with self._repository.reading() as connection:
                rows = connection.execute(select(mentions).where(*where, *beyond).order_by(*_ORDER).limit(_STEP_ROWS)).all()
            yield from rows
            if len(rows) < _STEP_ROWS:
                return
            last = (rows[-1].place, bytes(rows[-1].digest), bytes(rows[-1].stream))


def _gathered(rows: list[Row[Any]]) -> UnresolvedName:
    """Return what all mentions of one name say. Runs count the names that facts hold again, so it is the greater of both numbers."""
    times = Counter[str]()
    for row in rows:
        times[row.kind] += row.times
    producers = {row.producer_id for row in rows}
    newest = max(rows, key=lambda row: row.produced_at)
    reasons = (row.reason for row in sorted(rows, key=lambda row: -row.produced_at) if row.reason)
    return UnresolvedName(
        namespace=newest.namespace,
        name=newest.name,
        times=max(times.values()),
        last_seen=moment(newest.produced_at),
        producers=sorted(producers)[:_MAX_PRODUCERS],
        producer_count=len(producers),
        reason=next(reasons, ""),
    )


def _order(binding: Binding) -> _Place:
    return binding.namespace, binding.name or ""


def _cursor(place: Iterable[str]) -> str:
    return msgspec.json.encode(list(place)).hex()


def _parse_cursor(cursor: str) -> _Place:
    try:
        return msgspec.json.decode(bytes.fromhex(cursor), type=tuple[str, str])
    except (ValueError, msgspec.DecodeError) as error:
        raise _wrong_cursor() from error


def _after(place: _Place) -> tuple[str, bytes, bytes]:
    """Return what a cursor goes on after: no stream's digest is as long as this, so that every mention of that name has been passed."""
    try:
        return place[0].replace("\x00", ""), bytes.fromhex(place[1]), b"\xff" * 17
    except ValueError as error:
        raise _wrong_cursor() from error


def _wrong_cursor() -> InvalidRequest:
    return InvalidRequest("The cursor is not one of ours", fix="Use next_cursor of the page before, unchanged", field="cursor")
