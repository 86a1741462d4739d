"""Emit facts from a pipeline without ever waiting for the service.

:meth:`Emitter.emit` puts a record into memory and returns. One thread writes what is there to the spool on disk, another sends the spool
and deletes what the service has taken. Without a spool the second one sends from memory.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import weakref
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import msgspec

from factbook_sdk.emitter.courier import Courier
from factbook_sdk.emitter.delivery import Delivered, Delivery
from factbook_sdk.emitter.options import EmitterOptions
from factbook_sdk.emitter.spool import Spool
from factbook_sdk.errors import PartialFailure
from factbook_sdk.facts import DEFAULT_TENANT, MetadataRecord
from factbook_sdk.repository.sending import Sender
from factbook_sdk.repository.transport import Transport
from factbook_sdk.repository.wire import encode_record

if TYPE_CHECKING:
    from typing import Self

log = logging.getLogger("factbook_sdk.emitter")

_PATIENCE_SECONDS = 10.0


class Counters(msgspec.Struct, frozen=True):
    """``taken`` and ``refused`` (for lack of room) are what was emitted here; ``in_memory`` of those taken would be lost if the process
    were killed now. ``delivered`` counts what this emitter sent, also of segments that others left behind. ``last_failure`` is what
    keeps records from leaving now."""

    taken: int
    refused: int
    in_memory: int
    delivered: Delivered
    last_failure: str | None


class Emitter:
    """Send records to a service in the background. Safe to use from many threads; after a fork the child has an empty one of its own.

    What :meth:`emit` took is not dropped: the service has it, or it lies in the spool until the service has it, or in ``rejected.jsonl``
    there with the reason why the service refused it. When memory and spool are full, :meth:`emit` refuses what comes next. A spool
    belongs to one service; several processes may share it, and each sends what another that was killed has left.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        tenant: str = DEFAULT_TENANT,
        spool: Path | str | None = None,
        options: EmitterOptions | None = None,
    ) -> None:
        self._options = options or EmitterOptions()
        self._tenant = tenant
        self._transport = Transport(url, token=token, timeout_seconds=self._options.timeout_seconds)
        self._spool = spool if spool is None else self._open_spool(spool)
        self._closing = threading.Lock()
        self._is_closed = False
        self._courier = self._make_courier()
        self._courier.start()
        _emitters.add(self)
        atexit.register(self._close_at_exit)

    def __repr__(self) -> str:
        return f"Emitter({self._transport.url!r}, spool={str(self._spool.folder) if self._spool else None!r})"

    def emit(self, record: MetadataRecord) -> None:
        """Take a record and return at once; what happens to the record's payload afterwards does not matter.

        Raises :class:`InvalidRecord` for what is no JSON, :class:`EmitterFull` where there is no room. Whether the record keeps the rules
        of its kind is for the service to say: one it refuses ends in ``rejected.jsonl``.
        """
        self._courier.put(encode_record(record, self._tenant))
        self._courier.start()

    def flush(self, timeout_seconds: float = _PATIENCE_SECONDS) -> bool:
        """Wait until the service has answered everything taken before the call; return whether it has when the time is over.

        A pause the service asked for is kept. What has not arrived by then goes on in the background.
        """
        return self._courier.flush(timeout_seconds)

    def close(self, timeout_seconds: float = _PATIENCE_SECONDS) -> None:
        """Flush and stop; sooner when all is on disk and the service has failed three times in a row. What it has not taken by then stays
        in the spool, for the next emitter on it to send.

        Raises :class:`PartialFailure` when records are lost, which takes a missing or broken spool. Closing twice is harmless.
        """
        with self._closing:
            if self._is_closed:
                return
            self._is_closed = True
        atexit.unregister(self._close_at_exit)
        self._courier.shut()
        self._courier.flush(timeout_seconds, is_leaving=True)
        lost = self._courier.stop()
        if self._spool is not None:
            self._spool.seal()
        if lost:
            raise PartialFailure(
                f"{lost:,} records were not delivered and are lost",
                why=self.counters().last_failure or "the time for it was over",
                fix="Give the emitter a spool folder on a disk with room, or close it with a longer timeout_seconds",
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self.close()
        else:
            # The pipeline's own error matters more, and must not be hidden behind one of ours.
            self._close_at_exit()

    def counters(self) -> Counters:
        """Return what has happened so far."""
        taken, refused, in_memory, failure = self._courier.numbers
        return Counters(taken, refused, in_memory, self._courier.delivery.counts, None if failure is None else str(failure))

    def _open_spool(self, folder: Path | str) -> Spool:
        return Spool(folder, max_bytes=self._options.max_spool_bytes, max_rejected_bytes=self._options.max_rejected_bytes)

    def _make_courier(self) -> Courier:
        delivery = Delivery(Sender(self._transport, pack=self._options.compress), self._spool)
        return Courier(delivery, self._spool, self._options, on_end=self._transport.close)

    def _close_at_exit(self) -> None:
        try:
            self.close()
        except PartialFailure as lost:
            log.error("%s", lost)

    def _begin_anew(self) -> None:
        """After a fork: threads stayed with the parent, and what waits in memory is the parent's to send."""
        self._closing = threading.Lock()
        if self._spool is not None:
            self._spool.forget()
        self._courier = self._make_courier()


_emitters: weakref.WeakSet[Emitter] = weakref.WeakSet()


def _begin_all_anew() -> None:
    for emitter in list(_emitters):
        emitter._begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_all_anew)
