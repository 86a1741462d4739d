"""A mapping, compiled: each input becomes a plan that takes values from rows and builds records of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import UNSET

from factbook.backfill.aggregates import Aggregate, aggregate_of
from factbook.backfill.mapping import Input, Mapping, Merging, Rule, wrong
from factbook.backfill.moments import microseconds, moment_reader
from factbook.backfill.paths import Look, Row, compile_path, parse_steps
from factbook.backfill.rules import Extract, compile_rule, compile_where, is_rule, read_rule
from factbook.errors import InvalidRequest, UnknownKind
from factbook_sdk.facts import Kind, MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.codec import canonical_json

_TARGET = ("source_id", "schema", "table", "name", "extras")
_CONTEXT = ("job_id", "run_id", "namespace", "cluster", "workspace", "environment", "extras")
_OPEN = ("payload", "quality", "extras")
"""Parts of a record whose fields the mapping names freely."""

PROVENANCE = "original_source"

Place = tuple[str, ...]
T = TypeVar("T")


class KnownKinds(Protocol):
    """Where a mapping's kinds are looked up."""

    def get(self, name: str) -> Kind:
        """Return a kind; raises :class:`UnknownKind`."""


class BadRow(Exception):
    """A row that gives no record. With a ``key``, its run is known, and then the run gives none either."""

    def __init__(self, reason: str, key: bytes | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.key = key


class Field(msgspec.Struct, frozen=True):
    """One value of a record: its place (``("payload", "row_count")``), where it comes from, and how it is merged."""

    place: Place
    extract: Extract
    aggregate: Callable[[], Aggregate]
    merge: str


class Taken(msgspec.Struct, gc=False):
    """What was taken from a row: its run, what makes it one of a kind in it, its rank in it, and the values of the fields."""

    key: bytes | None
    unique: bytes | None
    rank: int | float | str | None
    values: list[Any]


class Plan:
    """One input, compiled. ``number`` is its place in the mapping. Raises :class:`InvalidRequest` for what cannot be compiled."""

    def __init__(self, number: int, source: Input, kinds: KnownKinds) -> None:
        self.number = number
        self.source = source
        self._place = f"input[{number}]"
        self._check_kind(kinds)
        self.fields = list(self._fields())
        self.each = None if source.each is None else self._compiled("each", partial(_each, source.each))
        self._where = [self._compiled(f"where[{index}]", partial(compile_where, condition)) for index, condition in enumerate(source.where)]
        merging = source.merge or Merging(by=[])
        self.merges = source.merge is not None
        if self.merges and not merging.by:
            raise wrong(f"{self._place}.merge.by", "no path is named", 'Write for example by = ["$.run_id", "$.table"]')
        self._key = self._looks("merge.by", merging.by)
        self._unique = self._looks("merge.unique_by", merging.unique_by)
        self.is_unique = bool(self._unique)
        self.keeps_last = merging.keep == "last"
        self._rank = self._looks("merge.order", [merging.order])[0][1] if merging.order is not None else None
        self.counts_rows = merging.rows is not None
        if merging.rows is not None:
            self.fields.append(Field(("rows",), self._looks("merge.rows", [merging.rows])[0][1], aggregate_of("same"), "same"))
        self._extracts = [field.extract for field in self.fields]
        self._unseen = {index for index, field in enumerate(self.fields) if field.merge != "count"}
        self.version = source.version or kinds.get(source.kind).latest_version

    def wants(self, row: Row) -> bool:
        """Return whether the mapping's conditions take the row."""
        return all(test(row) for test in self._where)

    def take(self, row: Row) -> Taken:
        """Return what the mapping takes from a row; raises :class:`BadRow`."""
        key = self._joined(self._key, row, None) if self.merges else None
        values: list[Any] = []
        try:
            for extract in self._extracts:
                values.append(extract(row))
        except ValueError as error:
            raise BadRow(str(error), key) from None
        if self._unseen:
            self._unseen -= {index for index in self._unseen if values[index] is not None}
        if values[0] is None:
            raise BadRow("produced_at is missing", key)
        if not self.merges:
            return Taken(None, None, None, values)
        return Taken(key, self._joined(self._unique, row, key) if self.is_unique else None, self._ranked(row, values[0], key), values)

    @property
    def unseen(self) -> list[str]:
        """The fields for which no row taken so far had a value: a path that is misspelt looks like this."""
        return sorted(".".join(self.fields[index].place) for index in self._unseen)

    def build(self, values: Sequence[Any], provenance: dict[str, Any], tenant: str) -> MetadataRecord:
        """Return the record of merged values; raises :class:`InvalidRecord` for what can be none."""
        parts: dict[str, Any] = {}
        for field, value in zip(self.fields, values, strict=True):
            if value is not None:
                inner = parts
                for step in field.place[:-1]:
                    inner = inner.setdefault(step, {})
                inner[field.place[-1]] = value
        return MetadataRecord(
            _target(parts.get("target", {})),
            self.source.kind,
            parts.get("payload", {}),
            datetime.fromisoformat(parts["produced_at"]),
            parts.get("producer_id", ""),
            MetadataContext(**parts.get("context", {}), tenant=tenant),
            self.version,
            parts.get("quality", {}),
            parts.get("extras", {}) | {PROVENANCE: provenance},
        )

    def _ranked(self, row: Row, produced_at: str, key: bytes | None) -> int | float | str:
        """Return where in its run the row belongs: by its moment, unless the mapping names something else."""
        if self._rank is None:
            return microseconds(datetime.fromisoformat(produced_at))
        rank = self._rank(row)
        if isinstance(rank, (int, float, str)) and not (isinstance(rank, int) and abs(rank) >= 2**63):
            return rank
        raise BadRow("what the run's rows are ordered by is missing, or neither number nor text", key)

    def _fields(self) -> Iterator[Field]:
        source = self.source
        yield self._field(("produced_at",), source.produced_at, merge="max", type="moment")
        yield self._field(("producer_id",), source.producer_id, type="text")
        for part, names, rules in (("target", _TARGET, source.target), ("context", _CONTEXT, source.context)):
            for name, rule in rules.items():
                if name not in names:
                    raise wrong(f"{self._place}.{part}.{name}", "there is no such field", self._known(part, name, names))
                yield from self._nested((part, name), rule) if name == "extras" else [self._field((part, name), rule, type="text")]
        for part in _OPEN:
            for name, rule in getattr(source, part).items():
                yield from self._nested((part, *name.split(".")), rule)

    def _nested(self, place: Place, value: Any) -> Iterator[Field]:
        if is_rule(value):
            yield self._field(place, value)
            return
        for name, rule in value.items():
            yield from self._nested((*place, *name.split(".")), rule)

    def _field(self, place: Place, value: Any, *, merge: str = "same", type: str | None = None) -> Field:
        name = ".".join(place)

        def compiled() -> Field:
            rule = read_rule(value)
            if type is not None and rule.type == "any":
                rule = msgspec.structs.replace(rule, type=type)
            if type == "moment" and rule.type != "moment":
                raise ValueError("it is a moment and can have no other type")
            if place[0] in ("target", "producer_id") and rule.path is not None:
                # A table whose name is missing would make it a fact about the whole source.
                rule = msgspec.structs.replace(rule, required=rule.default is UNSET)
            if type == "moment" and rule.path is None:
                # Refused now, and not once per row.
                rule = msgspec.structs.replace(rule, constant=moment_reader("iso", None, None)(rule.constant))
            chosen = rule.merge or merge
            return Field(place, self._extract(rule), aggregate_of(chosen, of_moments=rule.type == "moment"), chosen)

        if "" in place:
            raise wrong(f"{self._place}.{name}", "a part of the name is empty")
        if place == ("extras", PROVENANCE):
            raise wrong(f"{self._place}.{name}", "Factbook writes there where a record comes from", "Choose another name")
        return self._compiled(name, compiled)

    def _extract(self, rule: Rule) -> Extract:
        if rule.fields is None:
            return compile_rule(rule)
        fields = [field for name, value in rule.fields.items() for field in self._nested(tuple(name.split(".")), value)]
        if any(field.merge != "same" for field in fields):
            raise ValueError("what stands in fields is taken from one row; merge belongs beside fields")
        inner = [(field.place, field.extract) for field in fields]

        def extract(row: Row) -> Any:
            found: dict[str, Any] = {}
            for place, take in inner:
                value = take(row)
                if value is not None:
                    at = found
                    for step in place[:-1]:
                        at = at.setdefault(step, {})
                    at[place[-1]] = value
            return found or None

        return extract

    def _looks(self, name: str, paths: Sequence[str]) -> list[tuple[str, Look]]:
        """Return what looks up each path; a name such as ``context.run_id`` stands for what that field takes."""
        known = {".".join(field.place): field.extract for field in self.fields}
        return [(path, known[path] if path in known else self._compiled(name, partial(compile_path, path))) for path in paths]

    @staticmethod
    def _joined(looks: Sequence[tuple[str, Look]], row: Row, key: bytes | None) -> bytes:
        values = []
        for path, look in looks:
            try:
                value = look(row)
            except ValueError as error:
                raise BadRow(str(error), key) from None
            if value is None:
                raise BadRow(f"{path} is missing, and runs are told apart by it", key)
            values.append(value)
        return canonical_json(values)

    def _compiled(self, name: str, compile: Callable[[], T]) -> T:
        try:
            return compile()
        except ValueError as error:
            if isinstance(error, InvalidRequest):
                raise
            raise wrong(f"{self._place}.{name}", str(error)) from error

    def _check_kind(self, kinds: KnownKinds) -> None:
        try:
            kind = kinds.get(self.source.kind)
            if self.source.version is not None:
                kind.schema_of(self.source.version)
        except UnknownKind as error:
            raise wrong(f"{self._place}.{error.field}", f"{error.what}, {error.why}", "`factbook kinds list` shows all") from error
        names = self.source.target.keys()
        if "source_id" not in names:
            raise wrong(f"{self._place}.target", "it names no source_id", 'Write for example source_id = "shop"')
        if "name" in names and "table" in names:
            raise wrong(f"{self._place}.target", "name (schema.table) and table exclude each other", "Leave one out")

    @staticmethod
    def _known(part: str, name: str, names: Sequence[str]) -> str:
        if (part, name) == ("context", "tenant"):
            return "Leave it out: records belong to the tenant of the settings (TENANT)"
        return f"There are {', '.join(names)}"


def compile_mapping(mapping: Mapping, kinds: KnownKinds) -> list[Plan]:
    """Return the plans of a mapping's inputs; raises :class:`InvalidRequest` naming the place that is wrong."""
    return [Plan(number, source, kinds) for number, source in enumerate(mapping.inputs)]


def _each(path: str) -> list[Any]:
    if not path.startswith("$"):
        raise ValueError(f"{path!r} is no path; write for example $.tables[*].checks[*]")
    steps = parse_steps(path[1:])
    if not steps or steps[-1] != "[*]":
        raise ValueError(f"{path!r} leads to no list; it ends with [*]")
    return steps


def _target(parts: dict[str, Any]) -> MetadataTarget:
    name = parts.pop("name", None)
    if name is not None:
        schema, dot, table = name.rpartition(".")
        if "." in schema:
            raise ValueError(f"{name!r} has more than one dot: say what is schema and what table, by two rules with match")
        parts["table"] = table
        if dot:
            parts["schema"] = schema
    if "source_id" not in parts:
        raise ValueError("target.source_id is missing")
    return MetadataTarget(**parts)
