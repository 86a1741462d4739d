"""``audit``: somebody used the service. Target: the service itself.

An event per actor, action, route and outcome in a short stretch of time: what is done many times a second is counted, not repeated.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from factbook_sdk.facts.parts import Moment, Name
from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="audit",
    category=Category.EVENT,
    description="Who wrote, administered or read something through the service, by what route, how often, and with what outcome.",
    schemas=load_schemas(__package__, "audit"),
)


class Actor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who it was: a token with its id, the server's key, somebody on the server's machine, or nobody who could be told."""

    who: Literal["token", "key", "local", "nobody"]
    name: Name
    token_id: Name | None = None


class Audit(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The payload. ``counts`` are records by what became of them, ``subject`` what an action was about (a token, a source),
    ``request_ids`` the first of the ``requests``; ``lost`` facts before this one could not be kept."""

    actor: Actor
    action: Literal["read", "write", "admin"]
    outcome: Literal["done", "refused", "failed"]
    requests: int
    since: Moment
    until: Moment
    route: Name | None = None
    subject: Name | None = None
    counts: dict[str, int] = {}
    request_ids: list[Name] = []
    lost: int = 0
