"""Raw rows out of files: JSON lines, CSV and JSON reports, packed by gzip or not. What cannot be read is yielded as such, by its place."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import msgspec

from factbook.backfill.inventory import RawFile
from factbook.backfill.mapping import Input
from factbook.backfill.paths import ALL, Row, Step, follow
from factbook_sdk.facts.codec import canonical_json, digest

MAX_ROW_BYTES = 16 * 1024 * 1024
"""The longest line that is read; of a longer one only its length is wrong, so it is passed over without being held."""

MAX_REPORT_BYTES = 64 * 1024 * 1024
"""The largest report; it is read whole."""

_NO_HEADER = "; without a header the file was not read"
_BOM = b"\xef\xbb\xbf"
_decode = msgspec.json.Decoder().decode
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Unreadable(msgspec.Struct, frozen=True):
    """A row that could not be read: its lines (or its number in a report) and why."""

    line: int
    last_line: int
    reason: str


class Line(msgspec.Struct, gc=False):
    """A line without its end; ``body`` is ``None`` for one that is too long."""

    number: int
    body: bytes | None


def read_rows(file: RawFile, source: Input, each: Sequence[Step] | None) -> Iterator[Row | Unreadable]:
    """Yield every row of a file in order. A file that breaks off gives what came before, and then an :class:`Unreadable`."""
    reached = 0
    try:
        with _opened(file) as stream:
            for row in _rows(stream, file.path, source, each):
                reached = row.last_line
                yield row
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        yield Unreadable(reached + 1, reached + 1, f"the file cannot be read from here on: {reason}")


def _opened(file: RawFile) -> BinaryIO:
    if file.location.suffix == ".gz":
        return gzip.open(file.location, "rb")  # type: ignore[return-value]
    return file.location.open("rb")


def _rows(stream: BinaryIO, path: PurePosixPath, source: Input, each: Sequence[Step] | None) -> Iterator[Row | Unreadable]:
    if source.format == "jsonl":
        return _json_lines(stream, path, source.encoding)
    if source.format == "csv":
        return _csv_rows(stream, path, source)
    return _report_rows(stream, path, source.encoding, each)


def _lines(stream: BinaryIO) -> Iterator[Line]:
    number = 0
    while body := stream.readline(MAX_ROW_BYTES + 1):
        number += 1
        is_whole = len(body) <= MAX_ROW_BYTES or body.endswith(b"\n")
        while not is_whole:
            rest = stream.readline(MAX_ROW_BYTES)
            is_whole = not rest or rest.endswith(b"\n")
            body = b""
        yield Line(number, (body.removeprefix(_BOM) if number == 1 else body).rstrip(b"\r\n") if body else None)


def _json_lines(stream: BinaryIO, path: PurePosixPath, encoding: str) -> Iterator[Row | Unreadable]:
    is_utf8 = encoding.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig")
    for line in _lines(stream):
        body, number = line.body, line.number
        if body is None:
            yield _too_long(number)
            continue
        if not body or body.isspace():
            continue
        try:
            value = _decode(body if is_utf8 else body.decode(encoding))
        except _UNREADABLE as error:
            yield Unreadable(number, number, _reason(error))
            continue
        if isinstance(value, dict):
            yield Row(value, path, number, number, digest(body))
        else:
            yield Unreadable(number, number, "it is no JSON object")


def _csv_rows(stream: BinaryIO, path: PurePosixPath, source: Input) -> Iterator[Row | Unreadable]:
    too_long: list[int] = []

    def texts() -> Iterator[str]:
        for line in _lines(stream):
            if line.body is None:
                too_long.append(line.number)
            # Bytes that are no text stay recognisable, so that only their row is refused.
            yield (line.body or b"").decode(source.encoding, "surrogateescape") + "\n"

    reader = csv.reader(texts(), delimiter=source.delimiter, strict=True)
    columns = source.columns
    while True:
        first = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Unreadable(first, reader.line_num, f"it is no CSV: {error}" + ("" if columns else _NO_HEADER))
            if columns is None:
                return
            continue
        last = reader.line_num
        if too_long:
            too_long.clear()
            yield _too_long(last)
        elif not cells:
            continue
        elif columns is None:
            columns = cells
            if len(set(columns)) != len(columns) or not all(_is_text(cell) for cell in columns):
                yield Unreadable(
                    first, last, "the header names a column twice, or is not in the encoding that the mapping states" + _NO_HEADER
                )
                return
        else:
            yield _csv_row(cells, columns, path, first, last)


def _csv_row(cells: list[str], columns: Sequence[str], path: PurePosixPath, first: int, last: int) -> Row | Unreadable:
    if len(cells) != len(columns):
        return Unreadable(first, last, f"it has {len(cells)} columns, and there should be {len(columns)}")
    value = {name: cell for name, cell in zip(columns, cells, strict=True) if cell}
    try:
        return Row(value, path, first, last, digest(canonical_json(cells)))
    except UnicodeEncodeError:
        return Unreadable(first, last, "it is not in the encoding that the mapping states")


def _report_rows(stream: BinaryIO, path: PurePosixPath, encoding: str, each: Sequence[Step] | None) -> Iterator[Row | Unreadable]:
    body = stream.read(MAX_REPORT_BYTES + 1)
    if len(body) > MAX_REPORT_BYTES:
        yield Unreadable(1, 1, f"the report has more than {MAX_REPORT_BYTES:,} bytes")
        return
    try:
        document = _decode(body.removeprefix(_BOM).decode(encoding))
    except _UNREADABLE as error:
        yield Unreadable(1, 1, _reason(error))
        return
    for number, (value, spot, around) in enumerate(_items(document, each or (), "", ()), start=1):
        if isinstance(value, dict):
            yield Row(value, path, number, number, digest(canonical_json(value)), spot or None, around)
        else:
            yield Unreadable(number, number, f"{spot or 'the report'} is no JSON object")


def _items(value: Any, steps: Sequence[Step], spot: str, around: tuple[Any, ...]) -> Iterator[tuple[Any, str, tuple[Any, ...]]]:
    """Yield each object that the steps lead to, with its path and the objects around its lists. A list that is not there is unreadable."""
    if not steps:
        yield value, spot, around
        return
    at = list(steps).index(ALL)
    within = follow(value, steps[:at])
    here = spot + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps[:at])
    if not isinstance(within, list):
        yield None, f"{here.lstrip('.') or 'the report'} is no list, so what is in it", ()
        return
    outer = (value, *around) if isinstance(value, dict) else around
    for index, item in enumerate(within):
        yield from _items(item, steps[at + 1 :], f"{here}[{index}]".lstrip("."), outer)


def _too_long(number: int) -> Unreadable:
    return Unreadable(number, number, f"the line has more than {MAX_ROW_BYTES:,} bytes")


def _is_text(cell: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in cell)


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"it is not in the encoding that the mapping states: {error.reason}"
    return f"it is no JSON: {error}" if not isinstance(error, RecursionError) else "it is nested too deep"
