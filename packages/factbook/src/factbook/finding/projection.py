"""What is found beside tables follows the log: products, contracts, terms, domains, sources and schemas, and what is said of anything.

It follows no snapshot, so that a scan pays nothing for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from factbook.database.bulk import bulk_upsert
from factbook.database.log_tables import records as log_records
from factbook.finding.documents import DECLARED_BY, DOMAIN, Declared, Spoken, declared, kind_of, place_of, spoken, words_of
from factbook.finding.tables import labels, things, uses, voices, word_index
from factbook.repository.projection import Projection
from factbook.repository.rows import microseconds
from factbook_sdk.facts.kinds.annotation import Annotation
from factbook_sdk.repository.contract import StoredRecord

_Key = tuple[str, str]
"""Tenant and place."""
_VOICE = tuple(column.name for column in voices.columns)
_ANNOTATION = "annotation"


class FindingProjection(Projection):
    """One row per thing, with its words."""

    name = "finding"
    version = 1
    kinds = frozenset({_ANNOTATION, "catalog_scan", *DECLARED_BY.values()})
    tables = (things, voices, labels, uses)

    def create(self, connection: Connection) -> None:
        super().create(connection)
        word_index.create(connection)

    def drop(self, connection: Connection) -> None:
        word_index.drop(connection)
        super().drop(connection)

    def apply(self, connection: Connection, records: Sequence[StoredRecord]) -> None:
        book = _Book(connection)
        for item in records:
            if item.record.kind == "catalog_scan":
                book.see(item)
            elif item.record.kind != _ANNOTATION:
                book.declare(item)
        book.hear([item for item in records if item.record.kind == _ANNOTATION])
        book.write()

    def forget(self, connection: Connection, tenant: str, kind: str) -> None:
        book = _Book(connection)
        if kind == _ANNOTATION:
            book.forget_voices(tenant)
        elif kind in DECLARED_BY.values():
            book.forget_declared(tenant, kind)
        book.write()


class _Book:
    """The things that a batch touches: loaded when first asked for, changed in memory, written at the end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: dict[_Key, dict[str, Any]] = {}
        self._changed: set[_Key] = set()
        self._known: set[int] = set()
        self._domains: set[tuple[str, str]] = set()
        self._next_id: int | None = None

    def _row(self, tenant: str, place: tuple[str, str, str]) -> dict[str, Any]:
        key = tenant, place_of(*place)
        if key not in self._rows:
            same = (things.c.tenant == tenant, things.c.place == key[1])
            found = self._connection.execute(select(things).where(*same)).mappings().first()
            self._rows[key] = dict(found) if found is not None else self._new(key, place)
            if found is not None:
                self._known.add(found["thing_id"])
        return self._rows[key]

    def _new(self, key: _Key, place: tuple[str, str, str]) -> dict[str, Any]:
        if self._next_id is None:
            self._next_id = self._connection.scalars(select(func.coalesce(func.max(things.c.thing_id), 0) + 1)).one()
        names = dict(zip(("source_id", "schema_name", "table_name"), map(_plain, place), strict=True))
        made = {"thing_id": self._next_id, "tenant": key[0], "place": key[1], "kind": kind_of(*place), **names}
        self._next_id += 1
        return made | {"produced_at": -1, "offset": -1, "declared": None, "said": None}

    def _set(self, row: dict[str, Any], **values: Any) -> None:
        row.update(values)
        self._changed.add((row["tenant"], row["place"]))

    def see(self, item: StoredRecord) -> None:
        """Take from a scan that its source and schemas are there; where it saw all of them, others are gone."""
        tenant, source_id, at = item.record.context.tenant, item.record.target.source_id, _time(item)
        scan: dict[str, Any] = item.record.payload or {}
        seen = {"", *scan.get("schemas", ())}
        if scan.get("schemas_complete") and not any(scan.get("scope", {}).get(side) for side in ("include", "exclude")):
            mine = (things.c.tenant == tenant, things.c.source_id == source_id, things.c.kind == "schema", things.c.declared.is_not(None))
            seen |= set(self._connection.scalars(select(things.c.schema_name).where(*mine)))
        for schema in sorted(seen):
            row = self._row(tenant, (source_id, schema, ""))
            is_there = not schema or schema in scan.get("schemas", ())
            text = _json(Declared(schema or source_id)) if is_there else None
            if _is_newer(at, row) and row["declared"] != text:
                self._set(row, declared=text, produced_at=at[0], offset=at[1])

    def declare(self, item: StoredRecord) -> None:
        """Take what a product, a contract or a term is."""
        target, tenant, at = item.record.target, item.record.context.tenant, _time(item)
        if DECLARED_BY.get(target.source_id) != item.record.kind or target.schema is not None or target.table is None or target.extras:
            return
        row = self._row(tenant, (target.source_id, "", target.table))
        if not _is_newer(at, row):
            return
        made = None if item.record.payload is None else declared(target.source_id, target.table, item.record.payload)
        self._declare(row, made, at)

    def _declare(self, row: dict[str, Any], made: Declared | None, at: tuple[int, int]) -> None:
        before = _declared(row)
        if row["kind"] == "product":
            self._domains |= {(row["tenant"], name) for thing in (before, made) if thing is not None for name in _domains(thing)}
            product = {"tenant": row["tenant"], "product": row["place"]}
            self._connection.execute(delete(uses).where(uses.c.tenant == product["tenant"], uses.c.product == product["product"]))
            if made is not None and made.uses:
                self._connection.execute(insert(uses), [product | {"place": place} for place in made.uses])
        self._set(row, declared=None if made is None else _json(made), produced_at=at[0], offset=at[1])

    def hear(self, records: Sequence[StoredRecord]) -> None:
        """Take what authors say, of each the newest."""
        newest: dict[tuple[str, str, str], StoredRecord] = {}
        places: dict[_Key, tuple[str, str, str]] = {}
        for item in records:
            target, tenant = item.record.target, item.record.context.tenant
            if target.extras:
                continue
            place = target.source_id, target.schema or "", target.table or ""
            key = tenant, place_of(*place), item.record.producer_id
            if key not in newest or _time(item) > _time(newest[key]):
                newest[key] = item
                places[key[:2]] = place
        rows = []
        for key, item in newest.items():
            same = [voices.c[name] == value for name, value in zip(("tenant", "place", "author"), key, strict=True)]
            known = self._connection.execute(select(voices.c.produced_at, voices.c.offset).where(*same)).first()
            if known is None or tuple(known) < _time(item):
                rows.append((*key, *_time(item), None if item.record.payload is None else _json(item.record.payload)))
        bulk_upsert(self._connection, voices, _VOICE, rows, key=("tenant", "place", "author"))
        self._listen({(row[0], row[1]): places[row[0], row[1]] for row in rows})

    def _listen(self, places: dict[_Key, tuple[str, str, str]]) -> None:
        """Put together what all authors say of places."""
        for (tenant, key), place in places.items():
            mine = (voices.c.tenant == tenant, voices.c.place == key, voices.c.payload.is_not(None))
            stored = self._connection.execute(select(voices.c.author, voices.c.payload).where(*mine).order_by(voices.c.author))
            said = spoken([(author, msgspec.json.decode(payload, type=Annotation)) for author, payload in stored])
            text = None if said is None else _json(said)
            row = self._row(tenant, place)
            if row["said"] != text:
                self._set(row, said=text)

    def forget_voices(self, tenant: str) -> None:
        """Forget what authors said in records that are no longer in the log."""
        gone = (voices.c.tenant == tenant, ~select(log_records.c.offset).where(log_records.c.offset == voices.c.offset).exists())
        places = set(self._connection.scalars(select(voices.c.place).where(*gone)))
        self._connection.execute(delete(voices).where(*gone))
        self._listen({(tenant, key): msgspec.json.decode(key, type=tuple[str, str, str]) for key in sorted(places)})

    def forget_declared(self, tenant: str, kind: str) -> None:
        """Forget things whose declaration is no longer in the log."""
        sources = [source_id for source_id, declaring in DECLARED_BY.items() if declaring == kind]
        kept = select(log_records.c.offset).where(log_records.c.offset == things.c.offset).exists()
        mine = (things.c.tenant == tenant, things.c.source_id.in_(sources), things.c.offset >= 0, ~kept)
        for place in self._connection.scalars(select(things.c.place).where(*mine)).all():
            row = self._row(tenant, msgspec.json.decode(place, type=tuple[str, str, str]))
            self._declare(row, None, (-1, -1))

    def write(self) -> None:
        """Write what changed, with its words and labels."""
        self._write(self._changed)
        self._changed = set()
        for tenant, name in sorted(self._domains):
            row = self._row(tenant, (DOMAIN, "", name))
            text = _json(Declared(name, labels=[("domain", name)])) if self._has_products(tenant, name) else None
            if row["declared"] != text:
                self._set(row, declared=text)
        self._write(self._changed)

    def _has_products(self, tenant: str, domain: str) -> bool:
        named = (labels.c.facet == "domain", labels.c.value == domain, labels.c.origin == "declared")
        mine = (things.c.tenant == tenant, things.c.kind == "product")
        found = select(things.c.thing_id).join(labels, labels.c.thing_id == things.c.thing_id).where(*named, *mine).limit(1)
        return self._connection.scalars(found).first() is not None

    def _write(self, keys: Iterable[_Key]) -> None:
        rows = [self._rows[key] for key in sorted(keys)]
        for row in rows:
            if row["thing_id"] in self._known:
                self._connection.execute(update(things).where(things.c.thing_id == row["thing_id"]).values(row))
            else:
                self._connection.execute(insert(things).values(row))
            self._connection.execute(delete(labels).where(labels.c.thing_id == row["thing_id"]))
            found = _labels(row)
            if found:
                self._connection.execute(insert(labels), found)
        words = {row["thing_id"]: words_of(row["source_id"], row["schema_name"], _declared(row), _said(row)) for row in rows}
        word_index.replace(self._connection, words, self._known)
        self._known |= words.keys()


def _labels(row: dict[str, Any]) -> list[dict[str, Any]]:
    is_said, said = _declared(row), _said(row)
    sides = (("declared", is_said.labels if is_said else ()), ("said", said.labels if said else ()))
    return [
        {"thing_id": row["thing_id"], "facet": facet, "value": value, "origin": origin} for origin, found in sides for facet, value in found
    ]


def _domains(thing: Declared) -> list[str]:
    return [value for facet, value in thing.labels if facet == "domain"]


def _declared(row: dict[str, Any]) -> Declared | None:
    return None if row["declared"] is None else msgspec.json.decode(row["declared"], type=Declared)


def _said(row: dict[str, Any]) -> Spoken | None:
    return None if row["said"] is None else msgspec.json.decode(row["said"], type=Spoken)


def _json(value: Any) -> str:
    """Return a value as JSON that PostgreSQL's texts hold: JSON writes a NUL with a backslash."""
    return msgspec.json.encode(value).decode()


def _plain(text: str) -> str:
    return text.replace("\x00", "\ufffd")


def _time(item: StoredRecord) -> tuple[int, int]:
    return microseconds(item.record.produced_at), item.offset


def _is_newer(at: tuple[int, int], row: dict[str, Any]) -> bool:
    return at > (row["produced_at"], row["offset"])
