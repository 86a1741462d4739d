"""Rules, scores, promises and anomalies, judged from facts and from the source."""

from factbook.quality.model import AnomalyPage, QualityPage, QualityRequest, QualityRun
from factbook.quality.reading import QualityReader
from factbook.quality.running import run_quality

__all__ = ["AnomalyPage", "QualityPage", "QualityReader", "QualityRequest", "QualityRun", "run_quality"]
