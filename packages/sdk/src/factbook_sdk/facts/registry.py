"""The registry of kinds: nothing is stored under a kind that is not declared here first."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from importlib import resources
from typing import Any

import msgspec

from factbook_sdk.errors import ConfigurationError, InternalError, InvalidRecord, UnknownKind
from factbook_sdk.facts.compatibility import Compatibility
from factbook_sdk.facts.record import MetadataRecord


class Category(StrEnum):
    """``event``: it happened, every record is kept. ``state``: it is so until told otherwise; repeats are not stored."""

    EVENT = "event"
    STATE = "state"


class Origin(StrEnum):
    """Who declares a kind: Factbook itself, the tenant, or nobody, where records of it are taken all the same."""

    BUILTIN = "builtin"
    REGISTERED = "registered"
    UNVERIFIED = "unverified"


class Deprecation(msgspec.Struct, frozen=True, omit_defaults=True):
    """That a kind or a version should no longer be used: since when, why, what to use instead.

    Its records are still taken, with a warning, until ``retires_at``; from then on they are refused.
    """

    since: datetime
    reason: str
    successor: str | None = None
    retires_at: datetime | None = None


class Kind(msgspec.Struct, frozen=True):
    """A declared kind. ``schemas`` maps each version to its JSON Schema (draft 2020-12) for the payload.

    ``compatibility`` is what its next version owes the last one, ``indexed`` are the paths by which ``query`` finds records quickly.
    """

    name: str
    category: Category
    description: str
    schemas: dict[int, dict[str, Any]]
    compatibility: Compatibility = Compatibility.BACKWARD
    indexed: tuple[str, ...] = ()
    deprecated: Deprecation | None = None
    deprecated_versions: dict[int, Deprecation] = {}
    origin: Origin = Origin.BUILTIN

    @property
    def latest_version(self) -> int:
        return max(self.schemas, default=0)

    @property
    def is_verified(self) -> bool:
        """Whether payloads are held to a schema."""
        return self.origin is not Origin.UNVERIFIED

    def deprecation_of(self, version: int) -> Deprecation | None:
        """Return what deprecates a version: its own deprecation, else the kind's."""
        return self.deprecated_versions.get(version) or self.deprecated

    def schema_of(self, version: int) -> dict[str, Any]:
        """Return the JSON Schema of a version; raises :class:`UnknownKind` with the versions there are."""
        if version not in self.schemas:
            raise UnknownKind(
                f"{self.name} has no version {version}",
                why=f"registered versions are {', '.join(map(str, sorted(self.schemas)))}",
                field="version",
            )
        return self.schemas[version]


def load_schemas(package: str, name: str) -> dict[int, dict[str, Any]]:
    """Read ``<name>.v<N>.json`` files that lie beside a kind's module."""
    found: dict[int, dict[str, Any]] = {}
    for entry in resources.files(package).iterdir():
        stem, _, version = entry.name.removesuffix(".json").rpartition(".v")
        if entry.name.endswith(".json") and stem == name:
            found[int(version)] = msgspec.json.decode(entry.read_bytes())
    if not found:
        raise InternalError(f"The kind {name} has no schema file", fix=f"Add {name}.v1.json beside its module")
    return found


class KindRegistry:
    """Kinds by name. Registering the same kind twice is harmless; a different one under a taken name is refused."""

    def __init__(self, kinds: Iterable[Kind] = ()) -> None:
        self._kinds: dict[str, Kind] = {}
        self._validators: dict[tuple[str, int], tuple[Kind, Any]] = {}
        for kind in kinds:
            self.register(kind)

    def register(self, kind: Kind) -> None:
        known = self._kinds.get(kind.name)
        if known is not None and known != kind:
            raise InvalidRecord(
                f"The kind {kind.name} is registered already",
                why="its declaration differs",
                fix="Add a version to it, or choose another name",
                field="kind",
            )
        self._kinds[kind.name] = kind

    def __iter__(self) -> Iterator[Kind]:
        return iter(sorted(self._kinds.values(), key=lambda kind: kind.name))

    def __contains__(self, name: str) -> bool:
        return name in self._kinds

    def get(self, name: str) -> Kind:
        """Return the kind; raises :class:`UnknownKind` with the names there are."""
        kind = self._kinds.get(name)
        if kind is None:
            raise UnknownKind(
                f"The kind {name!r} is unknown",
                why=f"registered are {', '.join(sorted(self._kinds)) or 'none'}",
                fix="Register it first, or correct the name",
                field="kind",
            )
        return kind

    def check_payload(self, record: MetadataRecord) -> Kind:
        """Refuse a record whose kind or version is unknown or whose payload breaks the schema; return its kind."""
        kind, validator = self._validators.get((record.kind, record.version)) or self._compile(self.get(record.kind), record.version)
        if record.payload is None or not validator.is_valid(record.payload):
            check_against(record, kind, validator)
        return kind

    def _compile(self, kind: Kind, version: int) -> tuple[Kind, Any]:
        validator = compiled(kind.schema_of(version))
        self._validators[kind.name, version] = kind, validator
        return kind, validator


def compiled(schema: dict[str, Any], **options: Any) -> Any:
    """Return the validator of a schema; ``options`` are those of jsonschema-rs."""
    try:
        import jsonschema_rs
    except ImportError as error:
        raise ConfigurationError(
            "Payloads cannot be validated here",
            why="jsonschema-rs is not installed",
            fix="pip install 'factbook-sdk[validation]'",
        ) from error
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True, **options)


def check_against(record: MetadataRecord, kind: Kind, validator: Any) -> None:
    """Refuse a record whose payload breaks the schema, or is null although nothing can be closed."""
    if record.payload is None:
        if kind.category is Category.EVENT:
            raise InvalidRecord(
                f"payload of {record.kind} is null",
                why="only a state can be closed; an event happened and stays",
                field="payload",
            )
    elif not validator.is_valid(record.payload):
        raise _explain(record, validator)


def _explain(record: MetadataRecord, validator: Any) -> InvalidRecord:
    error = next(iter(validator.iter_errors(record.payload)))
    path = "payload" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path)
    return InvalidRecord(
        f"{path} breaks the schema of {record.kind} v{record.version}",
        why=error.message if len(error.message) <= 300 else error.message[:300] + "…",
        fix=f"See `factbook kinds show {record.kind}`",
        field=path,
    )


def builtin_kinds() -> KindRegistry:
    """Return a new registry with every kind declared by a module of :mod:`factbook_sdk.facts.kinds` (its ``KIND``)."""
    package = importlib.import_module("factbook_sdk.facts.kinds")
    modules = (importlib.import_module(f"{package.__name__}.{item.name}") for item in pkgutil.iter_modules(package.__path__))
    return KindRegistry(module.KIND for module in modules)
