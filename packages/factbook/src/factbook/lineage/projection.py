"""The view ``lineage``: who is made from what, when, and who said so. It follows the log and can be dropped and rebuilt from it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from factbook.lineage.folding import fold, is_about_table
from factbook.lineage.forgetting import forget
from factbook.lineage.sighting import fold_runs
from factbook.lineage.tables import ALL
from factbook.repository.projection import Projection
from factbook_sdk.repository.contract import StoredRecord


class LineageProjection(Projection):
    """Nodes, and edges between them with the time in which they hold.

    A fact holds from its moment until the next one of the same target and producer; one that comes late takes its place in that chain. A
    ``name_binding`` moves the edges of the name to the table that is meant, for as long as it holds. Zero time is kept and never shown.
    """

    name = "lineage"
    version = 2
    kinds = frozenset({"lineage", "lineage_run", "name_binding"})
    tables = ALL

    def apply(self, connection: Connection, records: Sequence[StoredRecord]) -> None:
        # Runs first: what is new takes from them when it was last seen. All else follows from the set of records, not from their order.
        fold_runs(connection, [item for item in records if item.record.kind == "lineage_run"])
        said = [item for item in records if item.record.kind == "lineage" and is_about_table(item)]
        settled = [item for item in records if item.record.kind == "name_binding"]
        if said or settled:
            fold(connection, said, settled)

    def forget(self, connection: Connection, tenant: str, kind: str) -> None:
        if kind in self.kinds:
            forget(connection, tenant, kind)
