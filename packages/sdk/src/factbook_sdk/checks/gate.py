"""Ask a service whether a pipeline may go on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from factbook_sdk.errors import SchemaMismatch
from factbook_sdk.repository import failures
from factbook_sdk.repository.retrying import retrying
from factbook_sdk.repository.transport import JSON, Transport

Moment = str | datetime


class GateAnswer(msgspec.Struct, frozen=True):
    """The service's answer; ``changes``, ``renames`` and ``impact`` are JSON values as ``POST /gate`` describes them."""

    source_id: str
    passed: bool
    reasons: list[str]
    failing: int
    changes: list[dict[str, Any]] = []
    renames: list[dict[str, Any]] = []
    impact: dict[str, Any] = {}
    notes: list[str] = []

    def require(self) -> GateAnswer:
        """Return this if the pipeline may go on; raises :class:`SchemaMismatch` with the reasons if not."""
        if not self.passed:
            raise SchemaMismatch(
                f"{self.source_id} does not pass the gate", reasons=self.reasons, fix="See `changes`, or accept them by their ids"
            )
        return self


class GateClient:
    """A client of ``POST /gate``. It waits out a service that is away for ``patience_seconds``; a scan may take ``timeout_seconds``."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        tenant: str | None = None,
        timeout_seconds: float = 300.0,
        patience_seconds: float = 10.0,
    ) -> None:
        self._transport = Transport(url, token=token, timeout_seconds=timeout_seconds)
        self._parameters = {} if tenant is None else {"tenant": tenant}
        self._patience_seconds = patience_seconds

    def check(
        self,
        source_id: str,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        other: str | None = None,
        fail_on: Literal["breaking", "risky", "compatible", "cosmetic"] = "breaking",
        breaks: Literal["readers", "writers", "any"] = "any",
        tables: Sequence[str] = (),
        reads: Sequence[str] = (),
        writes: Sequence[str] = (),
        accept: Sequence[str] = (),
        max_age_seconds: float | None = None,
        scan: bool = False,
    ) -> GateAnswer:
        """Ask for the verdict; raises :class:`CannotJudge` and :class:`NotFound` where there is none."""
        asked = {
            "source_id": source_id,
            "from": since,
            "to": until,
            "with": other,
            "fail_on": fail_on,
            "breaks": breaks,
            "tables": list(tables),
            "reads": list(reads),
            "writes": list(writes),
            "accept": list(accept),
            "max_age_seconds": max_age_seconds,
            "scan": scan,
        }
        body = msgspec.json.encode({name: value for name, value in asked.items() if value is not None})
        answer = retrying(lambda: self._transport.post("/gate", body, JSON, self._parameters), patience_seconds=self._patience_seconds)
        try:
            return msgspec.json.decode(answer, type=GateAnswer)
        except ValueError as error:
            raise failures.of_unreadable_answer(self._transport.url, error) from error

    def close(self) -> None:
        """Close the connections; closing twice is harmless."""
        self._transport.close()
