"""A record as an event: CloudEvents 1.0 in its JSON format (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md).

``data`` is the record as the log holds it, byte for byte. ``offset`` is text because the specification's integers have 32 bits.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from factbook.errors import InvalidRecord
from factbook_sdk.facts import MetadataRecord
from factbook_sdk.facts.codec import canonical_record, decode_record, encode_payload
from factbook_sdk.repository.contract import StoredRecord

CONTENT_TYPE = "application/cloudevents+json"
RECORD_TYPE = "io.factbook.record.v1"
NO_DATA = msgspec.Raw(b"null")


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One record on its way. ``id`` is its content id, ``subject`` its target; ``replay`` counts how often the log was sent anew.

    ``offset``, ``tenant``, ``kind`` and ``replay`` are extension attributes; events of others may come without them.
    """

    specversion: str = "1.0"
    id: str
    source: str
    type: str = RECORD_TYPE
    subject: str
    time: datetime
    datacontenttype: str = "application/json"
    offset: str = ""
    tenant: str = ""
    kind: str = ""
    replay: int | msgspec.UnsetType = msgspec.UNSET
    data: msgspec.Raw = NO_DATA

    @property
    def key(self) -> str:
        """What order is kept by: the target within its tenant."""
        return f"{self.tenant}/{self.subject}"

    @property
    def message_id(self) -> str:
        """What a bus suppresses repeats by. The content id covers the tenant; a replay is meant to be a repeat."""
        return f"{self.id}.{self.replay}" if self.replay else self.id

    def record(self) -> MetadataRecord:
        """Return the record; raises :class:`InvalidRecord` if ``data`` is none."""
        if bytes(self.data) == b"null":
            raise InvalidRecord(f"The event {self.id} carries no record", why="it was too large for the bus", field="data")
        return decode_record(bytes(self.data))


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Event)


def event_of(item: StoredRecord, source: str, *, replay: int = 0) -> Event:
    """Return the event of a record of the log. ``source`` names the Factbook that says it."""
    record = item.record
    return Event(
        id=item.id,
        source=source,
        subject=str(record.target),
        time=record.produced_at,
        offset=str(item.offset),
        tenant=record.context.tenant,
        kind=record.kind,
        replay=replay or msgspec.UNSET,
        data=msgspec.Raw(canonical_record(record, encode_payload(record.payload))),
    )


def encode_event(event: Event) -> bytes:
    """Write an event as one JSON object."""
    return _encoder.encode(event)


def decode_event(body: bytes) -> Event:
    """Read an event; raises :class:`InvalidRecord` for what is none."""
    try:
        event = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRecord("That is no CloudEvent in JSON", why=str(error)) from error
    if event.specversion != "1.0":
        raise InvalidRecord("The event is of another version of CloudEvents", why=f"its specversion is {event.specversion!r}, not '1.0'")
    # A Raw is a view into the whole body; the copy lets go of it.
    return msgspec.structs.replace(event, data=event.data.copy())
