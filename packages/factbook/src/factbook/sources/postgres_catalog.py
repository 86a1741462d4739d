"""PostgreSQL's catalogue as one document per relation, aggregated by the server.

The fingerprint is the MD5 of the very values a document is built from, in the same order, so fingerprints and snapshots are equal exactly
together. They are written as rows instead of JSON, which costs the server half as much. A document holds structure only: no OIDs, no
attribute numbers (which keep gaps), no statistics, and every list in a stated order. Each catalogue is aggregated once; nothing is asked
per relation. ``search_path`` must be ``pg_catalog``, so that names print qualified.
"""

from __future__ import annotations

_COLUMNS = """
    SELECT a.attrelid AS relid, {collect}({pack}(
        a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated,
        CASE WHEN a.attcollation <> t.typcollation THEN quote_ident(cn.nspname) || '.' || quote_ident(co.collname) END,
        CASE WHEN t.typcategory = 'A' THEN greatest(a.attndims, 1) END,
        e.labels, dom.doc, com.description
    ){packed} ORDER BY a.attnum) AS doc
    FROM pg_attribute AS a
    JOIN rel ON rel.oid = a.attrelid
    JOIN pg_type AS t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN pg_collation AS co ON co.oid = a.attcollation AND a.attcollation <> t.typcollation
    LEFT JOIN pg_namespace AS cn ON cn.oid = co.collnamespace
    LEFT JOIN enums AS e ON e.typid = CASE WHEN t.typtype = 'd' THEN t.typbasetype WHEN t.typcategory = 'A' THEN t.typelem ELSE t.oid END
    LEFT JOIN domains AS dom ON dom.typid = CASE WHEN t.typcategory = 'A' AND t.typtype <> 'd' THEN t.typelem ELSE t.oid END
    LEFT JOIN com ON com.objoid = a.attrelid AND com.objsubid = a.attnum AND com.classoid = 'pg_class'::regclass
    WHERE a.attnum > 0 AND NOT a.attisdropped
    GROUP BY a.attrelid
"""

_ENUMS = "SELECT enumtypid AS typid, json_agg(enumlabel ORDER BY enumsortorder) AS labels FROM pg_enum GROUP BY enumtypid"

_DOMAINS = """
    SELECT t.oid AS typid, json_build_array(
        n.nspname, t.typname, format_type(t.typbasetype, t.typtypmod), t.typnotnull, t.typdefault,
        (SELECT json_agg(pg_get_constraintdef(k.oid) ORDER BY k.conname) FROM pg_constraint AS k
         WHERE k.contypid = t.oid AND k.contype = 'c')
    ) AS doc
    FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace
    WHERE t.typtype = 'd' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""

_CONSTRAINTS = """
    SELECT k.conrelid AS relid, {collect}({pack}(
        k.conname, k.contype, own.names,
        CASE WHEN k.contype = 'c' THEN pg_get_expr(k.conbin, k.conrelid) WHEN k.contype = 'x' THEN pg_get_constraintdef(k.oid) END,
        CASE WHEN k.contype = 'f' THEN json_build_array(
            fn.nspname, fc.relname, other.names, k.confupdtype, k.confdeltype, k.confmatchtype) END,
        k.condeferrable, k.condeferred, k.convalidated, k.connoinherit, {enforced}, {distinct}, com.description
    ){packed} ORDER BY k.contype, k.conname) AS doc
    FROM pg_constraint AS k
    JOIN rel ON rel.oid = k.conrelid
    LEFT JOIN (
        SELECT k.oid, json_agg(a.attname ORDER BY u.place) AS names
        FROM pg_constraint AS k CROSS JOIN unnest(k.conkey) WITH ORDINALITY AS u (attnum, place)
        JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.attnum GROUP BY k.oid
    ) AS own ON own.oid = k.oid
    LEFT JOIN (
        SELECT k.oid, json_agg(a.attname ORDER BY u.place) AS names
        FROM pg_constraint AS k CROSS JOIN unnest(k.confkey) WITH ORDINALITY AS u (attnum, place)
        JOIN pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = u.attnum GROUP BY k.oid
    ) AS other ON other.oid = k.oid
    LEFT JOIN pg_class AS fc ON fc.oid = k.confrelid AND k.contype = 'f'
    LEFT JOIN pg_namespace AS fn ON fn.oid = fc.relnamespace
    LEFT JOIN pg_index AS ki ON ki.indexrelid = k.conindid AND k.contype = 'u'
    LEFT JOIN com ON com.objoid = k.oid AND com.objsubid = 0 AND com.classoid = 'pg_constraint'::regclass
    WHERE k.contype IN ('p', 'u', 'f', 'c', 'x', 'n')
    GROUP BY k.conrelid
"""

_INDEXES = """
    SELECT i.indrelid AS relid, {collect}({pack}(
        c.relname, parts.doc, i.indnkeyatts, i.indisunique, i.indisprimary, am.amname, pg_get_expr(i.indpred, i.indrelid), {index_distinct},
        i.indisvalid, com.description, c.reloptions
    ){packed} ORDER BY c.relname) AS doc
    FROM pg_index AS i
    JOIN rel ON rel.oid = i.indrelid
    JOIN pg_class AS c ON c.oid = i.indexrelid
    JOIN pg_am AS am ON am.oid = c.relam
    LEFT JOIN com ON com.objoid = i.indexrelid AND com.objsubid = 0 AND com.classoid = 'pg_class'::regclass
    JOIN (
        SELECT i.indexrelid, {collect}({pack}(
            a.attname, CASE WHEN u.attnum = 0 THEN pg_get_indexdef(i.indexrelid, u.place::int, false) END, u.option,
            CASE WHEN o.oid IS NOT NULL THEN quote_ident(o.opcname) END,
            CASE WHEN u.collation_id <> coalesce(a.attcollation, u.collation_id) THEN quote_ident(co.collname) END
        ){packed} ORDER BY u.place) AS doc
        FROM pg_index AS i
        CROSS JOIN unnest(i.indkey::int2[], i.indclass::oid[], i.indcollation::oid[], i.indoption::int2[])
            WITH ORDINALITY AS u (attnum, class_id, collation_id, option, place)
        LEFT JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = u.attnum AND u.attnum <> 0
        LEFT JOIN pg_opclass AS o ON o.oid = u.class_id AND NOT o.opcdefault
        LEFT JOIN pg_collation AS co ON co.oid = u.collation_id
        GROUP BY i.indexrelid
    ) AS parts ON parts.indexrelid = i.indexrelid
    GROUP BY i.indrelid
"""

_PARENTS = """
    SELECT h.inhrelid AS relid, json_agg(json_build_array(n.nspname, c.relname) ORDER BY h.inhseqno) AS doc
    FROM pg_inherits AS h JOIN rel ON rel.oid = h.inhrelid
    JOIN pg_class AS c ON c.oid = h.inhparent JOIN pg_namespace AS n ON n.oid = c.relnamespace
    GROUP BY h.inhrelid
"""

_CATALOG = """
WITH com AS MATERIALIZED (
    SELECT classoid, objoid, objsubid, description FROM pg_description
    WHERE classoid IN ('pg_class'::regclass, 'pg_constraint'::regclass)
),
rel AS MATERIALIZED (
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.reltuples, c.relpages, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity,
           c.reloptions, c.relowner, c.relispartition, c.relpartbound
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't' AND n.nspname = ANY(%(schemas)s) {only}
),
enums AS MATERIALIZED ({enums}),
domains AS MATERIALIZED ({domains}),
col AS ({columns}), con AS ({constraints}), idx AS ({indexes}), parent AS ({parents}),
docs AS (
    SELECT rel.oid, rel.nspname, rel.relname, rel.reltuples, rel.relpages, {pack}(
        rel.relkind, pg_get_userbyid(rel.relowner), com.description, rel.relpersistence, rel.relrowsecurity, rel.relforcerowsecurity,
        (SELECT array_agg(o ORDER BY o) FROM unnest(rel.reloptions) AS o),
        CASE WHEN rel.relkind IN ('v', 'm') THEN pg_get_viewdef(rel.oid) END,
        CASE WHEN rel.relkind = 'p' THEN pg_get_partkeydef(rel.oid) END,
        CASE WHEN rel.relispartition THEN pg_get_expr(rel.relpartbound, rel.oid) END,
        rel.relispartition, parent.doc,
        CASE WHEN rel.relkind = 'f' THEN (
            SELECT json_build_array(s.srvname, (SELECT array_agg(o ORDER BY o) FROM unnest(f.ftoptions) AS o))
            FROM pg_foreign_table AS f JOIN pg_foreign_server AS s ON s.oid = f.ftserver WHERE f.ftrelid = rel.oid) END,
        col.doc, con.doc, idx.doc
    )::text AS doc
    FROM rel
    LEFT JOIN com ON com.objoid = rel.oid AND com.objsubid = 0 AND com.classoid = 'pg_class'::regclass
    LEFT JOIN col ON col.relid = rel.oid LEFT JOIN con ON con.relid = rel.oid
    LEFT JOIN idx ON idx.relid = rel.oid LEFT JOIN parent ON parent.relid = rel.oid
)
SELECT {shown} FROM docs
"""

SCHEMAS = """
    SELECT nspname FROM pg_namespace
    WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND nspname !~ '^pg_(toast_)?temp_' ORDER BY nspname
"""


_DOCUMENTS = {"collect": "json_agg", "pack": "json_build_array", "packed": "", "shown": "nspname, relname, doc"}
_FINGERPRINTS = {
    "collect": "array_agg",
    "pack": "ROW",
    "packed": "::text",
    "shown": "nspname, relname, reltuples, relpages, oid, md5(doc)",
}


def catalog_query(server_version: int, *, documents: bool, chosen: bool = False) -> str:
    """Return the catalogue query for a server (``150019`` is 15.19), for the schemas in ``%(schemas)s``: documents by schema and name,
    or fingerprints with estimates and OIDs; with ``chosen`` only of relations whose OIDs are in ``%(oids)s``."""
    form = _DOCUMENTS if documents else _FINGERPRINTS
    not_distinct = server_version >= 150000
    versioned = {
        "enforced": "k.conenforced" if server_version >= 180000 else "true",
        "distinct": "coalesce(ki.indnullsnotdistinct, false)" if not_distinct else "false",
        "index_distinct": "i.indnullsnotdistinct" if not_distinct else "false",
    }
    parts = {"columns": _COLUMNS, "constraints": _CONSTRAINTS, "indexes": _INDEXES}
    return _CATALOG.format(
        only="AND c.oid = ANY(%(oids)s)" if chosen else "",
        enums=_ENUMS,
        domains=_DOMAINS,
        parents=_PARENTS,
        **{name: part.format(**form, **versioned) for name, part in parts.items()},
        **form,
    )
