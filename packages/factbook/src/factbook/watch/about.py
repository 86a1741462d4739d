"""What the watching says of itself, as alerts: a channel that takes nothing, what was set aside, numbers of the house."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from factbook.watch.channels.contract import Notice
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.building import record_of
from factbook_sdk.facts.kinds.alert import Alert
from factbook_sdk.repository.contract import MetadataRepository

DELIVERY = "watch.delivery"
SET_ASIDE = "watch.set_aside"
FOLLOWER = "watch.follower"
OURSELVES = MetadataTarget("factbook")
"""The target of all of them."""

_MAX_CAUSES = 100


class Vital(msgspec.Struct, frozen=True, kw_only=True):
    """A number of the house and whether it is well. ``name`` is that of the rule, ``label`` tells several of a name apart."""

    name: str
    label: str
    is_well: bool
    title: str
    message: str = ""


def say(repository: MetadataRepository, alert: Alert, *, producer_id: str, tenant: str) -> None:
    """Store an alert about ourselves as it is from now on."""
    repository.store(record_of(alert, OURSELVES, producer_id=producer_id, context=MetadataContext(tenant=tenant)))


def in_force(repository: MetadataRepository, producer_id: str, tenant: str) -> MetadataRecord | None:
    """Return the alert of a stream of ours that fires or was acknowledged, if there is one."""
    found = repository.latest(OURSELVES, "alert", producer_id=producer_id, tenant=tenant)
    if found is None or found.record.payload is None or found.record.payload["state"] == "resolved":
        return None
    return found.record


def channel_is_down(channel: str, reason: str, since: datetime) -> Alert:
    """Return the alert of a channel that does not take what it is given."""
    details = {"since": since.isoformat()}
    title = f"The channel {channel} takes no alerts"
    return Alert(DELIVERY, "firing", "warning", title, message=reason, labels={"channel": channel}, details=details)


def channel_is_well(channel: str) -> Alert:
    """Return the same, over."""
    return Alert(DELIVERY, "resolved", "info", f"The channel {channel} takes alerts again", labels={"channel": channel})


def set_aside(channel: str, ids: Sequence[str], first_offset: int, reason: str) -> Alert:
    """Return the alert that says which alerts a channel will not be given again."""
    return Alert(
        SET_ASIDE,
        "firing",
        "error",
        f"{len(ids):,} alerts were not delivered to {channel}",
        message=f"{reason}\nOnce that is mended: factbook watch replay {channel} --from {first_offset}",
        causes=list(ids[:_MAX_CAUSES]),
        labels={"channel": channel},
        details={"count": len(ids), "first_offset": first_offset},
    )


def a_test(channel: str) -> Notice:
    """Return the notice that tries a channel out; it stands in no log."""
    return Notice(
        id="0" * 32,
        alert_id="0" * 16,
        rule="watch.test",
        state="firing",
        severity="info",
        title=f"A test of the channel {channel}",
        target=OURSELVES,
        since=datetime.now(UTC),
        message="Nothing is wrong. Who reads this will be told of alerts.",
    )


def judge_vital(repository: MetadataRepository, vital: Vital, *, tenant: str) -> None:
    """Store what a number of the house means, unless that is known."""
    producer_id = f"watch.{vital.name}.{vital.label}"
    if vital.is_well == (in_force(repository, producer_id, tenant) is None):
        return
    state: Literal["resolved", "firing"] = "resolved" if vital.is_well else "firing"
    alert = Alert(vital.name, state, "error", vital.title, message=vital.message or None, labels={"host": vital.label})
    say(repository, alert, producer_id=producer_id, tenant=tenant)


def since_of(record: MetadataRecord) -> datetime:
    """Return since when a channel has been down, by the alert that says so; somebody may have acknowledged it meanwhile."""
    said = (record.payload or {}).get("details", {}).get("since")
    return datetime.fromisoformat(said).astimezone(UTC) if isinstance(said, str) else record.produced_at
