"""Which values a column's type can hold, and how two types compare: the question is what can still be read and written.

A type belongs to a family and has bounds in it. Within a family one type either holds all that the other held or it does not. Between
families a few conversions keep every value (integers in a numeric, dates in a timestamp, labels in a text); all others replace the type.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache

import msgspec

from factbook_sdk.facts.kinds.schema_snapshot import Column

INFINITE = 2**63
"""Stands for no bound on a length, a scale or a number of digits."""


class Relation(StrEnum):
    """How the type after compares with the type before."""

    SAME = "same"
    WIDENED = "widened"
    NARROWED = "narrowed"
    GENERALISED = "generalised"
    SPECIALISED = "specialised"
    REPLACED = "replaced"


class Held(msgspec.Struct, frozen=True):
    """What a type can hold. ``low`` and ``high`` bound integers; ``digits`` (before the point) and ``scale`` decimals; ``scale`` the
    fraction of a second as well; ``bits`` a float's mantissa. A text surely holds ``surely`` characters and at most ``at_most``, which
    differ where the engine counts bytes. ``detail`` must be equal for two types of a family to compare at all."""

    family: str
    detail: str = ""
    low: int = 0
    high: int = 0
    digits: int = 0
    scale: int = 0
    bits: int = 0
    surely: int = 0
    at_most: int = 0
    labels: frozenset[str] = frozenset()

    def holds_all_of(self, other: Held) -> bool:
        """Return whether every value of another type of the family fits."""
        return (
            self.low <= other.low
            and self.high >= other.high
            and self.digits >= other.digits
            and self.scale >= other.scale
            and self.bits >= other.bits
            and self.surely >= other.at_most
            and self.labels >= other.labels
        )


_INTEGERS = {
    "tinyint": 8,
    "int1": 8,
    "smallint": 16,
    "int2": 16,
    "mediumint": 24,
    "integer": 32,
    "int": 32,
    "int4": 32,
    "signed": 32,
    "bigint": 64,
    "int8": 64,
    "long": 64,
    "hugeint": 128,
}
_UNSIGNED = {"utinyint": 8, "usmallint": 16, "uinteger": 32, "ubigint": 64, "uhugeint": 128}
_FLOATS = {"real": 24, "float4": 24, "float": 24, "double": 53, "double precision": 53, "float8": 53}
_DECIMALS = {"numeric", "decimal", "dec", "number"}
_TEXTS = {"text", "clob", "string", "ntext"}
_VARYING = {"character varying", "varchar", "nvarchar", "varchar2", "native character", "varying character"}
_PADDED = {"character", "char", "nchar", "bpchar"}
_BYTES = {"bytea", "blob", "image"}
_VARBINARY = {"varbinary", "binary varying"}
_MYSQL_TEXTS = {"tinytext": 2**8 - 1, "mediumtext": 2**24 - 1, "longtext": 2**32 - 1}
_MYSQL_BYTES = {"tinyblob": 2**8 - 1, "mediumblob": 2**24 - 1, "longblob": 2**32 - 1}
_MYSQL_TEXT = 2**16 - 1
_BYTES_PER_CHARACTER = 4
_DUCKDB_FRACTIONS = {"timestamp_s": 0, "timestamp_ms": 3, "timestamp_ns": 9}
_DEFAULT_FRACTION = 6

_SHAPE = re.compile(r"(?P<base>[a-z_][a-z0-9_ ]*?)\s*(?:\((?P<arguments>[^()]*)\))?(?P<rest>(?:\s[a-z ]*)?)")
_ARRAY = re.compile(r"(\[\d*\])+$")


def compare_types(before: Column, after: Column, engine: str | None = None) -> Relation:
    """Compare the types of a column. ``engine`` matters for SQLite, whose declared types bind little; ``None`` reads them literally."""
    old, new = held_by(before, engine), held_by(after, engine)
    if old == new:
        return Relation.SAME
    if (old.family, old.detail) == (new.family, new.detail):
        return Relation.WIDENED if new.holds_all_of(old) else Relation.NARROWED
    if _keeps_all(old, new):
        return Relation.GENERALISED
    return Relation.SPECIALISED if _may_come_from(new, old) else Relation.REPLACED


def _keeps_all(old: Held, new: Held) -> bool:
    """Return whether every value of one family survives in the other."""
    match old.family, new.family:
        case "integer", "decimal":
            return new.digits >= max(len(str(abs(old.low))), len(str(abs(old.high))))
        case "integer", "float":
            return max(abs(old.low), abs(old.high)) <= 1 << new.bits
        case "date", "timestamp":
            return True
        case "enum", "text":
            return new.surely >= max(map(len, old.labels), default=0)
        case "text", "text":
            # Blanks at the end that padding adds are no loss; those that it takes for its own are.
            return old.detail == "padded" and new.surely >= old.at_most
        case _:
            return False


def _may_come_from(new: Held, old: Held) -> bool:
    """Return whether the type before was a more general one than the type after."""
    pairs = {("decimal", "integer"), ("float", "integer"), ("float", "decimal"), ("timestamp", "date"), ("text", "enum"), ("text", "text")}
    return (old.family, new.family) in pairs


def held_by(column: Column, engine: str | None = None) -> Held:
    """Return what a column's type holds; a domain's is that of its base type."""
    printed = (column.domain.base_type if column.domain is not None and column.domain.base_type else column.data_type).strip()
    array = _ARRAY.search(printed)
    element = printed[: array.start()] if array else printed
    if engine == "sqlite":
        return _by_affinity(printed)
    if column.enum_values:
        is_set = printed.lower().startswith("set(")
        return Held("set" if is_set else "enum", array[0] if array else "", labels=frozenset(column.enum_values))
    held = _scalar(element, bool(column.unsigned), _is_mysql(element, column, engine))
    return held if array is None else msgspec.structs.replace(held, family=f"array of {held.family}", detail=array[0] + held.detail)


@lru_cache(maxsize=2048)
def _scalar(printed: str, is_unsigned: bool, is_mysql: bool) -> Held:
    """Read a type that is no array. The same few stand in thousands of columns."""
    shape = _SHAPE.fullmatch(printed.lower())
    if shape is None:
        return Held("other", printed)
    words = f"{shape['base']}{shape['rest']}".split()
    unsigned = is_unsigned or "unsigned" in words
    base = " ".join(word for word in words if word not in ("unsigned", "zerofill"))
    arguments = [int(item) for item in (shape["arguments"] or "").split(",") if item.strip().lstrip("-").isdigit()]
    first = arguments[0] if arguments else None
    for family in (_number, _text, _bytes, _moment):
        held = family(base, first, arguments, unsigned=unsigned, is_mysql=is_mysql)
        if held is not None:
            return held
    return Held("other", " ".join(printed.lower().split()))


def _number(base: str, first: int | None, arguments: list[int], *, unsigned: bool, is_mysql: bool) -> Held | None:
    if base in _INTEGERS or base in _UNSIGNED:
        bits = _INTEGERS.get(base) or _UNSIGNED[base]
        if unsigned or base in _UNSIGNED:
            return Held("integer", low=0, high=2**bits - 1)
        return Held("integer", low=-(2 ** (bits - 1)), high=2 ** (bits - 1) - 1)
    if base in _FLOATS:
        return Held("float", bits=_FLOATS[base], low=0 if unsigned else -1)
    if base in _DECIMALS:
        scale = arguments[1] if len(arguments) > 1 else 0
        bounds = (INFINITE, INFINITE) if first is None else (first - scale, scale)
        return Held("decimal", digits=bounds[0], scale=bounds[1], low=0 if unsigned else -1)
    return Held("boolean") if base in ("boolean", "bool") else None


def _text(base: str, first: int | None, arguments: list[int], *, unsigned: bool, is_mysql: bool) -> Held | None:
    limit = _MYSQL_TEXTS.get(base, _MYSQL_TEXT if base == "text" and is_mysql else None)
    if limit is not None:
        return Held("text", surely=limit // _BYTES_PER_CHARACTER, at_most=limit)
    if base in _TEXTS:
        return Held("text", surely=INFINITE, at_most=INFINITE)
    if base in _VARYING:
        return Held("text", surely=first or INFINITE, at_most=first or INFINITE)
    return Held("text", "padded", surely=first or 1, at_most=first or 1) if base in _PADDED else None


def _bytes(base: str, first: int | None, arguments: list[int], *, unsigned: bool, is_mysql: bool) -> Held | None:
    limit = _MYSQL_BYTES.get(base, _MYSQL_TEXT if base == "blob" and is_mysql else INFINITE if base in _BYTES else None)
    if base in _VARBINARY:
        limit = first or INFINITE
    if limit is not None:
        return Held("binary", surely=limit, at_most=limit)
    if base == "bit varying":
        return Held("bits", surely=first or INFINITE, at_most=first or INFINITE)
    return Held("binary", "padded", surely=first or 1, at_most=first or 1) if base == "binary" else None


def _moment(base: str, first: int | None, arguments: list[int], *, unsigned: bool, is_mysql: bool) -> Held | None:
    fraction = first if first is not None else 0 if is_mysql else _DEFAULT_FRACTION
    if base == "date":
        return Held("date")
    if base in _DUCKDB_FRACTIONS:
        return Held("timestamp", scale=_DUCKDB_FRACTIONS[base])
    if base in ("timestamp without time zone", "datetime") or (base == "timestamp" and not is_mysql):
        return Held("timestamp", scale=fraction)
    if base == "timestamp":
        # MySQL's is converted from and to the session's zone, and ends in 2038.
        return Held("timestamp of the session", scale=fraction)
    if base in ("timestamp with time zone", "timestamptz"):
        return Held("timestamp with zone", scale=fraction)
    if base in ("time without time zone", "time"):
        return Held("time", scale=fraction)
    return Held("time with zone", scale=fraction) if base in ("time with time zone", "timetz") else None


def _is_mysql(printed: str, column: Column, engine: str | None) -> bool:
    """MySQL states a character set for every text, and alone prints these names in small letters and without their zone."""
    if engine is not None:
        return engine in ("mysql", "mariadb")
    return column.character_set is not None or printed.split("(")[0] in ("timestamp", "datetime", "time", "blob")


def _by_affinity(declared: str) -> Held:
    """SQLite stores by affinity and keeps to no length (https://www.sqlite.org/datatype3.html, section 3.1)."""
    name = declared.upper()
    if "INT" in name:
        return Held("integer")
    if any(word in name for word in ("CHAR", "CLOB", "TEXT")):
        return Held("text")
    if not name or "BLOB" in name or name == "ANY":
        return Held("binary")
    return Held("float") if any(word in name for word in ("REAL", "FLOA", "DOUB")) else Held("decimal")
