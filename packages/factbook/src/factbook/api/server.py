"""Run the server in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from factbook.app import Factbook

GRACE_SECONDS = 5
"""What requests under way, long polls above all, get to end when the server is asked to stop."""


def serve(factbook: Factbook, *, log_level: str | None = None) -> None:
    """Serve until interrupted; the Factbook is closed then. Raises :class:`ConfigurationError` before it listens where it should not."""
    import uvicorn

    from factbook.api.app import create_app
    from factbook.api.security import check_listening
    from factbook.log import configure_logging

    settings = factbook.settings
    check_listening(settings, factbook.has_admin_token)
    configure_logging(log_level or settings.log_level)
    uvicorn.run(
        create_app(factbook),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
