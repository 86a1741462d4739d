"""What the search keeps itself: whatever is no table of a database, and what people and agents say. Tables are the dictionary's to find.

A view of the log: dropped and rebuilt at will."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, Text, UniqueConstraint

from factbook.database.word_index import WordIndex

METADATA = MetaData()

_BIG = BigInteger().with_variant(Integer(), "sqlite")

things = Table(
    "finding_things",
    METADATA,
    Column("thing_id", _BIG, primary_key=True, autoincrement=False),
    Column("tenant", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("schema_name", Text, nullable=False),
    Column("table_name", Text, nullable=False),
    Column("produced_at", BigInteger, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("declared", Text),
    Column("said", Text),
    UniqueConstraint("tenant", "place"),
)
"""``place`` is source, schema and table as JSON; ``declared`` what a thing is by its own fact (none where it is gone, or is a table), at
``produced_at`` and ``offset``; ``said`` what the voices say of it. Times are microseconds since 1970 in UTC."""

voices = Table(
    "finding_voices",
    METADATA,
    Column("tenant", Text, primary_key=True),
    Column("place", Text, primary_key=True),
    Column("author", Text, primary_key=True),
    Column("produced_at", BigInteger, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("payload", Text),
)
"""What each author says of a place; none where he takes it back."""

labels = Table(
    "finding_labels",
    METADATA,
    Column("thing_id", _BIG, primary_key=True, autoincrement=False),
    Column("facet", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("origin", Text, primary_key=True),
    Index("ix_finding_labels_value", "facet", "value"),
)
"""What things are sorted by: ``tag``, ``classification``, ``owner``, ``domain``. ``origin`` is ``declared`` or ``said``."""

uses = Table(
    "finding_uses",
    METADATA,
    Column("tenant", Text, primary_key=True),
    Column("place", Text, primary_key=True),
    Column("product", Text, primary_key=True),
    Index("ix_finding_uses_product", "tenant", "product"),
)
"""The tables that products take in and give out."""

word_index = WordIndex("finding_words")
"""The words of each thing, by which :mod:`factbook.words` finds it."""
