"""What is where in the log, in memory: of every stream its records by ``(produced_at, offset)``, of every record its place in the log.

Bodies stay on disk. A record takes 75 bytes, a stream (a target, a kind, a producer) another 525 with its names (``bench/files.py``).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

from factbook_sdk.facts import MetadataTarget
from factbook_sdk.repository.contract import Targets, Within

NO_DIGEST = bytes(16)
"""Stands for the digest of a tombstone."""

Moment = tuple[int, int]
"""Microseconds since 1970, offset: what records are ordered by."""


class Stream:
    """The records of one producer about one target, of one kind and tenant, by ``(produced_at, offset)``."""

    __slots__ = ("channel", "number", "offsets", "producer_id", "target")

    def __init__(self, number: int, channel: Channel, target: MetadataTarget, producer_id: str) -> None:
        self.number = number
        self.channel = channel
        self.target = target
        self.producer_id = producer_id
        self.offsets = array("Q")


class Channel:
    """The records of one kind and tenant. ``order`` is put in order when somebody reads by it, for it is mostly in order already."""

    __slots__ = ("in_order", "kind", "order", "streams", "tenant")

    def __init__(self, tenant: str, kind: str) -> None:
        self.tenant = tenant
        self.kind = kind
        self.streams: dict[MetadataTarget, list[Stream]] = {}
        self.order = array("Q")
        self.in_order = True


class Index:
    """Columns by offset, and streams. Not safe by itself: one thread at a time."""

    def __init__(self) -> None:
        self.streams: list[Stream] = []
        self.channels: dict[tuple[str, str], Channel] = {}
        self._times = array("q")
        self._positions = array("Q")
        self._lengths = array("I")
        self._streams = array("I")
        self._ids = bytearray()
        self._digests = bytearray()
        self._crowds: dict[tuple[int, int], dict[bytes, int]] = {}
        self._names: dict[str, str] = {}

    def __len__(self) -> int:
        """Return the last offset: offsets have no gaps."""
        return len(self._times)

    def stream(self, tenant: str, kind: str, target: MetadataTarget, producer_id: str) -> Stream | None:
        """Return a stream, if there is anything in it."""
        channel = self.channels.get((tenant, kind))
        found = channel.streams.get(target, ()) if channel is not None else ()
        return next((stream for stream in found if stream.producer_id == producer_id), None)

    def add(self, stream: Stream, time: int, content_id: bytes, state_digest: bytes | None, position: int, length: int) -> None:
        """Take in the record after the last one."""
        offset = len(self._times) + 1
        channel = stream.channel
        if channel.order and self._times[channel.order[-1] - 1] > time:
            channel.in_order = False
        self._times.append(time)
        self._positions.append(position)
        self._lengths.append(length)
        self._streams.append(stream.number)
        self._ids += content_id
        self._digests += state_digest or NO_DIGEST
        channel.order.append(offset)
        offsets = stream.offsets
        if not offsets or self._times[offsets[-1] - 1] <= time:
            offsets.append(offset)
        else:
            offsets.insert(bisect_right(offsets, time, key=self.time), offset)
        crowd = self._crowds.get((stream.number, time))
        if crowd is not None:
            crowd[content_id] = offset

    def give_stream(self, tenant: str, kind: str, target: MetadataTarget, producer_id: str) -> Stream:
        """Return the stream, a new one if there is none."""
        stream = self.stream(tenant, kind, target, producer_id)
        if stream is None:
            channel = self.channels.get((tenant, kind))
            if channel is None:
                channel = self.channels[tenant, kind] = Channel(tenant, kind)
            about = MetadataTarget(self._name(target.source_id), target.schema and self._name(target.schema), target.table, target.extras)
            stream = Stream(len(self.streams), channel, about, self._name(producer_id))
            self.streams.append(stream)
            channel.streams.setdefault(stream.target, []).append(stream)
        return stream

    def time(self, offset: int) -> int:
        return self._times[offset - 1]

    def moment(self, offset: int) -> Moment:
        return self._times[offset - 1], offset

    def content_id(self, offset: int) -> bytes:
        return bytes(self._ids[16 * offset - 16 : 16 * offset])

    def state_digest(self, offset: int) -> bytes | None:
        found = bytes(self._digests[16 * offset - 16 : 16 * offset])
        return None if found == NO_DIGEST else found

    def place(self, offset: int) -> tuple[int, int, int]:
        """Return the record's offset, the position of its line in its segment, and the line's length."""
        return offset, self._positions[offset - 1], self._lengths[offset - 1]

    def stream_at(self, offset: int) -> Stream:
        return self.streams[self._streams[offset - 1]]

    def last(self, stream: Stream, as_of: int | None = None) -> int | None:
        """Return the offset of the stream's last record up to a moment."""
        end = len(stream.offsets) if as_of is None else bisect_right(stream.offsets, as_of, key=self.time)
        return stream.offsets[end - 1] if end else None

    def duplicate(self, stream: Stream, time: int, content_id: bytes) -> int | None:
        """Return the offset of the record with that id, which can only be among the stream's records of that moment."""
        end = bisect_right(stream.offsets, time, key=self.time)
        if not end or self.time(stream.offsets[end - 1]) != time:
            return None
        start = bisect_left(stream.offsets, time, key=self.time)
        if end - start <= 16:
            return next((offset for offset in stream.offsets[start:end] if self.content_id(offset) == content_id), None)
        crowd = self._crowds.get((stream.number, time))
        if crowd is None:
            crowd = self._crowds[stream.number, time] = {self.content_id(offset): offset for offset in stream.offsets[start:end]}
        return crowd.get(content_id)

    def select(self, tenant: str, kind: str, targets: Targets | None = None, producer_id: str | None = None) -> list[Stream]:
        """Return the streams of a channel that are about these targets, by this producer."""
        channel = self.channels.get((tenant, kind))
        if channel is None:
            return []
        found: Iterable[list[Stream]]
        if targets is None or isinstance(targets, Within):
            found = (streams for target, streams in channel.streams.items() if targets is None or targets.covers(target))
        else:
            found = (channel.streams.get(target, []) for target in dict.fromkeys(targets))
        return [stream for streams in found for stream in streams if producer_id in (None, stream.producer_id)]

    def ordered(self, streams: Sequence[Stream], first: Moment | None, last: Moment | None) -> array[int]:
        """Return the offsets of streams of one channel from ``first`` on and before ``last``, in order."""
        if not streams:
            return array("Q")
        channel = streams[0].channel
        if len(streams) == 1:
            return self._between(streams[0].offsets, first, last)
        if 4 * sum(len(stream.offsets) for stream in streams) < len(channel.order):
            parts = (offset for stream in streams for offset in self._between(stream.offsets, first, last))
            return array("Q", sorted(parts, key=self.moment))
        if not channel.in_order:
            channel.order = array("Q", sorted(channel.order, key=self.moment))
            channel.in_order = True
        whole = self._between(channel.order, first, last)
        if sum(map(len, channel.streams.values())) == len(streams):
            return whole
        wanted = {stream.number for stream in streams}
        return array("Q", (offset for offset in whole if self._streams[offset - 1] in wanted))

    def following(self, after_offset: int, tenant: str, kinds: Sequence[str] | None) -> Iterator[int]:
        """Yield offsets after one, of a tenant's kinds, in log order."""
        wanted = {key for key in self.channels if key[0] == tenant and (kinds is None or key[1] in kinds)}
        rest = range(after_offset + 1, len(self) + 1)
        if len(wanted) == len(self.channels):
            return iter(rest)
        numbers = {stream.number for key in wanted for streams in self.channels[key].streams.values() for stream in streams}
        return (offset for offset in rest if self._streams[offset - 1] in numbers)

    def _between(self, offsets: array[int], first: Moment | None, last: Moment | None) -> array[int]:
        start = 0 if first is None else bisect_left(offsets, first, key=self.moment)
        end = len(offsets) if last is None else bisect_left(offsets, last, key=self.moment)
        return offsets[start:end]

    def _name(self, name: str) -> str:
        """Return the one object that stands for a name, for the same names come again and again."""
        return self._names.setdefault(name, name)
