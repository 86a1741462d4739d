"""What is known of a source, a schema, a table, a column, a product or a term: merged, with origins, page by page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from factbook.errors import InvalidRequest, NotFound
from factbook.knowledge.finding import declaring_kind, is_there
from factbook.knowledge.merging import columns_spoken_of, known_of, summary_of
from factbook.knowledge.model import Edition, EditionPage, Known, KnownPage, Summary, TableKnown
from factbook.knowledge.places import Place
from factbook.knowledge.searching import NoteSearch
from factbook.knowledge.source_texts import SourceTexts
from factbook.repository.naming import tables_of
from factbook.repository.sql import SqlRepository
from factbook.repository.voices import KIND, Said, said_of
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.annotation import Annotation
from factbook_sdk.facts.record import as_utc
from factbook_sdk.repository.contract import StoredRecord, Within, check_limit

_TABLES = 250
_EDITIONS = 1000
"""Editions that are read at most to tell which of them changed a place."""
_TICK = timedelta(microseconds=1)
_NOBODY = Said()
_Cursor = tuple[str, str, int]
"""Schema, table, and how many places of that table were shown."""


class NoteReading:
    """What is known in one tenant."""

    def __init__(self, repository: SqlRepository, *, tenant: str) -> None:
        self._repository = repository
        self._tenant = tenant
        self._search = NoteSearch(repository, tenant=tenant)

    def known(self, place: Place, *, as_of: datetime | None = None) -> Known:
        """Return what holds of one place; raises :class:`NotFound` where there is none and nobody ever said anything of it."""
        shown = None if as_of is None else as_utc(as_of, "as_of")
        said = said_of(self._repository, [place.target], tenant=self._tenant, as_of=shown).get(place.target, _NOBODY)
        is_found = is_there(self._repository, place, tenant=self._tenant, as_of=shown)
        if not is_found and not said.versions:
            raise NotFound(f"Nothing is known of {place}", fix="Scan the source first, or correct the name", field="place")
        return known_of(place, said, SourceTexts(self._repository, [place.target], tenant=self._tenant, as_of=shown), is_found=is_found)

    def known_many(self, places: Iterable[Place], *, as_of: datetime | None = None) -> dict[Place, Known]:
        """Return what holds of some places; of those that no scan finds it is not asked whether they are there."""
        shown = None if as_of is None else as_utc(as_of, "as_of")
        wanted = list(dict.fromkeys(places))
        targets = list(dict.fromkeys(place.target for place in wanted))
        found: dict[Place, Known] = {}
        for start in range(0, len(targets), _TABLES):
            batch = targets[start : start + _TABLES]
            voices = said_of(self._repository, batch, tenant=self._tenant, as_of=shown)
            parts = {target: said.by_column() for target, said in voices.items()}
            texts = self._texts(batch, shown)
            for place in wanted:
                if place.target in batch:
                    said = parts.get(place.target, {}).get(place.column, _NOBODY)
                    found[place] = known_of(place, said, texts, is_found=_is_scanned(place, texts))
        return found

    def of_table(self, place: Place, *, columns: Collection[str] = (), as_of: datetime | None = None) -> TableKnown:
        """Return what holds of a table and of these columns of it, in two reads however many they are."""
        shown = None if as_of is None else as_utc(as_of, "as_of")
        said = said_of(self._repository, [place.target], tenant=self._tenant, as_of=shown).get(place.target, _NOBODY)
        texts = self._texts([place.target], shown)
        parts = said.by_column()
        spoken = columns_spoken_of(place.target, said, texts)
        known = {
            column: known_of(Place(*_parts(place), column), parts.get(column, _NOBODY), texts, is_found=is_found)
            for column, is_found in spoken
            if column in columns
        }
        own = known_of(place, parts[None], texts, is_found=_is_scanned(place, texts))
        return TableKnown(own, known, [column for column, is_found in spoken if not is_found], len(said.unjudged()))

    def page(self, place: Place, *, limit: int = 100, cursor: str | None = None, as_of: datetime | None = None) -> KnownPage:
        """Return what holds of a place and of everything in it that anything is said of; raises :class:`NotFound`."""
        check_limit(limit)
        shown = None if as_of is None else as_utc(as_of, "as_of")
        if place.column is not None:
            return KnownPage([self.known(place, as_of=shown)], None, shown)
        after = _parse_cursor(cursor) if cursor is not None else ("", "", 0)
        targets = [target for target in self._targets(place) if _name(target) >= after[:2]]
        if not targets and cursor is None:
            raise NotFound(f"Nothing is known of {place}", fix="Scan the source first, or correct its name", field="place")
        items: list[Known] = []
        for name, number, known in self._items(targets, place.target, shown):
            if name == after[:2] and number < after[2]:
                continue
            if len(items) == limit:
                return KnownPage(items, msgspec.json.encode([*name, number]).hex(), shown)
            items.append(known)
        return KnownPage(items, None, shown)

    def summaries(self, places: Iterable[Place], *, as_of: datetime | None = None) -> dict[Place, Summary]:
        """Return in a few words what is said of tables and columns; those of which nothing is said are left out."""
        wanted = list(places)
        targets = list(dict.fromkeys(place.target for place in wanted))
        said: dict[MetadataTarget, Said] = {}
        for start in range(0, len(targets), _TABLES):
            said |= said_of(self._repository, targets[start : start + _TABLES], tenant=self._tenant, as_of=as_of)
        return {place: summary_of(said[place.target], place.column) for place in wanted if place.target in said}

    def history(self, place: Place, *, limit: int = 100, after_offset: int | None = None) -> EditionPage:
        """Return what was ever said of a place, each author's edition by edition, newest last."""
        check_limit(limit)
        found = self._repository.history(place.target, KIND, tenant=self._tenant, limit=limit, after_offset=after_offset)
        editions = [_edition(item, lambda column: place.column in (None, column)) for item in found]
        return EditionPage(editions, found[-1].offset if len(found) == limit else None)

    def changes(self, place: Place, *, limit: int = 50, as_of: datetime | None = None) -> tuple[list[Edition], bool]:
        """Return the editions that changed what their author said of exactly this place, newest first, and whether there were more.

        A column's are those that changed the column, a table's those that changed what is said of the table itself.
        """
        check_limit(limit)
        until = None if as_of is None else as_utc(as_of, "as_of") + _TICK
        found = self._repository.query(KIND, targets=[place.target], tenant=self._tenant, until=until, order="desc", limit=_EDITIONS)
        last: dict[str, Edition] = {}
        changed: list[Edition] = []
        for item in reversed(found.records):
            edition = _edition(item, lambda column: place.column == column)
            before = last.get(edition.author)
            said_before = (before.notes, before.rejections) if before else ([], [])
            if (edition.notes, edition.rejections) != said_before:
                changed.append(edition)
            last[edition.author] = edition
        changed.reverse()
        return changed[:limit], len(changed) > limit or found.next_cursor is not None

    def _targets(self, place: Place) -> list[MetadataTarget]:
        """Return the place itself and what is in it, in order; what nobody said anything of among them."""
        spoken = {
            target
            for target in self._search.targets(place.source_id)
            if place.schema in (None, target.schema) and place.table in (None, target.table)
        }
        if place.table is not None:
            return [place.target] if place.target in spoken or is_there(self._repository, place, tenant=self._tenant) else []
        kind = declaring_kind(place.source_id)
        scanned = tables_of(self._repository, "schema_snapshot", place.source_id, tenant=self._tenant)
        found = {MetadataTarget(place.source_id, schema, table) for schema, table in scanned if place.schema in (None, schema)}
        if kind is not None and place.schema is None:
            found |= set(self._repository.latest_many(Within(place.source_id), kind, tenant=self._tenant))
        return sorted({place.target, *found, *spoken}, key=_name) if found or spoken else []

    def _items(
        self, targets: Sequence[MetadataTarget], asked: MetadataTarget, as_of: datetime | None
    ) -> Iterator[tuple[tuple[str, str], int, Known]]:
        """Yield (name of the table, number in it, what is known); of what was not asked for by name only if anything is."""
        for start in range(0, len(targets), _TABLES):
            batch = targets[start : start + _TABLES]
            said = said_of(self._repository, batch, tenant=self._tenant, as_of=as_of)
            texts = self._texts(batch, as_of)
            for target in batch:
                voices = said.get(target, _NOBODY)
                for number, known in enumerate(self._of_target(target, voices, texts, as_of)):
                    if target == asked or voices.versions or known.description is not None:
                        yield _name(target), number, known

    def _of_target(self, target: MetadataTarget, said: Said, texts: SourceTexts, as_of: datetime | None) -> Iterator[Known]:
        place = Place(target.source_id, target.schema, target.table)
        is_found = texts.now(target) is not None or self._is_declared(place, as_of)
        parts = said.by_column()
        yield known_of(place, parts[None], texts, is_found=is_found)
        for column, column_found in columns_spoken_of(target, said, texts):
            found = column_found or declaring_kind(place.source_id) is not None
            yield known_of(Place(*_parts(place), column), parts.get(column, _NOBODY), texts, is_found=found)

    def _texts(self, targets: Sequence[MetadataTarget], as_of: datetime | None) -> SourceTexts:
        tables = [target for target in targets if target.schema and target.table]
        return SourceTexts(self._repository, tables, tenant=self._tenant, as_of=as_of)

    def _is_declared(self, place: Place, as_of: datetime | None) -> bool:
        is_scanned_table = place.table is not None and declaring_kind(place.source_id) is None
        return not is_scanned_table and is_there(self._repository, place, tenant=self._tenant, as_of=as_of)


def _edition(item: StoredRecord, is_meant: Callable[[str | None], bool]) -> Edition:
    said = None if item.record.payload is None else msgspec.convert(item.record.payload, Annotation)
    return Edition(
        author=item.record.producer_id,
        author_type=said.author_type if said else None,
        produced_at=item.record.produced_at,
        record_id=item.id,
        offset=item.offset,
        notes=[note for note in (said.notes if said else ()) if is_meant(note.column)],
        rejections=[entry for entry in (said.rejections if said else ()) if is_meant(entry.column)],
    )


def _parts(place: Place) -> tuple[str, str | None, str | None]:
    return place.source_id, place.schema, place.table


def _is_scanned(place: Place, texts: SourceTexts) -> bool:
    comments = texts.now(place.target)
    return place.column in comments.columns if comments and place.column is not None else comments is not None


def _name(target: MetadataTarget) -> tuple[str, str]:
    return target.schema or "", target.table or ""


def _parse_cursor(cursor: str) -> _Cursor:
    try:
        place: _Cursor = msgspec.json.decode(bytes.fromhex(cursor), type=_Cursor)
    except (ValueError, msgspec.MsgspecError) as error:
        raise InvalidRequest("That cursor is not ours", fix="Pass next_cursor of the page before", field="cursor") from error
    return place
