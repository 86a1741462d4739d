"""The mapping: which raw files there are, and how their rows become records. TOML, or the same as JSON.

Here is its shape alone; what a rule means is compiled in :mod:`factbook.backfill.plan`. YAML is not read: it would need a library of its
own, and it takes ``no``, ``1_000`` and ``2024-01-10`` for something else than the text they are. A word about every part stands in
``docs/how-to/seed-history-from-old-logs.md``.
"""

from __future__ import annotations

import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from factbook.errors import InvalidRequest

Merge = Literal["same", "sum", "min", "max", "first", "last", "count", "collect", "any", "all"]
Type = Literal["any", "text", "integer", "number", "boolean", "moment"]
Format = Literal["jsonl", "csv", "json"]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where one value of a record comes from, and what becomes of it. Steps apply in the order: match, split, values, type, scale."""

    path: str | None = None
    constant: Any = UNSET
    fields: dict[str, Any] | None = None
    type: Type = "any"
    format: str = "iso"
    zone: str | None = None
    fold: Literal["earlier", "later"] | None = None
    match: str | None = None
    split: str | None = None
    values: dict[str, Any] | None = None
    scale: float | None = None
    default: Any = UNSET
    required: bool = False
    merge: Merge | None = None


class Where(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A condition on the raw row; a row for which one does not hold is skipped."""

    path: str
    equals: Any = UNSET
    unequal: Any = UNSET
    one_of: list[Any] | UnsetType = msgspec.field(name="in", default=UNSET)
    matches: str | None = None
    exists: bool | None = None


class Merging(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which rows describe the same run. ``rows`` leads to the number of rows a run should have."""

    by: list[str]
    unique_by: list[str] = []
    keep: Literal["first", "last"] = "last"
    order: str | None = None
    rows: str | None = None


class Input(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Files of one shape that give records of one kind. Values are rules: a path (``$.rows``), a constant, or a table."""

    name: str
    files: list[str]
    format: Format
    kind: str
    target: dict[str, Any]
    produced_at: Any
    producer_id: Any
    payload: dict[str, Any]
    version: int | None = None
    context: dict[str, Any] = {}
    quality: dict[str, Any] = {}
    extras: dict[str, Any] = {}
    where: list[Where] = []
    merge: Merging | None = None
    each: str | None = None
    encoding: str = "utf-8"
    delimiter: str = ","
    columns: list[str] | None = None


class Threshold(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much history a table needs before its variability can be judged."""

    runs: int = 14
    days: float = 7


class Expectation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What another system says about the same history: how many records there were, or what a field of theirs sums up to."""

    kind: str
    source_id: str | None = None
    schema: str | None = None
    table: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    records: int | None = None
    field: str | None = None
    sum: float | None = None
    tolerance: float = 0.0


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole mapping, as its file says it."""

    inputs: list[Input] = msgspec.field(name="input")
    baseline: Threshold = Threshold()
    expect: list[Expectation] = []


def load(file: Path) -> Mapping:
    """Read a mapping; raises :class:`InvalidRequest` naming the file, the place in it, and what to write there."""
    try:
        body = file.read_bytes()
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read", why=error.strerror or "", fix="Name a mapping file", field="mapping") from error
    document = _parse(file, body)
    try:
        mapping = msgspec.convert(document, Mapping)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise wrong(path.rstrip("`").lstrip("."), message) from error
    _check(mapping)
    return mapping


def wrong(place: str, why: str, fix: str = "") -> InvalidRequest:
    """Return the error for a mistake at a place of the mapping, such as ``input[0].merge.by``."""
    what = f"The mapping is wrong at {place}" if place else "The mapping is wrong"
    return InvalidRequest(
        what, why=why, fix=fix or "`docs/how-to/seed-history-from-old-logs.md` shows every part", field=place or "mapping"
    )


def _parse(file: Path, body: bytes) -> Any:
    if file.suffix not in (".toml", ".json"):
        raise InvalidRequest(
            f"{file.name} is no mapping",
            why=f"mappings are TOML or JSON files, and this ends with {file.suffix or 'nothing'}",
            fix="Write it as TOML and call it NAME.toml",
            field="mapping",
        )
    try:
        return tomllib.loads(body.decode("utf-8-sig")) if file.suffix == ".toml" else msgspec.json.decode(body)
    except (tomllib.TOMLDecodeError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(
            f"{file.name} cannot be read", why=str(error), fix=f"Correct the {file.suffix[1:].upper()} there", field="mapping"
        ) from error


def _check(mapping: Mapping) -> None:
    if not mapping.inputs:
        raise wrong("input", "there is none", "Begin one with [[input]]")
    names = [source.name for source in mapping.inputs]
    for number, source in enumerate(mapping.inputs):
        place = f"input[{number}]"
        if names.index(source.name) != number:
            raise wrong(f"{place}.name", f"there are two of the name {source.name!r}", "Give each a name of its own")
        if not source.files:
            raise wrong(f"{place}.files", "no file is named", 'Write for example files = ["logs/*.jsonl"]')
        _check_format(source, place)
    for number, expectation in enumerate(mapping.expect):
        _check_expectation(expectation, f"expect[{number}]")


def _check_format(source: Input, place: str) -> None:
    if source.each is not None and source.format != "json":
        raise wrong(f"{place}.each", f"rows of {source.format} are its lines", "Leave it out; it is for reports (format = 'json')")
    if source.columns is not None and source.format != "csv":
        raise wrong(f"{place}.columns", f"rows of {source.format} name their fields", "Leave it out; it is for CSV without a header")
    if len(source.delimiter) != 1 or source.delimiter in '"\r\n':
        raise wrong(f"{place}.delimiter", "it must be one character", 'Write for example delimiter = ";"')
    try:
        fits = '\n{,"'.encode(source.encoding) == b'\n{,"'
    except LookupError:
        raise wrong(f"{place}.encoding", f"{source.encoding!r} is unknown", "Write for example utf-8 or cp1252") from None
    if not fits:
        raise wrong(f"{place}.encoding", f"{source.encoding} cannot be cut into lines", "Convert the files to UTF-8 first (iconv)")


def _check_expectation(expectation: Expectation, place: str) -> None:
    if expectation.records is None and expectation.sum is None:
        raise wrong(place, "it expects nothing", "Give it records = N, or field and sum")
    if (expectation.sum is None) != (expectation.field is None):
        raise wrong(place, "sum and field go together", 'Write for example field = "payload.row_count" and sum = 1200')
    for name in ("since", "until"):
        moment = getattr(expectation, name)
        if moment is not None and moment.tzinfo is None:
            raise wrong(f"{place}.{name}", "it has no time zone", "Write for example 2024-01-31T00:00:00Z")
