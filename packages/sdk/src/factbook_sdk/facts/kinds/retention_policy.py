"""``retention_policy``: how long records of one kind are kept, and what becomes of them then. Target: the kind's own name."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="retention_policy",
    category=Category.STATE,
    description="How long records of a kind stay, and whether they are archived or dropped then.",
    schemas=load_schemas(__package__, "retention_policy"),
)


class RetentionPolicy(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload. A record stays for ``keep_days``, and as long as it is among the ``keep_count`` newest of its stream; with neither,
    for ever. ``archive`` keeps it in the archive afterwards, where every read finds it; ``drop`` deletes it."""

    keep_days: Annotated[int, Meta(ge=1)] | None = None
    keep_count: Annotated[int, Meta(ge=1)] | None = None
    then: Literal["archive", "drop"] = "archive"
