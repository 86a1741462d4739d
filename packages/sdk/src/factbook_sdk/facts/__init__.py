"""Facts: the record, its identity, its bytes and its kinds. Nothing in here does I/O."""

from factbook_sdk.facts.admission import Admission, Admitted, record_id, target_key
from factbook_sdk.facts.record import DEFAULT_TENANT, MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.registry import Category, Deprecation, Kind, KindRegistry, Origin, builtin_kinds

__all__ = [
    "DEFAULT_TENANT",
    "Admission",
    "Admitted",
    "Category",
    "Deprecation",
    "Kind",
    "KindRegistry",
    "MetadataContext",
    "MetadataRecord",
    "MetadataTarget",
    "Origin",
    "builtin_kinds",
    "record_id",
    "target_key",
]
