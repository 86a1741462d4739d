"""What a run may still spend, and what it has spent. Pure but for the clock."""

from __future__ import annotations

import re
import time
from typing import Literal

from factbook.errors import InvalidRequest
from factbook.profile.model import Budget, Sampling
from factbook_sdk.facts.kinds.statistics_snapshot import Bill

_BUDGET = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.I)
_BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_SECONDS = {"s": 1, "sec": 1, "second": 1, "seconds": 1, "m": 60, "min": 60, "h": 3600}
_ROWS = {"row": 1, "rows": 1, "krows": 1000, "mrows": 1_000_000}


def parse_budget(texts: list[str]) -> Budget:
    """Read ``30s``, ``1000000rows``, ``1GB``; each sort once. Raises :class:`InvalidRequest`."""
    found: dict[str, float] = {}
    for text in texts:
        match = _BUDGET.fullmatch(text.strip().replace(",", "").replace("_", ""))
        unit = match[2].lower() if match else ""
        sort = next((name for name, units in (("seconds", _SECONDS), ("rows", _ROWS), ("bytes", _BYTES)) if unit in units), None)
        if match is None or sort is None or sort in found or not float(match[1]):
            raise InvalidRequest(
                f"{text!r} is no budget",
                why="it is a number and a unit, of each sort one",
                fix="Write 30s, 1000000rows or 1GB",
                field="budget",
            )
        found[sort] = float(match[1]) * ({**_SECONDS, **_ROWS, **_BYTES}[unit])
    rows, size = found.get("rows"), found.get("bytes")
    return Budget(found.get("seconds"), int(rows) if rows else None, int(size) if size else None)


class Ledger:
    """What one run spends. ``earlier`` is what attempts before it spent: a run that is resumed has no new budget."""

    def __init__(self, budget: Budget, earlier: Bill | None = None) -> None:
        self.budget = budget
        self.rows = earlier.rows_read if earlier else 0
        self.bytes = earlier.bytes_read if earlier else 0
        self.statements = earlier.statements if earlier else 0
        self._seconds_before = earlier.seconds if earlier else 0.0
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        return self._seconds_before + time.monotonic() - self._begun

    def take(self, *, rows: int = 0, bytes_read: int = 0, statements: int = 0) -> None:
        self.rows += rows
        self.bytes += bytes_read
        self.statements += statements

    @property
    def rows_left(self) -> int | None:
        return None if self.budget.rows is None else max(0, self.budget.rows - self.rows)

    @property
    def bytes_left(self) -> int | None:
        return None if self.budget.bytes is None else max(0, self.budget.bytes - self.bytes)

    @property
    def seconds_left(self) -> float | None:
        return None if self.budget.seconds is None else max(0.0, self.budget.seconds - self.seconds)

    @property
    def used_up(self) -> str | None:
        """Return which part of the budget is used up, in words; ``None`` while there is some of each."""
        left = (("seconds", self.seconds_left), ("rows", self.rows_left), ("bytes", self.bytes_left))
        name = next((name for name, rest in left if rest is not None and rest <= 0), None)
        return None if name is None else f"the budget of {name} is used up"

    def bill(self) -> Bill:
        return Bill(self.rows, self.bytes, self.statements, round(self.seconds, 6))


def parse_sample(text: str, *, seed: int = 1) -> Sampling:
    """Read ``10000`` or ``2.5%``; raises :class:`InvalidRequest`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%?)", text.strip().replace(",", "").replace("_", ""))
    number = float(match[1]) if match else 0.0
    if match is not None and match[2] and 0 < number <= 100:
        return Sampling(share=number / 100, seed=seed)
    if match is not None and not match[2] and number >= 1 and number == int(number):
        return Sampling(rows=int(number), seed=seed)
    raise InvalidRequest(
        f"{text!r} is no sample", why="it is a number of rows, or a share up to 100 %", fix="Write 10000 or 2.5%", field="sample"
    )


def parse_engine_statistics(text: str) -> Literal["auto", "only", "never"]:
    """Read when the engine's own statistics are taken; raises :class:`InvalidRequest`."""
    found = next((mode for mode in _MODES if mode == text.strip().lower()), None)
    if found is None:
        raise InvalidRequest(
            f"{text!r} is no way to take the engine's statistics", fix=f"Choose {', '.join(_MODES)}", field="engine_statistics"
        )
    return found


_MODES: tuple[Literal["auto", "only", "never"], ...] = ("auto", "only", "never")
