"""The dictionary's own tables: objects with what they once were, their columns, what these refer to, and the words to find them by.

A view of the log: dropped and rebuilt at will.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint

from factbook.database.word_index import WordIndex

METADATA = MetaData()

_BIG = BigInteger().with_variant(Integer(), "sqlite")

objects = Table(
    "dictionary_objects",
    METADATA,
    Column("object_id", _BIG, primary_key=True, autoincrement=False),
    Column("tenant", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("schema_name", Text, nullable=False),
    Column("table_name", Text, nullable=False),
    Column("object_type", Text, nullable=False),
    Column("comment", Text),
    Column("owner", Text),
    Column("column_count", Integer, nullable=False),
    Column("described_at", BigInteger, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("removed_at", BigInteger),
    UniqueConstraint("tenant", "source_id", "schema_name", "table_name"),
)
"""``described_at`` is the time of the snapshot shown, or of the tombstone. Times are microseconds since 1970 in UTC."""

versions = Table(
    "dictionary_versions",
    METADATA,
    Column("object_id", _BIG, primary_key=True, autoincrement=False),
    Column("described_at", BigInteger, primary_key=True, autoincrement=False),
    Column("offset", BigInteger, primary_key=True, autoincrement=False),
    Column("object_type", Text),
    Column("comment", Text),
    Column("owner", Text),
    Column("column_count", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""What each snapshot said of its object as a whole; a tombstone has no type."""

columns = Table(
    "dictionary_columns",
    METADATA,
    Column("object_id", _BIG, primary_key=True, autoincrement=False),
    Column("column_name", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("data_type", Text, nullable=False),
    Column("nullable", Boolean, nullable=False),
    Column("default_value", Text),
    Column("comment", Text),
    Column("is_primary_key", Boolean, nullable=False),
    Column("is_unique", Boolean, nullable=False),
    Column("is_foreign_key", Boolean, nullable=False),
    Column("is_indexed", Boolean, nullable=False),
    Column("refers_to", Text),
    Column("attributes", Text, nullable=False),
    Column("attributes_hash", LargeBinary, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("last_seen", BigInteger),
    Column("removed_at", BigInteger),
    sqlite_with_rowid=False,
)
"""``last_seen`` is set when a column goes; one that is there was last seen when its object was."""

references = Table(
    "dictionary_references",
    METADATA,
    Column("refers_to", Text().with_variant(Text(collation="C"), "postgresql"), primary_key=True),
    Column("object_id", _BIG, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""Which objects have, or once had, a column whose foreign key points somewhere: those to look at for what points at a table."""

word_index = WordIndex("dictionary_words")
"""The words of each object and its columns, by which :mod:`factbook.words` finds it."""
