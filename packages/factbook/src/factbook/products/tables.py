"""The register's own tables: a row per product, and its tags and owners to find it by. A view of the log: dropped and rebuilt at will."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, MetaData, Table, Text

METADATA = MetaData()

products = Table(
    "products",
    METADATA,
    Column("tenant", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("offset", BigInteger, nullable=False),
    Column("produced_at", BigInteger, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("live", Boolean, nullable=False),
    Column("domain", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("record", Text, nullable=False),
)
"""``record`` is the last ``data_product`` fact as JSON, a tombstone where the product is no longer ``live``. Times are microseconds since
1970 in UTC. The key is what makes a name one product's alone."""

facets = Table(
    "product_facets",
    METADATA,
    Column("tenant", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("facet", Text, nullable=False),
    Column("value", Text, nullable=False),
    Index("ix_product_facets", "tenant", "name"),
)
"""``facet`` is ``tag``, ``owner``, ``port`` or ``contract``. Products that are gone have none."""
