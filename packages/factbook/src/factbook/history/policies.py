"""Policies: which one is in force for a kind, and what it makes due. Pure, but for reading facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from factbook.errors import InvalidRequest, UnknownKind
from factbook.history.model import KindPolicy
from factbook.kinds import Kinds
from factbook.repository.compaction import Rule
from factbook.repository.dropping import Channel, Drop
from factbook.repository.rows import microseconds
from factbook_sdk.facts import Category, MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.retention_policy import KIND, RetentionPolicy
from factbook_sdk.repository.contract import MetadataRepository

PRODUCER = "retention.v1"
FOREVER = RetentionPolicy()
DEFAULTS = {
    "ingestion_volume": RetentionPolicy(keep_days=90),
    "ingestion_runtime": RetentionPolicy(keep_days=90),
}
"""What holds where nobody set a policy; every other kind stays for ever. Records that stay for ever are archived, too, once they are old:
every read finds them there."""

_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


class Policies:
    """The policies of one tenant, read from its facts once."""

    def __init__(self, repository: MetadataRepository, tenant: str, *, viewed: frozenset[str]) -> None:
        self._repository = repository
        self._tenant = tenant
        self._viewed = viewed

    def of(self, kinds: list[str]) -> list[KindPolicy]:
        """Return the policy in force now for each kind, in the order given."""
        targets = [MetadataTarget(kind) for kind in kinds]
        found = self._repository.latest_many(targets, KIND.name, tenant=self._tenant, as_of=datetime.now(UTC))
        return [self._policy(kind, record.record if (record := found.get(MetadataTarget(kind))) else None) for kind in kinds]

    def set(self, kind: str, policy: RetentionPolicy | None) -> KindPolicy:
        """State a policy from now on; ``None`` goes back to the built-in one. Refuses to drop what views are built from."""
        if policy is not None and policy.then == "drop" and kind in self._viewed:
            raise InvalidRequest(
                f"Records of the kind {kind} cannot be dropped",
                why="views are built from them, and would not be the same when they are rebuilt",
                fix="Archive them: --then archive",
                field="then",
            )
        payload = None if policy is None else msgspec.to_builtins(policy)
        context = MetadataContext(tenant=self._tenant)
        self._repository.store(MetadataRecord(MetadataTarget(kind), KIND.name, payload, datetime.now(UTC), PRODUCER, context))
        return self.of([kind])[0]

    def _policy(self, kind: str, record: MetadataRecord | None) -> KindPolicy:
        if record is None or record.payload is None:
            return KindPolicy(kind, DEFAULTS.get(kind, FOREVER))
        policy = msgspec.convert(record.payload, RetentionPolicy)
        kept = "views are built from it" if policy.then == "drop" and kind in self._viewed else None
        return KindPolicy(kind, policy, record.produced_at, record.producer_id, kept)


def rule_of(channel: Channel, policy: KindPolicy, kinds: Kinds, now: datetime, compact_after_days: int) -> Rule:
    """Return what of a channel is to be archived. The newest record of a state stays in the store: it is what everybody asks for."""
    days, count = policy.policy.keep_days, policy.policy.keep_count
    newest = 1 if _is_state(channel, kinds) else 0
    if policy.drops or (days is None and count is None):
        return Rule(*_names(channel), _before(now, compact_after_days), newest)
    return Rule(*_names(channel), _before(now, days or 0), max(newest, count or 0))


def drop_of(channel: Channel, policy: KindPolicy, kinds: Kinds, now: datetime) -> Drop | None:
    """Return what of a channel is to be dropped, if its policy says so."""
    if not policy.drops:
        return None
    days = policy.policy.keep_days
    before = None if days is None else _before(now, days)
    return Drop(*_names(channel), before, policy.policy.keep_count or 0, keeps_state=_is_state(channel, kinds))


def _before(now: datetime, days: int) -> int:
    return microseconds(max(now - timedelta(days=days), _LONG_AGO) if days < now.toordinal() else _LONG_AGO)


def _names(channel: Channel) -> tuple[int, str, str]:
    return channel.channel_no, channel.tenant, channel.kind


def _is_state(channel: Channel, kinds: Kinds) -> bool:
    """Return whether a kind has states; one that nobody here knows is taken to have them, which keeps more."""
    try:
        return kinds.get(channel.kind, channel.tenant).category is Category.STATE
    except UnknownKind:
        return True
