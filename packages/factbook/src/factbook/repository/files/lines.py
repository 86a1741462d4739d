"""The lines of the log, and what is whole among them.

``{"offset":7,"commit":[6,8],"writer":"1f2e3d4c","id":"…","record":{…}}``: a record's place, the first and the last offset of what was
written together with it, who wrote it (a name made up at each opening), its content id, and the record in canonical JSON. The id is the
digest of exactly these bytes, so a line proves itself; a commit of which a line is missing never happened.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import msgspec

from factbook_sdk.facts import DEFAULT_TENANT, MetadataRecord, MetadataTarget, record_id
from factbook_sdk.facts.codec import decode_record, digest
from factbook_sdk.repository.contract import StoredRecord

_RECORD = b',"record":'
_ENOUGH_LINES = 1_000
_BEGINNING = re.compile(rb'(?=\{"offset":)')
"""Of a line; within one, quotation marks are escaped."""


class _Tenancy(msgspec.Struct, frozen=True, gc=False):
    tenant: str = DEFAULT_TENANT


class Head(msgspec.Struct, gc=False):
    """What the index needs of a record."""

    kind: str
    payload: msgspec.Raw
    produced_at: datetime
    producer_id: str
    target: MetadataTarget
    context: _Tenancy = _Tenancy()


class _Line(msgspec.Struct, gc=False):
    offset: int
    commit: tuple[int, int]
    id: str
    record: Head


class _StoredLine(msgspec.Struct, gc=False):
    offset: int
    id: str
    record: MetadataRecord


class Found(msgspec.Struct, gc=False):
    """A line: where it is in its segment, and what it says."""

    offset: int
    commit: tuple[int, int]
    id: bytes
    head: Head
    position: int
    length: int

    @property
    def state_digest(self) -> bytes | None:
        """Return the payload's digest, ``None`` for a tombstone."""
        payload = bytes(self.head.payload)
        return None if payload == b"null" else digest(payload)


class Parsed(msgspec.Struct):
    """The lines of whole commits, where they end, whether reading stopped there because it was enough, and whether what follows is damaged.

    What a process that died left behind is no damage: it is the last thing in the log, and nobody was told that it was kept.
    """

    lines: list[Found]
    end: int
    is_enough: bool = False
    damage: str | None = None


_decoder = msgspec.json.Decoder(_Line)
_stored_decoder = msgspec.json.Decoder(_StoredLine)


def encode(first_offset: int, writer: str, records: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
    """Return the lines of a commit of records, given as 16-byte ids and canonical bodies."""
    last = first_offset + len(records) - 1
    commit = b'"commit":[%d,%d],"writer":"%b"' % (first_offset, last, writer.encode())
    return [
        b'{"offset":%d,%b,"id":"%b"%b%b}\n' % (offset, commit, content_id.hex().encode(), _RECORD, body)
        for offset, (content_id, body) in enumerate(records, start=first_offset)
    ]


def to_stored(line: bytes) -> StoredRecord:
    """Return the record of a line."""
    found = _stored_decoder.decode(line)
    return StoredRecord(found.offset, found.id, found.record)


def body_of(line: bytes) -> bytes:
    """Return the canonical JSON of a line's record."""
    return line[line.index(_RECORD) + len(_RECORD) : -2 if line.endswith(b"\n") else -1]


def parse(content: bytes, start: int, position: int, next_offset: int) -> Parsed:
    """Read lines from ``start`` on, the first of which must have ``next_offset``; ``position`` is where the content lies in its segment.

    Stops at the end of a commit once it has read a thousand lines: parsed lines take far more room than the index they go into.
    """
    whole: list[Found] = []
    commit: list[Found] = []
    place = whole_end = start
    while (end := content.find(b"\n", place)) >= 0:
        line = _line(content[place : end + 1], position + place)
        expected = next_offset + len(whole) + len(commit)
        first = commit[0].offset if commit else expected
        if line is None or line.offset != expected or line.commit[0] != first or (commit and line.commit != commit[0].commit):
            return Parsed(whole, whole_end, damage=_damage(content[place:], next_offset + len(whole)))
        commit.append(line)
        place = end + 1
        if line.offset == line.commit[1]:
            whole += commit
            commit = []
            whole_end = place
            if len(whole) >= _ENOUGH_LINES:
                return Parsed(whole, whole_end, is_enough=True)
    return Parsed(whole, whole_end)


def _line(text: bytes, position: int) -> Found | None:
    try:
        line = _decoder.decode(text)
        content_id = bytes.fromhex(line.id)
        body = body_of(text)
        # An unverified record's id leaves its mark out, which only decoding can do.
        if digest(body) != content_id and record_id(decode_record(body)) != line.id:
            return None
    except (msgspec.MsgspecError, ValueError):
        return None
    return Found(line.offset, line.commit, content_id, line.record, position, len(text))


def _damage(rest: bytes, next_offset: int) -> str | None:
    """Tell damage from a torn end: after a commit that was torn, no other can follow."""
    for text in _BEGINNING.split(rest):
        line = _line(text.partition(b"\n")[0] + b"\n", 0)
        if line is not None and line.commit[0] > next_offset:
            return f"offset {next_offset} cannot be read, while offset {line.offset} after it can"
    return None
