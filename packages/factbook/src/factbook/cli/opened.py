"""Open the house for one command and close it again."""

from __future__ import annotations

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
    try:
        yield factbook
    finally:
        factbook.close()
