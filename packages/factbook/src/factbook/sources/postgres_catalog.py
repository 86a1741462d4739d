"""PostgreSQL's catalogue (12 to 18) as one JSON document per relation, composed by the server.

The fingerprint is the MD5 of the very document a snapshot is built from, so the two are equal exactly together. A document therefore holds
structure only: no OIDs, no attribute numbers (which keep gaps), no statistics, and every list in a stated order. What stands where in it
is read back in :mod:`factbook.sources.postgres_documents`.

What shaped the query (``bench/scan_postgres.py`` has the figures):

- What belongs to a relation is gathered through the catalogues' own indexes, relation by relation inside one statement, and comes in
  order. Sorting or hashing all of ``pg_attribute``, where indexes and TOAST tables have their columns too, takes twice as long.
- Arrays of text turned into JSON once per relation cost a third of ``json_build_array`` once per column.
- ``pg_get_expr`` with a relation builds that relation's cache entry, up to 0.1 ms each; defaults hold no column and do without.
  ``pg_get_indexdef`` and ``pg_get_constraintdef`` open relations too: only expressions in an index, and exclusions, need them.
- Enum labels, domains, collations and schemas are put into maps once; whatever mentions one looks it up.
"""

# ruff: noqa: S608 - composed from the constants of this module alone; every value is bound.
from __future__ import annotations

from string import Template

from factbook.sources.postgres_maps import MAPS

SESSION = b"""
    SET LOCAL search_path = pg_catalog;
    SET LOCAL timezone = 'UTC';
    SET LOCAL datestyle = 'ISO, YMD';
    SET LOCAL intervalstyle = 'postgres';
    SET LOCAL bytea_output = 'hex';
    SET LOCAL lc_monetary = 'C';
    SET LOCAL extra_float_digits = 1;
    SET LOCAL quote_all_identifiers = off;
    SET LOCAL standard_conforming_strings = on;
    SET LOCAL idle_in_transaction_session_timeout = 0;
    SET LOCAL cursor_tuple_fraction = 1.0;
    SET LOCAL enable_bitmapscan = off;
    SET LOCAL jit = off
"""
"""Pins everything that changes how the server prints names, constants and types, so that no setting of server, database or role makes a
table look changed. Planning for fast first rows, bitmaps of three rows or compiling would cost more than reading the catalogue."""

SCHEMAS = "SELECT oid, nspname FROM pg_namespace WHERE nspname <> 'information_schema' AND nspname !~ '^pg_' ORDER BY nspname"

RELATIONS = """
    SELECT c.oid, n.nspname, c.relname, c.relkind::text, c.reltuples, c.relpages
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relnamespace = ANY(%(schemas)s::oid[])
    ORDER BY 2, 3
"""


def _place(number: str) -> str:
    """Turn an attribute number into a position without gaps."""
    before = f"SELECT count(*) FROM unnest(gone.numbers) AS g WHERE g < {number}"
    return f"CASE WHEN gone.numbers IS NULL THEN {number} ELSE {number} - ({before}) END"


def _places(numbers: str) -> str:
    """Turn an array of attribute numbers into positions, as JSON text."""
    mapped = f"SELECT {_place('u.number')} FROM unnest({numbers}) WITH ORDINALITY AS u (number, place) ORDER BY u.place"
    unchanged = f"gone.numbers IS NULL OR ({numbers}) IS NULL"
    return f"array_to_json(CASE WHEN {unchanged} THEN ({numbers})::int8[] ELSE ARRAY({mapped}) END)::text"


# One text per column: flags, a colon, the type. Names and rarer facts stand beside it. Type OIDs below 12000 and collation 100 (the
# default) are fixed; 19 and 1003 are name and name[], whose own collation is C.
_COLUMNS = """
    SELECT array_agg(a.attname) AS names,
           array_agg(
               CASE WHEN a.attnotnull THEN '!' ELSE '' END
               || CASE WHEN a.attidentity = '' AND a.attgenerated = '' AND a.attndims < 2 THEN ''
                       ELSE a.attidentity::text || upper(a.attgenerated::text) || CASE WHEN a.attndims > 1 THEN a.attndims::text ELSE '' END
                  END
               || ':' || format_type(a.atttypid, a.atttypmod)
           ) AS types,
           array_agg(ARRAY[
               a.attname::text,
               CASE WHEN a.attcollation NOT IN (0, 100) THEN (SELECT by_oid FROM collations) ->> a.attcollation::text END,
               (SELECT by_oid FROM types) ->> a.atttypid::text
           ]) FILTER (WHERE a.atttypid >= 12000 OR a.attcollation NOT IN (0, 100) AND a.atttypid NOT IN (19, 1003)) AS extras,
           bool_or(a.attgenerated <> '') AS computes,
           count(*) AS count
    FROM (
        SELECT * FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum
    ) AS a
"""

_DEFAULTS = f"""
    SELECT array_agg({_place("d.adnum")} || ':' || pg_get_expr(d.adbin, CASE WHEN col.computes THEN c.oid ELSE 0 END))
    FROM (SELECT * FROM pg_attrdef WHERE adrelid = c.oid ORDER BY adnum) AS d
"""

_COMMENTS = f"""
    SELECT array_agg({_place("d.objsubid")} || ':' || d.description)
    FROM (
        SELECT * FROM pg_description WHERE objoid = c.oid AND classoid = 'pg_class'::regclass AND objsubid >= 0 ORDER BY objsubid
    ) AS d
"""

# The first element gives the array its type: a name would cut every other text at 63 bytes.
# A foreign key to a partitioned table has a shadow for each partition of its target; only the key itself was declared.
_CONSTRAINTS = f"""
    SELECT array_agg(ARRAY[
        k.conname::text,
        k.contype::text || CASE WHEN k.condeferrable THEN 'd' ELSE '' END || CASE WHEN k.condeferred THEN 'D' ELSE '' END
        || CASE WHEN k.convalidated THEN '' ELSE 'V' END || CASE WHEN k.connoinherit AND k.contype IN ('c', 'n') THEN 'I' ELSE '' END
        || CASE WHEN $enforced THEN '' ELSE 'E' END,
        {_places("k.conkey")},
        CASE WHEN k.contype = 'c' THEN pg_get_expr(k.conbin, c.oid)
             WHEN k.contype = 'x' OR $period THEN pg_get_constraintdef(k.oid) END,
        CASE WHEN k.contype = 'f'
             THEN (SELECT (SELECT by_oid FROM namespaces) ->> relnamespace::text FROM pg_class WHERE oid = k.confrelid) END,
        CASE WHEN k.contype = 'f' THEN (SELECT relname FROM pg_class WHERE oid = k.confrelid) END,
        CASE WHEN k.contype <> 'f' THEN NULL
             WHEN cardinality(k.confkey) = 1
             THEN (SELECT json_build_array(attname)::text FROM pg_attribute WHERE attrelid = k.confrelid AND attnum = k.confkey[1])
             ELSE (SELECT json_agg(a.attname ORDER BY u.place)::text FROM unnest(k.confkey) WITH ORDINALITY AS u (number, place)
                   JOIN pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = u.number) END,
        CASE WHEN k.contype = 'f' THEN k.confupdtype::text || k.confdeltype::text || k.confmatchtype::text END,
        {_places("$set_columns")},
        CASE WHEN k.oid IN (SELECT objoid FROM commented)
             THEN (SELECT description FROM pg_description WHERE objoid = k.oid AND classoid = 'pg_constraint'::regclass) END
    ])
    FROM (
        SELECT * FROM pg_constraint AS k
        WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u', 'f', 'c', 'x', 'n')
          AND (k.conparentid = 0 OR NOT EXISTS (SELECT FROM pg_constraint AS o WHERE o.oid = k.conparentid AND o.conrelid = c.oid))
        ORDER BY k.conname
    ) AS k
"""

_OPERATOR_CLASSES = """
    SELECT json_agg(
        CASE WHEN o.opcdefault AND a.attoptions IS NULL THEN NULL ELSE
            CASE n.nspname WHEN 'pg_catalog' THEN '' ELSE n.nspname || '.' END || o.opcname
            || coalesce('(' || array_to_string(a.attoptions, ', ') || ')', '')
        END ORDER BY u.place
    )::text
    FROM unnest(i.indclass::oid[]) WITH ORDINALITY AS u (class, place)
    JOIN pg_opclass AS o ON o.oid = u.class
    JOIN pg_namespace AS n ON n.oid = o.opcnamespace
    LEFT JOIN pg_attribute AS a ON a.attrelid = i.indexrelid AND a.attnum = u.place
"""

# 403 and 405 are btree and hash, whose operator classes take no parameters.
_INDEXES = f"""
    SELECT array_agg(ARRAY[
        i.relname::text,
        CASE WHEN i.indisunique THEN 'u' ELSE '' END || CASE WHEN i.indisprimary THEN 'p' ELSE '' END
        || CASE WHEN i.indisvalid THEN '' ELSE 'V' END || CASE WHEN $index_nulls THEN 'N' ELSE '' END || i.indnkeyatts,
        CASE WHEN i.relam = 403 THEN 'btree' ELSE (SELECT amname FROM pg_am WHERE oid = i.relam)::text END,
        {_places("i.indkey::int2[]")},
        CASE WHEN 0 <> ANY(i.indoption::int2[]) THEN array_to_json(i.indoption::int2[])::text END,
        CASE WHEN i.indexprs IS NOT NULL THEN (
            SELECT json_agg(pg_get_indexdef(i.indexrelid, u.place::int, false) ORDER BY u.place)::text
            FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS u (number, place) WHERE u.number = 0
        ) END,
        CASE WHEN i.indpred IS NOT NULL THEN pg_get_expr(i.indpred, c.oid) END,
        CASE WHEN i.indclass::oid[] && (SELECT oids FROM special_classes) OR i.relam NOT IN (403, 405) THEN ({_OPERATOR_CLASSES}) END,
        CASE WHEN NOT i.indcollation::oid[] <@ '{{0,100}}'::oid[] THEN (
            SELECT json_agg((SELECT by_oid FROM collations) ->> u.collated::text ORDER BY u.place)::text
            FROM unnest(i.indcollation::oid[]) WITH ORDINALITY AS u (collated, place)
        ) END,
        CASE WHEN i.reloptions IS NOT NULL THEN (SELECT json_agg(o ORDER BY o)::text FROM unnest(i.reloptions) AS o) END,
        CASE WHEN i.indexrelid IN (SELECT objoid FROM commented) THEN (
            SELECT description FROM pg_description WHERE objoid = i.indexrelid AND classoid = 'pg_class'::regclass AND objsubid = 0
        ) END
    ])
    FROM (
        SELECT i.*, x.relname, x.relam, x.reloptions
        FROM pg_index AS i JOIN pg_class AS x ON x.oid = i.indexrelid
        WHERE i.indrelid = c.oid ORDER BY x.relname
    ) AS i
"""

_PARENTS = """
    SELECT json_agg(json_build_array(n.nspname, p.relname, quote_ident(n.nspname) || '.' || quote_ident(p.relname)) ORDER BY h.inhseqno)
    FROM pg_inherits AS h JOIN pg_class AS p ON p.oid = h.inhparent JOIN pg_namespace AS n ON n.oid = p.relnamespace
    WHERE h.inhrelid = c.oid
"""

_FOREIGN = """
    SELECT json_build_array(s.srvname, (
        SELECT json_agg(regexp_replace(o, '^([^=]*(?:pass|secret|token|key)[^=]*)=.*$$', '\\1=***', 'i') ORDER BY o)
        FROM unnest(f.ftoptions) AS o
    ))
    FROM pg_foreign_table AS f JOIN pg_foreign_server AS s ON s.oid = f.ftserver WHERE f.ftrelid = c.oid
"""

# What an ordinary table has none of: it is not even looked at there.
_RARE = f"""
    CASE WHEN c.relkind = 'r' AND c.reloptions IS NULL AND c.relam = 2 AND c.reltablespace = 0 AND c.reloftype = 0
              AND NOT c.relispartition AND c.oid NOT IN (SELECT inhrelid FROM pg_inherits) THEN 'null'
    ELSE json_build_array(
        CASE WHEN c.reloptions IS NOT NULL THEN ARRAY(SELECT o FROM unnest(c.reloptions) AS o ORDER BY o) END,
        CASE WHEN c.relam NOT IN (0, 2) THEN (SELECT amname FROM pg_am WHERE oid = c.relam) END,
        CASE WHEN c.reltablespace <> 0 THEN (SELECT spcname FROM pg_tablespace WHERE oid = c.reltablespace) END,
        CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END,
        CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
        CASE WHEN c.relkind = 'p' THEN (
            SELECT json_build_array(pg_get_partkeydef(c.oid), ({_places("t.partattrs::int2[]")})::json)
            FROM pg_partitioned_table AS t WHERE t.partrelid = c.oid
        ) END,
        CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END,
        ({_PARENTS}),
        CASE WHEN c.relkind = 'f' THEN ({_FOREIGN}) END
    )::text END
"""


def _json(array: str) -> str:
    return f"coalesce(array_to_json({array})::text, 'null')"


_DOCUMENT = f"""
    '[' || to_json(
        c.relkind::text || c.relpersistence::text || CASE WHEN c.relrowsecurity THEN 'R' ELSE '' END
        || CASE WHEN c.relforcerowsecurity THEN 'F' ELSE '' END
        || CASE WHEN c.relreplident = 'd' OR c.relkind NOT IN ('r', 'p', 'm') THEN '' ELSE c.relreplident::text END
    )::text
    || ',' || to_json(pg_get_userbyid(c.relowner)::text)::text
    || ',' || {_RARE}
    || ',' || {_json("col.names")} || ',' || {_json("col.types")} || ',' || {_json("col.extras")}
    || ',' || {_json(f"({_DEFAULTS})")} || ',' || {_json(f"({_COMMENTS})")}
    || ',' || {_json(f"({_CONSTRAINTS})")} || ',' || CASE WHEN c.relhasindex THEN {_json(f"({_INDEXES})")} ELSE 'null' END || ']'
"""

_CATALOG = f"""
WITH RECURSIVE {MAPS}
SELECT c.oid, n.nspname, c.relname, c.relkind::text, c.reltuples, c.relpages, $shown
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL ({_COLUMNS}) AS col
CROSS JOIN LATERAL (
    SELECT CASE WHEN c.relnatts > col.count THEN (
        SELECT array_agg(attnum) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND attisdropped
    ) END AS numbers
) AS gone
CROSS JOIN LATERAL (SELECT {_DOCUMENT} AS document OFFSET 0) AS read
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND $condition
"""


def catalog_query(server_version: int, *, documents: bool, chosen: bool = False) -> bytes:
    """Return the catalogue query for a server (``150019`` is 15.19), for the schemas whose OIDs are in ``%(schemas)s``: estimates and
    fingerprints, or estimates and documents; with ``chosen`` of the relations whose OIDs are in ``%(oids)s``."""
    words = {
        "index_nulls": "i.indnullsnotdistinct" if server_version >= 150000 else "false",
        "set_columns": "k.confdelsetcols" if server_version >= 150000 else "NULL::int2[]",
        "enforced": "k.conenforced" if server_version >= 180000 else "true",
        "period": "k.conperiod" if server_version >= 180000 else "false",
        "condition": "c.oid = ANY(%(oids)s::oid[])" if chosen else "c.relnamespace = ANY(%(schemas)s::oid[])",
    }
    shown = "md5(read.document), read.document" if documents else "md5(read.document)"
    return Template(_CATALOG).substitute(words, shown=shown).encode()
