"""A question to the log as the form of the query builder asks it: row by row, and what is wrong beside the row that is wrong."""

from __future__ import annotations

import shlex
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec
from starlette.datastructures import QueryParams

from factbook.errors import InvalidRequest
from factbook.web.moments import read_moment
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.record import MAX_NAME_LENGTH
from factbook_sdk.repository.contract import Targets, Within
from factbook_sdk.repository.filters import Condition, Operator, parse_condition

MAX_ROWS = 12
ROOTS = ("payload", "target", "context", "quality", "extras")
OPERATORS = tuple(operator.value for operator in Operator)
Order = Literal["asc", "desc"]


class Row(msgspec.Struct, frozen=True):
    """One condition as it was written, and what is wrong with it."""

    path: str = ""
    operator: str = "="
    value: str = ""
    problem: str | None = None


class Asked(msgspec.Struct, frozen=True):
    """What was asked of the log, as it was written. ``problems`` are by field; with any of them nothing is looked up."""

    kind: str = ""
    source_id: str = ""
    schema: str = ""
    table: str = ""
    producer_id: str = ""
    run_id: str = ""
    since: str = ""
    until: str = ""
    order: Order = "desc"
    rows: list[Row] = []
    problems: dict[str, str] = {}

    @property
    def is_good(self) -> bool:
        """Whether it can be looked up."""
        return bool(self.kind) and not self.problems and not any(row.problem for row in self.rows)


class Question(msgspec.Struct, frozen=True):
    """The same as the log takes it."""

    kind: str
    where: list[str]
    source_id: str | None
    schema: str | None
    table: str | None
    producer_id: str | None
    since: datetime | None
    until: datetime | None
    order: Order

    @property
    def conditions(self) -> list[Condition]:
        """Return what must hold."""
        return [parse_condition(text) for text in self.where]

    @property
    def targets(self) -> Targets | None:
        """Return what the records must be about; ``None`` for anything."""
        if self.source_id is None:
            return None
        if self.table is not None:
            return [MetadataTarget(self.source_id, self.schema, self.table)]
        return Within(self.source_id, self.schema)

    def command(self, limit: int) -> str:
        """Return the command that asks the same."""
        where = [*self.where, *([f"target.table={_quoted(self.table)}"] if self.table is not None else [])]
        words = ["factbook", "records", "query", self.kind]
        words += [word for text in where for word in ("--where", text)]
        named = {"source": self.source_id, "schema": self.schema, "producer": self.producer_id}
        named |= {"since": _iso(self.since), "until": _iso(self.until)}
        words += [word for name, value in named.items() if value is not None for word in (f"--{name}", value)]
        return shlex.join([*words, "--order", self.order, "--limit", str(limit)])

    def address(self, limit: int) -> str:
        """Return the path and query of the API that asks the same."""
        asked: dict[str, Any] = {"kind": self.kind, "where": self.where, "source_id": self.source_id, "schema": self.schema}
        asked |= {"table": self.table, "producer_id": self.producer_id, "order": self.order, "limit": limit}
        asked |= {"since": _iso(self.since), "until": _iso(self.until)}
        return f"/records/query?{urlencode({name: value for name, value in asked.items() if value}, doseq=True)}"


def read_asked(query: QueryParams) -> Asked:
    """Read a question from an address; conditions come as rows, or as ``where`` in the words of the API."""
    problems: dict[str, str] = {}

    def text(name: str) -> str:
        value = query.get(name, "").strip()
        if "\x00" in value or len(value) > MAX_NAME_LENGTH:
            problems[name] = f"It has {len(value):,} characters; at most {MAX_NAME_LENGTH:,} and no NUL are taken."
            return value[:MAX_NAME_LENGTH].replace("\x00", "")
        return value

    named = {name: text(name) for name in ("kind", "source_id", "schema", "table", "producer_id", "run_id", "since", "until")}
    for name in ("since", "until"):
        if named[name] and read_moment(named[name]) is None:
            problems[name] = "That is no moment. Write for example 2026-01-31 or 2026-01-31 12:00."
    if (named["schema"] or named["table"]) and not named["source_id"]:
        problems["source_id"] = "A schema or table is one of a source: name it, too."
    rows = [_row_of(text) for text in query.getlist("where")[:MAX_ROWS] if text.strip()]
    places = range(1, MAX_ROWS + 1)
    rows += [_checked(query.get(f"path{at}", ""), query.get(f"operator{at}", "="), query.get(f"value{at}", "")) for at in places]
    return Asked(
        **named,
        order="asc" if query.get("order") == "asc" else "desc",
        rows=[row for row in rows if row.path or row.value][:MAX_ROWS],
        problems=problems,
    )


def question_of(asked: Asked, as_of: datetime | None) -> Question:
    """Return a good question as the log takes it; at a moment, what came later is not known."""
    until = read_moment(asked.until) if asked.until else None
    if as_of is not None and as_of.year < 9999:
        end = as_of + datetime.resolution
        until = end if until is None else min(until, end)
    where = [f"context.run_id={_quoted(asked.run_id)}"] if asked.run_id else []
    return Question(
        kind=asked.kind,
        where=[*where, *(_text_of(row) for row in asked.rows)],
        source_id=asked.source_id or None,
        schema=asked.schema or None,
        table=asked.table or None,
        producer_id=asked.producer_id or None,
        since=read_moment(asked.since) if asked.since else None,
        until=until,
        order=asked.order,
    )


def _row_of(text: str) -> Row:
    try:
        found = parse_condition(text)
    except InvalidRequest as error:
        return Row(text, "=", "", _words(error))
    _, _, rest = text.partition(found.path)
    return Row(found.path, found.operator.value, rest.strip()[len(found.operator.value) :].strip())


def _checked(path: str, operator: str, value: str) -> Row:
    """Return a row; a path without a root is one into the payload."""
    path, value = path.strip(), value.strip()
    if not path:
        return Row(path, operator, value, "Name what is compared, for example payload.row_count." if value else None)
    row = Row(path if path.partition(".")[0] in ROOTS else f"payload.{path}", operator, value)
    if operator not in OPERATORS:
        return Row(row.path, "=", value, f"{operator[:20]!r} is no comparison.")
    if operator == "exists" and value:
        return msgspec.structs.replace(row, problem="Nothing may stand behind exists.")
    try:
        found = parse_condition(_text_of(row))
    except InvalidRequest as error:
        return msgspec.structs.replace(row, problem=_words(error))
    is_meant = (found.path, found.operator.value) == (row.path, row.operator)
    return row if is_meant else msgspec.structs.replace(row, problem="A path has letters, digits, _, - and points alone.")


def _text_of(row: Row) -> str:
    if row.operator == "exists":
        return f"{row.path} exists"
    return f"{row.path}{row.operator}{row.value}" if row.operator not in ("in", "like") else f"{row.path} {row.operator} {row.value}"


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _words(error: InvalidRequest) -> str:
    return f"{error}."


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
