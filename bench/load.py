"""Load on an HTTP server: so many connections that each send a request, read its answer whole, and send the next one.

Written on asyncio's protocols, because on a machine of two cores a client library would be the slower half of what is measured.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import msgspec


class Run(msgspec.Struct, frozen=True):
    """What a run showed: ``seconds`` as a whole, the latency of each answer in seconds, and how many answers had which status."""

    seconds: float
    latencies: list[float]
    statuses: dict[int, int]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Return the latency in seconds below which this share of the answers lies."""
        ordered = sorted(self.latencies)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def request(method: str, path: str, body: bytes = b"", content_type: str = "application/json") -> bytes:
    """Return the bytes of a request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def run(port: int, requests: Iterator[bytes], *, connections: int, seconds: float | None = None) -> Run:
    """Send requests until there are none left, or the time is over."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(_run(port, requests, connections, seconds))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(port, requests, connections, seconds))


async def _run(port: int, requests: Iterator[bytes], connections: int, seconds: float | None) -> Run:
    loop = asyncio.get_running_loop()
    clients = [_Client(requests, None if seconds is None else time.perf_counter() + seconds) for _ in range(connections)]
    for client in clients:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]
    started = time.perf_counter()
    for client in clients:
        client.send_next()
    await asyncio.gather(*(client.done for client in clients))
    took = time.perf_counter() - started
    statuses: dict[int, int] = {}
    for client in clients:
        for status in client.statuses:
            statuses[status] = statuses.get(status, 0) + 1
    return Run(took, [latency for client in clients for latency in client.latencies], statuses)


class _Client(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], deadline: float | None) -> None:
        self._requests = requests
        self._deadline = deadline
        self._received = b""
        self._sent_at = 0.0
        self.latencies: list[float] = []
        self.statuses: list[int] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def send_next(self) -> None:
        following = None if self._deadline is not None and time.perf_counter() > self._deadline else next(self._requests, None)
        if following is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(following)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < _content_length(head):
            return
        self.latencies.append(time.perf_counter() - self._sent_at)
        self.statuses.append(int(head[9:12]))
        self._received = b""
        self.send_next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("The server closed the connection"))


def _content_length(head: bytes) -> int:
    # An answer without content (204) has none.
    length = head.lower().partition(b"content-length:")[2]
    return int(length.split(b"\r\n", 1)[0]) if length else 0
