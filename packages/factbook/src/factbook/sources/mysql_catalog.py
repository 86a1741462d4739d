"""``information_schema`` of MySQL and MariaDB in bulk, and the snapshots built from its rows.

One set of queries per schema, none per table.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any, Literal

from factbook_sdk.facts.kinds.schema_snapshot import (
    Column,
    Constraint,
    Index,
    IndexPart,
    Partition,
    Partitioning,
    Reference,
    SchemaSnapshot,
)

_Rows = defaultdict[str, list[dict[str, Any]]]

_TABLES = """
    SELECT table_name, table_type, engine, row_format, table_rows, data_length + index_length AS size, table_collation, create_options,
           table_comment
    FROM information_schema.tables WHERE table_schema = %s ORDER BY table_name
"""
_COLUMNS = """
    SELECT table_name, column_name, column_type, data_type, is_nullable, column_default, extra, column_comment, character_maximum_length,
           numeric_precision, numeric_scale, datetime_precision, collation_name, character_set_name, generation_expression
    FROM information_schema.columns WHERE table_schema = %s ORDER BY table_name, ordinal_position
"""
# Joining these two on the server costs it ten times what reading both does: it opens every table anew for each row.
_KEYS = """
    SELECT table_name, constraint_name, column_name, referenced_table_schema, referenced_table_name, referenced_column_name
    FROM information_schema.key_column_usage WHERE table_schema = %s ORDER BY table_name, constraint_name, ordinal_position
"""
_RULES = """
    SELECT table_name, constraint_name, update_rule, delete_rule, match_option
    FROM information_schema.referential_constraints WHERE constraint_schema = %s
"""
_CHECKS = {
    "mariadb": """
    SELECT table_name, constraint_name, check_clause, 'YES' AS enforced
    FROM information_schema.check_constraints WHERE constraint_schema = %s ORDER BY table_name, constraint_name
""",
    "mysql": """
    SELECT t.table_name, c.constraint_name, c.check_clause, t.enforced
    FROM information_schema.check_constraints AS c
    JOIN information_schema.table_constraints AS t USING (constraint_schema, constraint_name)
    WHERE c.constraint_schema = %s AND t.constraint_type = 'CHECK' ORDER BY t.table_name, c.constraint_name
""",
}
_INDEXES = {
    "mariadb": """
    SELECT table_name, index_name, non_unique, column_name, collation, sub_part, index_type, index_comment, NULL AS expression,
           IF(ignored = 'YES', 'NO', 'YES') AS is_visible
    FROM information_schema.statistics WHERE table_schema = %s ORDER BY table_name, index_name, seq_in_index
""",
    "mysql": """
    SELECT table_name, index_name, non_unique, column_name, collation, sub_part, index_type, index_comment, expression, is_visible
    FROM information_schema.statistics WHERE table_schema = %s ORDER BY table_name, index_name, seq_in_index
""",
}
_VIEWS = """
    SELECT table_name, view_definition, check_option, definer, security_type FROM information_schema.views WHERE table_schema = %s
"""
_PARTITIONS = """
    SELECT table_name, partition_name, subpartition_name, partition_method, partition_expression, partition_description,
           subpartition_method, subpartition_expression, partition_comment
    FROM information_schema.partitions WHERE table_schema = %s AND partition_name IS NOT NULL
    ORDER BY table_name, partition_ordinal_position, subpartition_ordinal_position
"""
_LABEL = re.compile(r"'((?:[^'\\]|''|\\.)*)'")
_BROKEN = re.compile(r"references invalid|lack rights", re.I)
_TEXT_TYPES = frozenset({"char", "varchar", "binary", "varbinary", "bit"})


def read_catalog_rows(connection: Any, schema: str, engine: str) -> Catalog:
    """Read one schema's rows: eight queries, whatever the number of tables."""

    def read(query: str) -> _Rows:
        rows: _Rows = defaultdict(list)
        with connection.cursor() as cursor:
            cursor.execute(query, (schema,))
            names = [column[0].lower() for column in cursor.description]
            for values in cursor:
                row = dict(zip(names, values, strict=True))
                rows[row["table_name"]].append(row)
        return rows

    queries = (_TABLES, _COLUMNS, _KEYS, _RULES, _CHECKS[engine], _INDEXES[engine], _VIEWS, _PARTITIONS)
    return Catalog(schema, *(read(query) for query in queries))


class Catalog:
    """The rows of one schema, by table."""

    def __init__(
        self,
        schema: str,
        tables: _Rows,
        columns: _Rows,
        keys: _Rows,
        rules: _Rows,
        checks: _Rows,
        indexes: _Rows,
        views: _Rows,
        partitions: _Rows,
    ) -> None:
        self._schema = schema
        self._tables = {name: rows[0] for name, rows in tables.items() if rows[0]["table_type"] != "SEQUENCE"}
        self._columns = columns
        self._keys = keys
        self._rules = {(table, row["constraint_name"]): row for table, rows in rules.items() for row in rows}
        self._checks = checks
        self._indexes = indexes
        self._views = {name: rows[0] for name, rows in views.items()}
        self._partitions = partitions

    def tables(self) -> list[str]:
        return list(self._tables)

    def unreadable(self, table: str) -> str | None:
        """Return why a table cannot be described, if so: a view whose query is hidden or whose tables are gone."""
        row = self._tables[table]
        if "VIEW" not in row["table_type"]:
            return None
        if _BROKEN.search(row["table_comment"] or ""):
            return str(row["table_comment"])
        if table not in self._views or not self._views[table]["view_definition"]:
            return "the view's query is not shown to this user; it needs the SHOW VIEW privilege"
        return None

    def estimates(self, table: str) -> tuple[int | None, int | None]:
        row = self._tables[table]
        return row["table_rows"], row["size"]

    def snapshot(self, table: str) -> SchemaSnapshot:
        row = self._tables[table]
        columns = [_column(place, values, row) for place, values in enumerate(self._columns[table], 1)]
        if "VIEW" in row["table_type"]:
            return self._view(table, columns)
        return SchemaSnapshot(
            "partitioned_table" if self._partitions[table] else "table",
            columns,
            constraints=[*self._key_constraints(table), *(_check(values) for values in self._checks[table])],
            indexes=_indexes(self._indexes[table]),
            partitioning=_partitioning(self._partitions[table]) if self._partitions[table] else None,
            comment=row["table_comment"] or None,
            options=_options(row),
        )

    def _view(self, table: str, columns: list[Column]) -> SchemaSnapshot:
        view = self._views[table]
        # The engine qualifies every name with the database, its own too; without that a renamed database would change every view.
        definition = view["view_definition"].replace(f"`{self._schema}`.", "")
        options = {"definer": view["definer"], "security": view["security_type"]}
        if view["check_option"] not in (None, "NONE"):
            options["check_option"] = view["check_option"]
        return SchemaSnapshot("view", columns, definition=definition, options=options)

    def _key_constraints(self, table: str) -> list[Constraint]:
        # A foreign key and a unique key of one table may share their name.
        grouped: dict[tuple[str, bool], list[dict[str, Any]]] = defaultdict(list)
        for row in self._keys[table]:
            grouped[row["constraint_name"], row["referenced_table_name"] is not None].append(row)
        return [self._key_constraint(table, name, refers, rows) for (name, refers), rows in grouped.items()]

    def _key_constraint(self, table: str, name: str, refers: bool, rows: list[dict[str, Any]]) -> Constraint:
        columns = [row["column_name"] for row in rows]
        if not refers:
            return Constraint("primary_key", None, columns) if name == "PRIMARY" else Constraint("unique", name, columns)
        first, rule = rows[0], self._rules[table, name]
        reference = Reference(
            first["referenced_table_name"],
            first["referenced_table_schema"],
            [row["referenced_column_name"] for row in rows],
            rule["update_rule"],
            rule["delete_rule"],
            None if rule["match_option"] == "NONE" else rule["match_option"],
        )
        return Constraint("foreign_key", name, columns, references=reference)


def _column(place: int, row: dict[str, Any], table: dict[str, Any]) -> Column:
    data_type, extra = row["data_type"].lower(), (row["extra"] or "").lower()
    expression = row["generation_expression"] or None
    on_update = re.search(r"on update (.*)$", row["extra"] or "", re.I)
    is_text = data_type in _TEXT_TYPES
    precision = row["numeric_precision"] if row["numeric_precision"] is not None else row["datetime_precision"]
    generated: Literal["stored", "virtual"] | None = None
    if expression:
        generated = "stored" if "stored" in extra or "persistent" in extra else "virtual"
    return Column(
        name=row["column_name"],
        position=place,
        data_type=row["column_type"],
        nullable=row["is_nullable"] == "YES",
        default=_default(row),
        comment=row["column_comment"] or None,
        length=_length(row) if is_text else None,
        precision=None if data_type == "bit" else precision,
        scale=row["numeric_scale"],
        collation=row["collation_name"] if row["collation_name"] != table["table_collation"] else None,
        character_set=row["character_set_name"],
        unsigned="unsigned" in row["column_type"].lower(),
        enum_values=_labels(row["column_type"]) if data_type in ("enum", "set") else [],
        identity="auto increment" if "auto_increment" in extra else None,
        generated=generated,
        generation_expression=expression,
        on_update=on_update[1] if on_update else None,
        invisible="invisible" in extra,
    )


def _default(row: dict[str, Any]) -> str | None:
    # MariaDB prints an absent default of a nullable column as the word NULL; MySQL as null.
    return None if row["column_default"] in (None, "NULL") else str(row["column_default"])


def _length(row: dict[str, Any]) -> int | None:
    value = row["numeric_precision"] if row["data_type"].lower() == "bit" else row["character_maximum_length"]
    return None if value is None else int(value)


def _labels(column_type: str) -> list[str]:
    return [label.replace("''", "'") for label in _LABEL.findall(column_type)]


def _check(row: dict[str, Any]) -> Constraint:
    return Constraint("check", row["constraint_name"], expression=row["check_clause"], enforced=row["enforced"] == "YES")


def _indexes(rows: list[dict[str, Any]]) -> list[Index]:
    grouped: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        grouped[row["index_name"]].append(row)
    return [_index(name, parts) for name, parts in grouped.items()]


def _index(name: str, rows: list[dict[str, Any]]) -> Index:
    first = rows[0]
    parts = [
        IndexPart(row["column_name"], row["expression"], descending=row["collation"] == "D", prefix_length=row["sub_part"]) for row in rows
    ]
    return Index(
        name,
        parts,
        unique=not int(first["non_unique"]),
        primary=name == "PRIMARY",
        method=first["index_type"].lower(),
        visible=first["is_visible"] == "YES",
        comment=first["index_comment"] or None,
    )


def _partitioning(rows: list[dict[str, Any]]) -> Partitioning:
    first = rows[0]
    grouped: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        grouped[row["partition_name"]].append(row)
    partitions = [
        Partition(
            name,
            parts[0]["partition_description"],
            [part["subpartition_name"] for part in parts if part["subpartition_name"]],
            parts[0]["partition_comment"] or None,
        )
        for name, parts in grouped.items()
    ]
    key = first["partition_expression"] or ""
    return Partitioning(
        strategy=first["partition_method"].lower(),
        key=key,
        columns=[part.strip("` ") for part in key.split(",") if re.fullmatch(r"\s*(`[^`]+`|\w+)\s*", part)],
        partitions=partitions,
        sub_strategy=first["subpartition_method"].lower() if first["subpartition_method"] else None,
        sub_key=first["subpartition_expression"],
    )


def _options(row: dict[str, Any]) -> dict[str, Any]:
    found = {"engine": row["engine"], "row_format": row["row_format"], "collation": row["table_collation"]}
    # "partitioned" says again what the partitions say; the rest are options somebody declared.
    declared = " ".join(sorted(word for word in (row["create_options"] or "").split() if word.lower() != "partitioned"))
    return {name: value for name, value in {**found, "create_options": declared}.items() if value}
