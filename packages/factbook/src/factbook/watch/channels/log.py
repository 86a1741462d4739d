"""The channel ``log``: a line an alert in the log of the process. It takes no URL and needs nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from factbook.watch.channels.contract import Channel, Digest

log = structlog.get_logger(__name__)


class LogChannel(Channel):
    """Writes each alert as a line: errors as errors, the rest as warnings, what is over as information."""

    def __init__(self, url: str = "", options: Mapping[str, Any] | None = None) -> None:
        super().__init__(url, options or {})

    def send(self, digest: Digest) -> None:
        for notice in digest.alerts:
            is_bad = notice.severity in ("error", "critical")
            write = log.info if notice.state != "firing" else log.error if is_bad else log.warning
            write(
                "alert",
                tenant=digest.tenant,
                alert_id=notice.alert_id,
                rule=notice.rule,
                state=notice.state,
                severity=notice.severity,
                target=str(notice.target),
                title=notice.title,
                message=notice.message,
            )
