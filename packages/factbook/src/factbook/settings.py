"""Every setting, declared once. ``docs/reference/settings.md`` is generated from this table.

A setting is read from ``FACTBOOK_<NAME>``, else from ``<NAME>``, else it has its default.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec

from factbook.errors import ConfigurationError

PREFIX = "FACTBOOK_"


class Setting(msgspec.Struct, frozen=True):
    """One declared setting. ``default`` is shown in the reference; ``{data_dir}`` in it stands for DATA_DIR."""

    name: str
    default: str
    help: str
    parse: Callable[[str], Any]
    secret: bool = False


def _text(value: str) -> str:
    return value.strip()


def _file(value: str) -> Path | None:
    return Path(value.strip()) if value.strip() else None


def _port(value: str) -> int:
    port = int(value)
    if not 0 <= port <= 65535:
        raise ValueError("a port lies between 0 and 65535")
    return port


def _positive(value: str) -> int:
    number = int(value)
    if number < 1:
        raise ValueError("it must be at least 1")
    return number


def _count(value: str) -> int:
    number = int(value)
    if number < 0:
        raise ValueError("it must be 0 or more")
    return number


def _share(value: str) -> float:
    share = float(value)
    if not 0 <= share <= 1:
        raise ValueError("it must lie between 0 and 1")
    return share


def _seconds(value: str) -> float:
    seconds = float(value)
    if not 0 < seconds < 1e9:
        raise ValueError("it must be a positive number of seconds")
    return seconds


def _level(value: str) -> str:
    level = value.strip().upper()
    if level not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        raise ValueError("choose DEBUG, INFO, WARNING, ERROR or CRITICAL")
    return level


def _flag(value: str) -> bool:
    flags = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if value.strip().lower() not in flags:
        raise ValueError("choose true or false")
    return flags[value.strip().lower()]


def _flag_or_auto(value: str) -> bool | None:
    return None if value.strip().lower() == "auto" else _flag(value)


def _time_of_day(value: str) -> time | None:
    if value.strip().lower() == "off":
        return None
    moment = time.fromisoformat(value.strip())
    if moment.tzinfo is not None:
        raise ValueError("it is in UTC and takes no zone")
    return moment


def _names(value: str) -> frozenset[str]:
    return frozenset(name.strip() for name in value.split(",") if name.strip())


def _days(value: str) -> int:
    days = int(value)
    if days < 0:
        raise ValueError("it must be 0 (keep for ever) or more")
    return days


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "DATA_DIR",
        "./.metadb",
        "Folder for everything Factbook keeps on disk: the store, the demo source, the secret key.",
        _text,
    ),
    Setting(
        "META_DB_URL",
        "sqlite:///{data_dir}/metadb.sqlite",
        "Where the facts are kept: sqlite:///PATH or postgresql://…; records alone also in file:///PATH or s3://BUCKET/PREFIX.",
        _text,
        True,
    ),
    Setting(
        "ARCHIVE_URL",
        "file://{data_dir}/archive",
        "Where compaction brings bodies of old records: file:///PATH, or s3://BUCKET/PREFIX with the usual AWS_ variables. "
        "Every process on one store needs the same.",
        _text,
    ),
    Setting(
        "COMPACT_AFTER_DAYS", "90", "Age at which records that are kept for ever go to the archive, whole months at a time.", _positive
    ),
    Setting("COMPACT_AT", "03:00", "When the server applies retention and compacts each day: HH:MM in UTC, or off.", _time_of_day),
    Setting(
        "SOURCE_DB_URL",
        "sqlite:///{data_dir}/source_demo.sqlite",
        "The source that POST /scan/trigger scans when its body names none; the default is a demo database made on first use.",
        _text,
        True,
    ),
    Setting("LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING, ERROR or CRITICAL.", _level),
    Setting("HOST", "127.0.0.1", "Address the server listens on. Any other than loopback needs API_KEY or an admin token.", _text),
    Setting("PORT", "8000", "Port the server listens on.", _port),
    Setting("MCP", "true", "Whether the server offers its tools for agents at /mcp.", _flag),
    Setting(
        "API_KEY",
        "",
        "Key for `Authorization: Bearer …`, an admin of every tenant. Without key and tokens the server answers on loopback only.",
        _text,
        True,
    ),
    Setting(
        "SECRET_KEY",
        "",
        "32 bytes in base64 that encrypt stored passwords. Default: the file secret.key in DATA_DIR, made on first use.",
        _text,
        True,
    ),
    Setting(
        "TENANT",
        "default",
        "The tenant under which this process scans and reads, and whose its environment, files and configured source are.",
        _text,
    ),
    Setting("AUDIT_WRITES", "true", "Whether writes and administration by key or token leave `audit` facts.", _flag),
    Setting("AUDIT_READS", "false", "Whether reads by key or token leave `audit` facts as well.", _flag),
    Setting(
        "UNVERIFIED_TENANTS",
        "",
        "Tenants whose records of unknown kinds are taken and marked unverified: patterns with `*` and `?`, separated by commas. "
        "Default: none; such records are refused.",
        _names,
    ),
    Setting(
        "MAX_REMOVAL_SHARE",
        "0.2",
        "A scan that would record more than this share of a source's objects as removed stops and asks.",
        _share,
    ),
    Setting(
        "VERDICT_RULES",
        "",
        "YAML file with what verdicts on changes are for each source: other severities, and what is ignored. "
        "Default: verdict-rules.yaml in DATA_DIR, where there is one.",
        _file,
    ),
    Setting("MAX_PAYLOAD_BYTES", "4194304", "Largest payload of one record, in bytes of canonical JSON.", _positive),
    Setting("MAX_BODY_BYTES", "67108864", "Largest request body the server takes, in bytes.", _positive),
    Setting(
        "MAX_PENDING_WRITES",
        "1000",
        "Requests to store records that the server has under way at a time; over it, it answers 429 with Retry-After.",
        _positive,
    ),
    Setting("MAX_PENDING_BYTES", "268435456", "Bytes of bodies that they may hold together.", _positive),
    Setting(
        "SPOOL_DIR",
        "{data_dir}/spool",
        "Folder of the spool that `factbook records spool` shows and sends.",
        _text,
    ),
    Setting("SERVICE_URL", "", "The Factbook service that `factbook records spool flush` sends to.", _text),
    Setting("SERVICE_TOKEN", "", "The key or token with which it and `factbook backfill --into URL` do.", _text, True),
    Setting(
        "PROFILE_MEMORY_BYTES", "1073741824", "Memory in which a profile measures one table; more is put into temporary files.", _positive
    ),
    Setting(
        "PROFILE_METRICS",
        "",
        "File of metrics of your own that every profile in the server's own tenant measures (docs/how-to/measure-your-own-numbers.md).",
        _file,
    ),
    Setting(
        "LINEAGE_STALE_DAYS",
        "30",
        "Days after which lineage that nobody confirmed is marked stale; what people and views say is not.",
        _positive,
    ),
    Setting("LINEAGE_GONE_DAYS", "180", "Days after which it is no longer shown, unless it is asked for.", _positive),
    Setting("MAX_LINEAGE_ENTRIES", "10000", "Entries of lineage made by hand (`POST /register_lineage`) that a tenant may have.", _count),
    Setting("JOB_WORKERS", "2", "Jobs a server or a worker process runs at the same time; 0 leaves them to other processes.", _count),
    Setting(
        "JOB_ATTEMPTS",
        "3",
        "Attempts of a job that fails for a passing reason, with growing pauses between them.",
        _positive,
    ),
    Setting(
        "JOB_LEASE_SECONDS",
        "30",
        "A running job whose worker has not been heard of for this long is taken over.",
        _seconds,
    ),
    Setting(
        "JOB_RETENTION_DAYS",
        "90",
        "`factbook doctor --clean` drops finished jobs from the job list after this many days; their facts stay. 0 keeps all.",
        _days,
    ),
    Setting(
        "BUS_URL",
        "memory://",
        "Where records go once they are stored: nats://HOST:PORT or kafka://HOST:PORT (several hosts separated by commas). "
        "The default keeps them in the process.",
        _text,
        True,
    ),
    Setting("BUS_SOURCE", "urn:factbook", "What this Factbook calls itself on the bus: the CloudEvents source of its events.", _text),
    Setting(
        "RELAY_LEASE_SECONDS",
        "30",
        "A process that relays and has not been heard of for this long is replaced by another one.",
        _seconds,
    ),
    Setting(
        "WATCH",
        "auto",
        "Whether the server raises alerts and brings them to people: true, false, or auto, which is where WATCH_RULES names a file.",
        _flag_or_auto,
    ),
    Setting(
        "WATCH_RULES", "", "The rules file: which facts matter, and who is told. Without one, the rules that come with Factbook.", _text
    ),
    Setting(
        "QUALITY_RULES",
        "",
        "Rules file that POST /quality/run runs in the server's own tenant when its body brings none.",
        _file,
    ),
    Setting("SERVE_MAX_ROWS", "10000", "Rows that one page of a domain data API may have.", _positive),
    Setting("SERVE_SECONDS", "30", "Seconds after which a statement for one is cut off.", _seconds),
    Setting("SERVE_PER_MINUTE", "600", "Requests for rows that a principal may make in a minute; over it, it is answered 429.", _positive),
    Setting("MAX_PRODUCTS", "1000", "Data products a tenant may have; over it, none is registered.", _positive),
    Setting(
        "DISK_FREE_MIN_BYTES",
        "536870912",
        "/health and `factbook doctor` warn when the data folder has less free disk than this.",
        _positive,
    ),
)


class Settings(msgspec.Struct, frozen=True):
    """The values in force. Built by :func:`load_settings`; only ``app.py`` and the faces read it."""

    data_dir: Path
    meta_db_url: str
    archive_url: str
    compact_after_days: int
    compact_at: time | None
    source_db_url: str
    log_level: str
    host: str
    port: int
    mcp: bool
    api_key: str
    secret_key: str
    tenant: str
    unverified_tenants: frozenset[str]
    audit_writes: bool
    audit_reads: bool
    max_removal_share: float
    verdict_rules: Path | None
    max_payload_bytes: int
    max_body_bytes: int
    max_pending_writes: int
    max_pending_bytes: int
    spool_dir: Path
    service_url: str
    service_token: str
    profile_memory_bytes: int
    profile_metrics: Path | None
    lineage_stale_days: int
    lineage_gone_days: int
    max_lineage_entries: int
    job_workers: int
    job_attempts: int
    job_lease_seconds: float
    job_retention_days: int
    bus_url: str
    bus_source: str
    relay_lease_seconds: float
    watch: bool | None
    watch_rules: str
    quality_rules: Path | None
    serve_max_rows: int
    serve_seconds: float
    serve_per_minute: int
    max_products: int
    disk_free_min_bytes: int
    uses_demo_source: bool

    def accepts_unknown_kinds(self, tenant: str) -> bool:
        """Return whether the tenant's records of unknown kinds are taken as unverified."""
        return any(fnmatchcase(tenant, pattern) for pattern in self.unverified_tenants)

    @property
    def watches(self) -> bool:
        """Whether a server watches."""
        return bool(self.watch_rules) if self.watch is None else self.watch

    def __repr__(self) -> str:
        return f"Settings(data_dir={str(self.data_dir)!r}, host={self.host!r}, port={self.port})"


def load_settings(environment: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read settings from the environment; keyword arguments win. Raises :class:`ConfigurationError` naming the setting."""
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        name = setting.name.lower()
        if overrides.get(name) is not None:
            values[name] = overrides[name]
            continue
        raw, source = _raw(setting, environment)
        if name in ("meta_db_url", "source_db_url", "spool_dir"):
            raw = raw.replace("{data_dir}", str(values["data_dir"]))
        elif name == "archive_url":
            raw = raw.replace("file://{data_dir}", Path(values["data_dir"]).absolute().as_uri())
        try:
            values[name] = setting.parse(raw)
        except ValueError as error:
            shown = "its value" if setting.secret else repr(raw)
            raise ConfigurationError(f"{source} is wrong", why=f"{shown}: {error}", fix=setting.help) from error
    values |= {name: Path(values[name]) for name in ("data_dir", "spool_dir")}
    demo = "source_db_url" not in overrides and not any(environment.get(key) for key in ("FACTBOOK_SOURCE_DB_URL", "SOURCE_DB_URL"))
    return Settings(**values, uses_demo_source=demo)


def _raw(setting: Setting, environment: Mapping[str, str]) -> tuple[str, str]:
    for key in (PREFIX + setting.name, setting.name):
        if environment.get(key):
            return environment[key], key
    return setting.default, setting.name
