"""What holds when: chains of states, and edges cut where the meaning of a name changes. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from factbook.lineage.tables import NEVER, OPEN


class Stretch(NamedTuple):
    """What a name means for a while; without a ``node_id`` nothing that is shown."""

    valid_from: int
    valid_to: int
    node_id: int | None


class Meaning(NamedTuple):
    """What was settled of a name at a moment. Neither bound nor ignored: it was taken back."""

    moment: int
    bound_id: int | None
    is_ignored: bool


Timeline = Sequence[Stretch]
"""Stretches that follow each other from :data:`NEVER` to :data:`OPEN`."""


def ends(moments: Sequence[int]) -> list[int]:
    """Return until when each of a chain of states holds; ``moments`` are their beginnings in order."""
    return [*moments[1:], OPEN] if moments else []


def timeline(node_id: int, own: Sequence[Meaning], of_namespace: Sequence[Meaning]) -> Timeline:
    """Return what a name means over time, by what was settled of it and of its namespace, each in order of time.

    What is said of the name goes before what is said of its namespace, of which only that it is ignored counts here.
    """
    if not own and not of_namespace:
        return [Stretch(NEVER, OPEN, node_id)]
    moments = sorted({NEVER, *(meaning.moment for meaning in (*own, *of_namespace))})
    return [
        Stretch(moment, end, _meant(node_id, _last(own, moment), _last(of_namespace, moment)))
        for moment, end in zip(moments, ends(moments), strict=True)
    ]


def _last(meanings: Sequence[Meaning], moment: int) -> Meaning | None:
    place = bisect_right(meanings, moment, key=lambda meaning: meaning.moment)
    return meanings[place - 1] if place else None


def _meant(node_id: int, own: Meaning | None, of_namespace: Meaning | None) -> int | None:
    if own is not None and own.is_ignored:
        return None
    if own is not None and own.bound_id is not None:
        return own.bound_id
    return None if of_namespace is not None and of_namespace.is_ignored else node_id


class Piece(NamedTuple):
    """An edge while both its names mean the same."""

    valid_from: int
    valid_to: int
    input_id: int
    output_id: int


def cut(valid_from: int, valid_to: int, inputs: Timeline, outputs: Timeline) -> Iterator[Piece]:
    """Yield the pieces of an edge between two names in order of time, leaving out while either is hidden.

    Neighbours that mean the same are one piece, so that a binding that changes nothing cuts nothing.
    """
    kept: Piece | None = None
    for piece in _together(valid_from, valid_to, inputs, outputs):
        if kept is not None and kept.valid_to == piece.valid_from and kept[2:] == piece[2:]:
            kept = kept._replace(valid_to=piece.valid_to)
            continue
        if kept is not None:
            yield kept
        kept = piece
    if kept is not None:
        yield kept


def _together(valid_from: int, valid_to: int, inputs: Timeline, outputs: Timeline) -> Iterator[Piece]:
    for source in inputs:
        for reader in outputs:
            begin = max(valid_from, source.valid_from, reader.valid_from)
            end = min(valid_to, source.valid_to, reader.valid_to)
            if begin < end and source.node_id is not None and reader.node_id is not None:
                yield Piece(begin, end, source.node_id, reader.node_id)
