"""Records on their way to a service: one request, or as many as the service's limit takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from factbook_sdk.errors import InvalidRecord, InvalidRequest
from factbook_sdk.repository import failures
from factbook_sdk.repository.contract import Rejection, Stored
from factbook_sdk.repository.transport import JSON, NDJSON, Transport
from factbook_sdk.repository.wire import decode_results

Call = Callable[[Callable[[], bytes]], bytes]
"""Makes a request; the one who waits for a service that is away calls it again."""

_ALONE = "Record 0: "
"""How the service begins its answer about a record that came by itself."""


class Sender:
    """Posts encoded records. ``pack`` is whether bodies are worth gzip, ``call`` how a request is made."""

    def __init__(self, transport: Transport, *, pack: bool = False, call: Call = lambda request: request()) -> None:
        self._transport = transport
        self._pack = pack
        self._call = call

    def send_one(self, line: bytes) -> Stored:
        """Send one record; raises :class:`InvalidRecord` when it is refused."""
        try:
            [result] = self._post([line], JSON)
        except InvalidRecord as error:
            raise type(error)(error.what.removeprefix(_ALONE), why=error.why, fix=error.fix, field=error.field) from error
        if isinstance(result, Rejection):
            raise InvalidRecord(result.reason, field=result.field)
        return result

    def send_all_or_none(self, lines: Sequence[bytes]) -> list[Stored | Rejection]:
        """Send records in one request that stores them all, or raises :class:`InvalidRecord` about the first refused one."""
        return self._post(lines, NDJSON, atomic=True)

    def send(self, lines: Sequence[bytes]) -> list[Stored | Rejection]:
        """Send records; return what became of each, in order. What is too large for one body goes in halves."""
        try:
            return self._post(lines, NDJSON)
        except InvalidRequest as error:
            if error.code != "body_too_large":
                raise
            if len(lines) == 1:
                return [Rejection(0, str(error), error.field)]
        middle = len(lines) // 2
        first, second = self.send(lines[:middle]), self.send(lines[middle:])
        return first + [
            msgspec.structs.replace(result, index=result.index + middle) if isinstance(result, Rejection) else result for result in second
        ]

    def _post(self, lines: Sequence[bytes], content_type: str, *, atomic: bool = False) -> list[Stored | Rejection]:
        body = b"\n".join(lines)
        parameters = {"atomic": "true"} if atomic else {}
        answer = self._call(lambda: self._transport.post("/records", body, content_type, parameters, pack=self._pack))
        try:
            return decode_results(answer, len(lines))
        except ValueError as error:
            raise failures.of_unreadable_answer(self._transport.url, error) from error
