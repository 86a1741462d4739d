"""Files in an object store (S3 and what speaks like it), through obstore.

An object cannot grow, so every commit is an object, named by its first offset and put only if there is none of that name yet: of two
writers who would give the same offset, one is told that it came second. Credentials, region and endpoint come from the environment, as
everywhere (``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``, ``AWS_REGION``, ``AWS_ENDPOINT_URL`` …).
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING

from factbook.errors import ConfigurationError, MissingExtra, TemporaryError
from factbook.repository.files.storage import Storage

if TYPE_CHECKING:
    from obstore.store import ObjectStore

READ_AHEAD = 16
_CACHE_BYTES = 64 * 1024 * 1024
_WHOLE_BYTES = 32 * 1024 * 1024
"""Up to here an object of the log is fetched whole and remembered: a commit's records are mostly read together."""


class Objects(Storage):
    """A bucket, or a prefix in it. The bucket must be there."""

    appends = False
    poll_seconds = 1.0
    fresh_seconds = 1.0

    def __init__(self, store: ObjectStore, url: str) -> None:
        self._store = store
        self._url = url
        self._cache: OrderedDict[str, bytes] = OrderedDict()
        self._cached_bytes = 0
        self._caching = threading.Lock()

    def __str__(self) -> str:
        return self._url

    def prepare(self) -> bool:
        self.names("log")
        return True

    def exclusive(self) -> AbstractContextManager[None]:
        return nullcontext()

    def names(self, folder: str) -> list[str]:
        import obstore

        with self._translated():
            found = [item["path"] for chunk in obstore.list(self._store, prefix=folder) for item in chunk]
        return sorted(path.rpartition("/")[2] for path in found)

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes | None:
        content = self._cached(name)
        if content is None:
            import obstore

            with self._translated():
                try:
                    found = obstore.get(self._store, name)
                    if length is not None and found.meta["size"] > _WHOLE_BYTES:
                        return bytes(obstore.get_range(self._store, name, start=start, length=length))
                    content = bytes(found.bytes())
                except FileNotFoundError:
                    return None
            self._remember(name, content)
        return content[start:] if length is None else content[start : start + length]

    def read_all(self, names: Iterable[str]) -> Iterator[bytes]:
        ahead: deque[Future[bytes | None]] = deque()
        with ThreadPoolExecutor(READ_AHEAD, "factbook-files") as pool:
            for name in names:
                ahead.append(pool.submit(self.read, name))
                if len(ahead) >= READ_AHEAD:
                    yield ahead.popleft().result() or b""
            while ahead:
                yield ahead.popleft().result() or b""

    def create(self, name: str, content: bytes) -> bool:
        """Put an object if there is none. A retry after a lost answer may find our own; by its content we know it."""
        if self._put(name, content) or self._fetch(name) == content:
            self._remember(name, content)
            return True
        return False

    def append(self, name: str, size: int, content: bytes) -> None:
        raise NotImplementedError("an object cannot grow")

    def cut(self, name: str, size: int) -> None:
        raise NotImplementedError("an object is whole or is not there")

    def sync(self, name: str) -> None:
        """Nothing to do: an object that can be read is kept."""

    def keep(self, name: str, content: bytes) -> bool:
        return self._put(name, content) or self._fetch(name) == content

    def replace(self, name: str, content: bytes) -> None:
        import obstore

        with self._translated():
            obstore.put(self._store, name, content)

    def epoch(self) -> str:
        return ""

    def close(self) -> None:
        with self._caching:
            self._cache.clear()
            self._cached_bytes = 0

    def _put(self, name: str, content: bytes) -> bool:
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        with self._translated():
            try:
                # In one request whatever its size: only that is all or nothing, and first or second.
                obstore.put(self._store, name, content, mode="create", use_multipart=False)
            except (AlreadyExistsError, PreconditionError):
                return False
        return True

    def _fetch(self, name: str) -> bytes | None:
        import obstore

        with self._translated():
            try:
                return bytes(obstore.get(self._store, name).bytes())
            except FileNotFoundError:
                return None

    def _cached(self, name: str) -> bytes | None:
        with self._caching:
            content = self._cache.get(name)
            if content is not None:
                self._cache.move_to_end(name)
            return content

    def _remember(self, name: str, content: bytes) -> None:
        if len(content) > _WHOLE_BYTES or not name.startswith("log/"):
            return
        with self._caching:
            self._cached_bytes += len(content) - len(self._cache.pop(name, b""))
            self._cache[name] = content
            while self._cached_bytes > _CACHE_BYTES:
                self._cached_bytes -= len(self._cache.popitem(last=False)[1])

    @contextmanager
    def _translated(self) -> Iterator[None]:
        from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError, UnauthenticatedError

        try:
            yield
        except (PermissionDeniedError, UnauthenticatedError, NotFoundError) as error:
            raise self._refused(error) from error
        except FileNotFoundError as error:
            raise self._refused(error) from error
        except (BaseError, OSError) as error:
            if "NoSuchBucket" in str(error) or "AccessDenied" in str(error):
                raise self._refused(error) from error
            raise TemporaryError(
                f"The store {self} does not answer", why=_reason(error), fix="Check AWS_ENDPOINT_URL, then try again"
            ) from error

    def _refused(self, error: Exception) -> ConfigurationError:
        return ConfigurationError(
            f"The store {self} cannot be used", why=_reason(error), fix="Check the bucket, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )


def open_bucket(bucket: str, prefix: str) -> Objects:
    """Open ``s3://BUCKET/PREFIX``; raises :class:`MissingExtra` and :class:`ConfigurationError`."""
    try:
        from obstore.exceptions import BaseError
        from obstore.store import S3Store
    except ImportError as error:
        raise MissingExtra("S3 cannot be reached", "objectstore") from error
    url = f"s3://{bucket}/{prefix}".rstrip("/")
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    try:
        store = S3Store(
            bucket,
            prefix=prefix or None,
            client_options={"allow_http": endpoint.startswith("http://"), "timeout": timedelta(seconds=30)},
            retry_config={"max_retries": 5, "retry_timeout": timedelta(seconds=20)},
        )
    except (BaseError, ValueError) as error:
        raise ConfigurationError(f"The store {url} cannot be opened", why=_reason(error), fix="Write s3://BUCKET/PREFIX") from error
    return Objects(store, url)


def _reason(error: Exception) -> str:
    """Return the first line of what obstore says; the rest is a dump of its structures."""
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
