"""A real database to begin with: Chinook, a record shop with 11 tables (its licence lies beside it)."""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path

from factbook.errors import ConfigurationError

LICENCE = "Chinook Database, copyright 2008-2024 Luis Rocha, MIT licence"

CHANGES: tuple[str, ...] = (
    "ALTER TABLE Customer ADD COLUMN LoyaltyPoints INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX IX_CustomerLoyaltyPoints ON Customer (LoyaltyPoints DESC)",
    "ALTER TABLE Customer DROP COLUMN Fax",
    "CREATE VIEW BestCustomers AS SELECT CustomerId, FirstName, LastName, LoyaltyPoints FROM Customer WHERE LoyaltyPoints > 100",
)
"""What the demo changes on its copy, so that the next scan has something to find."""


def ensure_source(path: Path) -> Path:
    """Put the sample database at ``path`` unless something is there; of two processes at once, both end with the file that came first."""
    if path.exists():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _publish((resources.files(__package__) / "chinook.sqlite").read_bytes(), path)
    except OSError as error:
        raise ConfigurationError(
            f"The sample database cannot be put at {path}", why=error.strerror or "", fix="Make the folder writable, or set DATA_DIR"
        ) from error
    return path


def _publish(content: bytes, path: Path) -> None:
    """Write a draft and give it its name when it is whole, never over a file that another process may have opened meanwhile."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(6)}")
    try:
        draft.write_bytes(content)
        try:
            os.link(draft, path)
        except FileExistsError:
            return
        except OSError:  # a file system without hard links
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def fresh_folder(parent: Path) -> Path:
    """Make and return a folder that nobody uses yet: ``parent``/1, /2, …"""
    number = 1
    while True:
        try:
            (parent / str(number)).mkdir(parents=True)
        except FileExistsError:
            number += 1
        except OSError as error:
            raise ConfigurationError(
                f"The folder {parent} cannot be made", why=error.strerror or "", fix="Make it writable, or set DATA_DIR"
            ) from error
        else:
            return parent / str(number)


def change(path: Path) -> tuple[str, ...]:
    """Apply the demo's schema change to a copy; return the statements."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in CHANGES:
            connection.execute(statement)
    return CHANGES
