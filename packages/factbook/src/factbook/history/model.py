"""What history has to say: policies, plans and reports."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from factbook_sdk.facts.kinds.retention_policy import RetentionPolicy


class KindPolicy(msgspec.Struct, frozen=True):
    """The policy in force for a kind. ``set_at`` and ``set_by`` are missing where it is the built-in one.

    ``why_kept`` says why a kind is archived though its policy says drop.
    """

    kind: str
    policy: RetentionPolicy
    set_at: datetime | None = None
    set_by: str | None = None
    why_kept: str | None = None

    @property
    def drops(self) -> bool:
        return self.policy.then == "drop" and self.why_kept is None


class PlannedStep(msgspec.Struct, frozen=True):
    """What would be done: a month of a kind archived, or a kind's old records dropped. ``body_bytes`` is known for the archive alone."""

    action: Literal["archive", "drop"]
    tenant: str
    kind: str
    records: int
    month: str | None = None
    body_bytes: int | None = None


class HistoryPlan(msgspec.Struct, frozen=True):
    """Everything that is due now."""

    steps: list[PlannedStep]


class HistoryReport(msgspec.Struct, frozen=True):
    """What a run did: bodies that took ``body_bytes`` in the store take ``file_bytes`` in the archive now."""

    archived_records: int
    archived_files: int
    body_bytes: int
    file_bytes: int
    dropped_records: int
    dropped_files: int
