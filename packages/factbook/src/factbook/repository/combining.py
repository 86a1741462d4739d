"""Group commit: callers that want to write at the same time share one transaction, and each returns only after it is durable.

Nobody works in the background. Whoever gets the lock next commits for everybody waiting (flat combining, Hendler et al., SPAA 2010).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from factbook.errors import TemporaryError

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Ticket(Generic[Item, Result]):
    def __init__(self, item: Item) -> None:
        self.item = item
        self.result: Result | None = None
        self.error: Exception | None = None
        self.done = False


class GroupCommit(Generic[Item, Result]):
    """Combine concurrent calls of :meth:`submit` into calls of ``commit``, which takes many items and returns one result each."""

    def __init__(self, commit: Callable[[Sequence[Item]], list[Result]], *, max_items: int = 1000) -> None:
        self._commit = commit
        self._max_items = max_items
        self._waiting: deque[_Ticket[Item, Result]] = deque()
        self._lock = threading.Lock()

    def submit(self, item: Item) -> Result:
        """Return the item's result once it is committed; raises what its commit raised."""
        ticket: _Ticket[Item, Result] = _Ticket(item)
        self._waiting.append(ticket)
        with self._lock:
            while not ticket.done:
                self._commit_waiting(ticket)
        if ticket.error is not None:
            raise ticket.error
        return ticket.result  # type: ignore[return-value]  # done without an error means that there is a result

    def _commit_waiting(self, own: _Ticket[Item, Result]) -> None:
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._max_items))]
        try:
            self._commit_batch(batch)
        except BaseException:
            # Interrupted (by ^C, say): whoever comes next commits for the others, who still wait for it.
            self._waiting.extendleft(ticket for ticket in reversed(batch) if not ticket.done and ticket is not own)
            raise

    def _commit_batch(self, batch: Sequence[_Ticket[Item, Result]]) -> None:
        try:
            results = self._commit([ticket.item for ticket in batch])
        except TemporaryError as error:
            # No item is to blame, and trying each by itself would make the last caller wait for all those timeouts.
            for ticket in batch:
                ticket.error, ticket.done = error, True
            return
        except Exception:  # noqa: BLE001 - one item of a shared commit may be to blame: each gets its own, so that only that one fails
            for ticket in batch:
                self._commit_alone(ticket)
            return
        for ticket, result in zip(batch, results, strict=True):
            ticket.result, ticket.done = result, True

    def _commit_alone(self, ticket: _Ticket[Item, Result]) -> None:
        try:
            ticket.result = self._commit([ticket.item])[0]
        except Exception as error:  # noqa: BLE001 - handed to the caller whose item it is
            ticket.error = error
        ticket.done = True
