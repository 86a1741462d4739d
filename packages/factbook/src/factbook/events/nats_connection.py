"""A connection to NATS and the streams we keep there.

The client's own reconnecting is off: it hides what was lost meanwhile. Whoever meets an error closes the connection and makes a new one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog

from factbook.errors import ConfigurationError

if TYPE_CHECKING:
    from factbook.events.urls import BusUrl

log = structlog.get_logger(__name__)

_CONNECT_SECONDS = 3
_DUPLICATE_WINDOW_SECONDS = 120.0
_DAY = 86_400.0
_MAKING_LOOKS = 10
_MAKING_PAUSE_SECONDS = 0.1


class Connection:
    """One connection. ``lost`` is done as soon as it breaks."""

    def __init__(self, client: Any, lost: asyncio.Event) -> None:
        self.client = client
        self.jetstream = client.jetstream()
        self._lost = lost

    @property
    def is_closed(self) -> bool:
        return self._lost.is_set() or bool(self.client.is_closed)

    async def all_of(self, awaited: Iterable[Awaitable[Any]], timeout_seconds: float) -> None:
        """Wait for all, at most so long, and not a moment after the connection is lost; raises the first error."""
        together = asyncio.ensure_future(asyncio.gather(*awaited))
        lost = asyncio.ensure_future(self._lost.wait())
        try:
            done, _ = await asyncio.wait((together, lost), timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
            if together in done:
                together.result()
            elif lost in done:
                raise ConnectionError("the connection was lost")
            else:
                raise TimeoutError(f"not everything was accepted within {timeout_seconds:g} s")
        finally:
            lost.cancel()
            if not together.done():
                together.cancel()
                await asyncio.wait((together,))

    async def close(self) -> None:
        """Close without waiting for what was not sent."""
        self._lost.set()
        if not self.client.is_closed:
            await self.client.close()


async def connect(place: BusUrl) -> Connection:
    """Connect to the first server that answers, beginning anywhere; raises what the last one said."""
    import nats
    import nats.errors

    lost = asyncio.Event()

    async def on_lost() -> None:
        lost.set()

    async def on_error(error: Exception) -> None:
        log.info("nats_error", reason=str(error) or type(error).__name__)

    options: dict[str, Any] = {"user": place.user, "password": place.password} if place.user else {}
    for left, host in reversed(list(enumerate(random.sample(place.hosts, len(place.hosts))))):
        try:
            client = await asyncio.wait_for(
                nats.connect(
                    f"nats://{host}",
                    allow_reconnect=False,
                    max_reconnect_attempts=1,
                    reconnect_time_wait=0,
                    connect_timeout=_CONNECT_SECONDS,
                    disconnected_cb=on_lost,
                    closed_cb=on_lost,
                    error_cb=on_error,
                    **options,
                ),
                _CONNECT_SECONDS + 1,
            )
        except (TimeoutError, nats.errors.Error, OSError) as error:
            if "authorization" in str(error).lower():
                raise ConfigurationError(
                    f"The bus at {place} refuses us", why="user or password is wrong", fix="Correct them in BUS_URL"
                ) from error
            if not left:
                raise
        else:
            return Connection(client, lost)
    raise AssertionError("a bus URL names at least one host")


class Streams:
    """Our streams, by their names, and how they are made."""

    def __init__(self, place: BusUrl) -> None:
        self._place = place
        self.events = place.subject.replace(".", "-")
        self.dead = f"{self.events}-dead"
        self.leases = f"{self.events}-leases"
        self.lease_subject = f"{place.subject}.lease"

    async def make(self, jetstream: Any) -> None:
        """Make the streams that are missing; those that are there stay as somebody has set them up."""
        from nats.js.api import StreamConfig

        place, age = self._place, self._place.max_age_days * _DAY
        for config in (
            StreamConfig(
                name=self.events,
                subjects=[place.subject],
                max_bytes=place.max_bytes,
                max_age=age,
                duplicate_window=min(_DUPLICATE_WINDOW_SECONDS, age),
            ),
            StreamConfig(name=self.dead, subjects=[place.dead], max_bytes=place.max_bytes // 8),
            StreamConfig(name=self.leases, subjects=[f"{self.lease_subject}.*"], max_msgs_per_subject=1, max_age=_DAY),
        ):
            config.num_replicas = place.replicas
            await _make_if_missing(jetstream, config)


async def _make_if_missing(jetstream: Any, config: Any) -> None:
    from nats.js.errors import BadRequestError, NotFoundError

    for left in reversed(range(_MAKING_LOOKS)):
        with suppress(NotFoundError):
            await jetstream.stream_info(config.name)
            return
        try:
            await jetstream.add_stream(config)
            return
        except BadRequestError:
            # Somebody else may be making it at this moment; then it is there at one of our next looks.
            if not left:
                raise
        await asyncio.sleep(_MAKING_PAUSE_SECONDS)
