"""Contracts: data contracts (ODCS) and data products (ODPS) as documents, kept as facts, exported again and checked."""

from factbook.contracts.model import (
    BoundPromise,
    CheckedPromise,
    ContractCheck,
    ContractEdit,
    ContractFilter,
    ContractHistory,
    ContractPage,
    ContractView,
    Imported,
    ImportWish,
)
from factbook.contracts.service import Contracts

__all__ = [
    "BoundPromise",
    "CheckedPromise",
    "ContractCheck",
    "ContractEdit",
    "ContractFilter",
    "ContractHistory",
    "ContractPage",
    "ContractView",
    "Contracts",
    "ImportWish",
    "Imported",
]
