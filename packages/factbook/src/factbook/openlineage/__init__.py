"""OpenLineage: events of other tools come in, are kept as they came, become facts, and go out again.

The form is that of OpenLineage 2-0-2 (openlineage.io/spec).
"""

from factbook.openlineage.exporting import Exports
from factbook.openlineage.model import BatchAnswer, EventPage, Received
from factbook.openlineage.receiving import KINDS, OpenLineage

__all__ = ["KINDS", "BatchAnswer", "EventPage", "Exports", "OpenLineage", "Received"]
