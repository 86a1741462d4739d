"""Bring records to the service and account for each: taken, known already, or refused and kept aside."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from factbook_sdk.emitter import segments
from factbook_sdk.emitter.segments import Segment
from factbook_sdk.emitter.spool import Spool, existing
from factbook_sdk.errors import ConfigurationError, FactbookError, ServiceUnavailable
from factbook_sdk.repository.contract import Rejection
from factbook_sdk.repository.sending import Sender
from factbook_sdk.repository.transport import Transport

log = logging.getLogger("factbook_sdk.emitter")

_BROKEN = "its checksum in the spool is wrong"


class Delivered(msgspec.Struct, frozen=True):
    """How many records the service answered, by outcome. ``unkept`` of the rejected ones found no room in ``rejected.jsonl``.

    ``torn`` counts last lines that a killed process did not finish; nobody was told that they were kept.
    """

    stored: int = 0
    duplicate: int = 0
    unchanged: int = 0
    rejected: int = 0
    unkept: int = 0
    torn: int = 0

    @property
    def records(self) -> int:
        return self.stored + self.duplicate + self.unchanged + self.rejected


class Delivery:
    """Sends lines and segments; ``counts`` grows with each answer. One instance serves one service."""

    def __init__(self, sender: Sender, spool: Spool | None) -> None:
        self._sender = sender
        self._spool = spool
        self._lock = threading.Lock()
        self.counts = Delivered()

    def send_lines(self, lines: Sequence[bytes]) -> None:
        """Send records; those the service refuses are kept aside with the reason. Raises what the service or the way there fails with."""
        results = self._sender.send(lines)
        refused = [
            (line, result.reason, result.field) for line, result in zip(lines, results, strict=True) if isinstance(result, Rejection)
        ]
        outcomes = [result.outcome.value for result in results if not isinstance(result, Rejection)]
        unkept = self._keep_aside(refused)
        self._count(rejected=len(refused), unkept=unkept, **{outcome: outcomes.count(outcome) for outcome in set(outcomes)})

    def send_spool(self, *, until: Callable[[], bool] = lambda: False) -> None:
        """Send every segment that nobody else writes or sends, oldest first, or fewer once ``until`` says so.

        A service that is away, or a wrong token, ends it at once. What fails otherwise waits, while later segments go on; the first
        such error is raised at the end.
        """
        failure: FactbookError | OSError | None = None
        for segment in self._spool.unsent() if self._spool else ():
            if until():
                return
            try:
                self._send_segment(segment)
            except (ServiceUnavailable, ConfigurationError):
                raise
            except (FactbookError, OSError) as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def _send_segment(self, segment: Segment) -> None:
        content = segments.read(segment.path)
        if content.lines:
            self.send_lines(content.lines)
        if content.broken:
            unkept = self._keep_aside([(line, _BROKEN, None) for line in content.broken])
            self._count(rejected=len(content.broken), unkept=unkept)
        self._count(torn=content.is_torn)
        segment.remove()

    def _keep_aside(self, refused: Sequence[tuple[bytes, str, str | None]]) -> int:
        """Return how many could not be kept; the log names one reason, and with no spool it is the only place that does."""
        if not refused:
            return 0
        unkept = self._spool.reject(refused) if self._spool else len(refused)
        log.warning("the service refused %d records, %d of them are not kept; the first: %s", len(refused), unkept, refused[0][1])
        return unkept

    def _count(self, **more: int) -> None:
        with self._lock:
            self.counts = msgspec.structs.replace(
                self.counts, **{name: getattr(self.counts, name) + number for name, number in more.items()}
            )


def send_spool(folder: Path | str, url: str, *, token: str | None = None) -> Delivered:
    """Send what a spool holds, once and now, and say what became of it; segments in use by a process are its own to send.

    Raises :class:`NotFound` where there is no spool, and what the service or the way there fails with; what was sent before is sent.
    """
    transport = Transport(url, token=token)
    try:
        delivery = Delivery(Sender(transport, pack=True), existing(folder))
        delivery.send_spool()
    finally:
        transport.close()
    return delivery.counts
