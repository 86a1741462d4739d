"""What comes of a foreign name: the table it means, or the foreign dataset it stays, and why."""

from __future__ import annotations

import msgspec

from factbook_sdk.facts.parts import TableRef


class Resolved(msgspec.Struct, frozen=True, gc=False):
    """The answer to one name.

    ``known``: ``table`` is a table of a scanned source, or what a binding says. Otherwise ``table`` is
    :func:`~factbook_sdk.facts.kinds.lineage.foreign_dataset` of the name as it came, and ``reason`` says why. ``ignored``: somebody
    settled that the name means nothing that matters here; then nothing is to be recorded of it.
    """

    table: TableRef
    known: bool
    reason: str | None = None
    ignored: bool = False
