"""How a tool asks the API: a question, who asks it, and the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote

import httpx2
import msgspec

from factbook_sdk.errors import InvalidRequest, ServiceUnavailable

FORWARDED = ("authorization", "forwarded", "host", "origin", "x-forwarded-for", "x-real-ip", "via")
"""Headers of the agent's own request by which the API judges who asks."""

TIMEOUT_SECONDS = 60.0


class Question(msgspec.Struct, frozen=True):
    """One request to the API. Values of ``params`` that are ``None`` are left out."""

    path: str
    params: Mapping[str, Any] = {}
    body: Any = None
    method: str = "GET"


class Caller(msgspec.Struct, frozen=True):
    """Who asks: the address and the headers of the agent's request."""

    address: tuple[str, int] = ("127.0.0.1", 0)
    headers: Mapping[str, str] = {}


class Answer(msgspec.Struct, frozen=True):
    """What the API said: a status and a JSON document, which is a problem (RFC 9457) from 400 on."""

    status: int
    document: Any

    @property
    def is_problem(self) -> bool:
        return self.status >= 400


class Ask(Protocol):
    """What answers questions."""

    async def __call__(self, question: Question, caller: Caller) -> Answer: ...


def path_of(*parts: str) -> str:
    """Return a path of these parts, each quoted, so that a name with a slash stays one part."""
    return "".join("/" + quote(part, safe="") for part in parts)


class AskHere:
    """Asks an application in this process, as the caller. ``key`` is what a caller without headers of its own comes with."""

    def __init__(self, app: Any, *, key: str = "") -> None:
        self._app = app
        self._own = {"host": "localhost", **({"authorization": f"Bearer {key}"} if key else {})}

    async def __call__(self, question: Question, caller: Caller) -> Answer:
        transport = httpx2.ASGITransport(self._app, client=caller.address)
        headers = caller.headers or self._own
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost", timeout=TIMEOUT_SECONDS) as client:
            return await _asked(client, question, headers)


class AskThere:
    """Asks a service at a URL, with a token. Whoever the caller is, the token is what counts there."""

    def __init__(self, url: str, token: str | None) -> None:
        self._url = url.rstrip("/")
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    async def __call__(self, question: Question, caller: Caller) -> Answer:
        async with httpx2.AsyncClient(base_url=self._url, timeout=TIMEOUT_SECONDS) as client:
            try:
                return await _asked(client, question, self._headers)
            except httpx2.HTTPError as error:
                raise ServiceUnavailable(
                    "The service does not answer", why=type(error).__name__, fix="Check the address and that the server runs"
                ) from error


async def _asked(client: httpx2.AsyncClient, question: Question, headers: Mapping[str, str]) -> Answer:
    params = {name: value for name, value in question.params.items() if value is not None}
    content = None if question.body is None else msgspec.json.encode(question.body)
    sent = {**headers, **({} if content is None else {"content-type": "application/json"})}
    try:
        answer = await client.request(question.method, question.path, params=params, content=content, headers=sent)
    except httpx2.InvalidURL as error:
        raise InvalidRequest("The question cannot be asked", why=str(error), fix="Write shorter arguments") from error
    try:
        document = msgspec.json.decode(answer.content) if answer.content else None
    except msgspec.DecodeError:
        document = {"title": "The service did not answer with JSON", "detail": answer.text[:200]}
    return Answer(answer.status_code, document)
