"""Search over everything: tables by their columns and comments, products, contracts, terms, and what people say of them."""

from factbook.finding.model import EVERYTHING, MAX_FOUND, FindFilter, Hit, Part, SearchPage
from factbook.finding.reading import Finder

__all__ = ["EVERYTHING", "MAX_FOUND", "FindFilter", "Finder", "Hit", "Part", "SearchPage"]
