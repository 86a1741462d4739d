"""Figures that somebody defined: a YAML file of SELECTs, each run for the tables that it names, read-only and within its time.

One that fails is a failure of this figure; the others are measured.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from factbook.errors import InvalidRequest, StatementFailed, StatementTimeout
from factbook.profile.statements import parts_of
from factbook.sources.contract import TableName
from factbook.sources.session import Row, Session
from factbook_sdk.facts.kinds.statistics_snapshot import UserMetric

TABLE = "{table}"
"""Stands for the table's quoted name in a statement; braces are otherwise left alone."""
LIMIT_SECONDS = 60.0
_MOST_VALUES = 100
_EXAMPLE = "Write `metrics:` and under it `- {name: unpaid, table: orders, sql: SELECT count(*) FROM {table}}`, a line each"

_Text = Annotated[str, Meta(min_length=1)]
_Name = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,79}$")]
_AT = re.compile(r" - at `(?:key` in `)?\$\.?([^`]*)`\Z")
"""Where msgspec says that a mistake is."""


class Metric(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One figure, or with ``values`` several of one statement, called ``name.value``.

    ``table`` is a pattern for ``table`` or ``schema.table``, ``source`` one for the source's id.
    """

    name: _Name
    table: _Text
    sql: _Text
    source: _Text = "*"
    values: list[_Name] = []
    unit: _Text | None = None
    description: _Text | None = None
    limit_seconds: Annotated[float, Meta(gt=0)] | None = None

    @property
    def names(self) -> list[str]:
        """What the figures of this metric are called."""
        return [f"{self.name}.{value}" for value in self.values] or [self.name]

    @property
    def digest(self) -> str:
        """BLAKE2b-128 of the statement as it is written."""
        return hashlib.blake2b(self.sql.encode(), digest_size=16).hexdigest()

    def covers(self, table: TableName) -> bool:
        """Return whether it is measured of a table."""
        return fnmatchcase(str(table) if "." in self.table else table.table, self.table)


class MetricsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    metrics: list[Metric]


class Metrics:
    """The metrics of one source, as a run asks for them; :meth:`measure` is a ``MetricsOf``."""

    def __init__(self, metrics: Iterable[Metric], source_id: str) -> None:
        self._metrics = [metric for metric in metrics if fnmatchcase(source_id, metric.source)]

    def unmatched(self, tables: Sequence[TableName]) -> list[str]:
        """Return the names of metrics that none of these tables is meant by: most likely a name was misspelt."""
        return [metric.name for metric in self._metrics if not any(map(metric.covers, tables))]

    def measure(self, session: Session, table: TableName, limit_seconds: float | None) -> list[UserMetric]:
        """Run every metric of a table, one after the other; ``limit_seconds`` is what all of them may take at most each."""
        limits = [limit_seconds] if limit_seconds is not None else []
        return [
            figure
            for metric in self._metrics
            if metric.covers(table)
            for figure in _figures(metric, session, table, min([metric.limit_seconds or LIMIT_SECONDS, *limits]))
        ]


def load_metrics(file: Path) -> list[Metric]:
    """Read a file of metrics (YAML 1.2); raises :class:`InvalidRequest` that names the place in it and what to write there."""
    try:
        found = msgspec.convert(_parse(file), MetricsFile).metrics
    except msgspec.ValidationError as error:
        said, place = _AT.sub("", str(error)), _AT.search(str(error))
        raise _wrong(file, said[:1].lower() + said[1:], _EXAMPLE, place[1] if place else None) from error
    names: set[str] = set()
    for number, metric in enumerate(found):
        _check(file, number, metric)
        repeated = names.intersection(metric.names)
        if repeated:
            raise _wrong(file, f"{min(repeated)} is defined twice", "Give every metric a name of its own", f"metrics[{number}].name")
        names.update(metric.names)
    return found


def _parse(file: Path) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = str(error.strerror) if isinstance(error, OSError) else "it is not UTF-8"
        raise InvalidRequest(f"{file} cannot be read", why=reason, fix="Name a file of metrics", field="metrics") from error
    try:
        document = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        fix = "Correct it; a key may stand once, and a text with a colon in it in quotes"
        raise _wrong(file, str(error.problem), fix, f"line {line}") from error
    except RecursionError as error:
        raise _wrong(file, "it is nested too deep", _EXAMPLE, None) from error
    except (YAMLError, ValueError) as error:
        raise _wrong(file, " ".join(str(error).split()), "Write YAML", None) from error
    return document


def _check(file: Path, number: int, metric: Metric) -> None:
    place = f"metrics[{number}].sql"
    parts = parts_of(metric.sql)
    if len(parts) != 1:
        raise _wrong(file, f"{metric.name} is {len(parts)} statements and has to be one", "Write one SELECT a metric", place)
    if not re.match(r"\(*\s*(SELECT|WITH|VALUES)\b", parts[0], re.IGNORECASE):
        raise _wrong(file, f"{metric.name} is no SELECT", "Write a SELECT, or WITH … SELECT, that gives one row", place)
    if len(metric.values) > _MOST_VALUES or len(set(metric.values)) != len(metric.values):
        raise _wrong(file, f"the values of {metric.name} are repeated or too many", "Name each column of the row once", place)


def _wrong(file: Path, why: str, fix: str, place: str | None) -> InvalidRequest:
    return InvalidRequest(f"{file} is no file of metrics", why=f"{place}: {why}" if place else why, fix=fix, field="metrics")


def _figures(metric: Metric, session: Session, table: TableName, limit_seconds: float) -> list[UserMetric]:
    statement = parts_of(metric.sql)[0].replace(TABLE, session.table(table))
    try:
        row = _only_row(session, statement, limit_seconds, len(metric.names))
        values: list[int | float | _Refusal] = [_number(value) for value in row]
    except StatementTimeout:
        values = [_Refusal(f"it took longer than {limit_seconds:g} s")] * len(metric.names)
    except StatementFailed as error:
        values = [_Refusal(_without_values(error.why or error.what))] * len(metric.names)
    except _Refusal as refusal:
        values = [refusal] * len(metric.names)
    return [
        UserMetric(name, metric.digest, unit=metric.unit, failure=str(value))
        if isinstance(value, _Refusal)
        else UserMetric(name, metric.digest, value, metric.unit)
        for name, value in zip(metric.names, values, strict=True)
    ]


class _Refusal(Exception):
    """Why there is no figure."""


def _only_row(session: Session, statement: str, limit_seconds: float, width: int) -> Row:
    if session.engine == "postgresql":
        # Without a cursor on the server it may use all its processes.
        rows = session.rows(f"SELECT * FROM ({statement}) AS metric LIMIT 2", limit_seconds=limit_seconds)
    else:
        rows = _first_rows(session, statement, limit_seconds)
    if len(rows) != 1:
        raise _Refusal("it gave no row and has to give one" if not rows else "it gave more rows than one")
    if len(rows[0]) != width:
        named = "name its columns as `values`" if width == 1 else f"`values` names {width}"
        raise _Refusal(f"its row has {len(rows[0])} columns; {named}")
    return rows[0]


def _first_rows(session: Session, statement: str, limit_seconds: float) -> list[Row]:
    """Return two rows at most. More than one are an error, however many they are: the rest is left where it is."""
    chunks = session.chunks(statement, size=2, limit_seconds=limit_seconds)
    try:
        return next(iter(chunks), [])
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()


def _number(value: Any) -> int | float | _Refusal:
    """Return a value as a number that JSON carries, or what it was instead; the value itself is not told."""
    if isinstance(value, Decimal) and value.is_finite():
        value = int(value) if value == value.to_integral_value() and abs(value) < _EXACT else float(value)
    if isinstance(value, int):
        return int(value) if abs(value) < _EXACT else float(value)
    if isinstance(value, float | Decimal):
        return value if isinstance(value, float) and math.isfinite(value) else _Refusal("it gave a number that is not finite")
    kind = _KINDS.get(type(value), type(value).__name__)
    return _Refusal("it gave NULL" if value is None else f"it gave {kind} and has to give a number")


_EXACT = 2**53
"""Above it JSON's numbers are not the same everywhere."""
_KINDS: dict[type, str] = {str: "a text", bytes: "bytes", bytearray: "bytes", list: "a list", dict: "a document"}


def _without_values(reason: str) -> str:
    """Return what an engine said without the value that it quotes after a colon (``invalid input syntax for type integer: "…"``)."""
    return re.sub(r"(value|syntax for [^:]*|range[^:]*|out of range[^:]*):\s*['\"].*", r"\1", " ".join(reason.split()), flags=re.IGNORECASE)
