"""From the rules of one table to a handful of statements.

Whatever counts rows one by one goes into one aggregate over the table; a uniqueness, a foreign key and a query of the author's own each
need a statement of their own. Measurements that several rules share are made once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from factbook.quality.conditions import Conditions, Piece, Unfit
from factbook.quality.rules.model import (
    ForeignKey,
    Freshness,
    NotNull,
    RowCount,
    Rule,
    Sql,
    Unique,
)
from factbook.sources.contract import TableName
from factbook.sources.session import Session
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot

ROWS = "rows"


class Wanted(msgspec.Struct, frozen=True):
    """The measurements one rule needs, by key: rows that were looked at, rows that fail, or one number."""

    checked: str | None = None
    failed: str | None = None
    number: str | None = None

    @property
    def keys(self) -> list[str]:
        return [key for key in (self.checked, self.failed, self.number) if key is not None]


class Plan(msgspec.Struct, frozen=True):
    """What to ask of one table. ``counted`` are expressions of the aggregate by key, ``alone`` whole statements that answer one row,
    ``unfit`` why a rule cannot be asked."""

    table: str
    wanted: dict[str, Wanted]
    counted: dict[str, Piece]
    alone: dict[str, tuple[Piece, tuple[str, ...]]]
    """By the rule's id: the statement, and the keys of the numbers in its row."""
    unfit: dict[str, str]


def compile_table(session: Session, name: TableName, snapshot: SchemaSnapshot, rules: Sequence[Rule], now: datetime) -> Plan:
    """Return the statements for the rules of a table."""
    compiler = _Compiler(session, name, snapshot, now)
    for rule in rules:
        try:
            compiler.add(rule)
        except Unfit as error:
            compiler.plan.unfit[rule.id] = str(error)
    return compiler.plan


class _Compiler:
    def __init__(self, session: Session, name: TableName, snapshot: SchemaSnapshot, now: datetime) -> None:
        self._session = session
        self._name = name
        self._snapshot = snapshot
        self._conditions = Conditions(session, snapshot.columns, now)
        self._filters: dict[str, str] = {}
        self.plan = Plan(session.table(name), {}, {}, {}, {})

    def add(self, rule: Rule) -> None:
        check = rule.check
        if isinstance(check, Unique):
            self._unique(rule, check)
        elif isinstance(check, ForeignKey):
            self._foreign_key(rule, check)
        elif isinstance(check, Sql):
            self._query(rule, check)
        elif isinstance(check, Freshness):
            self._count(f"newest {rule.id}", self._conditions.epoch(check.column, check.epoch, rule.where))
            self.plan.wanted[rule.id] = Wanted(checked=self._rows(rule.where), number=f"newest {rule.id}")
        elif isinstance(check, RowCount):
            rows = self._rows(rule.where)
            self.plan.wanted[rule.id] = Wanted(checked=rows, number=rows)
        else:
            self._condition(rule)

    def _condition(self, rule: Rule) -> None:
        if isinstance(rule.check, NotNull) and rule.where is None:
            # What is there is counted without looking at a condition for each row.
            piece = Piece(f"count(*) - count({self._conditions.column(rule.check.column)})")
        else:
            failing = self._conditions.failing(rule.check)
            piece = Piece(_counted(_both(rule.where, failing.sql)), failing.parameters)
        self._count(f"failed {rule.id}", piece)
        self.plan.wanted[rule.id] = Wanted(checked=self._rows(rule.where), failed=f"failed {rule.id}")

    def _rows(self, where: str | None) -> str:
        """Return the key of the number of rows that a filter leaves."""
        if where is None:
            self._count(ROWS, Piece("count(*)"))
            return ROWS
        key = self._filters.setdefault(where, f"rows {len(self._filters) + 1}")
        self._count(key, Piece(_counted(_both(where, None))))
        return key

    def _unique(self, rule: Rule, check: Unique) -> None:
        columns = [self._conditions.column(column) for column in check.columns]
        there = " AND ".join(f"{column} IS NOT NULL" for column in columns)
        keys = ", ".join(columns)
        groups = f"SELECT count(*) AS n FROM {self.plan.table} WHERE {_both(rule.where, there)} GROUP BY {keys}"
        piece = Piece(f"SELECT coalesce(sum(g.n), 0), coalesce(sum(g.n - 1), 0) FROM ({groups}) AS g")
        self._alone(rule, piece, "checked", "failed")

    def _foreign_key(self, rule: Rule, check: ForeignKey) -> None:
        columns = [self._conditions.column(column) for column in check.columns]
        parent, theirs = self._parent(check)
        there = " AND ".join(f"{column} IS NOT NULL" for column in columns)
        joined = " AND ".join(f"p.{self._session.quote(their)} = c.{own}" for their, own in zip(theirs, columns, strict=True))
        children = f"SELECT {', '.join(columns)} FROM {self.plan.table} WHERE {_both(rule.where, there)}"
        orphans = f"SELECT count(*) FROM ({children}) AS c WHERE NOT EXISTS (SELECT 1 FROM {parent} AS p WHERE {joined})"
        self._alone(rule, Piece(orphans), "failed")
        self._count(f"keys {rule.id}", Piece(_counted(_both(rule.where, there))))
        self.plan.wanted[rule.id] = Wanted(checked=f"keys {rule.id}", failed=f"failed {rule.id}")

    def _parent(self, check: ForeignKey) -> tuple[str, list[str]]:
        if check.table is not None:
            schema, dot, table = check.table.rpartition(".")
            return self._session.table(TableName(schema if dot else self._name.schema, table)), check.their_columns
        for key in self._snapshot.constraints:
            if key.type == "foreign_key" and key.references is not None and key.columns == check.columns and key.references.columns:
                return self._session.table(
                    TableName(key.references.schema or self._name.schema, key.references.table)
                ), key.references.columns
        raise Unfit(f"no foreign key is declared on {', '.join(check.columns)}; name table and their_columns")

    def _query(self, rule: Rule, check: Sql) -> None:
        query = check.query.strip().rstrip(";").rstrip()
        query = query.replace("${table}", self.plan.table).replace("${object}", self.plan.table)
        if check.column is not None:
            for name in ("${column}", "${property}"):
                query = query.replace(name, self._session.quote(check.column))
        self._alone(rule, *query_of(query, is_number=check.is_number))

    def _alone(self, rule: Rule, piece: Piece, *parts: str) -> None:
        keys = {part: f"{part} {rule.id}" for part in parts}
        self.plan.alone[rule.id] = piece, tuple(keys.values())
        self.plan.wanted[rule.id] = Wanted(**keys)

    def _count(self, key: str, piece: Piece) -> None:
        self.plan.counted.setdefault(key, piece)


def query_of(query: str, *, is_number: bool) -> tuple[Piece, str]:
    """Return the statement for a query of the author's own, and what its number is. A line ends it, so that a comment cannot."""
    if is_number:
        return Piece(f"SELECT * FROM ({query}\n) AS q LIMIT 2"), "number"
    return Piece(f"SELECT count(*) FROM ({query}\n) AS q"), "failed"


def _both(where: str | None, condition: str | None) -> str:
    parts = [f"({where}\n)"] if where else []
    return " AND ".join([*parts, condition] if condition else parts)


def _counted(condition: str) -> str:
    return f"count(CASE WHEN {condition} THEN 1 END)"
