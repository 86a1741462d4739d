"""``name_binding``: which table a foreign name means, as a person settled it. Target: the namespace, or the dataset in it.

A state. Target ``source_id`` is the foreign namespace (``postgres://db.example:5432``, ``s3://bucket``) and ``table`` the dataset's name in
it; without ``table`` the binding is for the namespace as a whole.
"""

from __future__ import annotations

import msgspec

from factbook_sdk.facts.parts import Name
from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="name_binding",
    category=Category.STATE,
    description="Which source or table a name of another tool means, or that it means none that matters here.",
    schemas=load_schemas(__package__, "name_binding"),
)


class NameBinding(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload: a source (for a namespace) or a table (for a dataset). ``ignored``: nothing is meant that anybody wants to see."""

    source_id: Name | None = None
    schema: Name | None = None
    table: Name | None = None
    ignored: bool = False
    reason: str | None = None
