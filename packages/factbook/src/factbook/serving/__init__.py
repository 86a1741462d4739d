"""Domain data APIs: rows of a product's port, asked for by filters that its schema gives."""

from factbook.serving.model import Limits, RowPage
from factbook.serving.service import Serving
from factbook.serving.usage import UsageCounter

__all__ = ["Limits", "RowPage", "Serving", "UsageCounter"]
