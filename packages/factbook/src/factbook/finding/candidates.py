"""What fits a question, rank by rank until there is enough: tables from the dictionary's index, all else from our own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from factbook.database.word_index import as_texts, statement_of, texts_in
from factbook.dictionary.finding import TableFilter, find_tables, tables_at, tables_holding, tables_of
from factbook.finding.documents import Label, place_of
from factbook.finding.model import MAX_FOUND, PARTS, FindFilter, FoundIn, Part
from factbook.finding.tables import word_index
from factbook.words import IN_PARTS, IN_TEXTS, NAMED, Condition, Field, Question, tiers

_ENOUGH = MAX_FOUND + 1
_MAX_LABELLED = 5000
_RANGES: dict[FoundIn, range] = {"name": NAMED, "columns": IN_PARTS, "text": IN_TEXTS}
_FOUND_IN: dict[int, FoundIn] = {rank: found_in for found_in, ranks in _RANGES.items() for rank in ranks}
_ORDER = ("product", "term", "domain", "contract", "schema", "source")


class Candidate(NamedTuple):
    """One thing that fits. ``number`` is the dictionary's of a table, our own of all else; ``place`` its key among our own."""

    tier: int
    number: int
    kind: str
    source_id: str
    schema: str
    table: str
    place: str
    removed_at: int | None = None

    @property
    def is_table(self) -> bool:
        return self.kind not in PARTS

    @property
    def name(self) -> str:
        return self.table or self.schema or self.source_id

    @property
    def found_in(self) -> FoundIn:
        return _FOUND_IN[self.tier]


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
    def origins(self) -> str:
        """Return whose labels count."""
        return "('declared', 'said')" if "notes" in self.parts else "('declared')"

    @property
    def label_conditions(self) -> str:
        """Return that a thing has the wanted labels; :attr:`label_values` are their parameters."""
        chosen = "AND thing_id IN (SELECT thing_id FROM finding_labels WHERE facet = '{0}' AND value = :{0} AND origin IN {1})"
        return " ".join(chosen.format(facet, self.origins) for facet, _ in self.wanted.labels)

    @property
    def label_values(self) -> dict[str, str]:
        return dict(self.wanted.labels)


def candidates(connection: Connection, search: Search) -> list[Candidate]:
    """Return what fits, the best first; one more than :data:`MAX_FOUND` at most."""
    found = [*_tables(connection, search), *_things(connection, search)]
    weights = _weights(connection, search.tenant, [item for item in found if item.is_table])
    return sorted(found, key=lambda item: _rank(item, weights))[:_ENOUGH]


def _rank(item: Candidate, weights: Counter[str]) -> tuple[object, ...]:
    """Return the order: rank, then what is used by products, tables before all else, short names before long ones, and by name."""
    sort = 0 if item.is_table else 1 + _ORDER.index(item.kind)
    weight = weights[item.place] if item.is_table else 0
    return item.tier, item.removed_at is not None, -weight, sort, len(item.name), item.name, item.source_id, item.schema, item.number


def _weights(connection: Connection, tenant: str, tables: Sequence[Candidate]) -> Counter[str]:
    """Return how many products take in or give out each table."""
    if not tables:
        return Counter()
    dialect = connection.dialect.name
    statement = f"SELECT place FROM finding_uses WHERE tenant = :tenant AND place IN {texts_in(dialect)}"  # noqa: S608 - our own names
    asked = {"tenant": tenant, "texts": as_texts(dialect, [item.place for item in tables])}
    return Counter(connection.execute(statement_of(statement), asked).scalars().all())


def labels_of(connection: Connection, search: Search, found: Sequence[Candidate]) -> dict[Label, int]:
    """Return how many of the found things have each label."""
    dialect = connection.dialect.name
    statement = (
        "SELECT facet, value, count(DISTINCT thing_id) FROM finding_labels "  # noqa: S608 - our own names
        f"WHERE origin IN {search.origins} AND thing_id IN "
        f"(SELECT thing_id FROM finding_things WHERE tenant = :tenant AND place IN {texts_in(dialect)}) GROUP BY facet, value"
    )
    asked = {"tenant": search.tenant, "texts": as_texts(dialect, [item.place for item in found])}
    return {(facet, value): count for facet, value, count in connection.execute(statement_of(statement), asked).all()}


def _tables(connection: Connection, search: Search) -> list[Candidate]:
    wanted = search.wanted
    if "structure" not in search.parts or wanted.thing in PARTS:
        return []
    allowed = TableFilter(
        source_id=wanted.source_id, schema=wanted.schema, object_type=wanted.thing, include_removed=wanted.include_removed
    )
    if wanted.labels:
        allowed = msgspec.structs.replace(allowed, among=_labelled(connection, search, allowed))
    ranks: dict[int, int] = {}
    for rank, condition, before in search.steps((Field.TEXT, *((Field.GONE,) if wanted.include_removed else ()))):
        if len(ranks) <= MAX_FOUND:
            for number in find_tables(connection, search.tenant, condition, allowed, without=before, limit=_ENOUGH):
                ranks.setdefault(number, rank)
    if "notes" in search.parts and wanted.found_in in (None, "text") and len(ranks) <= MAX_FOUND:
        for number in _spoken_of(connection, search, allowed):
            ranks.setdefault(number, IN_TEXTS.start)
    return [
        Candidate(ranks[table.object_id], table.object_id, table.object_type, *names, place_of(*names), table.removed_at)
        for table in (tables_of(connection, ranks) if ranks else ())
        for names in ((table.source_id, table.schema, table.table),)
    ]


def _labelled(connection: Connection, search: Search, allowed: TableFilter) -> frozenset[int]:
    """Return the tables that have all the wanted labels."""
    statement = (
        "SELECT source_id, schema_name, table_name FROM finding_things "  # noqa: S608 - our own names
        f"WHERE tenant = :tenant AND kind = 'table' {search.label_conditions} LIMIT {_MAX_LABELLED}"
    )
    rows = connection.execute(statement_of(statement), {"tenant": search.tenant} | search.label_values).all()
    tables = tables_at(connection, search.tenant, [(row[0], row[1], row[2]) for row in rows], allowed)
    return frozenset(table.object_id for table in tables)


def _spoken_of(connection: Connection, search: Search, allowed: TableFilter) -> list[int]:
    """Return the tables that hold all words together with what is said of them."""
    terms = search.question.terms
    some = (tuple((Field.SAID.value + term, True) for term in terms),)
    said = {row[1:4]: row[0] for row in _fitting(connection, search, some, ["table"], limit=_MAX_LABELLED if len(terms) > 1 else _ENOUGH)}
    tables = tables_at(connection, search.tenant, list(said), allowed) if said else []
    for term in terms if tables and len(terms) > 1 else ():
        ours = word_index.holding(connection, (((Field.SAID.value + term, True),),))
        theirs = tables_holding(connection, (tuple((field.value + term, True) for field in _WRITTEN),))
        tables = [item for item in tables if item.object_id in theirs or said[item.source_id, item.schema, item.table] in ours]
    return [table.object_id for table in tables]


_WRITTEN = (Field.NAME, Field.PART, Field.TEXT, Field.PLACE)


def _things(connection: Connection, search: Search) -> list[Candidate]:
    kinds = [kind for kind, part in PARTS.items() if part in search.parts and search.wanted.thing in (None, kind)]
    found: dict[int, Candidate] = {}
    for rank, condition, before in search.steps((Field.TEXT, *((Field.SAID,) if "notes" in search.parts else ()))):
        if kinds and len(found) <= MAX_FOUND:
            for number, source_id, schema, table, kind in _fitting(connection, search, condition, kinds, without=before):
                names = (source_id, schema, table)
                found.setdefault(number, Candidate(rank, number, kind, *names, place_of(*names)))
    return list(found.values())


def _fitting(
    connection: Connection,
    search: Search,
    condition: Condition,
    kinds: Sequence[str],
    *,
    without: Sequence[Condition] = (),
    limit: int = _ENOUGH,
) -> list[tuple[int, str, str, str, str]]:
    """Return things of our own that fit: their numbers, names and kinds. A table has no declaration here and is found only as one."""
    dialect = connection.dialect.name
    wanted = search.wanted
    chosen = {name: value for name, value in (("source_id", wanted.source_id), ("schema_name", wanted.schema)) if value is not None}
    conditions = [word_index.joined(dialect, "finding_things", "thing_id"), "tenant = :tenant", f"kind IN ({', '.join(map(repr, kinds))})"]
    conditions += [f"{name} = :{name}" for name in chosen]
    declared = "" if list(kinds) == ["table"] else f"AND declared IS NOT NULL {search.label_conditions}"
    statement = (
        f"SELECT thing_id, source_id, schema_name, table_name, kind {' AND '.join(conditions)} {declared} "
        f"ORDER BY {word_index.in_order(dialect)} LIMIT {limit}"
    )
    asked = {"tenant": search.tenant, "words": word_index.asked(dialect, condition, without=without)}
    rows = connection.execute(statement_of(statement), asked | chosen | (search.label_values if declared else {})).all()
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]
