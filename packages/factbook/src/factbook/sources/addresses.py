"""Which source somebody means, by id or by URL, and where it is."""

from __future__ import annotations

from collections.abc import Callable

from factbook.errors import InvalidRequest, NotFound
from factbook.sources.connections import Connections
from factbook.sources.urls import default_source_id, is_url, redact


class Addresses:
    """The sources of one tenant as they are named in requests.

    A source named by its URL is introduced to the registry, so that it can be named by its id afterwards and two databases never
    mix under one name. A job that another process may have to finish needs the password there too (encrypted); one run here does not.
    ``default_url`` gives the configured source; only the server's own tenant has one.
    """

    def __init__(self, connections: Connections, *, default_url: Callable[[], str] | None, tenant: str) -> None:
        self._connections = connections
        self._default_url = default_url
        self._tenant = tenant
        self._urls: dict[str, str] = {}

    def settle(self, source: str | None, *, source_id: str | None = None, keep_password: bool = False) -> str:
        """Return the id of a registered source, of a URL, or (``None``) of the configured source."""
        if source is None:
            source = self._require_default()
        if is_url(source):
            source_id = source_id or default_source_id(source)
            self._connections.introduce(source_id, source, keep_password=keep_password)
            self._urls[source_id] = source
            return source_id
        if source_id is not None and source_id != source:
            raise InvalidRequest("Two sources are named", why=f"{source} and {source_id}", fix="Give a URL with --source-id, or one id")
        self.url_of(source)
        return source

    def url_of(self, source_id: str) -> str:
        """Return the URL to connect with, secrets put in; raises :class:`NotFound`."""
        if source_id in self._urls:
            return self._connections.complete(source_id, self._urls[source_id])
        if self._connections.knows(source_id):
            return self._connections.resolve(source_id)
        if self._default_url is not None:
            default = self._default_url()
            if default_source_id(default) == source_id:
                return default
        raise NotFound(
            f"The source {source_id!r} is not registered",
            fix=f"factbook sources add {source_id} URL, or scan by its URL",
            field="source_id",
        )

    def shown(self, source_id: str) -> str:
        """Return the source's URL as it was given, without secrets: what a reference (``${NAME}``) stands for is not shown."""
        if source_id in self._urls:
            return redact(self._urls[source_id])
        return self._connections.get(source_id).url if self._connections.knows(source_id) else redact(self.url_of(source_id))

    def _require_default(self) -> str:
        if self._default_url is None:
            raise InvalidRequest(
                "No source is named", why=f"the tenant {self._tenant} has no configured one", fix="Name a registered source_id, or a url"
            )
        return self._default_url()
