"""The channel contract: bring one message to people, or say why not.

To write a channel: subclass :class:`Channel`, name the class under the entry point ``factbook.channels`` of your package, and bind
``factbook.watch.testing.ChannelContract`` to it. Who then writes ``type: NAME`` in the rules file gets it.

**At least once.** :meth:`Channel.send` returns when the message is taken. What it raises decides what happens next:
:class:`~factbook.errors.ChannelUnavailable` has the message sent again later, for as long as ``give_up_after`` says;
:class:`~factbook.errors.ChannelRefused` has it cut in two, until the alert that is refused is found and set aside. After a crash a message
may come again. Its alerts then carry the same ids, which is how a receiver knows them.

**Secrets.** ``url`` and ``options`` may hold secrets. No error may quote them, nor what a server or a library said about them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, ClassVar

import msgspec

from factbook_sdk.facts import MetadataTarget

_MAX_LISTED = 20
_MAX_SUBJECT = 200


class Notice(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One alert as it is told. ``id`` is the content id of the ``alert`` fact, the same whenever it is told; ``alert_id`` names the alert
    through all its states, as `factbook alerts` does; ``since`` is when it became so."""

    id: str
    alert_id: str
    rule: str
    state: str
    severity: str
    title: str
    target: MetadataTarget
    since: datetime
    message: str | None = None
    causes: list[str] = []
    labels: dict[str, str] = {}
    details: dict[str, Any] = {}
    acknowledged_by: str | None = None


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """What one message tells: one alert or many, in the order of the log. ``source`` names the Factbook that says it."""

    channel: str
    tenant: str
    source: str
    alerts: Sequence[Notice]

    @property
    def id(self) -> str:
        """The same for the same alerts."""
        return blake2b("\n".join([self.channel, *(notice.id for notice in self.alerts)]).encode(), digest_size=16).hexdigest()

    @property
    def subject(self) -> str:
        """One line that says the most important."""
        first = min(self.alerts, key=lambda notice: (notice.state != "firing", -SEVERITIES.index(notice.severity)))
        more = f" (and {len(self.alerts) - 1:,} more)" if len(self.alerts) > 1 else ""
        title = _line(first.title)
        room = _MAX_SUBJECT - len(more)
        shown = title if len(title) <= room else f"{title[: room - 1]}…"
        return f"[{first.severity if first.state == 'firing' else first.state}] {shown}{more}"

    @property
    def text(self) -> str:
        """All of it as plain text; of many alerts the first, and how many more there are."""
        parts = [_paragraph(notice) for notice in self.alerts[:_MAX_LISTED]]
        if len(self.alerts) > _MAX_LISTED:
            parts.append(f"… and {len(self.alerts) - _MAX_LISTED:,} more: factbook alerts list")
        return "\n\n".join(parts)


SEVERITIES = ("info", "warning", "error", "critical")


class Channel(ABC):
    """A way to people, made from ``url`` and ``options`` of the rules file, with secrets filled in. It opens nothing before it sends.

    Raises :class:`~factbook.errors.ConfigurationError` for what it cannot use, quoting neither. One instance is used by one thread.
    """

    takes: ClassVar[frozenset[str]] = frozenset()
    """The options there are."""

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self.url = url
        self.options = options

    @abstractmethod
    def send(self, digest: Digest) -> None:
        """Bring one message; when this returns, it was taken. Takes 20 seconds at most."""

    def close(self) -> None:  # noqa: B027 - most have nothing open
        """Release what is open. Closing twice is harmless."""


def _paragraph(notice: Notice) -> str:
    head = f"{notice.severity.upper()} {_line(notice.title)}" if notice.state == "firing" else f"{notice.state}: {_line(notice.title)}"
    by = f", acknowledged by {_line(notice.acknowledged_by)}" if notice.acknowledged_by else ""
    lines = [head, *(f"  {line}" for line in (notice.message or "").splitlines())]
    return "\n".join([*lines, f"  since {notice.since:%Y-%m-%d %H:%M:%S} UTC, rule {notice.rule}, alert {notice.alert_id}{by}"])


def _line(text: str) -> str:
    """Return text that stays on one line, whatever names are in it."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
