"""Dead letters as people and programs read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from factbook.cli.tables import show_table

if TYPE_CHECKING:
    from factbook.events import DeadLetter


def documents(letters: Sequence[DeadLetter]) -> list[dict[str, Any]]:
    """Return letters as JSON values: the event as an object, or its text where it is none."""
    return [
        {
            "subscriber": letter.subscriber,
            "reason": letter.reason,
            "attempts": letter.attempts,
            "failed_at": letter.failed_at,
            "event": _event(letter.body),
        }
        for letter in letters
    ]


def show(letters: Sequence[DeadLetter]) -> None:
    """Print letters as a table."""
    rows = []
    for letter in letters:
        event = _event(letter.body)
        about = (event.get("kind"), event.get("subject"), event.get("offset")) if isinstance(event, dict) else (None, None, None)
        rows.append((letter.failed_at, letter.subscriber, *about, letter.attempts, letter.reason))
    show_table(("failed at", "subscriber", "kind", "target", "offset", "attempts", "reason"), rows, right=("offset", "attempts"))


def _event(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return body.decode("utf-8", "replace")
