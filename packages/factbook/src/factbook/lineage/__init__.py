"""Lineage: what is made from what, column by column, who said so, how sure it is, and what it was at any moment."""

from factbook.lineage.ageing import Ages
from factbook.lineage.model import (
    Breaks,
    Closure,
    LineageEntry,
    LineageEntryPage,
    LineageStats,
    Neighbourhood,
    Node,
    Paths,
)
from factbook.lineage.reading import LineageReader
from factbook.lineage.view import View

__all__ = [
    "Ages",
    "Breaks",
    "Closure",
    "LineageEntry",
    "LineageEntryPage",
    "LineageReader",
    "LineageStats",
    "Neighbourhood",
    "Node",
    "Paths",
    "View",
]
