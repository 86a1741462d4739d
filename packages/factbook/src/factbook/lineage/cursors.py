"""Cursors of answers in the order of distance and name."""

from __future__ import annotations

import msgspec

from factbook.errors import InvalidRequest

Place = tuple[int, str, int]
"""Distance, name, number."""


def format_cursor(place: Place) -> str:
    """Return a place as clients pass it back."""
    return msgspec.json.encode(place).hex()


def parse_cursor(cursor: str) -> Place:
    """Return the place again; raises :class:`InvalidRequest` for what is none."""
    try:
        place: Place = msgspec.json.decode(bytes.fromhex(cursor), type=Place)
        return place
    except (ValueError, msgspec.MsgspecError) as error:
        raise InvalidRequest("That cursor is not ours", fix="Pass next_cursor of the page before", field="cursor") from error
