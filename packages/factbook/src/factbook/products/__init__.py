"""Data products: what a team publishes, with owner, version, declared schema and the tables behind it."""

from factbook.products.analytics import ProductAnalytics
from factbook.products.model import NewProduct, PortList, Product, ProductFilter, ProductPage, ProductUpdate
from factbook.products.reading import ProductReader
from factbook.products.registry import ProductRegistry

__all__ = [
    "NewProduct",
    "PortList",
    "Product",
    "ProductAnalytics",
    "ProductFilter",
    "ProductPage",
    "ProductReader",
    "ProductRegistry",
    "ProductUpdate",
]
