"""How an emitter batches, waits and bounds itself."""

from __future__ import annotations

import msgspec

from factbook_sdk.emitter.spool import DEFAULT_MAX_BYTES, DEFAULT_MAX_REJECTED_BYTES
from factbook_sdk.errors import ConfigurationError
from factbook_sdk.repository.transport import DEFAULT_TIMEOUT_SECONDS


class EmitterOptions(msgspec.Struct, frozen=True, kw_only=True):
    """A batch is sent when it holds ``batch_records`` or ``batch_bytes``, or when its first record is ``batch_seconds`` old.

    Records wait for the disk at most ``spool_seconds``, and meanwhile, or for lack of a spool, in memory: at most ``max_memory_bytes``
    of them. The spool holds at most about ``max_spool_bytes``, refused records beside it ``max_rejected_bytes``. Bodies are packed by gzip
    if ``compress`` says so. After a failure the pause grows up to ``max_pause_seconds``; what the service asks for (``Retry-After``)
    goes first.
    """

    batch_records: int = 1_000
    batch_bytes: int = 1024 * 1024
    batch_seconds: float = 1.0
    spool_seconds: float = 0.05
    max_memory_bytes: int = 16 * 1024 * 1024
    max_spool_bytes: int = DEFAULT_MAX_BYTES
    max_rejected_bytes: int = DEFAULT_MAX_REJECTED_BYTES
    max_pause_seconds: float = 30.0
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    compress: bool = True

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, bool) or value > 0 or (value == 0 and name in ("batch_seconds", "spool_seconds")):
                continue
            raise ConfigurationError(f"The emitter's {name} is {value}", fix="Give a positive number")
