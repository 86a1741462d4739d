"""A tool: a function of a desk and arguments, described for agents by its own signature."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, get_type_hints

import msgspec
from msgspec import Meta

from factbook.agents.answering import Desk
from factbook.agents.asking import Ask, Caller
from factbook.agents.bounds import DEFAULT_TOKENS, MAX_TOKENS, MIN_TOKENS
from factbook_sdk.errors import InvalidRequest

Tokens = Annotated[int, Meta(ge=MIN_TOKENS, le=MAX_TOKENS, description="About how long the answer may be, in tokens.")]
Work = Callable[..., Awaitable[dict[str, Any]]]


class Tool(msgspec.Struct, frozen=True):
    """What agents are offered. ``arguments`` validates what they send; ``max_tokens`` is one of them in every tool."""

    name: str
    description: str
    arguments: type[msgspec.Struct]
    work: Work
    writes: bool

    @property
    def input_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the arguments."""
        _, parts = msgspec.json.schema_components([self.arguments])
        described: dict[str, Any] = parts[self.arguments.__name__]
        return described

    async def run(self, ask: Ask, caller: Caller, sent: dict[str, Any]) -> dict[str, Any]:
        """Do what the tool does; raises :class:`InvalidRequest` for arguments that are wrong."""
        try:
            given = msgspec.structs.asdict(msgspec.convert(sent, self.arguments))
        except msgspec.ValidationError as error:
            raise InvalidRequest(f"The arguments of {self.name} are wrong", why=str(error), fix="Follow the tool's input schema") from None
        return await self.work(Desk(ask, caller, given.pop("max_tokens")), **given)


def tool(work: Work, *, writes: bool = False) -> Tool:
    """Make a tool of a function whose first parameter is the desk; name, description and arguments are the function's own."""
    hints = get_type_hints(work, include_extras=True)
    _, *parameters = inspect.signature(work).parameters.values()
    fields: list[Any] = [
        (parameter.name, hints[parameter.name], *(() if parameter.default is parameter.empty else (parameter.default,)))
        for parameter in parameters
    ]
    fields.append(("max_tokens", Tokens, DEFAULT_TOKENS))
    arguments = msgspec.defstruct(work.__name__, fields, kw_only=True, forbid_unknown_fields=True)
    return Tool(work.__name__, inspect.cleandoc(work.__doc__ or ""), arguments, work, writes)
