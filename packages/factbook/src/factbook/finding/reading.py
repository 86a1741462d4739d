"""Search over everything, as it is or as it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from factbook.database.word_index import by_index
from factbook.dictionary import Dictionary, DictionaryFilter
from factbook.dictionary.finding import texts_of
from factbook.errors import InvalidRequest
from factbook.finding.candidates import Candidate, Search, candidates, labels_of
from factbook.finding.documents import Declared, Spoken
from factbook.finding.model import EVERYTHING, FACETS, MAX_FOUND, Facet, FacetValue, FindFilter, Hit, Part, SearchPage
from factbook.finding.projection import FindingProjection
from factbook.finding.showing import show_table, show_thing
from factbook.finding.tables import things
from factbook.repository.past import replay
from factbook.repository.sql import SqlRepository
from factbook.words import MAX_QUESTION, parse_question
from factbook_sdk.repository.contract import check_limit

MAX_VALUES = 12
"""Values of a facet that are shown."""


class Finder:
    """The search of one tenant."""

    def __init__(self, repository: SqlRepository, dictionary: Dictionary, *, tenant: str) -> None:
        self._repository = repository
        self._dictionary = dictionary
        self._tenant = tenant

    def search(
        self,
        words: str,
        wanted: FindFilter = FindFilter(),  # noqa: B008 - frozen
        *,
        parts: frozenset[Part] = EVERYTHING,
        limit: int = 30,
        cursor: str | None = None,
        as_of: datetime | None = None,
        facets: bool = True,
    ) -> SearchPage:
        """Return what holds all the words, or their beginnings, the best first; nothing for a text without any word.

        ``parts`` are those that may be shown. Raises :class:`InvalidRequest` for a text that is too long, and for a limit or cursor that
        cannot be.
        """
        check_limit(limit)
        start = _parse_cursor(cursor)
        if len(words) > MAX_QUESTION:
            raise InvalidRequest(f"{len(words)} characters are too many to look for", why=f"it may be {MAX_QUESTION}", field="search")
        closed = sorted(EVERYTHING - parts)
        question = parse_question(words)
        if question is None:
            return SearchPage(words, [], 0, True, [], closed, None, as_of)
        search = Search(self._tenant, question, wanted, parts)
        with self._dictionary.at(as_of, DictionaryFilter(source_id=wanted.source_id)) as (connection, shown):
            if shown is not None:
                source = wanted.source_id
                replay(connection, FindingProjection(), self._repository, tenant=self._tenant, until=shown, source_id=source)
            with by_index(connection):
                found = candidates(connection, search)
                counted = found[:MAX_FOUND]
                items = _hits(connection, search, counted[start : start + limit])
                spread = _facets(connection, search, counted) if facets else []
        following = start + limit
        more = str(following) if following < len(counted) else None
        return SearchPage(words, items, len(counted), len(found) <= MAX_FOUND, spread, closed, more, shown)


def _hits(connection: Connection, search: Search, shown: Sequence[Candidate]) -> list[Hit]:
    if not shown:
        return []
    places = [item.place for item in shown]
    wanted = select(things.c.place, things.c.declared, things.c.said).where(things.c.tenant == search.tenant, things.c.place.in_(places))
    rows = {place: (is_said, said) for place, is_said, said in connection.execute(wanted)}
    numbers = [item.number for item in shown if item.is_table]
    written = texts_of(connection, numbers, include_removed=search.wanted.include_removed) if numbers else {}
    hits = []
    for item in shown:
        is_said, said = rows.get(item.place, (None, None))
        voices = msgspec.json.decode(said, type=Spoken) if said is not None and "notes" in search.parts else None
        if item.is_table:
            hits.append(show_table(item, search.question, written[item.number], voices))
        else:
            hits.append(show_thing(item, search.question, msgspec.json.decode(is_said or "", type=Declared), voices))
    return hits


def _facets(connection: Connection, search: Search, found: Sequence[Candidate]) -> list[Facet]:
    lying = [item for item in found if item.is_table or item.kind in ("source", "schema")]
    counts: dict[str, Counter[str]] = {name: Counter() for name in FACETS}
    counts["thing"] = Counter([item.kind for item in found])
    counts["found_in"] = Counter([item.found_in for item in found])
    counts["source_id"] = Counter([item.source_id for item in lying])
    counts["schema"] = Counter([item.schema for item in lying if item.schema])
    for (facet, value), count in labels_of(connection, search, found).items() if found else ():
        counts[facet][value] = count
    return [
        Facet(name, [FacetValue(value, count) for value, count in sorted(of.items(), key=lambda pair: (-pair[1], pair[0]))[:MAX_VALUES]])
        for name, of in counts.items()
        if of
    ]


def _parse_cursor(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isascii() or not cursor.isdigit() or not 0 < int(cursor[:5]) <= MAX_FOUND:
        raise InvalidRequest("That cursor is not ours", fix="Pass next_cursor of the page before", field="cursor")
    return int(cursor[:5])
