"""The tables of the view ``lineage``. Whatever is followed from one table to the next is an integer.

What was said stands in ``lineage_facts`` and ``lineage_inputs``, as it was said; ``lineage_edges`` and ``lineage_column_edges`` are what
follows from it once names are settled: an edge holds while its fact and the bindings of both its ends do. Times are microseconds since 1970
in UTC; ``valid_from`` is inside, ``valid_to`` outside, and :data:`OPEN` is an end that has not come.
"""

from __future__ import annotations

from typing import get_args

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, SmallInteger, Table, Text

from factbook_sdk.facts.kinds import lineage as kind

OPEN = 2**63 - 1
"""The end of what still holds."""

NEVER = -(2**63)
"""When something was seen that never was."""

TYPES = ("direct", "derived", "aggregated")
"""Types of table edges; a row holds the place in this list."""

ORIGINS: tuple[str, ...] = get_args(kind.Origin)
"""Where an edge is known from; a row holds the place in this list."""

AGEING = tuple(map(ORIGINS.index, kind.AGEING))
"""Origins whose edges grow stale when nobody confirms them."""

KINDS = ("table", "dataset", "product")
"""Sorts of nodes: a table with its schema, a dataset of another tool, a data product or any name given by hand."""

PRODUCTS = "data_products"
"""The source that products are targets of."""

_METADATA = MetaData()
_FOLLOWED = ("valid_from", "said_at", "producer_no", "origin", "type")
"""All that following edges asks for beside the ends, so that it reads nothing but the index (bench/lineage.py)."""

# SQLite gives the rowid its name, and with it an index for free, only to a column declared exactly INTEGER.
_ID = BigInteger().with_variant(Integer(), "sqlite")

nodes = Table(
    "lineage_nodes",
    _METADATA,
    Column("node_id", _ID, primary_key=True, autoincrement=False),
    Column("tenant", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("schema_name", Text, nullable=False),
    Column("table_name", Text, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("space", Text, nullable=False),
    Index("ix_lineage_nodes_target", "tenant", "source_id", "schema_name", "table_name", unique=True),
    Index("ix_lineage_nodes_name", "tenant", "name"),
    Index("ix_lineage_nodes_space", "tenant", "space", "schema_name", "table_name"),
)
"""What lineage was ever said of; ``name`` is how it is shown. Without a schema ``schema_name`` is empty, and ``space`` is the namespace
``source_id`` in the one form that equal ones share; else it is ``source_id`` itself."""

columns = Table(
    "lineage_columns",
    _METADATA,
    Column("column_id", _ID, primary_key=True, autoincrement=False),
    Column("node_id", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Index("ix_lineage_columns_name", "node_id", "name", unique=True),
)

producers = Table(
    "lineage_producers",
    _METADATA,
    Column("producer_no", _ID, primary_key=True, autoincrement=False),
    Column("tenant", Text, nullable=False),
    Column("producer_id", Text, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Index("ix_lineage_producers_name", "tenant", "producer_id", unique=True),
    Index("ix_lineage_producers_seen", "tenant", "seen_at"),
)
"""``seen_at`` is the last ``lineage_run`` that confirms the producer, or :data:`NEVER`."""

sightings = Table(
    "lineage_sightings",
    _METADATA,
    Column("offset", BigInteger, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("tenant", Text, nullable=False),
    Column("pattern", Text, nullable=False),
    Column("is_prefix", Boolean, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Index("ix_lineage_sightings_pattern", "tenant", "is_prefix", "pattern", "seen_at"),
)
"""Which producers a ``lineage_run`` confirms: one, or all whose names begin so."""

facts = Table(
    "lineage_facts",
    _METADATA,
    Column("fact", _ID, primary_key=True, autoincrement=False),
    Column("tenant", Text, nullable=False),
    Column("node_id", BigInteger, nullable=False),
    Column("producer_no", BigInteger, nullable=False),
    Column("valid_from", BigInteger, nullable=False),
    Column("valid_to", BigInteger, nullable=False),
    Column("origin", SmallInteger),
    Column("job", Text),
    Column("evidence", Text),
    Index("ix_lineage_facts_stream", "node_id", "producer_no", "valid_from"),
    Index("ix_lineage_facts_open", "tenant", "valid_to", "fact"),
)
"""The ``lineage`` facts, by their offset in the log. A tombstone has no ``origin``. ``job`` is ``NAMESPACE/NAME``, ``evidence`` JSON."""

inputs = Table(
    "lineage_inputs",
    _METADATA,
    Column("fact", BigInteger, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("node_id", BigInteger, nullable=False),
    Column("type", SmallInteger, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("transformation", Text),
    Column("metadata", Text),
    Column("columns", Text),
    Index("ix_lineage_inputs_node", "node_id"),
)
"""The inputs of a fact as they were named; ``metadata`` and ``columns`` are JSON, and missing where they are empty."""

edges = Table(
    "lineage_edges",
    _METADATA,
    Column("fact", BigInteger, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("valid_from", BigInteger, primary_key=True, autoincrement=False),
    Column("valid_to", BigInteger, nullable=False),
    Column("input_id", BigInteger, nullable=False),
    Column("output_id", BigInteger, nullable=False),
    Column("said_at", BigInteger, nullable=False),
    Column("producer_no", BigInteger, nullable=False),
    Column("origin", SmallInteger, nullable=False),
    Column("type", SmallInteger, nullable=False),
    Column("has_columns", Boolean, nullable=False),
    Column("confidence", Float, nullable=False),
    Index("ix_lineage_edges_down", "input_id", "valid_to", *_FOLLOWED, "output_id"),
    Index("ix_lineage_edges_up", "output_id", "valid_to", *_FOLLOWED, "input_id"),
)

"""``said_at`` is when the fact began, from which an edge has its age; ``valid_from`` is later where a name was settled since."""

column_edges = Table(
    "lineage_column_edges",
    _METADATA,
    Column("fact", BigInteger, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("valid_from", BigInteger, primary_key=True, autoincrement=False),
    Column("valid_to", BigInteger, nullable=False),
    Column("input_id", BigInteger, nullable=False),
    Column("output_id", BigInteger, nullable=False),
    Column("said_at", BigInteger, nullable=False),
    Column("producer_no", BigInteger, nullable=False),
    Column("origin", SmallInteger, nullable=False),
    Column("type", SmallInteger, nullable=False),
    Column("confidence", Float, nullable=False),
    Index("ix_lineage_column_edges_down", "input_id", "valid_to", *_FOLLOWED, "output_id"),
    Index("ix_lineage_column_edges_up", "output_id", "valid_to", *_FOLLOWED, "input_id"),
)
"""``number`` is the place of the column edge in the input's list; type and confidence are the input's."""

bindings = Table(
    "lineage_bindings",
    _METADATA,
    Column("offset", _ID, primary_key=True, autoincrement=False),
    Column("node_id", BigInteger, nullable=False),
    Column("valid_from", BigInteger, nullable=False),
    Column("valid_to", BigInteger, nullable=False),
    Column("bound_id", BigInteger),
    Column("is_ignored", Boolean, nullable=False),
    Index("ix_lineage_bindings_node", "node_id", "valid_from"),
)
"""What the name of a node was settled to mean; ``node_id`` is the node of that name whose ``source_id`` is the space. Neither bound nor
ignored: it was taken back."""

ALL = (nodes, columns, producers, sightings, facts, inputs, edges, column_edges, bindings)
