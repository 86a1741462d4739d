"""What comes of a foreign name: the table it means, or the foreign dataset it stays, and why. And what is shown of those that stay."""

from __future__ import annotations

from datetime import datetime

import msgspec

from factbook.names.bindings import Binding
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


class UnresolvedName(msgspec.Struct, frozen=True):
    """A name that means no table we know. ``times`` counts where it is mentioned, by facts in force and the last runs; ``producers`` are
    the first few of ``producer_count``; ``suggestions`` are tables of similar names, the likeliest first."""

    namespace: str
    name: str
    times: int
    last_seen: datetime
    producers: list[str]
    producer_count: int
    reason: str
    suggestions: list[str] = []


class UnresolvedPage(msgspec.Struct, frozen=True):
    """Unresolved names by namespace and name. ``next_cursor`` continues; ``None`` says there is no more."""

    items: list[UnresolvedName]
    next_cursor: str | None


class BindingPage(msgspec.Struct, frozen=True):
    """What is settled, by namespace and name. ``next_cursor`` continues; ``None`` says there is no more."""

    items: list[Binding]
    next_cursor: str | None
