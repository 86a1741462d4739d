"""One Factbook for one command, closed at its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from factbook.app import Factbook

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


@contextmanager
def opened(**overrides: Any) -> Iterator[Factbook]:
    """Give the Factbook that the environment describes."""
    from factbook.app import Factbook
    from factbook.log import configure_logging
    from factbook.settings import load_settings

    settings = load_settings(**overrides)
    configure_logging(settings.log_level if settings.log_level != "INFO" else "WARNING")
    factbook = Factbook(settings)
    try:
        yield factbook
    finally:
        factbook.close()
