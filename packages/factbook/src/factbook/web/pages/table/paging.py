"""Pages of what a request has read whole anyway, as the columns of a table: a cursor is how many come before."""

from __future__ import annotations

from factbook.errors import InvalidRequest


def place_of(cursor: str | None) -> int:
    """Return where a page begins; raises :class:`InvalidRequest` for a cursor that is not ours."""
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 9):
        raise InvalidRequest("That cursor is not ours", fix="Pass next_cursor of the page before", field="cursor")
    return int(cursor)
