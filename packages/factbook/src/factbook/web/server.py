"""Run the server: in this process, or in several that share its port."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from factbook.app import Factbook
    from factbook.settings import Settings

GRACE_SECONDS = 5
"""What requests under way, long polls above all, get to end when the server is asked to stop."""


def serve(factbook: Factbook, *, log_level: str | None = None, processes: int = 1) -> None:
    """Serve until interrupted; the Factbook is closed then. Raises :class:`ConfigurationError` before it listens where it should not.

    Several ``processes`` each open a Factbook of their own from the environment; this one only watches over them.
    """
    import uvicorn

    from factbook.api.security import check_listening
    from factbook.log import configure_logging
    from factbook.web.app import create_app

    settings = factbook.settings
    check_listening(settings, factbook.has_admin_token)
    configure_logging(log_level or settings.log_level)
    if processes > 1:
        _pass_on(settings)
    several: Any = "factbook.web.app:app"
    uvicorn.run(
        several if processes > 1 else create_app(factbook),
        host=settings.host,
        port=settings.port,
        workers=processes,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _pass_on(settings: Settings) -> None:
    """Let processes begun from here on find what the command line chose, which their environment would not tell them."""
    os.environ.update(FACTBOOK_HOST=settings.host, FACTBOOK_PORT=str(settings.port))
