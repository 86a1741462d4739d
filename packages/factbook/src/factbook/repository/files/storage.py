"""Where the files lie: what a folder and an object store must both do for the log to be safe on them.

Names are relative, with ``/`` between parts. To write a new storage: subclass :class:`Storage` and run ``tests/repository/test_files_*``
against it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager


class Storage(ABC):
    """A tree of files. Instances are safe to use from many threads."""

    appends: bool
    """Whether a file can grow. Where it cannot, every commit is a file of its own."""

    poll_seconds: float
    """How often somebody who waits for other processes' records looks again."""

    fresh_seconds: float
    """How old what a reader knows of other processes' records may be."""

    @abstractmethod
    def __str__(self) -> str:
        """Return the URL, without anything secret."""

    @abstractmethod
    def prepare(self) -> bool:
        """Make what must be there; return whether we may write. Raises :class:`ConfigurationError`."""

    @abstractmethod
    def exclusive(self) -> AbstractContextManager[None]:
        """Keep other processes from writing to the log, where the storage can; raises :class:`StoreBusy` after a while.

        Where it cannot, :meth:`create` alone decides who was first.
        """

    @abstractmethod
    def names(self, folder: str) -> list[str]:
        """Return the names of the files right in a folder, sorted; none if there is no such folder."""

    @abstractmethod
    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes | None:
        """Return bytes of a file, fewer where it ends; ``None`` if there is no such file."""

    @abstractmethod
    def read_all(self, names: Iterable[str]) -> Iterator[bytes]:
        """Yield whole files that are known to be there, in order, reading ahead where that is quicker."""

    @abstractmethod
    def create(self, name: str, content: bytes) -> bool:
        """Write a new file and make it outlive a power cut; return whether it was us who made it."""

    @abstractmethod
    def append(self, name: str, size: int, content: bytes) -> None:
        """Write to the end of a file of ``size`` bytes and make that outlive a power cut; if it fails, the file has its size again."""

    @abstractmethod
    def cut(self, name: str, size: int) -> None:
        """Drop what a file has beyond ``size`` bytes."""

    @abstractmethod
    def sync(self, name: str) -> None:
        """Make what somebody else wrote to a file outlive a power cut."""

    @abstractmethod
    def keep(self, name: str, content: bytes) -> bool:
        """Write a file that can be made again, unless one of that name has other content; return whether it holds the content now."""

    @abstractmethod
    def replace(self, name: str, content: bytes) -> None:
        """Write a file that can be made again, in the place of the one that is there: readers see the one or the other."""

    @abstractmethod
    def epoch(self) -> str:
        """Return a text that changes when files which can be made again may have been lost, as by a power cut."""

    @abstractmethod
    def close(self) -> None:
        """Release what is open; closing twice is harmless."""
