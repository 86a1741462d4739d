"""Measure the data of tables: one pass where the engine allows it, within a budget, with a bill."""

from factbook.profile.model import Budget, ProfileOptions, ProfileRequest, ProfileResult, Sampling
from factbook.profile.reading import MeasuredPage, MeasuredTable

__all__ = ["Budget", "MeasuredPage", "MeasuredTable", "ProfileOptions", "ProfileRequest", "ProfileResult", "Sampling"]
