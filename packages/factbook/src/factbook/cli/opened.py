"""Open the house for one command and close it again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from factbook.app import Factbook
    from factbook.settings import Settings


@contextmanager
def opened(settings: Settings | None = None) -> Iterator[Factbook]:
    """Give the application with the settings of the environment; what it opened is closed at the end."""
    from factbook.app import Factbook

    factbook = Factbook(settings)
    _log_if_asked(factbook.settings.log_level)
    try:
        yield factbook
    finally:
        factbook.close()


def _log_if_asked(level: str) -> None:
    """Send logs to stderr where LOG_LEVEL is set; a command says what matters itself, and a log line would come between."""
    from factbook.log import configure_logging

    asked = any(os.environ.get(name) for name in ("FACTBOOK_LOG_LEVEL", "LOG_LEVEL"))
    configure_logging(level if asked else "CRITICAL")
