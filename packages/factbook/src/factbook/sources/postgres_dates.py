"""Dates, times and moments that Python has no value for, as PostgreSQL prints them: ``infinity``, ``24:00:00``, 10000 AD, 44 BC."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format

_TYPES = ("date", "time", "timetz", "timestamp", "timestamptz")


def keep_as_text(connection: psycopg.Connection[Any]) -> None:
    """Have a connection give such values as texts, rather than fail with all the rows that were asked for."""
    for name in _TYPES:
        oid = psycopg.adapters.types[name].oid
        usual = psycopg.adapters.get_loader(oid, Format.TEXT)
        if usual is not None:
            connection.adapters.register_loader(oid, _lenient(usual))


def _lenient(usual: Any) -> type[Loader]:
    class LenientLoader(Loader):
        """The usual loader; what it cannot read stays a text."""

        def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
            super().__init__(oid, context)
            self._load = usual(oid, context).load

        def load(self, data: Buffer) -> Any:
            try:
                return self._load(data)
            except psycopg.DataError:
                return bytes(data).decode()

    return LenientLoader
