"""The tools that write. They are offered only to whoever may write annotations, and the API decides again."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from factbook.agents.answering import Desk
from factbook.agents.asking import Question, path_of
from factbook.agents.reading import Schema, SourceId, Table


async def suggest_note(
    desk: Desk,
    source_id: SourceId,
    schema: Schema,
    table: Table,
    property: Annotated[Literal["description", "tag", "classification", "owner", "term"], Meta(description="What is said.")],
    value: Annotated[str, Meta(min_length=1, max_length=2_000, description="The text, tag, owner or term.")],
    reason: Annotated[str, Meta(min_length=1, max_length=500, description="What makes you think so.")],
    confidence: Annotated[float, Meta(gt=0, lt=1, description="How sure you are.")],
    column: Annotated[str | None, Meta(description="The column it is about; the whole table if missing.")] = None,
    agent: Annotated[str, Meta(min_length=1, max_length=100, description="Your name, which people see beside the suggestion.")] = "mcp",
) -> dict[str, Any]:
    """Suggest a description, tag, classification, owner or term. It is kept as a suggestion with your confidence; people accept it."""
    note = {"property": property, "value": value, "reason": reason, "confidence": confidence}
    # Of descriptions a place has one, so that a better one takes the place of the last.
    change = {"set" if property == "description" else "add": [note]}
    place = path_of(source_id, schema, table, *([] if column is None else [column]))
    return await desk.document(Question(f"/notes{place}", {"author": f"agent:{agent}"}, change, "PATCH"))


WRITING = (suggest_note,)
