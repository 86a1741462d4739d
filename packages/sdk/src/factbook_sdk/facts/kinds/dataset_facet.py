"""``dataset_facet``: what a job says a dataset is: its columns, storage, type. Target: the table, or the foreign dataset.

A state for each job and facet. It stands beside what a scan saw and never replaces it: a scanned structure is ``schema_snapshot``.
"""

from __future__ import annotations

from typing import Any

import msgspec

from factbook_sdk.facts.parts import Name
from factbook_sdk.facts.registry import Category, Kind, load_schemas

KIND = Kind(
    name="dataset_facet",
    category=Category.STATE,
    description="A facet of a dataset as a job describes it: schema, storage, type, source.",
    schemas=load_schemas(__package__, "dataset_facet"),
)


class DatasetFacet(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload. ``facet`` is its name in OpenLineage, ``value`` the facet as it came."""

    facet: Name
    value: dict[str, Any]
