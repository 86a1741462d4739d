"""Follow a log for as long as it takes: page by page, through outages of the service."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence

from factbook_sdk.errors import ServiceUnavailable
from factbook_sdk.facts.record import DEFAULT_TENANT
from factbook_sdk.repository.contract import MAX_WAIT_SECONDS, MetadataRepository, TailPage
from factbook_sdk.repository.retrying import pause_seconds

PAGE = 1_000

log = logging.getLogger(__name__)


def follow(
    repository: MetadataRepository,
    after_offset: int = 0,
    *,
    kinds: Sequence[str] | None = None,
    tenant: str = DEFAULT_TENANT,
    limit: int = PAGE,
    wait_seconds: float = 20.0,
    stop: threading.Event | None = None,
) -> Iterator[TailPage]:
    """Yield pages of the log after an offset, for ever or until ``stop`` is set.

    Keep ``page.next_offset`` once the page is dealt with: a follower that begins there again misses nothing, and sees at most the page
    again that it was at. Pages hold at least one record. While the service is away, it is asked again with growing pauses; other errors
    are raised. ``stop`` is seen after at most ``wait_seconds``.
    """
    stop = stop or threading.Event()
    failures = 0
    while not stop.is_set():
        try:
            page = repository.tail(after_offset, kinds=kinds, tenant=tenant, limit=limit, wait_seconds=min(wait_seconds, MAX_WAIT_SECONDS))
        except ServiceUnavailable as error:
            failures += 1
            if failures == 1:
                log.warning("The log cannot be followed for now, from offset %d: %s", after_offset, error)
            stop.wait(pause_seconds(error, failures))
            continue
        if failures:
            log.warning("The log is followed again, from offset %d, after %d failures", after_offset, failures)
            failures = 0
        after_offset = page.next_offset
        if page.records:
            yield page
