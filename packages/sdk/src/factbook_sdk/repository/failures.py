"""What went wrong over HTTP, said in the SDK's own errors: problem documents (RFC 9457), foreign answers, broken connections."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from factbook_sdk.errors import (
    CannotJudge,
    ConfigurationError,
    FactbookError,
    InternalError,
    InvalidRecord,
    InvalidRequest,
    NotFound,
    PartialFailure,
    ServiceUnavailable,
    UnknownKind,
)
from factbook_sdk.repository.retrying import read_retry_after

PROBLEM_JSON = "application/problem+json"
_SHOWN_BODY = 200
"""Characters shown of an answer that is not ours."""

_CODES: Mapping[str, type[FactbookError]] = {
    family.code: family
    for family in (CannotJudge, ConfigurationError, InternalError, InvalidRecord, InvalidRequest, NotFound, PartialFailure, UnknownKind)
}
# What the service calls differently, or what only a change of URL, token or version can mend.
_CODES_OF_THE_SERVICE: Mapping[str, type[FactbookError]] = {
    "body_too_large": InvalidRequest,
    "key_required": ConfigurationError,
    "method_not_allowed": ConfigurationError,
    "not_allowed": ConfigurationError,
    "path_not_found": ConfigurationError,
    "unsupported_media_type": ConfigurationError,
}


class Problem(msgspec.Struct, frozen=True):
    """The parts of a problem document that an error is made of; others are passed over."""

    code: str
    detail: str
    title: str = ""
    why: str | None = None
    field: str | None = None
    fix: str | None = None


def of_answer(status: int, headers: Mapping[str, str], body: bytes, url: str) -> FactbookError:
    """Return the error that an answer of 300 or more stands for. Its ``code`` is the service's, where that told one."""
    problem = _read_problem(headers, body)
    if problem is None:
        return _of_foreign_answer(status, headers, body, url)
    family = _family(problem.code, status)
    what, why, fix = problem.detail, problem.why or "", problem.fix or ""
    if why:
        what = what.removesuffix(f": {why}")
    error = _make(family, what, why, fix, problem.field, headers)
    error.code = problem.code
    return error


def of_exception(error: Exception, url: str) -> FactbookError:
    """Return the error for a request that got no answer; ``error`` is httpx2's."""
    import ssl

    if any(isinstance(cause, ssl.SSLError) for cause in _causes(error)):
        return ConfigurationError(
            f"{url} cannot be trusted", why=str(error), fix="Correct the URL, or have the certificate's authority trusted on this machine"
        )
    kind = type(error).__name__
    if kind in ("ConnectError", "ConnectTimeout"):
        what, fix = f"The Factbook service at {url} cannot be reached", "Start it (`factbook serve`), or correct the URL"
    elif kind.endswith("Timeout"):
        what, fix = f"The Factbook service at {url} did not answer in time", "Try again, or allow more by timeout_seconds"
    else:
        what, fix = f"The connection to the Factbook service at {url} broke", "Try again"
    return ServiceUnavailable(what, why=str(error) or kind, fix=fix)


def of_unreadable_answer(url: str, error: Exception) -> FactbookError:
    """Return the error for an answer that says it succeeded and is none of ours."""
    return ConfigurationError(f"What answers at {url} is no Factbook service", why=str(error), fix="Correct the URL")


def _read_problem(headers: Mapping[str, str], body: bytes) -> Problem | None:
    if headers.get("content-type", "").partition(";")[0].strip() != PROBLEM_JSON:
        return None
    try:
        return msgspec.json.decode(body, type=Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _family(code: str, status: int) -> type[FactbookError]:
    by_code = _CODES.get(code) or _CODES_OF_THE_SERVICE.get(code)
    if by_code is not None:
        return by_code
    if status in (429, 502, 503, 504):
        return ServiceUnavailable
    if status in (401, 403):
        return ConfigurationError
    if status == 501:
        return ConfigurationError
    if status == 404:
        return NotFound
    return InvalidRequest if status < 500 else FactbookError


def _of_foreign_answer(status: int, headers: Mapping[str, str], body: bytes, url: str) -> FactbookError:
    """Say what a proxy, a gateway or some other server answered."""
    shown = " ".join(body[:_SHOWN_BODY].decode("utf-8", "replace").split())
    why = f"status {status}" + (f", {shown}" if shown else "")
    if status == 429 or status >= 500:
        return _make(
            ServiceUnavailable, f"Something before the Factbook service at {url} answers in its place", why, "Try again", None, headers
        )
    return ConfigurationError(f"What answers at {url} is no Factbook service", why=why, fix="Correct the URL")


def _make(family: type[FactbookError], what: str, why: str, fix: str, field: str | None, headers: Mapping[str, str]) -> FactbookError:
    if issubclass(family, ServiceUnavailable):
        after = read_retry_after(headers.get("retry-after"))
        return family(what, why=why, fix=fix, field=field, retry_after_seconds=after)
    return family(what, why=why, fix=fix, field=field)


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
