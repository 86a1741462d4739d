"""The exporter contract: one format, written from a catalogue to a destination.

To write a new one: subclass :class:`Exporter` (or :class:`FileExporter`, if the format is one file), read from the
:class:`~factbook.export.catalog.Catalog` as a stream, declare every option, count what is written and what is left out with a
:class:`Tally`, name the class in the entry point group ``factbook.exporters``, and bind ``factbook.export.testing.ExporterContract`` to
it in a test module.

An exporter holds nothing between two exports. The same facts give the same bytes: no moment of writing, no random name, no order of a
dictionary that somebody else made.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, ClassVar, Literal

import msgspec

from factbook.errors import InvalidRequest
from factbook.export.catalog import Catalog

OnProgress = Callable[[int, int | None, str], None]
"""Called with the number done, the number expected (``None`` while unknown) and what was done last."""

Writes = Literal["file", "folder", "database"]
What = Literal["dictionary", "facts", "diffs"]


class Option(msgspec.Struct, frozen=True):
    """One option of a format. ``choices`` empty: any text. ``default`` is what a missing option means."""

    name: str
    help: str
    default: str = ""
    choices: tuple[str, ...] = ()


class Loss(msgspec.Struct, frozen=True):
    """Something the format cannot carry, said once, and how often it was met."""

    what: str
    count: int


class ExportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an export wrote. ``destination`` holds no secret; ``counts`` are per thing written, ``warnings`` per thing left out."""

    format: str
    destination: str
    counts: dict[str, int]
    size_bytes: int | None = None
    duration_seconds: float = 0.0
    warnings: list[Loss] = []


class Destination(ABC):
    """Where an export goes. ``str()`` of it is safe to show. Each way of writing gives the whole export or leaves what was there.

    A destination supports what its exporter ``writes``; the rest raises :class:`InvalidRequest`.
    """

    size_bytes: int | None = None
    """Bytes written, once the writing is over; ``None`` where that is not known."""

    @abstractmethod
    def __str__(self) -> str: ...

    def file(self) -> AbstractContextManager[BinaryIO]:
        """Give a stream of bytes that becomes the destination when the block ends well."""
        raise self._refusal("a file")

    def draft(self) -> AbstractContextManager[Path]:
        """Give the path of a local file to make, for libraries that write files themselves; it becomes the destination."""
        raise self._refusal("a file")

    def folder(self) -> AbstractContextManager[Path]:
        """Give an empty local folder that becomes the destination when the block ends well."""
        raise self._refusal("a folder")

    def database_url(self) -> str:
        """Return the URL of a database with its password: to connect with, never to show."""
        raise self._refusal("a database")

    @property
    def may_replace(self) -> bool:
        """Whether what stands there and is not known to be ours may be replaced."""
        return False

    def _refusal(self, writes: str) -> InvalidRequest:
        return InvalidRequest(
            f"The export cannot go to {self}",
            why=f"the format writes {writes}",
            fix="Name a PATH, a folder or a URL as `factbook export --list` shows for the format",
            field="destination",
        )


class Tally:
    """Counts of one export: what was written and what was left out. Memory is one number per word, however much is counted."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._losses: Counter[str] = Counter()

    def add(self, thing: str, number: int = 1) -> None:
        """Count something written: ``tables``, ``columns``."""
        self.counts[thing] += number

    def lose(self, what: str, number: int = 1) -> None:
        """Count something the format cannot carry; ``what`` is a sentence about the format and never names a table or value."""
        if number:
            self._losses[what] += number

    def report(self, exporter: Exporter, destination: Destination) -> ExportReport:
        """Return the report; counts in the order in which they were first met, losses by their words."""
        return ExportReport(
            format=exporter.name,
            destination=str(destination),
            counts=dict(self.counts),
            size_bytes=destination.size_bytes,
            warnings=[Loss(what, count) for what, count in sorted(self._losses.items())],
        )


class Exporter(ABC):
    """One format."""

    name: ClassVar[str]
    description: ClassVar[str]
    writes: ClassVar[Writes]
    carries: ClassVar[tuple[What, ...]] = ("dictionary",)
    """What can be asked for by the option ``what``; the first is the default."""
    media_type: ClassVar[str] = "application/octet-stream"
    suffix: ClassVar[str] = ""
    """How a file of this format ends: ``.json``."""
    options: ClassVar[tuple[Option, ...]] = ()
    """Every option there is, ``what`` left out."""

    @abstractmethod
    def export(self, catalog: Catalog, destination: Destination, options: Mapping[str, str], on_progress: OnProgress) -> ExportReport:
        """Write the catalogue to the destination. ``options`` were checked by :func:`check_options`: each declared one is there.

        Raises :class:`InvalidRequest` for what the options say together and cannot mean, before anything is written.
        """


class FileExporter(Exporter):
    """A format that is one file, written from its beginning to its end."""

    writes: ClassVar[Writes] = "file"

    def export(self, catalog: Catalog, destination: Destination, options: Mapping[str, str], on_progress: OnProgress) -> ExportReport:
        tally = Tally()
        chunks = self.chunks(catalog, options, tally, on_progress)
        with destination.file() as file:
            for chunk in chunks:
                file.write(chunk)
        return tally.report(self, destination)

    @abstractmethod
    def chunks(self, catalog: Catalog, options: Mapping[str, str], tally: Tally, on_progress: OnProgress) -> Iterator[bytes]:
        """Yield the file in pieces of some tables each."""


def check_options(exporter: type[Exporter] | Exporter, given: Mapping[str, str]) -> dict[str, str]:
    """Return every declared option with its value or default, and ``what``; raises :class:`InvalidRequest` for any other.

    A refusal names the option and never its value, which may be a secret.
    """
    declared = [Option("what", "What to write", exporter.carries[0], exporter.carries), *exporter.options]
    known = {option.name: option for option in declared}
    for name, value in given.items():
        if name not in known:
            raise InvalidRequest(
                f"{exporter.name} has no option {name!r}",
                why=f"its options are {', '.join(sorted(known))}",
                fix="See `factbook export --list`",
                field=name,
            )
        choices = known[name].choices
        if choices and value not in choices:
            raise InvalidRequest(f"{exporter.name} cannot do that", why=f"{name} is one of {', '.join(choices)}", field=name)
    return {name: given.get(name, option.default) for name, option in known.items()}
