"""How jobs and datasets are called in the log: names within its rules, targets, producers."""

from __future__ import annotations

import re
from functools import lru_cache

from factbook.openlineage.model import Event
from factbook_sdk.facts import MetadataContext, MetadataTarget
from factbook_sdk.facts.codec import digest
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.facts.record import MAX_NAME_LENGTH

PREFIX = "openlineage:"

_VERSION = re.compile(r"/(?:tree|blob)/[^/]+")
_SUFFIX_LENGTH = 33


def bounded(name: str) -> str:
    """Return a name as the log takes it: one that is too long is cut and ends in the digest of the whole, NUL becomes U+FFFD."""
    clean = name.replace("\x00", "\ufffd")
    if clean == name and len(name) <= MAX_NAME_LENGTH:
        return name
    return f"{clean[: MAX_NAME_LENGTH - _SUFFIX_LENGTH]}~{digest(name.encode()).hex()}"


@lru_cache(maxsize=10_000)
def producer_of_job(namespace: str, name: str) -> str:
    """Return who speaks in an event of a job."""
    return bounded(f"{PREFIX}{namespace}/{name}")


@lru_cache(maxsize=1_000)
def producer_of_tool(producer: str) -> str:
    """Return who speaks in an event of a dataset alone: the tool without its version, so that a newer one still corrects itself."""
    return bounded(f"{PREFIX}{_VERSION.sub('', producer).rstrip('/') or 'unknown'}")


def target_of(table: TableRef) -> MetadataTarget:
    """Return the target that a reference means."""
    return MetadataTarget(table.source_id, table.schema, table.table)


def target_of_event(event: Event) -> MetadataTarget:
    """Return what the record of an event is about: its job, or its dataset."""
    if event.job is not None:
        return MetadataTarget(event.job.namespace, None, event.job.name)
    if event.dataset is None:
        raise AssertionError("an event is about a job or a dataset")
    return MetadataTarget(bounded(event.dataset.namespace), None, bounded(event.dataset.name))


def context_of(event: Event, tenant: str) -> MetadataContext:
    """Return under which run and job namespace the facts of an event were learnt."""
    job = event.job
    namespace = target_of_event(event).source_id if job is None else job.namespace
    return MetadataContext(job_id=None if job is None else job.name, run_id=event.run_id, namespace=namespace, tenant=tenant)
