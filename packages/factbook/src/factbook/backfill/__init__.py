"""Backfill: history from old logs, by a mapping, as if it had been emitted when it happened."""

from factbook.backfill.report import BackfillReport
from factbook.backfill.run import Destination, OnProgress, Options, backfill

__all__ = ["BackfillReport", "Destination", "OnProgress", "Options", "backfill"]
