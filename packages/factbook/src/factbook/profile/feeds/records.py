"""Python's rows, as a driver gives them, on their way into the workshop: looked through a chunk at a time and written as JSON.

Measured for a million rows of 20 columns: msgspec writes them in 0.7 s, the standard library's ``csv`` in 6 s.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import msgspec

from factbook.profile.feeding import CUT_OVER, cut
from factbook.profile.feeds.loading import Loading
from factbook.sources.session import Row

EXPECTED: Mapping[str, frozenset[type]] = {
    "BIGINT": frozenset({int}),
    "HUGEINT": frozenset({int}),
    "DOUBLE": frozenset({int, float, Decimal}),
    "DECIMAL": frozenset({int, Decimal}),
    "BOOLEAN": frozenset({int, bool}),
    "DATE": frozenset({date}),
    "TIMESTAMP": frozenset({datetime}),
    "TIME": frozenset({time}),
}
"""What a column of a type may hold; into any other type goes everything, as it is written."""
NUMBERS: frozenset[type] = frozenset({int, float, Decimal, bool})
_PLAIN: frozenset[type] = frozenset({str, int, bool, Decimal})
"""What JSON writes as it should stand in a text."""


class Surprise(Exception):
    """A column holds values that its type cannot; the reading begins anew with another type. ``kinds`` are those of the values seen."""

    def __init__(self, key: str, kinds: set[type]) -> None:
        super().__init__(key)
        self.key = key
        self.kinds = kinds


class Recording:
    """Writes rows to a :class:`~factbook.profile.feeds.loading.Loading`; ``types`` are the columns', in their order."""

    def __init__(self, loading: Loading, types: Mapping[str, str]) -> None:
        self._loading = loading
        self._types = types
        self._encoder = msgspec.json.Encoder(enc_hook=str, decimal_format="string")

    def write(self, rows: Sequence[Row]) -> None:
        """Write a chunk. Raises :class:`Surprise` where a column holds what its type cannot."""
        columns = list(zip(*rows, strict=True))
        changed = False
        for place, (key, kind) in enumerate(self._types.items()):
            values = _fitting(key, kind, columns[place])
            changed = changed or values is not columns[place]
            columns[place] = values
        lines = self._encoder.encode_lines(list(zip(*columns, strict=True)) if changed else rows)
        # A row is a JSON array; a line break within a text is escaped, so this sequence stands between rows only.
        self._loading.write(lines[1:-2].replace(b"]\n[", b"\n") + b"\n")


def _fitting(key: str, kind: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a column's values as they can be written, the same object where nothing is to be done."""
    kinds = set(map(type, values)) - {type(None)}
    expected = EXPECTED.get(kind.partition("(")[0])
    if expected is not None and not kinds <= expected:
        raise Surprise(key, kinds)
    if expected is not None and expected <= NUMBERS:
        if float in kinds and not all(map(math.isfinite, filter(None, values))):
            return tuple([str(value) if isinstance(value, float) and not math.isfinite(value) else value for value in values])
        return values
    if kinds <= _PLAIN:
        is_long = str in kinds and max(map(len, [value for value in values if type(value) is str])) > CUT_OVER
        return tuple([cut(value) if type(value) is str else value for value in values]) if is_long else values
    return tuple([_text(value) for value in values])


def _text(value: Any) -> Any:
    match value:
        case None | str():
            return cut(value) if value is not None else None
        case bytes() | bytearray() | memoryview():
            return _bytes(bytes(value))
        case datetime() if value.tzinfo is not None:
            return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
        case dict() | list() | tuple() | set() | frozenset():
            return cut(msgspec.json.encode(value, enc_hook=str, order="deterministic").decode())
        case float():
            return repr(value)
        case _:
            return cut(str(value))


def _bytes(value: bytes) -> str:
    """Return bytes as hexadecimal digits, long ones by their MD5 and length."""
    if len(value) <= CUT_OVER // 2:
        return value.hex()
    return f"{hashlib.md5(value, usedforsecurity=False).hexdigest()}:{len(value)}"
