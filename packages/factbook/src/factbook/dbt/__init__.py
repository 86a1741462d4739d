"""dbt: what its artefacts tell becomes lineage, notes, outcomes of tests and runtimes of models."""

from factbook.dbt.model import Artefacts, DbtReport
from factbook.dbt.service import WRITES, DbtProjects

__all__ = ["WRITES", "Artefacts", "DbtProjects", "DbtReport"]
