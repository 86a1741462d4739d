"""Who says something: ``person:NAME``, ``agent:NAME`` or ``rule:NAME``, the producer of the facts."""

from __future__ import annotations

from typing import cast

from factbook.errors import InvalidRequest
from factbook_sdk.facts.kinds.annotation import AuthorType
from factbook_sdk.facts.record import check_name

TYPES = ("person", "agent", "rule")


def author_type(author: str) -> AuthorType:
    """Return what an author is; raises :class:`InvalidRequest` for a text that names none."""
    found, _, name = author.partition(":")
    check_name(author, "author")
    if found not in TYPES or not name.strip():
        raise InvalidRequest(f"{author!r} names no author", fix="Write person:NAME, agent:NAME or rule:NAME", field="author")
    return cast("AuthorType", found)


def check_person(author: str) -> None:
    """Refuse an author who is no person: judging suggestions is for people."""
    if author_type(author) != "person":
        raise InvalidRequest(
            f"{author} may not judge suggestions", why="that is for people", fix="Let a person accept or reject", field="author"
        )
