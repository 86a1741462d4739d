"""Follow the whole log: followers first, then the rules, and the numbers of the house once a minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import structlog

from factbook.errors import TemporaryError
from factbook.relay import LogFollower
from factbook.repository.sql import SqlRepository
from factbook.watch import about
from factbook.watch.raising import Raising
from factbook_sdk.facts.kinds.alert import Alert
from factbook_sdk.repository.contract import StoredRecord

log = structlog.get_logger(__name__)

NAME = "watch"
"""What the place is remembered by."""

Follower = Callable[[Sequence[StoredRecord]], object]
"""Is given stored records of every tenant and kind in log order, each at least once, and may store new facts in the same repository.

Those are then seen in turn, by every follower and by the rules. A batch may come again after a crash: what a follower stores must be the
same then, so that it is known by its content id. It must come to rest: who answers each fact of its own with another one never ends.
:class:`TemporaryError` has the batch come again; after any other error the records are given one by one, and those that fail are passed
over, which an alert says.
"""

_LINGER_SECONDS = 0.2
_VITALS_SECONDS = 60.0


class Judgement(LogFollower):
    """Gives every record to the followers and to the rules."""

    def __init__(
        self,
        repository: SqlRepository,
        raising: Raising,
        followers: Sequence[Follower],
        vitals: Callable[[], Sequence[about.Vital]],
        *,
        owner: str,
        tenant: str,
        lease_seconds: float = 30.0,
    ) -> None:
        super().__init__(repository, name=NAME, owner=owner, lease_seconds=lease_seconds, linger_seconds=_LINGER_SECONDS)
        self.raising = raising
        self._followers = followers
        self._vitals = vitals
        self._tenant = tenant
        self._asked_at: float | None = None

    def run_until_quiet(self) -> int:
        """Judge until nothing is left, what was stored meanwhile included; return how many records that were."""
        self._linger_seconds = 0.0
        if self._take() is not None:
            self._tick()
        seen = 0
        while count := self.run_to_the_end():
            seen += count
        return seen

    def _read(self, after_offset: int, limit: int) -> tuple[list[StoredRecord], int]:
        return self._repository.everything(after_offset, limit)

    def _handle(self, batch: Sequence[StoredRecord], replays: int) -> None:
        for follower in self._followers:
            self._show(follower, batch)
        self.raising(batch)

    def _show(self, follower: Follower, batch: Sequence[StoredRecord]) -> None:
        try:
            follower(batch)
        except TemporaryError:
            raise
        except Exception:  # noqa: BLE001 - whose fault it is shows when they come one by one
            for item in batch:
                self._show_one(follower, item)

    def _show_one(self, follower: Follower, item: StoredRecord) -> None:
        try:
            follower([item])
        except TemporaryError:
            raise
        except Exception as error:  # noqa: BLE001 - one record that a follower cannot digest must not hold up all that come after it
            name = getattr(follower, "__qualname__", type(follower).__qualname__)
            log.error("follower_failed", follower=name, offset=item.offset, kind=item.record.kind, reason=str(error))
            title = f"{name} failed at a fact of {item.record.target}"
            alert = Alert(about.FOLLOWER, "firing", "error", title, message=str(error) or None, causes=[item.id], labels={"follower": name})
            about.say(self._repository, alert, producer_id=f"{about.FOLLOWER}.{name}", tenant=self._tenant)

    def _tick(self) -> None:
        if self._asked_at is None or time.monotonic() - self._asked_at > _VITALS_SECONDS:
            self._asked_at = time.monotonic()
            for vital in self._vitals():
                about.judge_vital(self._repository, vital, tenant=self._tenant)
