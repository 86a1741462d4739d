"""What is read is counted, by minute and principal, and stored as ``data_usage`` facts: a minute when it is over, all at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import structlog

from factbook_sdk.facts import MetadataContext, MetadataRecord
from factbook_sdk.facts.building import record_of
from factbook_sdk.facts.kinds.data_product import product_target
from factbook_sdk.facts.kinds.data_usage import DataUsage

log = structlog.get_logger(__name__)

PRODUCER_ID = "serving.v1"
_MINUTE = timedelta(minutes=1)
_EVERY_SECONDS = 5.0
_MAX_KEPT = 100_000


class Use(msgspec.Struct, frozen=True):
    """Who read what in which form; what is counted by."""

    tenant: str
    product: str
    port: str
    principal: str
    form: str


class UsageCounter:
    """Counts of one process. ``run_id`` tells its facts from those of other processes that count the same minute. Safe from any thread.

    A store that is away keeps the counts here; what a killed process has not stored yet is lost.
    """

    def __init__(self, store: Callable[[Sequence[MetadataRecord]], object], *, run_id: str) -> None:
        self._store = store
        self._run_id = run_id
        self._lock = threading.Lock()
        self._counts: dict[tuple[datetime, Use], tuple[int, int]] = {}
        self._writing = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.lost = 0
        """Requests whose count there was no room for while the store was away."""

    def count(self, use: Use, rows: int) -> None:
        """Count one request."""
        minute = datetime.now(UTC).replace(second=0, microsecond=0)
        with self._lock:
            if len(self._counts) >= _MAX_KEPT and (minute, use) not in self._counts:
                self.lost += 1
                return
            requests, total = self._counts.get((minute, use), (0, 0))
            self._counts[minute, use] = requests + 1, total + rows
            if self._thread is None and not self._stopping.is_set():
                self._thread = threading.Thread(target=self._work, name="access-clerk-usage", daemon=True)
                self._thread.start()

    def flush(self, *, everything: bool = True) -> int:
        """Store the counts of minutes that are over, or all of them; return how many facts. Counts stay here if storing fails."""
        with self._writing:
            now = datetime.now(UTC)
            with self._lock:
                due = {key: count for key, count in self._counts.items() if everything or key[0] + _MINUTE <= now}
                for key in due:
                    del self._counts[key]
            if not due:
                return 0
            try:
                self._store([self._fact(minute, use, count, now) for (minute, use), count in due.items()])
            except BaseException:
                with self._lock:
                    for key, (requests, rows) in due.items():
                        more = self._counts.get(key, (0, 0))
                        self._counts[key] = requests + more[0], rows + more[1]
                raise
            return len(due)

    def stop(self) -> None:
        """Store what is left and end; harmless when nothing was counted."""
        self._stopping.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
        self.flush()

    def _work(self) -> None:
        while not self._stopping.wait(_EVERY_SECONDS):
            try:
                self.flush(everything=False)
            except Exception as error:  # noqa: BLE001 - the store may be back a moment later; the counts are kept
                log.warning("usage_not_stored", reason=str(error), lost=self.lost)

    def _fact(self, minute: datetime, use: Use, count: tuple[int, int], now: datetime) -> MetadataRecord:
        end = min(minute + _MINUTE, max(now, minute + timedelta(microseconds=1)))
        payload = DataUsage(minute, end, count[0], count[1], use.principal, use.form, use.port)
        context = MetadataContext(tenant=use.tenant, run_id=self._run_id)
        return record_of(payload, product_target(use.product), producer_id=PRODUCER_ID, produced_at=end, context=context)
