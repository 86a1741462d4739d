"""Tell who a token is, fast: what was found is believed for a second, so that a revoked token stops working soon in every process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from factbook.access.scopes import Principal, Who
from factbook.access.tokens import USE_NOTED_SECONDS, KnownToken, Tokens, digest
from factbook.errors import KeyRequired

BELIEVED_SECONDS = 1.0
_MAX_REMEMBERED = 10_000


class _Entry(msgspec.Struct, gc=False):
    known: KnownToken
    principal: Principal
    looked_up_at: float
    use_noted_at: float


class Doorkeeper:
    """Checks tokens for one process. Safe to use from many threads.

    Only tokens that exist are remembered, by their digest; a wrong one costs a look-up each time and leaves nothing behind.
    """

    def __init__(self, tokens: Tokens, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._tokens = tokens
        self._clock = clock
        self._entries: dict[bytes, _Entry] = {}
        self._used: set[str] = set()
        self._lock = threading.Lock()

    def recall(self, value: str) -> Principal | None:
        """Return who a token is if that was found within the last second, without any I/O; ``None`` says: :meth:`look_up`.

        Raises :class:`KeyRequired` for one that is over.
        """
        now = self._clock()
        entry = self._entries.get(digest(value))
        if entry is None or now - entry.looked_up_at > BELIEVED_SECONDS:
            return None
        return self._admit(entry, now)

    def look_up(self, value: str) -> Principal:
        """Look a token up in the store; raises :class:`KeyRequired` if it is unknown, expired or revoked."""
        key = digest(value)
        known = self._tokens.find(key)
        now = self._clock()
        if known is None:
            self._entries.pop(key, None)
            raise _refusal("The token is unknown", "there never was one with this value")
        before = self._entries.get(key)
        principal = Principal(Who.TOKEN, known.name, known.grants, known.token_id)
        entry = _Entry(known, principal, now, before.use_noted_at if before is not None else float("-inf"))
        with self._lock:
            if len(self._entries) >= _MAX_REMEMBERED:
                self._entries = {}
            self._entries[key] = entry
        return self._admit(entry, now)

    def check(self, value: str) -> Principal:
        """Return who a token is, looking it up if need be; raises :class:`KeyRequired`."""
        known = self.recall(value)
        return known if known is not None else self.look_up(value)

    def take_used(self) -> set[str]:
        """Return the ids of tokens whose use is to be written down, each at most once a minute."""
        with self._lock:
            used, self._used = self._used, set()
        return used

    def _admit(self, entry: _Entry, now: float) -> Principal:
        known = entry.known
        if known.revoked_at is not None:
            raise _refusal("The token is revoked", "somebody ended it")
        if known.expires_at is not None and known.expires_at <= datetime.now(UTC).timestamp() * 1_000_000:
            raise _refusal("The token has expired", "its time is over")
        if now - entry.use_noted_at > USE_NOTED_SECONDS:
            entry.use_noted_at = now
            with self._lock:
                self._used.add(known.token_id)
        return entry.principal


def _refusal(what: str, why: str) -> KeyRequired:
    return KeyRequired(what, why=why, fix="Send one that is good as Authorization: Bearer …; an admin makes them (POST /tokens)")
