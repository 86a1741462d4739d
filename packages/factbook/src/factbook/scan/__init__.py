"""Scan a source into facts: what is there, how complete the reading was, and what is gone for certain."""

from factbook.scan.model import ScanRequest, ScanResult
from factbook.scan.run import PRODUCER_ID, scan

__all__ = ["PRODUCER_ID", "ScanRequest", "ScanResult", "scan"]
