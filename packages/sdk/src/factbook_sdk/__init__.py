"""Factbook's light SDK: metadata records, their kinds, and the repository contract."""

from factbook_sdk.facts import DEFAULT_TENANT, MetadataContext, MetadataRecord, MetadataTarget

__all__ = ["DEFAULT_TENANT", "MetadataContext", "MetadataRecord", "MetadataTarget"]
