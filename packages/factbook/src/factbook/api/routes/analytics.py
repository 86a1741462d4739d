"""``/analytics`` of products."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from factbook.api import answers
from factbook.api.access import DomainReader, ProductAgeReader, ProductReader, UsageReader
from factbook.api.openapi import answers as described
from factbook.api.parameters import LIMIT, Cursor, Limit, Since, Until
from factbook.products.analytics import ProductAges, ProductCoverage, UsageReport
from factbook.products.domains import DomainList

router = APIRouter(tags=["analytics"])


@router.get("/analytics/domains", responses=described(DomainList, "Domains by name."))
def count_domains(rooms: DomainReader, limit: Limit = 1000, cursor: Cursor = None) -> Response:
    """Count products per domain and status, with their owners."""
    return answers.json(rooms.product_analytics.domains(limit=limit, cursor=cursor))


@router.get("/analytics/coverage", responses=described(ProductCoverage, "Counts and shares of all products."))
def measure_coverage(rooms: ProductReader) -> Response:
    """Say how many products are described, bound to scanned tables, and are what they declare."""
    return answers.json(rooms.product_analytics.coverage())


@router.get("/analytics/products", responses=described(ProductAges, "Products by the age of their data."))
def list_ages(rooms: ProductAgeReader, limit: Annotated[int, Query(ge=1, le=100, description="Products of each sort.")] = 10) -> Response:
    """Show the products whose data is freshest and stalest, with their owners."""
    return answers.json(rooms.product_analytics.ages(limit=limit))


@router.get("/analytics/usage", responses=described(UsageReport, "Products by requests."))
def sum_usage(rooms: UsageReader, since: Since = None, until: Until = None, limit: Limit = LIMIT) -> Response:
    """Show how much was read from which product and by whom, in the last 30 days or a stretch of time."""
    return answers.json(rooms.product_analytics.usage(since=since, until=until, limit=limit))
