"""A PostgreSQL catalogue's revision: equal to an earlier one only if no row that a snapshot is made of was touched in between.

Each version of a catalogue's row carries the transaction that wrote it (``xmin``), and no transaction writes twice. A digest over the keys
and transactions of all rows therefore changes with every insert, update and delete, and reading it costs a tenth of composing documents.
Statistics are written in place and do not count; neither do temporary tables. It says nothing of *what* changed: where it differs,
the fingerprints tell. The cluster's identifier and timeline are part of it, because transactions of another cluster, made anew by the
same script, may have the same numbers.
"""

# ruff: noqa: S608 - composed from the constants of this module alone.
from __future__ import annotations

_BY_RELATION = {
    "pg_attribute": ("attrelid", "attrelid::int8 << 16 | attnum::int8 & 65535"),
    "pg_attrdef": ("adrelid", "oid::int8"),
    "pg_class": ("oid", "oid::int8"),
    "pg_constraint": ("conrelid", "oid::int8"),
    "pg_description": ("objoid", "objoid::int8 << 16 | objsubid"),
    "pg_foreign_table": ("ftrelid", "ftrelid::int8"),
    "pg_index": ("indrelid", "indexrelid::int8"),
    "pg_inherits": ("inhrelid", "inhrelid::int8 << 16 | inhseqno"),
    "pg_partitioned_table": ("partrelid", "partrelid::int8"),
    "pg_rewrite": ("ev_class", "oid::int8"),
    "pg_type": ("typrelid", "oid::int8"),
}
"""Catalogues whose rows belong to a relation: the column that names it, and a row's key."""

_OF_ALL = (
    "pg_am",
    "pg_collation",
    "pg_enum",
    "pg_foreign_server",
    "pg_namespace",
    "pg_opclass",
    "pg_operator",
    "pg_opfamily",
    "pg_proc",
    "pg_tablespace",
    "pg_ts_config",
    "pg_ts_dict",
)
"""Catalogues whose names and definitions appear wherever they are used: in types, expressions, keys and view bodies."""

CATALOGUES = frozenset({*_BY_RELATION, *_OF_ALL})

_SUM = "SELECT '{0}' AS catalogue, count(*) AS rows, sum(hashint8extended(xmin::text::int8, {1})) AS digest FROM {0}"
_PARTS = (
    *(
        f"{_SUM.format(name, key)} WHERE {relation} NOT IN (SELECT oid FROM temporary)"
        for name, (relation, key) in _BY_RELATION.items()
        if name != "pg_type"
    ),
    # An array's type names no relation; its element's does.
    f"""{_SUM.format("pg_type", "oid::int8")} WHERE typrelid NOT IN (SELECT oid FROM temporary)
        AND typelem NOT IN (SELECT t.oid FROM pg_type AS t JOIN temporary AS x ON x.oid = t.typrelid)""",
    *(_SUM.format(name, "oid::int8") for name in _OF_ALL if name != "pg_namespace"),
    f"{_SUM.format('pg_namespace', 'oid::int8')} WHERE nspname !~ '^pg_(toast_)?temp_'",
    # Of roles only the names of owners are shown. A view hides who may not see them, and with that the rows' transactions.
    """SELECT 'pg_roles', count(*), sum(hashtextextended(rolname::text, oid::int8)) FROM pg_roles
        WHERE oid IN (SELECT relowner FROM pg_class)""",
)

REVISION = f"""
    WITH temporary AS MATERIALIZED (SELECT oid FROM pg_class WHERE relpersistence = 't')
    SELECT md5(concat_ws(
        ' ', version(), system.system_identifier, checkpoint.timeline_id,
        string_agg(concat_ws(' ', catalogue, rows, digest), ',' ORDER BY catalogue)
    ))
    FROM ({" UNION ALL ".join(_PARTS)}) AS parts, pg_control_system() AS system, pg_control_checkpoint() AS checkpoint
    GROUP BY system.system_identifier, checkpoint.timeline_id
"""
