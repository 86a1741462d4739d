"""A Factbook of its own for a test, with a source that was scanned."""

from __future__ import annotations

from contextlib import contextmanager

from factbook.app import Factbook
from factbook.quality.job import Rulebook
from factbook.settings import load_settings
from factbook_sdk.facts import MetadataTarget


@contextmanager
def house(folder, url, **environment):
    """Give a Factbook that has scanned the source."""
    factbook = Factbook(load_settings({"DATA_DIR": str(folder), **environment}))
    try:
        factbook.run_scan(url, source_id="shop")
        yield factbook
    finally:
        factbook.close()


def judged(factbook, text, **options):
    """Run rules and return the run, and the results by rule."""
    outcome = factbook.own.run_quality("shop", rules=Rulebook("rules.yaml", text), **options)
    return outcome.result, {one.result.rule: one.result for one in factbook.own.qualities.results(outcome.job)}


def facts(factbook, kind, table=None, schema="main"):
    """Return the payloads of a kind, in the order of time."""
    targets = None if table is None else [MetadataTarget("shop", schema, table)]
    return [stored.record.payload for stored in factbook.repository.query(kind, targets=targets, limit=1000).records]
