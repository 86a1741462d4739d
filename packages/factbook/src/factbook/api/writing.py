"""How records come in: single ones that come at the same time share a commit, documents take their turn, and nothing piles up.

A thread for every single record would spend most of its time waiting for its turn. Here the server's loop gathers them while the commit
before is under way, and one thread commits them together. Each is answered after its commit, never before.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request

from factbook.api.problems import Overloaded
from factbook.errors import TemporaryError
from factbook_sdk.facts import MetadataRecord
from factbook_sdk.repository.contract import BulkReport, MetadataRepository, Stored
from factbook_sdk.repository.intake import store_document

MAX_SHARING = 1_000
"""Records that share one commit."""

LINGER_SECONDS = 0.001
"""How long a commit waits for as many records as the one before had: under load they are about to come, and what a commit costs hardly
depends on how few it holds. A record that comes alone never waits."""

_DOCUMENTS_AT_ONCE = 2
"""One is read while another is written. More would only wait: the log has one append point."""

_Waiting = tuple[MetadataRecord, "asyncio.Future[Stored]"]


class Pressure:
    """What is under way, and the bounds that it may not pass. Used from the server's loop alone."""

    def __init__(self, *, max_requests: int, max_bytes: int) -> None:
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self.requests = 0
        self.bytes = 0
        self.refused = 0

    @contextmanager
    def admit(self, size_bytes: int) -> Iterator[Callable[[int], None]]:
        """Count a write while it is under way; raises :class:`Overloaded` if it is one too many.

        Gives a function that is told how much of it has come: it may become more than was declared. A write alone is never too large:
        MAX_BODY_BYTES bounds it.
        """
        declared = counted = size_bytes
        self._check(self.requests + 1, self.bytes + size_bytes)
        self.requests += 1
        self.bytes += size_bytes

        def correct(size_bytes: int) -> None:
            nonlocal counted
            known = max(size_bytes, declared)
            self.bytes += known - counted
            counted = known
            self._check(self.requests, self.bytes)

        try:
            yield correct
        finally:
            self.requests -= 1
            self.bytes -= counted

    def _check(self, requests: int, size_bytes: int) -> None:
        if requests > 1 and (requests > self._max_requests or size_bytes > self._max_bytes):
            self.refused += 1
            raise Overloaded(
                "The server has more records to store than it can keep up with",
                why=f"at most {self._max_requests:,} requests and {self._max_bytes:,} bytes wait at a time",
                fix="Send it again after Retry-After seconds; what was acknowledged is stored",
            )


async def read_counted(request: Request, correct: Callable[[int], None]) -> bytes:
    """Return the body, counting it as it comes: what is packed or sent in pieces does not say its size before."""
    pieces = []
    size = 0
    async for piece in request.stream():
        pieces.append(piece)
        size += len(piece)
        correct(size)
    return b"".join(pieces)


class Writing:
    """Everything that stores records for one server."""

    def __init__(
        self,
        repository: Callable[[], MetadataRepository],
        *,
        max_requests: int,
        max_bytes: int,
        warn: Callable[[set[tuple[str, str, int]]], list[str]] = lambda used: [],
    ) -> None:
        """``warn`` says what is to be known about kinds, given (tenant, kind, version) of what was stored."""
        self._repository = repository
        self._warn = warn
        self.pressure = Pressure(max_requests=max_requests, max_bytes=max_bytes)
        self._waiting: deque[_Waiting] = deque()
        self._is_committing = False
        self._company = 1
        self._lingering: asyncio.TimerHandle | None = None
        self._committer = ThreadPoolExecutor(1, "commit")
        self._limiter = CapacityLimiter(_DOCUMENTS_AT_ONCE)

    async def store_one(self, record: MetadataRecord) -> BulkReport:
        """Store one record as :meth:`store` does; report it with what is to be known about its kind."""
        stored = await self.store(record)
        return BulkReport([stored], self._warn({(record.context.tenant, record.kind, record.version)}))

    async def store(self, record: MetadataRecord) -> Stored:
        """Store one record, together with others that come meanwhile. Raises :class:`InvalidRecord`, :class:`TemporaryError`."""
        stored: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        self._waiting.append((record, stored))
        if not self._is_committing and (self._lingering is None or len(self._waiting) >= self._company):
            self._commit_waiting()
        return await stored

    async def store_document(self, repository: MetadataRepository, body: bytes, *, atomic: bool) -> BulkReport:
        """Store the records of a body in the repository as its sender may use it; with ``atomic`` all or none."""
        work = partial(store_document, repository, body, atomic=atomic, warn=self._warn)
        return await to_thread.run_sync(work, limiter=self._limiter)

    def close(self) -> None:
        """Wait for the commit under way."""
        self._committer.shutdown()

    def _commit_waiting(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        if not self._waiting:
            return
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_SHARING))]
        records = [record for record, _ in batch]
        try:
            committed = asyncio.get_running_loop().run_in_executor(self._committer, _commit, self._repository(), records)
        except Exception as error:  # noqa: BLE001 - handed to the requests whose records they are
            _tell(batch, [error] * len(batch))
            return
        self._is_committing = True
        committed.add_done_callback(partial(self._answer, batch))

    def _answer(self, batch: Sequence[_Waiting], committed: asyncio.Future[list[Stored | Exception]]) -> None:
        error = committed.exception()
        _tell(batch, committed.result() if error is None else [error] * len(batch))
        self._is_committing = False
        self._company = len(batch)
        if self._company > 1 and len(self._waiting) < self._company:
            self._lingering = asyncio.get_running_loop().call_later(LINGER_SECONDS, self._commit_waiting)
        else:
            self._commit_waiting()


def _tell(batch: Sequence[_Waiting], outcomes: Sequence[Stored | BaseException]) -> None:
    """Answer the requests of a batch."""
    for (_, stored), outcome in zip(batch, outcomes, strict=True):
        # A client that went away has cancelled its future; its record is stored all the same.
        if stored.done():
            continue
        if isinstance(outcome, Stored):
            stored.set_result(outcome)
        else:
            stored.set_exception(outcome)


def _commit(repository: MetadataRepository, records: Sequence[MetadataRecord]) -> list[Stored | Exception]:
    """Store records in one commit; return for each what became of it, or why it failed."""
    try:
        results = repository.bulk_store(records).results
    except TemporaryError as error:
        # No record is to blame, and trying each by itself would make the last one wait for all those timeouts.
        return [error] * len(records)
    except Exception:  # noqa: BLE001 - one record of a shared commit may be to blame: each gets its own, so that only that one fails
        return [_commit_alone(repository, record) for record in records]
    return [
        result if isinstance(result, Stored) else _commit_alone(repository, record) for record, result in zip(records, results, strict=True)
    ]


def _commit_alone(repository: MetadataRepository, record: MetadataRecord) -> Stored | Exception:
    try:
        return repository.store(record)
    except Exception as error:  # noqa: BLE001 - handed to the request whose record it is
        return error
