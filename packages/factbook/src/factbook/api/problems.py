"""Errors as HTTP says them: RFC 9457 problem details, one shape for every error, one table from family to status."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from factbook.errors import (
    AlreadyThere,
    Cancelled,
    CannotJudge,
    ChannelRefused,
    ConfigurationError,
    ContractTaken,
    FactbookError,
    InternalError,
    InvalidParameter,
    InvalidRecord,
    InvalidRequest,
    KeyRequired,
    KindIncompatible,
    KindRefused,
    KindTaken,
    LimitReached,
    MissingExtra,
    NeedsDatabase,
    NotAllowed,
    NotFound,
    PartialFailure,
    PreconditionFailed,
    RateLimited,
    RemovalsHeld,
    SourceRefused,
    SourceUnavailable,
    StatementFailed,
    TemporaryError,
    VersionTooLow,
)
from factbook.log import redact_text

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_SECONDS = 2

log = structlog.get_logger(__name__)


class PathNotFound(NotFound):
    """The server has nothing under this path, whatever the request asks of it."""

    code = "path_not_found"


class MethodNotAllowed(InvalidRequest):
    """The path is there, and not for this method."""

    code = "method_not_allowed"


class UnsupportedBody(InvalidRequest):
    """The body is of a type that the route does not take."""

    code = "unsupported_media_type"


class BodyTooLarge(InvalidRequest):
    """The body is larger than MAX_BODY_BYTES."""

    code = "body_too_large"


class Overloaded(TemporaryError):
    """The server has as much under way as it takes; nothing of the request was stored."""

    code = "overloaded"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Problem details (RFC 9457). ``code`` is stable; ``detail`` says what failed and why, ``why`` the latter alone, ``fix`` what to do;
    ``field`` names the wrong value, ``request_id`` finds the request in the server's log."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    why: str | None = None
    field: str | None = None
    fix: str | None = None


STATUSES: Mapping[type[FactbookError], tuple[int, str]] = {
    InvalidRequest: (400, "The request is wrong"),
    KeyRequired: (401, "A key or token is needed"),
    NotAllowed: (403, "Not allowed"),
    NotFound: (404, "Not found"),
    MethodNotAllowed: (405, "Not for this method"),
    CannotJudge: (409, "It cannot be judged"),
    RemovalsHeld: (409, "Removals wait for consent"),
    Cancelled: (409, "Cancelled"),
    AlreadyThere: (409, "It is there already"),
    LimitReached: (409, "A limit is reached"),
    KindTaken: (409, "The kind is there already"),
    ContractTaken: (409, "The contract is there already"),
    KindIncompatible: (409, "The version would break readers"),
    PreconditionFailed: (412, "It has changed meanwhile"),
    BodyTooLarge: (413, "The body is too large"),
    UnsupportedBody: (415, "The body's type is not taken"),
    InvalidRecord: (422, "The record breaks a rule"),
    InvalidParameter: (422, "A parameter does not fit"),
    VersionTooLow: (422, "The version is too low"),
    KindRefused: (422, "The kind breaks a rule"),
    StatementFailed: (422, "The source refused a statement"),
    RateLimited: (429, "Too many requests"),
    Overloaded: (429, "Too much at a time"),
    FactbookError: (500, "Something failed"),
    PartialFailure: (500, "Some parts failed"),
    InternalError: (500, "A bug in Factbook"),
    ConfigurationError: (500, "The server's configuration is wrong"),
    MissingExtra: (501, "An optional library is missing"),
    NeedsDatabase: (501, "Facts are kept in files here"),
    SourceRefused: (502, "The source refused"),
    ChannelRefused: (502, "The channel refused"),
    TemporaryError: (503, "Try again later"),
    SourceUnavailable: (504, "The source does not answer"),
}
"""Status and title of each error family; a class that is not listed has its nearest ancestor's."""


def answer(
    error: FactbookError, *, path: str, request_id: str, headers: Mapping[str, str] | None = None, status: int | None = None
) -> Response:
    """Return the response that tells a client about an error; ``status`` replaces that of the table."""
    problem = problem_of(error, path=path, request_id=request_id, status=status)
    sent = dict(headers or {})
    if isinstance(error, TemporaryError):
        asked = getattr(error, "retry_after_seconds", None)
        sent["Retry-After"] = str(RETRY_AFTER_SECONDS if asked is None else max(1, ceil(asked)))
    if status == 401:
        sent["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if problem.status == 401:
        sent["WWW-Authenticate"] = "Bearer"
    if problem.status == 413:
        # Else the server reads the rest of the body, however long, to keep the connection.
        sent["Connection"] = "close"
    return _respond(problem, sent)


def problem_of(error: FactbookError, *, path: str, request_id: str, status: int | None = None) -> Problem:
    """Return what is told of an error, without secrets."""
    family_status, title = _status(type(error))
    detail = f"{error.what}: {error.why}" if error.why else error.what
    return Problem(
        type=f"urn:factbook:problem:{error.code}",
        title=title,
        status=status or family_status,
        detail=redact_text(detail),
        instance=redact_text(path),
        code=error.code,
        request_id=request_id,
        why=redact_text(error.why) or None,
        field=error.field,
        fix=redact_text(error.fix) or None,
    )


def unexpected(*, path: str, request_id: str) -> Response:
    """Return the response to a bug: no internals, only where to find them."""
    bug = InternalError(
        "The server failed in a way it did not expect", fix=f"Look for request {request_id} in the server's log; please report it"
    )
    return answer(bug, path=path, request_id=request_id)


def install(app: FastAPI) -> None:
    """Make the app answer every error as a problem."""
    app.add_exception_handler(FactbookError, _on_factbook_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_parameters)
    app.add_exception_handler(HTTPException, _on_http_exception)


def _on_factbook_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, FactbookError):
        raise error
    if _status(type(error))[0] >= 500:
        log.error("request_failed", code=error.code, reason=str(error), exc_info=error if isinstance(error, InternalError) else None)
    return _reply(request, error)


def _on_invalid_parameters(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    return _reply(request, wrong_parameter(error))


def wrong_parameter(error: RequestValidationError) -> InvalidRequest:
    """Return what is wrong with the first parameter that is."""
    first = error.errors()[0]
    field = ".".join(str(step) for step in first["loc"][1:])
    return InvalidRequest(f"{field} is wrong", why=_sentence(first), fix=_hint(first), field=field)


def _sentence(error: Mapping[str, Any]) -> str:
    message = str(error["msg"])
    return message[:1].lower() + message[1:]


def _hint(error: Mapping[str, Any]) -> str:
    if str(error["type"]).startswith(("datetime", "timezone")):
        return "Write a moment with its zone, for example 2026-01-31T12:00:00Z (in a URL, + is %2B)"
    return ""


def _on_http_exception(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses by itself: paths and methods that are not there."""
    if not isinstance(error, HTTPException):
        raise error
    path = request.url.path
    if error.status_code == 404:
        return _reply(request, PathNotFound(f"There is nothing at {path}", fix="GET /openapi.json lists what there is"))
    if error.status_code == 405:
        allowed = ", ".join(_allowed_methods(request)) or (error.headers or {}).get("Allow", "")
        wrong = MethodNotAllowed(f"{request.method} is not possible at {path}", fix=f"Use {allowed}" if allowed else "")
        return _reply(request, wrong, headers={"Allow": allowed})
    return _reply(request, InvalidRequest(str(error.detail)), headers=error.headers, status=error.status_code)


def _allowed_methods(request: Request) -> list[str]:
    """Return the methods of every route that has the path; the framework names only those of the first one it finds."""
    path = request.url.path.removeprefix("/api/v1")
    matching = (route for route in request.app.state.api_routes if route.path_regex.match(path))
    return sorted({method for route in matching for method in route.methods})


def _reply(request: Request, error: FactbookError, *, headers: Mapping[str, str] | None = None, status: int | None = None) -> Response:
    return answer(error, path=request.url.path, request_id=request.state.request_id, headers=headers, status=status)


def _status(family: type) -> tuple[int, str]:
    return next(STATUSES[ancestor] for ancestor in family.__mro__ if ancestor in STATUSES)


def _respond(problem: Problem, headers: Mapping[str, str]) -> Response:
    return Response(msgspec.json.encode(problem), problem.status, dict(headers), PROBLEM_JSON)
