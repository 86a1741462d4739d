"""Structured logs: one JSON line an event, to stderr, with secrets taken out whatever they come in."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET_KEY = re.compile(r"pass|pwd|secret|token|authorization|api_?key|credential|cookie", re.I)
_URL_PASSWORD = re.compile(r"(\w[\w+.-]*://[^\s:/@]*):[^\s]*@")
_SECRET_PARAMETER = re.compile(r"([?&;](?:[\w-]*(?:pass|pwd|secret|token|key)[\w-]*)=)[^&;\s\"']+", re.I)
_BEARER = re.compile(r"(bearer\s+)[\w.~+/=-]+", re.I)
HIDDEN = "***"


def configure_logging(level: str) -> None:
    """Send logs of ``level`` and above to stderr. Calling it again changes the level."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact_event,
            structlog.processors.JSONRenderer(default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=_StderrLoggerFactory(),
        cache_logger_on_first_use=False,
    )


class _StderrLoggerFactory:
    """Looks stderr up at each line, because servers and tests replace it."""

    def __call__(self, *_args: Any) -> structlog.PrintLogger:
        return structlog.PrintLogger(sys.stderr)


def redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide secrets in an event: values under telling names, and passwords inside any text."""
    return {key: HIDDEN if _SECRET_KEY.search(str(key)) and value else _redact(value) for key, value in event.items()}


def _redact(value: Any) -> Any:
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, dict):
        return {key: HIDDEN if _SECRET_KEY.search(str(key)) and item else _redact(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redact(item) for item in value]
    return value


def redact_text(text: str) -> str:
    """Hide passwords in URLs, secret parameters and bearer tokens anywhere in a text."""
    text = _URL_PASSWORD.sub(rf"\1:{HIDDEN}@", text)
    text = _SECRET_PARAMETER.sub(rf"\1{HIDDEN}", text)
    return _BEARER.sub(rf"\1{HIDDEN}", text)
