"""A real database to begin with: Chinook, a record shop with 11 tables (its licence lies beside it)."""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path

CHANGES: tuple[str, ...] = (
    "ALTER TABLE Customer ADD COLUMN LoyaltyPoints INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX IX_CustomerLoyaltyPoints ON Customer (LoyaltyPoints DESC)",
    "CREATE VIEW BestCustomers AS SELECT CustomerId, FirstName, LastName, LoyaltyPoints FROM Customer WHERE LoyaltyPoints > 100",
)
"""What the demo changes on its copy, so that the next scan has something to find."""


def ensure_source(path: Path) -> Path:
    """Put the sample database at ``path`` unless something is there; two processes at once end with one whole file."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{secrets.token_hex(6)}")
        draft.write_bytes((resources.files(__package__) / "chinook.sqlite").read_bytes())
        os.replace(draft, path)
    return path


def fresh_source(path: Path) -> Path:
    """Put the sample database at ``path`` as it was shipped, whatever was there."""
    path.unlink(missing_ok=True)
    return ensure_source(path)


def change(path: Path) -> tuple[str, ...]:
    """Apply the demo's schema change to a copy; return the statements."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in CHANGES:
            connection.execute(statement)
    return CHANGES
