"""Lineage from SQL, column by column: views of scanned sources, files, query logs.

The parser runs in a process of its own (:mod:`~factbook.lineage.sql.child`), so that no statement takes for ever and nothing here loads it.
"""

from factbook.lineage.sql.reader import SqlReader
from factbook.lineage.sql.report import SqlLineageReport, TargetLineage
from factbook.lineage.sql.run import SqlLineage
from factbook.lineage.sql.texts import Options

__all__ = ["Options", "SqlLineage", "SqlLineageReport", "SqlReader", "TargetLineage"]
