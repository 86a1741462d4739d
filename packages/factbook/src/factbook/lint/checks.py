"""The rules themselves. Pure: tables in, findings out.

What a rule has to know of all tables first, a :class:`Survey` gathers: names and counts, never the tables.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from factbook.lint.model import Severity
from factbook.lint.names import Case, common_case, is_reserved, meant_table, sounds_sensitive
from factbook.lint.rules import LintRules
from factbook.lint.tables import LintTable
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot

Said = tuple[str, str | None, str]
"""A rule that does not hold, the column it is about, and what to do."""

_TABLES = frozenset({"table", "partitioned_table"})
_DESCRIBE = "say what it holds: a comment in the database, or an annotation with a description"
_BLANKLESS = "it holds blanks, so that every query must quote it"


class Survey:
    """What the rules must know of a source before they judge a table of it."""

    def __init__(self) -> None:
        self.types: dict[str, Counter[str]] = defaultdict(Counter)
        self.tables: dict[tuple[str, str], str] = {}
        self.referred: set[tuple[str, str]] = set()
        self._names: dict[str, list[str]] = defaultdict(list)
        self.cases: dict[str, Case | None] = {}

    def take(self, table: LintTable) -> None:
        """Learn from one table."""
        snapshot = table.snapshot
        self._names[table.schema].append(table.table)
        if snapshot.object_type in _TABLES:
            self.tables.setdefault((table.schema, table.table.lower()), table.table)
        for column in snapshot.columns:
            self._names[table.schema].append(column.name)
            if snapshot.object_type in _TABLES:
                self.types[column.name][column.data_type] += 1
        for constraint in snapshot.constraints:
            if constraint.type == "foreign_key" and constraint.references is not None:
                self.referred.add((constraint.references.schema or table.schema, constraint.references.table))

    def end(self) -> None:
        """Draw the conclusions."""
        self.cases = {schema: common_case(names) for schema, names in self._names.items()}
        self._names.clear()


def judge(table: LintTable, survey: Survey, rules: LintRules) -> Iterator[tuple[Severity, Said]]:
    """Yield what is wrong with one table by the rules that are on."""
    for check in (_documentation, _keys, _names, _columns):
        for said in check(table, survey, rules):
            severity = rules.severities.get(said[0])
            if severity is not None:
                yield severity, said


def _documentation(table: LintTable, survey: Survey, rules: LintRules) -> Iterator[Said]:
    if not table.is_described():
        yield "table_description", None, _DESCRIBE
    if not table.has_note("owner"):
        yield "table_owner", None, "note who answers for it: an annotation with an owner"
    for column in table.snapshot.columns:
        if not table.is_described(column.name):
            yield "column_description", column.name, _DESCRIBE


def _keys(table: LintTable, survey: Survey, rules: LintRules) -> Iterator[Said]:
    snapshot = table.snapshot
    if snapshot.object_type not in _TABLES:
        return
    if not _has_key(snapshot):
        yield "key", None, "nothing tells its rows apart: add a primary key or a unique constraint"
    refers = any(item.type == "foreign_key" for item in snapshot.constraints)
    if not refers and (table.schema, table.table) not in survey.referred:
        yield "relations", None, "it refers to no table and none refers to it: declare its foreign keys, or say why it stands alone"


def _has_key(snapshot: SchemaSnapshot) -> bool:
    return any(item.type in ("primary_key", "unique") for item in snapshot.constraints) or any(
        item.unique and item.predicate is None for item in snapshot.indexes
    )


def _names(table: LintTable, survey: Survey, rules: LintRules) -> Iterator[Said]:
    snapshot, common = table.snapshot, survey.cases.get(table.schema)
    named = [(snapshot.object_type, None, table.table), *(("column", column.name, column.name) for column in snapshot.columns)]
    for kind, column, name in named:
        yield from _pattern(kind, column, name, rules)
        if is_reserved(name):
            yield "name_reserved", column, f"{name} is a word of SQL, so that every query must quote it"
        if common is not None and _breaks_case(name, common):
            yield "name_case", column, f"most names of {table.schema} are in {common} case"
    others = [("index", index.name) for index in snapshot.indexes]
    others += [("constraint", item.name) for item in snapshot.constraints if item.name]
    for kind, name in others:
        if kind in rules.patterns and not rules.patterns[kind].fullmatch(name):
            yield "name_pattern", None, f"the {kind} {name} does not fit {rules.patterns[kind].pattern}"


def _pattern(kind: str, column: str | None, name: str, rules: LintRules) -> Iterator[Said]:
    pattern = rules.patterns.get(kind)
    if pattern is not None and not pattern.fullmatch(name):
        yield "name_pattern", column, f"it does not fit {pattern.pattern}"
    elif pattern is None and any(char.isspace() for char in name):
        yield "name_pattern", column, _BLANKLESS


def _breaks_case(name: str, common: Case) -> bool:
    """Return whether a name is written otherwise than is common. Where names are mixed, one word in lower or upper case is no other way."""
    if common == "mixed":
        return "_" in name.strip("_")
    return name != (name.lower() if common == "lower" else name.upper())


def _columns(table: LintTable, survey: Survey, rules: LintRules) -> Iterator[Said]:
    snapshot = table.snapshot
    is_table = snapshot.object_type in _TABLES
    keyed = {name for item in snapshot.constraints if item.type == "foreign_key" for name in item.columns}
    for column in snapshot.columns:
        if is_table and (usual := _usual_type(survey.types[column.name], column.data_type)):
            yield "column_type", column.name, f"it is {column.data_type} here and {usual} in most tables"
        if is_table and column.name not in keyed and (meant := _meant(table, column.name, survey)):
            yield (
                "reference",
                column.name,
                f"it is called as if it referred to {meant}: declare the foreign key, or ignore it with the reason",
            )
        if sounds_sensitive(column.name) and not table.has_note("classification", column.name) and not table.has_note("classification"):
            yield "classification", column.name, "it sounds like personal or secret data: classify it, also as public"


def _usual_type(types: Counter[str], own: str) -> str | None:
    """Return the type that most columns of the name have, if this one has another; of two equally common each names the other."""
    if len(types) < 2:
        return None
    usual, count = max(types.items(), key=lambda item: (item[1], item[0] != own, item[0]))
    return usual if usual != own and count >= types[own] else None


def _meant(table: LintTable, column: str, survey: Survey) -> str | None:
    for name in meant_table(column):
        found = survey.tables.get((table.schema, name))
        if found is not None and found != table.table:
            return found
    return None
