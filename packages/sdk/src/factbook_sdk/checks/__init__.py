"""Checks for pipelines: does a load fit its table, and may a pipeline go on at all?"""

from factbook_sdk.checks.before_load import LoadCheck, check_before_load
from factbook_sdk.checks.columns import ExpectedColumn, Mismatch, check_columns
from factbook_sdk.checks.contracts import Breach, check_contract
from factbook_sdk.checks.gate import GateAnswer, GateClient

__all__ = [
    "Breach",
    "ExpectedColumn",
    "GateAnswer",
    "GateClient",
    "LoadCheck",
    "Mismatch",
    "check_before_load",
    "check_columns",
    "check_contract",
]
