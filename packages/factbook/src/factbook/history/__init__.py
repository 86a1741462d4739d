"""History: how long each kind of fact stays, what goes to the archive, what is dropped, and when."""

from factbook.history.model import HistoryPlan, HistoryReport, KindPolicy, PlannedStep
from factbook.history.service import History

__all__ = ["History", "HistoryPlan", "HistoryReport", "KindPolicy", "PlannedStep"]
