"""What fits a question, rank by rank until there is enough: tables from the dictionary's index, all else from our own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, select, text

from factbook.dictionary.finding import FoundTable, TableFilter, find_tables, tables_at, words_of
from factbook.finding.documents import place_of
from factbook.finding.model import MAX_FOUND, PARTS, FindFilter, FoundIn, Part
from factbook.finding.tables import labels, things, word_index
from factbook.words import IN_PARTS, IN_TEXTS, NAMED, Condition, Field, Question, tiers

_ENOUGH = MAX_FOUND + 1
_MAX_LABELLED = 5000
_RANGES: dict[FoundIn, range] = {"name": NAMED, "columns": IN_PARTS, "text": IN_TEXTS}
_ORDER = ("product", "term", "domain", "contract", "schema", "source")


class Candidate(NamedTuple):
    """One thing that fits. ``number`` is the dictionary's of a table, our own of all else."""

    tier: int
    number: int
    kind: str
    source_id: str
    schema: str
    table: str
    removed_at: int | None = None

    @property
    def is_table(self) -> bool:
        return self.kind not in PARTS

    @property
    def name(self) -> str:
        return self.table or self.schema or self.source_id

    @property
    def place(self) -> str:
        return place_of(self.source_id, self.schema, self.table)

    @property
    def found_in(self) -> FoundIn:
        return next(found_in for found_in, ranks in _RANGES.items() if self.tier in ranks)


class Search(msgspec.Struct, frozen=True):
    """One search: who may see what, the question and what may be found."""

    tenant: str
    question: Question
    wanted: FindFilter
    parts: frozenset[Part]

    def steps(self, fields: Sequence[Field]) -> Iterator[tuple[int, Condition, list[Condition]]]:
        """Yield the ranks that are wanted: their number, their condition, and those before them where these are not wanted."""
        ranks = range(len(NAMED) + len(IN_PARTS) + len(IN_TEXTS)) if self.wanted.found_in is None else _RANGES[self.wanted.found_in]
        conditions = tiers(self.question, fields)
        for rank in ranks:
            yield rank, conditions[rank], conditions[: ranks.start]

    @property
    def origins(self) -> list[str]:
        """Return whose labels count."""
        return ["declared", "said"] if "notes" in self.parts else ["declared"]


def candidates(connection: Connection, search: Search) -> list[Candidate]:
    """Return what fits, the best first; one more than :data:`MAX_FOUND` at most."""
    found = [*_tables(connection, search), *_things(connection, search)]
    weights = _weights(connection, search.tenant, [item for item in found if item.is_table])
    return sorted(found, key=lambda item: _rank(item, weights))[:_ENOUGH]


def _rank(item: Candidate, weights: dict[str, int]) -> tuple[object, ...]:
    """Return the order: rank, then what is used by products, tables before all else, short names before long ones, and by name."""
    sort = 0 if item.is_table else 1 + _ORDER.index(item.kind)
    weight = weights.get(item.place, 0) if item.is_table else 0
    return item.tier, item.removed_at is not None, -weight, sort, len(item.name), item.name, item.source_id, item.schema, item.number


def _weights(connection: Connection, tenant: str, tables: Sequence[Candidate]) -> dict[str, int]:
    """Return how many products take in or give out each table."""
    counts: dict[str, int] = {}
    if tables:
        given, places = _given(connection, [item.place for item in tables])
        statement = f"SELECT u.place FROM {given} JOIN finding_uses u ON u.tenant = :tenant AND u.place = given.value"  # noqa: S608 - ours
        for place in connection.scalars(text(statement), {"tenant": tenant, "given": places}):
            counts[place] = counts.get(place, 0) + 1
    return counts


def _given(connection: Connection, values: Sequence[str]) -> tuple[str, str | list[str]]:
    """Return texts as a table of one parameter; a thousand parameters take longer to bind than the rows to find."""
    if connection.dialect.name == "sqlite":
        return "json_each(:given) AS given", msgspec.json.encode(values).decode()
    return "unnest(CAST(:given AS text[])) AS given (value)", list(values)


def labels_of(connection: Connection, search: Search, found: Sequence[Candidate]) -> Iterator[tuple[str, str]]:
    """Yield the labels of what was found, each once a thing."""
    given, places = _given(connection, [item.place for item in found])
    origins = ", ".join(f"'{origin}'" for origin in search.origins)
    statement = (
        f"SELECT DISTINCT l.thing_id, l.facet, l.value FROM {given} "  # noqa: S608 - our own names
        "JOIN finding_things t ON t.tenant = :tenant AND t.place = given.value "
        f"JOIN finding_labels l ON l.thing_id = t.thing_id AND l.origin IN ({origins})"
    )
    for _, facet, value in connection.execute(text(statement), {"tenant": search.tenant, "given": places}):
        yield facet, value


def _tables(connection: Connection, search: Search) -> list[Candidate]:
    wanted = search.wanted
    if "structure" not in search.parts or wanted.kind in PARTS:
        return []
    allowed = TableFilter(source_id=wanted.source_id, schema=wanted.schema, object_type=wanted.kind, include_removed=wanted.include_removed)
    if wanted.labels:
        allowed = msgspec.structs.replace(allowed, among=_labelled(connection, search, allowed))
    found: dict[int, Candidate] = {}
    for rank, condition, before in search.steps((Field.TEXT, *((Field.GONE,) if wanted.include_removed else ()))):
        if len(found) <= MAX_FOUND:
            for table in find_tables(connection, search.tenant, condition, allowed, without=before, limit=_ENOUGH):
                found.setdefault(table.object_id, _table(rank, table))
    if "notes" in search.parts and wanted.found_in in (None, "text") and len(found) <= MAX_FOUND:
        for table in _spoken_of(connection, search, allowed, known=found):
            found[table.object_id] = _table(IN_TEXTS.start, table)
    return list(found.values())


def _table(rank: int, table: FoundTable) -> Candidate:
    return Candidate(rank, table.object_id, table.object_type, table.source_id, table.schema, table.table, table.removed_at)


def _labelled(connection: Connection, search: Search, allowed: TableFilter) -> list[int]:
    """Return the tables that have all the wanted labels."""
    statement = select(things.c.source_id, things.c.schema_name, things.c.table_name)
    statement = statement.where(things.c.tenant == search.tenant, things.c.kind == "table", *_has_labels(search)).limit(_MAX_LABELLED)
    places = [tuple(row) for row in connection.execute(statement)]
    return [table.object_id for table in tables_at(connection, search.tenant, places, allowed)]


def _has_labels(search: Search) -> Iterator[ColumnElement[bool]]:
    for facet, value in search.wanted.labels:
        chosen = select(labels.c.thing_id).where(labels.c.facet == facet, labels.c.value == value, labels.c.origin.in_(search.origins))
        yield things.c.thing_id.in_(chosen)


def _spoken_of(connection: Connection, search: Search, allowed: TableFilter, *, known: Collection[int]) -> list[FoundTable]:
    """Return the tables that hold all words only with what is said of them."""
    some = (tuple((Field.SAID.value + term, True) for term in search.question.terms),)
    chosen = [things.c.kind == "table"]
    if search.wanted.source_id is not None:
        chosen.append(things.c.source_id == search.wanted.source_id)
    if search.wanted.schema is not None:
        chosen.append(things.c.schema_name == search.wanted.schema)
    said = {(row[1], row[2], row[3]): row[0] for row in _fitting(connection, search.tenant, some, chosen)}
    tables = [table for table in tables_at(connection, search.tenant, list(said), allowed) if table.object_id not in known]
    if allowed.among is not None:
        tables = [table for table in tables if table.object_id in set(allowed.among)]
    theirs = words_of(connection, [table.object_id for table in tables])
    ours = word_index.words_of(connection, [said[table.source_id, table.schema, table.table] for table in tables])
    letters = tuple(field.value for field in (Field.NAME, Field.PART, Field.TEXT, Field.PLACE, Field.SAID))
    kept = []
    for table in tables:
        words = theirs.get(table.object_id, set()) | ours[said[table.source_id, table.schema, table.table]]
        plain = {word[1:] for word in words if word[0] in letters}
        if all(any(word.startswith(term) for word in plain) for term in search.question.terms):
            kept.append(table)
    return kept


def _things(connection: Connection, search: Search) -> list[Candidate]:
    wanted = search.wanted
    kinds = [kind for kind, part in PARTS.items() if part in search.parts and wanted.kind in (None, kind)]
    if not kinds:
        return []
    chosen = [things.c.kind.in_(kinds), things.c.declared.is_not(None), *_has_labels(search)]
    if wanted.source_id is not None:
        chosen.append(things.c.source_id == wanted.source_id)
    if wanted.schema is not None:
        chosen.append(things.c.schema_name == wanted.schema)
    found: dict[int, Candidate] = {}
    for rank, condition, before in search.steps((Field.TEXT, *((Field.SAID,) if "notes" in search.parts else ()))):
        if len(found) <= MAX_FOUND:
            for number, source_id, schema, table, kind in _fitting(connection, search.tenant, condition, chosen, without=before):
                found.setdefault(number, Candidate(rank, number, kind, source_id, schema, table))
    return list(found.values())


def _fitting(
    connection: Connection, tenant: str, condition: Condition, chosen: Sequence[ColumnElement[bool]], *, without: Sequence[Condition] = ()
) -> list[tuple[int, str, str, str, str]]:
    dialect = connection.dialect.name
    fits = text(f"finding_things.thing_id IN ({word_index.numbers(dialect)})")
    wanted = select(things.c.thing_id, things.c.source_id, things.c.schema_name, things.c.table_name, things.c.kind)
    statement = wanted.where(things.c.tenant == tenant, fits, *chosen).order_by(things.c.thing_id).limit(_ENOUGH)
    rows = connection.execute(statement, {"words": word_index.asked(dialect, condition, without=without)})
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]
