"""What becomes of each record of a batch: a duplicate, an unchanged state, or something to be written."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from factbook.repository.files.index import Index, Moment, Stream
from factbook.repository.rows import microseconds
from factbook_sdk.facts import Admitted, MetadataTarget
from factbook_sdk.repository.contract import Outcome, Stored

_Key = tuple[str, str, MetadataTarget, str]
_State = tuple[int, int, bytes | None]
"""Time, offset, digest."""


class Judged(msgspec.Struct):
    """``results`` of the whole batch, in order, and what of it is to be written, in log order, with the time of each."""

    results: list[Stored]
    new: list[Admitted]
    times: list[int]


def judge(index: Index, batch: Sequence[Admitted]) -> Judged:
    """Compare a batch with what the log holds and with what comes before in the batch itself."""
    judged = Judged([], [], [])
    offsets: dict[bytes, int] = {}
    pending: dict[_Key, list[_State]] = defaultdict(list)
    next_offset = len(index) + 1
    for admitted in batch:
        record, content_id = admitted.record, admitted.id.hex()
        key = (record.context.tenant, record.kind, record.target, record.producer_id)
        stream, time = index.stream(*key), microseconds(record.produced_at)
        known = offsets.get(admitted.id) or (index.duplicate(stream, time, admitted.id) if stream else None)
        if known is not None:
            judged.results.append(Stored(known, Outcome.DUPLICATE, content_id))
            continue
        if admitted.is_state:
            in_force = _in_force(index, stream, pending[key], time)
            if (in_force[2] if in_force else None) == admitted.state_digest:
                judged.results.append(Stored(in_force[1] if in_force else None, Outcome.UNCHANGED, content_id))
                continue
            insort(pending[key], (time, next_offset, admitted.state_digest), key=_moment)
        offsets[admitted.id] = next_offset
        judged.results.append(Stored(next_offset, Outcome.STORED, content_id))
        judged.new.append(admitted)
        judged.times.append(time)
        next_offset += 1
    return judged


def _in_force(index: Index, stream: Stream | None, pending: Sequence[_State], time: int) -> _State | None:
    """Return the state in force at a moment, of what the log holds and of what this batch has added so far."""
    place = bisect_right(pending, time, key=_time)
    added = pending[place - 1] if place else None
    offset = index.last(stream, time) if stream is not None else None
    if offset is None:
        return added
    if added is not None and index.time(offset) <= added[0]:
        # At the same moment the pending one is in force: its offset is the higher one.
        return added
    return index.time(offset), offset, index.state_digest(offset)


def _time(state: _State) -> int:
    return state[0]


def _moment(state: _State) -> Moment:
    return state[0], state[1]
