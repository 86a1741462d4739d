"""Ask the statements of a plan, and when one is refused find out which check is at fault, so that the others are judged all the same."""

from __future__ import annotations

import hashlib
import math
import re
import time
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from factbook.errors import StatementFailed, StatementTimeout
from factbook.quality.compiling import Plan
from factbook.quality.conditions import Piece
from factbook.quality.dialects import dialect_for
from factbook.sources.session import Session

_MAX_PARAMETERS = 10_000
_USED_UP = "the budget of the run was used up"
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"|`([^`]*)`")


class Measured(msgspec.Struct):
    """What came back: ``numbers`` by key (``None`` where the engine said null), ``reasons`` by key where nothing did. ``digests`` and
    ``seconds`` are those of the statement that answered."""

    numbers: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    digests: dict[str, str] = {}
    seconds: dict[str, float] = {}
    statements: int = 0


class Measuring:
    """Run plans in one session. ``deadline`` is when the budget is used up, by ``time.monotonic``."""

    def __init__(self, session: Session, *, deadline: float | None = None) -> None:
        self._session = session
        self._deadline = deadline

    @property
    def is_over(self) -> bool:
        """Whether the budget is used up."""
        return self._deadline is not None and time.monotonic() >= self._deadline

    def measure(self, plan: Plan, names: Collection[str] = ()) -> Measured:
        """Ask everything; ``names`` are words that an error may repeat, because they are no data."""
        measured = Measured()
        for part in _parts(list(plan.counted.items()), dialect_for(self._session.engine).per_statement):
            self._count(plan, part, measured, names, is_first=True)
        for piece, keys in plan.alone.values():
            self._ask(piece, keys, measured, names)
        return measured

    def _count(self, plan: Plan, part: list[tuple[str, Piece]], measured: Measured, names: Collection[str], *, is_first: bool) -> None:
        """Ask one aggregate. Refused, it is asked in halves; where the table itself cannot be read, that is the reason of all."""
        piece = Piece(
            f"SELECT {', '.join(item.sql for _, item in part)} FROM {plan.table}",
            tuple(parameter for _, item in part for parameter in item.parameters),
        )
        keys = [key for key, _ in part]
        refused = self._ask(piece, keys, measured, names)
        if refused is None or len(part) == 1:
            return
        if is_first:
            table_refused = self._ask(Piece(f"SELECT count(*) FROM {plan.table}"), [""], measured, names)
            if table_refused is not None:
                for key in keys:
                    measured.reasons[key] = table_refused
                return
        for key in keys:
            measured.reasons.pop(key, None)
        middle = len(part) // 2
        self._count(plan, part[:middle], measured, names, is_first=False)
        self._count(plan, part[middle:], measured, names, is_first=False)

    def _ask(self, piece: Piece, keys: Sequence[str], measured: Measured, names: Collection[str]) -> str | None:
        """Ask one statement; return why it was refused, ``None`` if it was answered or cut off."""
        if self.is_over:
            measured.reasons.update(dict.fromkeys(keys, _USED_UP))
            return None
        statement, parameters = piece.statement(self._session)
        began = time.monotonic()
        limit = None if self._deadline is None else max(0.01, self._deadline - began)
        measured.statements += 1
        digest = hashlib.blake2b(statement.encode("utf-8", "replace"), digest_size=8).hexdigest()
        refused = None
        try:
            row = self._one_row(statement, parameters, limit)
            numbers = [_number(value) for value in row]
            if len(numbers) != len(keys):
                raise StatementFailed("The query answers no number", why=f"its row has {len(numbers)} columns")
            measured.numbers.update(zip(keys, numbers, strict=True))
        except StatementTimeout as error:
            reason = _USED_UP if self.is_over else f"it took too long: {_without_values(error.why, names)}"
            measured.reasons.update(dict.fromkeys(keys, reason))
        except StatementFailed as error:
            refused = _without_values(error.why or error.what, names)
            measured.reasons.update(dict.fromkeys(keys, refused))
        seconds = time.monotonic() - began
        for key in keys:
            measured.digests[key], measured.seconds[key] = digest, seconds
        return refused

    def _one_row(self, statement: str, parameters: tuple[Any, ...], limit: float | None) -> Sequence[Any]:
        rows = self._session.rows(statement, parameters, limit_seconds=limit)
        if len(rows) != 1:
            raise StatementFailed("The query answers no number", why=f"it has {'more than one row' if rows else 'no row'}")
        return rows[0]


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise StatementFailed("The query answers no number", why=f"it answers a {type(value).__name__}")
    number = float(value)
    if not math.isfinite(number):
        raise StatementFailed("The query answers no number", why="it answers one that is not finite")
    return number


def _without_values(reason: str, names: Collection[str]) -> str:
    """Return an engine's reason without what it quotes, unless that is a name: it may be a value of the data."""

    def shown(match: re.Match[str]) -> str:
        word = next(group for group in match.groups() if group is not None)
        return match[0] if all(part in names for part in word.split(".")) else "'…'"

    return _QUOTED.sub(shown, reason.splitlines()[0] if reason else "no reason given")


def _parts(items: list[tuple[str, Piece]], most: int) -> list[list[tuple[str, Piece]]]:
    """Cut the expressions so that no statement has too many of them, or too many parameters."""
    parts: list[list[tuple[str, Piece]]] = []
    parameters = 0
    for key, piece in items:
        if not parts or len(parts[-1]) >= most or parameters + len(piece.parameters) > _MAX_PARAMETERS:
            parts.append([])
            parameters = 0
        parts[-1].append((key, piece))
        parameters += len(piece.parameters)
    return parts
