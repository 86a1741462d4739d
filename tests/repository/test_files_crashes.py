"""Whatever instant a writer dies at: opened again, the store has every acknowledged record once."""

import json
from contextlib import suppress

import pytest
from obstore.store import MemoryStore
from tests.repository.failing_storage import Died, DyingStorage
from tests.repository.stores import ADMISSION

from factbook.repository.files.folder import Folder
from factbook.repository.files.log import Log
from factbook.repository.files.objects import Objects
from factbook.repository.files.store import FilesRepository
from factbook_sdk.facts.codec import canonical_json
from factbook_sdk.repository.contract import Outcome
from factbook_sdk.testing.records import event, state

SMALL_SEGMENT = 1_500
TOGETHER = [event(number) for number in range(100, 104)]


def folder(path):
    return lambda: Folder(path)


def bucket(_path):
    store = MemoryStore()
    return lambda: Objects(store, "s3://memory")


def opened(storage):
    repository = FilesRepository(storage, ADMISSION, log=Log(storage, segment_bytes=SMALL_SEGMENT))
    repository.open()
    return repository


def write(storage, acknowledged):
    """Write as two processes would, one after the other, and note what was acknowledged as stored."""
    for run in (1, 2):
        repository = FilesRepository(storage, ADMISSION, log=Log(storage, segment_bytes=SMALL_SEGMENT))
        try:
            repository.open()
            for number in (1, 2):
                note(acknowledged, [repository.store(event(10 * run + number))])
            note(acknowledged, repository.bulk_store([state(run, run), state(run, run + 0.5), event(11), event(50 + run)]).results)
            note(acknowledged, repository.bulk_store(TOGETHER, atomic=True).results)
        finally:
            repository.close()


def note(acknowledged, results):
    acknowledged += [(result.offset, result.id) for result in results if result.outcome is Outcome.STORED]


def check(storage, acknowledged):
    """Open the store again and compare it, its files and its catalogue with what was acknowledged."""
    repository = opened(storage)
    found = repository.tail(limit=1000).records
    assert [item.offset for item in found] == list(range(1, len(found) + 1))
    assert len({item.id for item in found}) == len(found)
    assert set(acknowledged) <= {(item.offset, item.id) for item in found}
    assert sum(item.record in TOGETHER for item in found) in (0, len(TOGETHER))
    assert all(repository.store(item.record).outcome is Outcome.DUPLICATE for item in found)
    assert repository.store(event(999)).offset == len(found) + 1
    repository.close()
    check_files(storage, [*found, repository_record(storage)])


def repository_record(storage):
    repository = opened(storage)
    (last,) = repository.tail(repository.last_offset() - 1).records
    repository.close()
    return last


def check_files(storage, found):
    catalogue = json.loads(storage.read("index.json"))
    assert catalogue["offset"] == len(found)
    bodies = {item.offset: canonical_json(item.record) + b"\n" for item in found}
    for artifact in catalogue["artifacts"]:
        assert storage.read(artifact["latest"]["file"]) == bodies[artifact["latest"]["offset"]]
    kinds = {item.record.kind for item in found}
    folders = [f"records/{kind}/{name}" for kind in kinds for name in ("sales.orders", "@shop")]
    files = [storage.read(f"{at}/{name}") for at in folders for name in storage.names(at)]
    assert sorted(files) == sorted(bodies.values())


@pytest.mark.parametrize("home", [folder, bucket])
@pytest.mark.parametrize("how", ["before", "torn", "after"])
def test_every_operation_may_be_the_last(tmp_path, home, how):
    for number in range(1, 1_000):
        open_storage = home(tmp_path / str(number))
        dying = DyingStorage(open_storage(), number, how)
        acknowledged = []
        with suppress(Died):
            write(dying, acknowledged)
        check(open_storage(), acknowledged)
        if not dying.is_dead:
            break
    assert number > 40
    assert len(acknowledged) == 12
