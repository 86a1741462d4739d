"""What many columns of a PostgreSQL catalogue share, gathered once per statement: enum labels, domains, collations, schema names.

Each map is one JSONB value keyed by OID, so that looking something up costs no join; the OIDs themselves reach no document. A domain
stands with everything its base domains add, because that is what its values obey.
"""

from __future__ import annotations

MAPS = """
    labels AS MATERIALIZED (
        SELECT enumtypid AS oid, json_agg(enumlabel ORDER BY enumsortorder) AS labels FROM pg_enum GROUP BY enumtypid
    ),
    chain (domain, link, base) AS (
        SELECT oid, oid, typbasetype FROM pg_type WHERE typtype = 'd'
        UNION ALL
        SELECT c.domain, t.oid, t.typbasetype FROM chain AS c JOIN pg_type AS t ON t.oid = c.base WHERE t.typtype = 'd'
    ),
    domains AS MATERIALIZED (
        SELECT d.oid, d.typarray, own.base, json_build_array(
            n.nspname, d.typname, format_type(d.typbasetype, d.typtypmod), NOT own.required, pg_get_expr(d.typdefaultbin, 0), checks.texts
        ) AS document
        FROM pg_type AS d
        JOIN pg_namespace AS n ON n.oid = d.typnamespace
        JOIN (
            SELECT c.domain, bool_or(t.typnotnull) AS required, max(c.base) FILTER (WHERE b.typtype <> 'd') AS base
            FROM chain AS c JOIN pg_type AS t ON t.oid = c.link JOIN pg_type AS b ON b.oid = c.base
            GROUP BY c.domain
        ) AS own ON own.domain = d.oid
        LEFT JOIN (
            SELECT c.domain, json_agg(pg_get_expr(k.conbin, 0) ORDER BY k.conname, pg_get_expr(k.conbin, 0)) AS texts
            FROM chain AS c JOIN pg_constraint AS k ON k.contypid = c.link AND k.contype = 'c'
            GROUP BY c.domain
        ) AS checks ON checks.domain = d.oid
    ),
    named_types (oid, labels, domain) AS (
        SELECT o.oid, l.labels, NULL::json
        FROM labels AS l JOIN pg_type AS e ON e.oid = l.oid CROSS JOIN unnest(ARRAY[e.oid, e.typarray]) AS o (oid)
        UNION ALL
        SELECT o.oid, coalesce(l.labels, e.labels), d.document
        FROM domains AS d
        JOIN pg_type AS b ON b.oid = d.base
        LEFT JOIN labels AS l ON l.oid = b.oid
        LEFT JOIN labels AS e ON e.oid = b.typelem
        CROSS JOIN unnest(ARRAY[d.oid, d.typarray]) AS o (oid)
    ),
    types AS MATERIALIZED (
        SELECT jsonb_object_agg(oid::text, json_build_array(labels, domain)::text) AS by_oid FROM named_types WHERE oid <> 0
    ),
    collations AS MATERIALIZED (
        SELECT jsonb_object_agg(c.oid::text, CASE n.nspname WHEN 'pg_catalog' THEN '' ELSE n.nspname || '.' END || c.collname) AS by_oid
        FROM pg_collation AS c JOIN pg_namespace AS n ON n.oid = c.collnamespace
    ),
    namespaces AS MATERIALIZED (SELECT jsonb_object_agg(oid::text, nspname) AS by_oid FROM pg_namespace),
    special_classes AS MATERIALIZED (SELECT array_agg(oid) AS oids FROM pg_opclass WHERE NOT opcdefault),
    commented AS MATERIALIZED (
        SELECT objoid FROM pg_description WHERE classoid IN ('pg_class'::regclass, 'pg_constraint'::regclass) AND objsubid = 0
    )
"""
"""Common table expressions; they need ``WITH RECURSIVE``."""
