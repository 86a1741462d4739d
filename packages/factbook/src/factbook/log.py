"""Structured logs: one JSON object a line on standard error, with every secret taken out by one processor.

Use ``structlog.get_logger(__name__)`` and name events in snake_case; ids travel as fields (``request_id``, ``job_id``).
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from collections.abc import Mapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor

HIDDEN = "***"

_SECRET_NAME = re.compile(
    r"(^|[_-])pass$|pass(word|wd|phrase)|pwd|secret|token$|authorization|(api|access|account|private)_?key|cookie|credential", re.I
)
# The first up to the last @ of the word: an unquoted @ or / inside a password must not let its tail through. Repetitions are bounded,
# because anybody can make us log a long path.
_URL_PASSWORD = re.compile(r"([a-z][a-z0-9+.\-]{0,40}://[^\s:/?#@]{0,512}):\S{0,4096}@", re.I)
_BEARER = re.compile(r"\b(bearer|basic)\s{1,8}[^\s\"',;]{4,}", re.I)
_TOKEN = re.compile(r"fbt_[A-Za-z0-9_\-]{8,}")
_PAIR = re.compile(
    r"(password|passwd|passphrase|pwd|secret|token|(?:api|secret|access|private)[_-]?key)"
    r"([\"']?\s{0,8}(?:=|: ?)\s{0,8})(\"[^\"]*\"|'[^']*'|[^\s&;,\"']+)",
    re.I,
)


def redact_text(text: str) -> str:
    """Return the text without the secrets that can be told by their look: passwords in URLs, ``password=…``, ``Bearer …``, our
    own tokens.

    Rather too much is hidden than a piece of a secret shown.
    """
    if "://" in text and "@" in text:
        text = _URL_PASSWORD.sub(rf"\1:{HIDDEN}@", text)
    if "fbt_" in text:
        text = _TOKEN.sub(HIDDEN, text)
    text = _BEARER.sub(rf"\1 {HIDDEN}", text)
    return _PAIR.sub(rf"\1\2{HIDDEN}", text)


def redact(value: Any) -> Any:
    """Return a JSON-like value with secrets replaced, by the name they stand under or by their look."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {key: HIDDEN if item and is_secret_name(str(key)) else redact(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redact(item) for item in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return redact_text(str(value))


def is_secret_name(name: str) -> bool:
    """Return whether a value under this name is a secret, whatever it looks like."""
    return _SECRET_NAME.search(name) is not None


def redact_secrets(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Take secrets out of a log event; the last processor before it is written."""
    redacted: EventDict = redact(event)
    return redacted


def configure_logging(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send our logs and those of libraries to ``stream`` (standard error) as JSON lines from ``level`` on.

    The faces call this before they start to work; calling it again replaces what was configured. Our own lines go straight to the stream:
    by way of the standard library's records, a line costs several times as much.
    """
    # What comes from outside stands in the event and its context; what is added after the secrets are out holds none.
    marks: list[Processor] = [structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True)]
    render = structlog.processors.JSONRenderer(serializer=_to_json)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.format_exc_info,
            redact_secrets,
            *marks,
            _name_logger,
            render,
        ],
        logger_factory=lambda name="factbook": _Lines(name, stream),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    handler = _StandardError() if stream is None else logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.contextvars.merge_contextvars, *marks, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact_secrets,
                render,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    _quiet_libraries(level)


class _Lines:
    """Writes our own lines, each in one piece."""

    _lock = threading.Lock()

    def __init__(self, name: str, stream: TextIO | None) -> None:
        self.name = name
        self._stream = stream

    def msg(self, line: str) -> None:
        # Standard error is looked up at each line, because servers and tests replace it.
        stream = self._stream or sys.stderr
        with self._lock:
            stream.write(line + "\n")
            stream.flush()

    debug = info = warning = error = critical = exception = msg


def _name_logger(logger: _Lines, _method: str, event: EventDict) -> EventDict:
    event["logger"] = logger.name
    return event


class _StandardError(logging.StreamHandler[TextIO]):
    """Looks standard error up at each line, because servers and tests replace it."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, _value: TextIO) -> None:
        """The base class sets one; it is not kept."""


def _quiet_libraries(level: str) -> None:
    """Let uvicorn log through us; its access lines say less than ours, and what Alembic and the drivers tell is for debugging."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.setLevel(logging.NOTSET)
        logger.propagate = name != "uvicorn.access"
    for name in ("alembic", "sqlalchemy", "asyncio", "watchfiles"):
        logging.getLogger(name).setLevel(level if level == "DEBUG" else logging.WARNING)


def _to_json(event: Any, **_options: Any) -> str:
    # The standard encoder escapes lone surrogates, on which a faster one would fail and lose the line.
    return json.dumps(event, default=str)
