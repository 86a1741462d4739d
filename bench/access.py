"""What a request's guard costs: telling who a token is, judging, and noting it for the audit; and the same around an empty application.

No store takes part but for the first look at the token: what is measured is what every request pays. Run with ``python -m bench.access``.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from bench import report
from factbook.access import Action, Grant
from factbook.access.scopes import of_this_machine
from factbook.access.writing import write_check
from factbook.api.security import Guard
from factbook.app import Factbook
from factbook.settings import load_settings

CALLS = 100_000
COLUMNS = ["what", "µs a call"]


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory() as folder:
        rows = _measure(Factbook(load_settings({}, data_dir=folder)))
    report.write("access", COLUMNS, rows, f"`python -m bench.access`, {report.machine()} Mean of {CALLS:,} calls, the best of five rounds.")


def _measure(house: Factbook) -> list[list[Any]]:
    grants = [Grant(Action.READ, "acme"), Grant(Action.WRITE, "acme", "sales*", ("ingestion_*", "recon_result"))]
    value = house.tokens.create("bench", grants, created_by="bench").value
    doorkeeper = house.doorkeeper
    principal = doorkeeper.look_up(value)
    rows = [
        ["recall who a token is", _best(lambda: _recalled(house, value))],
        ["judge one record", _best(lambda: _times(lambda: write_check(principal)("acme", "ingestion_volume", "sales.eu")))],
        ["judge one record of a local request", _best(lambda: _times(_local_write))],
        ["an empty application", _best(lambda: asyncio.run(_asked(_empty, value)))],
        ["the guard around it, with a token, unaudited read", _best(lambda: asyncio.run(_asked(Guard(_empty, house), value, "GET")))],
        ["the guard around it, with a token, audited write", _best(lambda: asyncio.run(_asked(Guard(_empty, house), value)))],
        ["the guard around it, local without a token", _best(lambda: asyncio.run(_asked(Guard(_empty, house), None)))],
    ]
    house.close()
    return [[what, round(cost, 2)] for what, cost in rows]


def _local_write() -> None:
    write_check(_LOCAL)("default", "ingestion_volume", None)


_LOCAL = of_this_machine("default", may_write=True)


def _recalled(house: Factbook, value: str) -> float:
    house.doorkeeper.look_up(value)
    return _times(lambda: house.doorkeeper.recall(value))


def _times(call: Callable[[], object]) -> float:
    """Return the microseconds of a call."""
    started = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - started) / CALLS * 1e6


async def _asked(app: Callable[..., Awaitable[None]], value: str | None, method: str = "POST") -> float:
    headers = [(b"host", b"localhost:8000"), (b"content-type", b"application/json"), (b"content-length", b"300")]
    if value is not None:
        headers.append((b"authorization", f"Bearer {value}".encode()))

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(_message: Any) -> None:
        return None

    started = time.perf_counter()
    for _ in range(CALLS):
        scope = {
            "type": "http",
            "method": method,
            "path": "/records",
            "client": ("127.0.0.1", 1),
            "headers": headers,
            "state": {"request_id": "0123456789abcdef"},
        }
        await app(scope, receive, send)
    return (time.perf_counter() - started) / CALLS * 1e6


async def _empty(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


def _best(measure: Callable[[], float]) -> float:
    return min(measure() for _ in range(5))


if __name__ == "__main__":
    main()
