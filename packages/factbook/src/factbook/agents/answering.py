"""What a tool gives back: pages that end where the budget ends, and say so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from factbook.agents.asking import Answer, Ask, Caller, Question
from factbook.agents.bounds import characters, length, shortened

MAX_PAGE = 200
_OVERHEAD = 400
"""Characters that are kept for what is said about an answer itself."""

Slim = Callable[[Any], Any]
"""Takes from a document what an agent has no use for."""


class Desk:
    """Asks the API for one call of a tool, within its budget."""

    def __init__(self, ask: Ask, caller: Caller, tokens: int) -> None:
        self._ask = ask
        self._caller = caller
        self.room = characters(tokens) - _OVERHEAD

    async def ask(self, question: Question) -> Answer:
        return await self._ask(question, self._caller)

    async def document(self, question: Question, slim: Slim | None = None) -> dict[str, Any]:
        """Return one document, cut if it must be, or the API's problem."""
        answer = await self.ask(question)
        if answer.is_problem:
            return {"problem": problem(answer)}
        return self.fitted(answer.document if slim is None else slim(answer.document))

    def fitted(self, document: Any) -> dict[str, Any]:
        """Return a document within the budget; ``cut`` names what was shortened."""
        kept, cut = shortened(document, self.room)
        result = dict(kept) if isinstance(kept, dict) else {"answer": kept}
        return result | {"cut": cut} if cut else result

    async def page(
        self, path: str, params: Mapping[str, Any], limit: int, slim: Slim | None = None, *, lists: tuple[str, ...] = ("items",)
    ) -> dict[str, Any]:
        """Return one page of a list. One that is too long is asked for again with a smaller limit, so that the cursor goes on exactly
        where the page ends. ``lists`` are the fields that the limit bounds."""
        limit = min(max(limit, 1), MAX_PAGE)
        while True:
            answer = await self.ask(Question(path, {**params, "limit": limit}))
            if answer.is_problem:
                return {"problem": problem(answer)}
            document = answer.document if slim is None else slim(answer.document)
            longest = max(len(document.get(name, ())) for name in lists)
            size = length(document)
            if size <= self.room or min(limit, longest) <= 1:
                return self._paged(document)
            limit = max(1, min(limit, longest) * self.room // (size + 1))

    def _paged(self, document: dict[str, Any]) -> dict[str, Any]:
        more = document.get("next_cursor") or document.get("next_after_offset")
        result = self.fitted(document)
        if more is not None:
            result |= {"more": "There is more. Ask again with this cursor.", "next_cursor": more}
        return result


def problem(answer: Answer) -> dict[str, Any]:
    """Return what was refused or failed, why, and what to do."""
    document = answer.document if isinstance(answer.document, dict) else {}
    wanted = ("title", "detail", "why", "fix", "field")
    return {"status": answer.status, **{name: document[name] for name in wanted if document.get(name)}}


def without(*names: str) -> Slim:
    """Return what takes these fields, and all that are null, from each item of a list."""

    def slim(document: Any) -> Any:
        if not isinstance(document, dict) or not isinstance(document.get("items"), list):
            return document
        return document | {"items": [bare(item, names) for item in document["items"]]}

    return slim


def bare(item: Any, names: tuple[str, ...] = ()) -> Any:
    """Return an item without these fields and without those that are null."""
    if not isinstance(item, dict):
        return item
    return {name: value for name, value in item.items() if value is not None and name not in names}
