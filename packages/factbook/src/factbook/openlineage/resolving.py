"""Which tables datasets are, by one picture of the names that is renewed when the log has something new to say of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from factbook.names import Names, Resolved
from factbook.names.resolver import READS
from factbook.openlineage.model import Dataset
from factbook.openlineage.naming import bounded
from factbook_sdk.facts.kinds.lineage import foreign_dataset
from factbook_sdk.repository.contract import MetadataRepository


class Resolver(Protocol):
    """What tells tables by the names of datasets: :class:`factbook.names.Names`, or a test's own."""

    def resolve(self, namespace: str, name: str, *, symlinks: Sequence[tuple[str, str]] = ()) -> Resolved:
        """Return the table, or the foreign dataset with the reason why there is none."""


def names_of(repository: MetadataRepository, tenant: str) -> Resolver:
    """Return the names of a tenant as the log has them now."""
    return Names(repository, tenant=tenant)


def place(resolver: Resolver, dataset: Dataset) -> Resolved:
    """Return the table that a dataset is. A foreign one has names that the log takes."""
    found = resolver.resolve(dataset.namespace, dataset.name, symlinks=dataset.symlinks)
    if found.known:
        return found
    return Resolved(foreign_dataset(bounded(dataset.namespace), bounded(dataset.name)), False, found.reason, found.ignored)


class Pictures:
    """Gives the names as they are now. To read a catalogue takes long, so one picture is kept until a scan or a binding changes it.

    For use by one thread at a time.
    """

    def __init__(
        self,
        repository: MetadataRepository,
        *,
        tenant: str,
        last_offset: Callable[[], int],
        make: Callable[[MetadataRepository, str], Resolver] = names_of,
    ) -> None:
        self._repository = repository
        self._tenant = tenant
        self._last_offset = last_offset
        self._make = make
        self._picture: Resolver | None = None
        self._offset = 0

    def current(self) -> Resolver:
        """Return a picture that holds everything stored before this call."""
        if self._picture is not None:
            page = self._repository.tail(self._offset, kinds=READS, tenant=self._tenant, limit=1)
            self._offset = page.next_offset
            if not page.records:
                return self._picture
        # What comes between this and the first look into the log is then read twice, and nothing is missed.
        self._offset = self._last_offset()
        self._picture = self._make(self._repository, self._tenant)
        return self._picture
