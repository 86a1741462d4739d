"""Programs of DDL with what each statement does to a catalogue, said by hand: what a comparison must find, no more and no less.

A step has objects to itself, so that any selection of steps has the sum of their effects.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Step:
    do: str
    undo: str | None
    effects: frozenset
    proposals: frozenset = frozenset()
    undo_effects: frozenset | None = field(default=None)

    def undone(self):
        """Return the effects of undoing: what was added is removed, and the other way round."""
        if self.undo_effects is not None:
            return self.undo_effects
        turned = {"added": "removed", "removed": "added", "changed": "changed"}
        return frozenset((turned[change], *rest) for change, *rest in self.effects)


def step(do, undo, *effects, proposals=(), undo_effects=None):
    return Step(do, undo, frozenset(effects), frozenset(proposals), None if undo_effects is None else frozenset(undo_effects))


def added(what, table, path="", aspect="structure"):
    return ("added", what, table, path, aspect)


def removed(what, table, path="", aspect="structure"):
    return ("removed", what, table, path, aspect)


def changed(what, table, path, aspect="structure"):
    return ("changed", what, table, path, aspect)


def column(table, name, attribute, aspect="structure"):
    return changed("column", table, f"columns.{name}.{attribute}", aspect)


def renamed_column(table, before, after, rename, back):
    return step(
        rename,
        back,
        removed("column", table, f"columns.{before}"),
        added("column", table, f"columns.{after}"),
        proposals=[("column", table, before, after)],
    )


def renamed_table(before, after, rename, back):
    return step(rename, back, removed("table", before), added("table", after), proposals=[("table", None, before, after)])


POSTGRES_BASE = """
    CREATE TYPE mood AS ENUM ('calm', 'busy');
    CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
    CREATE TABLE a (id integer PRIMARY KEY, old_name text, widened integer, narrowed varchar(40), required text, optional text NOT NULL,
        defaulted integer, undefaulted integer DEFAULT 3, told text, sorted_text text, spare text, doomed text, marked boolean,
        last_one date);
    CREATE INDEX named ON a (last_one);
    CREATE INDEX explained ON a (told);
    CREATE INDEX turned ON a (marked);
    CREATE TABLE b (id integer PRIMARY KEY, a_id integer, code varchar(10), amount numeric(10,2), feeling mood, level positive,
        other_id integer CONSTRAINT fk2 REFERENCES a);
    CREATE TABLE parts (id integer) PARTITION BY RANGE (id);
    CREATE TABLE parts_0 PARTITION OF parts FOR VALUES FROM (0) TO (10);
    CREATE TABLE lonely (id integer, note text);
    CREATE TABLE first_called (key integer PRIMARY KEY, what text, at timestamp);
    CREATE VIEW v AS SELECT id, code FROM b;
"""
POSTGRES = [
    step("ALTER TABLE a ADD COLUMN x integer", "ALTER TABLE a DROP COLUMN x", added("column", "a", "columns.x")),
    step("ALTER TABLE b ADD COLUMN y varchar(5) NOT NULL DEFAULT 'z'", "ALTER TABLE b DROP COLUMN y", added("column", "b", "columns.y")),
    step("ALTER TABLE a DROP COLUMN doomed", None, removed("column", "a", "columns.doomed")),
    renamed_column(
        "a", "old_name", "new_name", "ALTER TABLE a RENAME COLUMN old_name TO new_name", "ALTER TABLE a RENAME COLUMN new_name TO old_name"
    ),
    renamed_table(
        "first_called", "then_called", "ALTER TABLE first_called RENAME TO then_called", "ALTER TABLE then_called RENAME TO first_called"
    ),
    step(
        "ALTER TABLE a ALTER COLUMN widened TYPE bigint",
        "ALTER TABLE a ALTER COLUMN widened TYPE integer",
        column("a", "widened", "data_type"),
    ),
    step(
        "ALTER TABLE a ALTER COLUMN narrowed TYPE varchar(20)",
        "ALTER TABLE a ALTER COLUMN narrowed TYPE varchar(40)",
        column("a", "narrowed", "data_type"),
    ),
    step(
        "ALTER TABLE b ALTER COLUMN amount TYPE numeric(8,2)",
        "ALTER TABLE b ALTER COLUMN amount TYPE numeric(10,2)",
        column("b", "amount", "data_type"),
    ),
    step(
        "ALTER TABLE a ALTER COLUMN required SET NOT NULL",
        "ALTER TABLE a ALTER COLUMN required DROP NOT NULL",
        column("a", "required", "nullable"),
    ),
    step(
        "ALTER TABLE a ALTER COLUMN optional DROP NOT NULL",
        "ALTER TABLE a ALTER COLUMN optional SET NOT NULL",
        column("a", "optional", "nullable"),
    ),
    step(
        "ALTER TABLE a ALTER COLUMN defaulted SET DEFAULT 7",
        "ALTER TABLE a ALTER COLUMN defaulted DROP DEFAULT",
        column("a", "defaulted", "default"),
    ),
    step(
        "ALTER TABLE a ALTER COLUMN undefaulted DROP DEFAULT",
        "ALTER TABLE a ALTER COLUMN undefaulted SET DEFAULT 3",
        column("a", "undefaulted", "default"),
    ),
    step(
        'ALTER TABLE a ALTER COLUMN sorted_text TYPE text COLLATE "C"',
        'ALTER TABLE a ALTER COLUMN sorted_text TYPE text COLLATE "default"',
        column("a", "sorted_text", "collation", "collation"),
    ),
    step(
        "ALTER TABLE a ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY",
        "ALTER TABLE a ALTER COLUMN id DROP IDENTITY",
        column("a", "id", "identity"),
    ),
    step("ALTER TYPE mood ADD VALUE IF NOT EXISTS 'lost'", None, column("b", "feeling", "enum_values")),
    step(
        "ALTER DOMAIN positive ADD CONSTRAINT big CHECK (VALUE < 1000)",
        "ALTER DOMAIN positive DROP CONSTRAINT big",
        column("b", "level", "domain"),
    ),
    step(
        "ALTER TABLE b ADD COLUMN doubled integer GENERATED ALWAYS AS (a_id * 2) STORED",
        "ALTER TABLE b DROP COLUMN doubled",
        added("column", "b", "columns.doubled"),
    ),
    step("COMMENT ON COLUMN a.told IS 'it''s'", "COMMENT ON COLUMN a.told IS NULL", column("a", "told", "comment", "comment")),
    step("COMMENT ON TABLE a IS 'table'", "COMMENT ON TABLE a IS NULL", changed("table", "a", "comment", "comment")),
    step(
        "COMMENT ON INDEX explained IS 'why'",
        "COMMENT ON INDEX explained IS NULL",
        changed("index", "a", "indexes.explained.comment", "comment"),
    ),
    step("CREATE INDEX i ON a (spare)", "DROP INDEX i", added("index", "a", "indexes.i")),
    step("CREATE UNIQUE INDEX iu ON a (marked, last_one) WHERE marked", "DROP INDEX iu", added("index", "a", "indexes.iu")),
    step(
        "ALTER INDEX named RENAME TO called",
        "ALTER INDEX called RENAME TO named",
        changed("index", "a", "indexes.called.name"),
        undo_effects=[changed("index", "a", "indexes.named.name")],
    ),
    step(
        "DROP INDEX turned; CREATE INDEX turned ON a (marked DESC)",
        "DROP INDEX turned; CREATE INDEX turned ON a (marked)",
        changed("index", "a", "indexes.turned.parts"),
    ),
    step("ALTER TABLE a ADD CONSTRAINT ck CHECK (id > 0)", "ALTER TABLE a DROP CONSTRAINT ck", added("constraint", "a", "constraints.ck")),
    step("ALTER TABLE b ADD CONSTRAINT un UNIQUE (code)", "ALTER TABLE b DROP CONSTRAINT un", added("constraint", "b", "constraints.un")),
    step(
        "ALTER TABLE b ADD CONSTRAINT fk FOREIGN KEY (a_id) REFERENCES a ON DELETE CASCADE",
        "ALTER TABLE b DROP CONSTRAINT fk",
        added("constraint", "b", "constraints.fk"),
    ),
    step(
        "ALTER TABLE b DROP CONSTRAINT fk2; ALTER TABLE b ADD CONSTRAINT fk2 FOREIGN KEY (other_id) REFERENCES a ON DELETE CASCADE",
        "ALTER TABLE b DROP CONSTRAINT fk2; ALTER TABLE b ADD CONSTRAINT fk2 FOREIGN KEY (other_id) REFERENCES a",
        changed("constraint", "b", "constraints.fk2.references"),
    ),
    step(
        "ALTER TABLE b RENAME CONSTRAINT b_pkey TO b_key",
        "ALTER TABLE b RENAME CONSTRAINT b_key TO b_pkey",
        changed("constraint", "b", "constraints.b_key.name"),
        undo_effects=[changed("constraint", "b", "constraints.b_pkey.name")],
    ),
    step(
        "CREATE OR REPLACE VIEW v AS SELECT id, code FROM b WHERE id > 1",
        "CREATE OR REPLACE VIEW v AS SELECT id, code FROM b",
        changed("table", "v", "definition", "definition"),
    ),
    step("CREATE VIEW w AS SELECT id FROM a", "DROP VIEW w", added("table", "w")),
    step("CREATE TABLE c (id integer PRIMARY KEY, t text UNIQUE)", "DROP TABLE c", added("table", "c")),
    step("DROP TABLE lonely", None, removed("table", "lonely")),
    step("CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (10) TO (20)", "DROP TABLE parts_1", added("table", "parts_1")),
    step(
        "ALTER TABLE parts DETACH PARTITION parts_0",
        "ALTER TABLE parts ATTACH PARTITION parts_0 FOR VALUES FROM (0) TO (10)",
        changed("partition", "parts_0", "partition_of"),
    ),
    step("ALTER TABLE a SET (fillfactor = 70)", "ALTER TABLE a RESET (fillfactor)", changed("table", "a", "options.storage", "storage")),
    step(
        "ALTER TABLE a ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE a DISABLE ROW LEVEL SECURITY",
        changed("table", "a", "options.row_security"),
    ),
    step("ALTER TABLE b OWNER TO pg_monitor", "ALTER TABLE b OWNER TO CURRENT_USER", changed("table", "b", "owner", "storage")),
    step(
        "CREATE SCHEMA annex; CREATE TABLE annex.rooms (id integer)",
        "DROP SCHEMA annex CASCADE",
        added("schema", None),
        added("table", "rooms"),
    ),
]

MYSQL_BASE = (
    "CREATE TABLE a (id integer NOT NULL PRIMARY KEY, old_name varchar(20), widened integer, narrowed varchar(40), required varchar(9), "
    "defaulted integer, told varchar(9), sorted_text varchar(30), spare integer, doomed integer, moved integer, rated enum('x','y'), "
    "turned enum('s','m','l'), last_one date) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
    "CREATE INDEX explained ON a (told)",
    "CREATE TABLE b (id integer NOT NULL PRIMARY KEY, a_id integer, code varchar(10), amount decimal(10,2))",
    "CREATE INDEX named ON b (amount)",
    "CREATE TABLE parts (id integer) PARTITION BY RANGE (id) (PARTITION p1 VALUES LESS THAN (10))",
    "CREATE TABLE lonely (id integer, note varchar(9))",
    "CREATE TABLE first_called (k integer NOT NULL PRIMARY KEY, what varchar(9), at_time timestamp NULL)",
    "CREATE VIEW v AS SELECT id, code FROM b",
)
MYSQL = [
    step("ALTER TABLE a ADD COLUMN x integer AFTER id", "ALTER TABLE a DROP COLUMN x", added("column", "a", "columns.x")),
    step(
        "ALTER TABLE b ADD COLUMN y varchar(5) NOT NULL DEFAULT 'z' FIRST", "ALTER TABLE b DROP COLUMN y", added("column", "b", "columns.y")
    ),
    step("ALTER TABLE a DROP COLUMN doomed", None, removed("column", "a", "columns.doomed")),
    step("ALTER TABLE a MODIFY moved integer FIRST", None, column("a", "moved", "position", "order")),
    renamed_column(
        "a", "old_name", "new_name", "ALTER TABLE a RENAME COLUMN old_name TO new_name", "ALTER TABLE a RENAME COLUMN new_name TO old_name"
    ),
    renamed_table("first_called", "then_called", "RENAME TABLE first_called TO then_called", "RENAME TABLE then_called TO first_called"),
    step("ALTER TABLE a MODIFY widened bigint", "ALTER TABLE a MODIFY widened integer", column("a", "widened", "data_type")),
    step("ALTER TABLE a MODIFY narrowed varchar(20)", "ALTER TABLE a MODIFY narrowed varchar(40)", column("a", "narrowed", "data_type")),
    step(
        "ALTER TABLE a MODIFY required varchar(9) NOT NULL",
        "ALTER TABLE a MODIFY required varchar(9)",
        column("a", "required", "nullable"),
    ),
    step(
        "ALTER TABLE a ALTER COLUMN defaulted SET DEFAULT 7",
        "ALTER TABLE a MODIFY defaulted integer",
        column("a", "defaulted", "default"),
    ),
    step(
        "ALTER TABLE a MODIFY told varchar(9) COMMENT 'it''s'",
        "ALTER TABLE a MODIFY told varchar(9)",
        column("a", "told", "comment", "comment"),
    ),
    step(
        "ALTER TABLE a MODIFY sorted_text varchar(30) COLLATE utf8mb4_bin",
        "ALTER TABLE a MODIFY sorted_text varchar(30) COLLATE utf8mb4_general_ci",
        column("a", "sorted_text", "collation", "collation"),
    ),
    step("ALTER TABLE a MODIFY rated enum('x','y','z')", "ALTER TABLE a MODIFY rated enum('x','y')", column("a", "rated", "enum_values")),
    step(
        "ALTER TABLE a MODIFY turned enum('l','m','s')",
        "ALTER TABLE a MODIFY turned enum('s','m','l')",
        column("a", "turned", "enum_values", "order"),
    ),
    step("ALTER TABLE a COMMENT 'table'", "ALTER TABLE a COMMENT ''", changed("table", "a", "comment", "comment")),
    step("ALTER TABLE b ADD COLUMN g integer AS (a_id * 2) STORED", "ALTER TABLE b DROP COLUMN g", added("column", "b", "columns.g")),
    step("CREATE INDEX i ON a (spare)", "DROP INDEX i ON a", added("index", "a", "indexes.i")),
    step("CREATE INDEX pre ON a (sorted_text(5))", "DROP INDEX pre ON a", added("index", "a", "indexes.pre")),
    step(
        "ALTER TABLE b RENAME INDEX named TO called",
        "ALTER TABLE b RENAME INDEX called TO named",
        changed("index", "b", "indexes.called.name"),
        undo_effects=[changed("index", "b", "indexes.named.name")],
    ),
    step("ALTER TABLE a ADD CONSTRAINT ck CHECK (id > 0)", "ALTER TABLE a DROP CONSTRAINT ck", added("constraint", "a", "constraints.ck")),
    step("ALTER TABLE b ADD CONSTRAINT un UNIQUE (code)", "ALTER TABLE b DROP INDEX un", added("constraint", "b", "constraints.un")),
    step(
        "ALTER TABLE b ADD CONSTRAINT fk FOREIGN KEY (a_id) REFERENCES a (id) ON DELETE CASCADE",
        "ALTER TABLE b DROP FOREIGN KEY fk, DROP INDEX fk",
        added("constraint", "b", "constraints.fk"),
        added("index", "b", "indexes.fk"),  # MySQL makes one so that the key can be checked
    ),
    step(
        "CREATE OR REPLACE VIEW v AS SELECT id, code FROM b WHERE id > 1",
        "CREATE OR REPLACE VIEW v AS SELECT id, code FROM b",
        changed("table", "v", "definition", "definition"),
    ),
    step("CREATE VIEW w AS SELECT id FROM a", "DROP VIEW w", added("table", "w")),
    step("CREATE TABLE c (id integer PRIMARY KEY, t varchar(9) UNIQUE)", "DROP TABLE c", added("table", "c")),
    step("DROP TABLE lonely", None, removed("table", "lonely")),
    step(
        "ALTER TABLE parts ADD PARTITION (PARTITION p2 VALUES LESS THAN (20))",
        "ALTER TABLE parts DROP PARTITION p2",
        added("partition", "parts", "partitioning.partitions.p2"),
    ),
]

SQLITE_BASE = (
    "CREATE TABLE a (id integer NOT NULL PRIMARY KEY, old_name text, n integer, t varchar(20) UNIQUE, doomed text, last_one date)",
    "CREATE TABLE b (id integer NOT NULL PRIMARY KEY, a_id integer, u varchar(30), old_u text)",
    "CREATE TABLE lonely (id integer, note text)",
    "CREATE TABLE first_called (k integer PRIMARY KEY, what text, at_time text)",
    "CREATE VIEW v AS SELECT id, u FROM b",
    "CREATE INDEX turned ON b (a_id)",
)
SQLITE = [
    step("ALTER TABLE a ADD COLUMN x integer", "ALTER TABLE a DROP COLUMN x", added("column", "a", "columns.x")),
    step("ALTER TABLE b ADD COLUMN y varchar(5) NOT NULL DEFAULT 'z'", "ALTER TABLE b DROP COLUMN y", added("column", "b", "columns.y")),
    step("ALTER TABLE a DROP COLUMN doomed", None, removed("column", "a", "columns.doomed")),
    renamed_column(
        "a", "old_name", "new_name", "ALTER TABLE a RENAME COLUMN old_name TO new_name", "ALTER TABLE a RENAME COLUMN new_name TO old_name"
    ),
    renamed_column("b", "old_u", "other", "ALTER TABLE b RENAME COLUMN old_u TO other", "ALTER TABLE b RENAME COLUMN other TO old_u"),
    renamed_table(
        "first_called", "then_called", "ALTER TABLE first_called RENAME TO then_called", "ALTER TABLE then_called RENAME TO first_called"
    ),
    step("CREATE INDEX i ON a (n)", "DROP INDEX i", added("index", "a", "indexes.i")),
    step("CREATE UNIQUE INDEX iu ON a (t, n) WHERE n > 0", "DROP INDEX iu", added("index", "a", "indexes.iu")),
    step(
        "DROP INDEX turned; CREATE INDEX turned ON b (a_id DESC)",
        "DROP INDEX turned; CREATE INDEX turned ON b (a_id)",
        changed("index", "b", "indexes.turned.parts"),
    ),
    step(
        "DROP VIEW v; CREATE VIEW v AS SELECT id, u FROM b WHERE id > 1",
        "DROP VIEW v; CREATE VIEW v AS SELECT id, u FROM b",
        changed("table", "v", "definition", "definition"),
    ),
    step("CREATE VIEW w AS SELECT id FROM a", "DROP VIEW w", added("table", "w")),
    step("CREATE TABLE c (id integer PRIMARY KEY, t text UNIQUE CHECK (t <> ''))", "DROP TABLE c", added("table", "c")),
    step("CREATE TABLE d (id integer, a_id integer REFERENCES a (id)) STRICT", "DROP TABLE d", added("table", "d")),
    step("DROP TABLE lonely", None, removed("table", "lonely")),
    step("INSERT INTO a (id, n) VALUES (7, 1)", "DELETE FROM a"),
]
