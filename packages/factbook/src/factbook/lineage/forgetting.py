"""What the view forgets when records are dropped from the log: afterwards it is as if they had never been."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Table, delete, exists, select, update

from factbook.database.log_tables import records as log_records
from factbook.lineage.folding import chain_bindings, forget_facts, naming_facts
from factbook.lineage.numbers import in_parts
from factbook.lineage.settling import remove, rewrite
from factbook.lineage.sighting import seen_of
from factbook.lineage.tables import bindings, column_edges, columns, edges, facts, inputs, nodes, producers, sightings


def forget(connection: Connection, tenant: str, kind: str) -> None:
    """Take out what came of a tenant's records of a kind that are no longer in the log."""
    if kind == "lineage":
        gone = _gone(connection, facts, "fact", facts.c.tenant == tenant)
        remove(connection, gone)
        rewrite(connection, forget_facts(connection, gone))
    elif kind == "name_binding":
        _forget_bindings(connection, tenant)
    else:
        _forget_runs(connection, tenant)
    _sweep(connection)


def _gone(connection: Connection, table: Table, offset: str, *mine: object) -> Sequence[int]:
    kept = exists().where(log_records.c.offset == table.c[offset])
    return connection.scalars(select(table.c[offset]).where(*mine, ~kept).distinct()).all()  # type: ignore[arg-type]


def _forget_bindings(connection: Connection, tenant: str) -> None:
    mine = bindings.c.node_id.in_(select(nodes.c.node_id).where(nodes.c.tenant == tenant))
    gone = _gone(connection, bindings, "offset", mine)
    settled: set[int] = set()
    for part in in_parts(gone):
        settled.update(connection.scalars(select(bindings.c.node_id).where(bindings.c.offset.in_(part))))
        connection.execute(delete(bindings).where(bindings.c.offset.in_(part)))
    for node_id in settled:
        chain_bindings(connection, node_id)
    rewrite(connection, naming_facts(connection, settled))


def _forget_runs(connection: Connection, tenant: str) -> None:
    for part in in_parts(_gone(connection, sightings, "offset", sightings.c.tenant == tenant)):
        connection.execute(delete(sightings).where(sightings.c.offset.in_(part)))
    names = connection.scalars(select(producers.c.producer_id).where(producers.c.tenant == tenant)).all()
    for (_, producer_id), moment in seen_of(connection, [(tenant, name) for name in names]).items():
        same = (producers.c.tenant == tenant, producers.c.producer_id == producer_id)
        connection.execute(update(producers).where(*same).values(seen_at=moment))


def _sweep(connection: Connection) -> None:
    """Take out numbers that nothing uses any more."""
    used = [
        exists().where(table.c[place] == nodes.c.node_id)
        for table, place in ((facts, "node_id"), (inputs, "node_id"), (bindings, "node_id"), (bindings, "bound_id"), (edges, "input_id"))
    ]
    connection.execute(delete(producers).where(~exists().where(facts.c.producer_no == producers.c.producer_no)))
    ends = [exists().where(column_edges.c[place] == columns.c.column_id) for place in ("input_id", "output_id")]
    connection.execute(delete(columns).where(~(ends[0] | ends[1])))
    connection.execute(delete(nodes).where(~(used[0] | used[1] | used[2] | used[3] | used[4])))
