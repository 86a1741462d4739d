"""A storage on which the process dies: at one chosen operation, before it, half-way through it, or right after it."""

import threading

from factbook.errors import TemporaryError
from factbook.repository.files.storage import Storage


class Died(TemporaryError):
    """The process is dead: whatever it does from now on has no effect."""


class DyingStorage(Storage):
    """Pass every operation on, until operation number ``dies_at``. ``how`` is ``before``, ``torn`` or ``after``."""

    def __init__(self, storage, dies_at, how):
        self._storage = storage
        self._how = how
        self._left = dies_at
        self._lock = threading.Lock()
        self.appends = storage.appends
        self.poll_seconds = storage.poll_seconds
        self.fresh_seconds = storage.fresh_seconds

    @property
    def is_dead(self):
        return self._left <= 0

    def __str__(self):
        return str(self._storage)

    def prepare(self):
        return self._do(self._storage.prepare)

    def exclusive(self):
        return self._storage.exclusive()

    def names(self, folder):
        return self._do(lambda: self._storage.names(folder))

    def read(self, name, start=0, length=None):
        return self._do(lambda: self._storage.read(name, start, length))

    def read_all(self, names):
        return self._do(lambda: iter(list(self._storage.read_all(names))))

    def create(self, name, content):
        return self._do(lambda: self._storage.create(name, content), lambda: self._torn(name, content))

    def append(self, name, size, content):
        return self._do(
            lambda: self._storage.append(name, size, content), lambda: self._storage.append(name, size, content[: len(content) // 2])
        )

    def cut(self, name, size):
        return self._do(lambda: self._storage.cut(name, size))

    def sync(self, name):
        return self._do(lambda: self._storage.sync(name))

    def keep(self, name, content):
        return self._do(lambda: self._storage.keep(name, content))

    def replace(self, name, content):
        return self._do(lambda: self._storage.replace(name, content))

    def epoch(self):
        return self._storage.epoch()

    def close(self):
        self._storage.close()

    def _torn(self, name, content):
        """Files are made before they are written; objects are whole or are not there."""
        if self.appends:
            self._storage.create(name, content[: len(content) // 2])

    def _do(self, act, tear=None):
        with self._lock:
            if self.is_dead:
                raise Died("This process is dead")
            self._left -= 1
            if not self.is_dead:
                return act()
            if self._how == "after":
                act()
            elif self._how == "torn" and tear is not None:
                tear()
            raise Died("The process dies here")
