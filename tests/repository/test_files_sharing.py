"""Several repositories on one log: they give no offset twice, see each other's records, and wait for one another."""

import os
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from obstore.store import MemoryStore
from tests.repository.stores import ADMISSION, bucket_of

from factbook.errors import ConfigurationError, StoreBusy
from factbook.repository.files.folder import Folder
from factbook.repository.files.log import Log
from factbook.repository.files.objects import Objects
from factbook.repository.files.store import FilesRepository
from factbook.repository.urls import open_files
from factbook_sdk.repository.contract import Outcome
from factbook_sdk.testing.records import event, state, values

WRITERS = 3
EACH = 12


def opened(storage, **options):
    repository = FilesRepository(storage, ADMISSION, **options)
    repository.open()
    return repository


@pytest.fixture(params=["folder", "bucket"])
def storage_of(request, tmp_path):
    """Give what opens the same storage again and again, as other processes would."""
    if request.param == "folder":
        return lambda: Folder(tmp_path / "facts")
    url = request.getfixturevalue("s3_url")
    return lambda: bucket_of(url)


def test_writers_who_race_give_each_offset_and_store_each_record_once(storage_of):
    def work(worker):
        repository = opened(storage_of(), close_seconds=0)
        results = [repository.store(event(number)) for number in range(EACH)]
        results += [repository.store(event(1000 * worker + number)) for number in range(1, EACH + 1)]
        results += repository.bulk_store([event(5000), event(6000 + worker)]).results
        repository.close()
        return results

    with ThreadPoolExecutor(WRITERS) as pool:
        results = [result for part in pool.map(work, range(1, WRITERS + 1)) for result in part]
    stored = [result for result in results if result.outcome is Outcome.STORED]
    expected = EACH + WRITERS * EACH + 1 + WRITERS
    assert sorted(result.offset for result in stored) == list(range(1, expected + 1))
    assert len({result.id for result in stored}) == expected
    offsets = {result.id: result.offset for result in stored}
    assert all(result.offset == offsets[result.id] for result in results)
    repository = opened(storage_of(), close_seconds=0)
    assert {item.id: item.offset for item in repository.tail(limit=1000).records} == offsets
    repository.close()


def test_a_reader_who_waits_sees_what_another_process_writes(storage_of):
    reader, writer = opened(storage_of(), close_seconds=0), opened(storage_of(), close_seconds=0)
    late = threading.Timer(0.1, writer.bulk_store, [[event(1), event(2)]])
    late.start()
    page = reader.tail(wait_seconds=30)
    late.join()
    assert values(page.records) == [1, 2]
    writer.store(state(7))
    assert values(reader.tail(page.next_offset).records) == [7]
    assert reader.last_offset() == 3
    reader.close()
    writer.close()


def test_a_state_is_compared_with_what_another_process_said_last(storage_of):
    one, other = opened(storage_of(), close_seconds=0), opened(storage_of(), close_seconds=0)
    first = one.store(state(1, 0))
    again = other.store(state(1, 5))
    assert (again.outcome, again.offset) == (Outcome.UNCHANGED, first.offset)
    one.close()
    other.close()


def test_a_bucket_that_answers_twice_does_not_make_a_writer_take_himself_for_another():
    class Stuttering(Objects):
        """Loses the first answer to every put and tries again, as clients of S3 do."""

        def _put(self, name, content):
            super()._put(name, content)
            return super()._put(name, content)

    repository = opened(Stuttering(MemoryStore(), "s3://memory"))
    assert [repository.store(event(number)).outcome for number in (1, 2, 1)] == [Outcome.STORED, Outcome.STORED, Outcome.DUPLICATE]
    assert values(repository.tail().records) == [1, 2]
    repository.close()


def test_a_writer_waits_for_another_and_says_so_when_that_takes_too_long(tmp_path):
    holder = Folder(tmp_path)
    repository = opened(Folder(tmp_path, busy_timeout_seconds=0.05))
    with holder.exclusive():
        with pytest.raises(StoreBusy, match="another process has been writing"):
            repository.store(event(1))
        patient = threading.Thread(target=lambda: opened(Folder(tmp_path)).close())
        patient.start()
    patient.join(30)
    assert not patient.is_alive()
    assert repository.store(event(1)).offset == 1
    repository.close()


def test_a_torn_end_is_cut_off_and_what_follows_is_whole(tmp_path):
    repository = opened(Folder(tmp_path))
    repository.store(event(1))
    segment = tmp_path / "log" / "00000000000000000001.jsonl"
    whole = segment.read_bytes()
    for torn in (
        b'{"offset":2,"com',
        whole.replace(b'"offset":1,"commit":[1,1]', b'"offset":2,"commit":[2,3]'),
        b"\n\n",
        b"\x00" * 99 + b"\n",
    ):
        segment.write_bytes(whole + torn)
        assert values(repository.tail().records) == [1]
        opened(Folder(tmp_path)).close()
        assert segment.read_bytes() == whole
    assert repository.store(event(2)).offset == 2
    repository.close()


def test_damage_before_the_last_commit_is_never_taken_for_a_torn_end(tmp_path):
    repository = opened(Folder(tmp_path))
    for number in range(3):
        repository.store(event(number))
    repository.close()
    segment = tmp_path / "log" / "00000000000000000001.jsonl"
    first, second, third = segment.read_bytes().splitlines(keepends=True)
    for damaged in (first + b"x" + second[1:] + third, first + third, b"\n" + first + second + third, first + second[:-1] + third):
        segment.write_bytes(damaged)
        with pytest.raises(ConfigurationError, match="damaged"):
            open_files(f"file://{tmp_path}", admission=ADMISSION)
        assert segment.read_bytes() == damaged


def test_damage_in_the_middle_is_named_and_nothing_is_changed(tmp_path):
    repository = opened(Folder(tmp_path), log=Log(Folder(tmp_path), segment_bytes=1000))
    for number in range(9):
        repository.store(event(number))
    repository.close()
    segments = sorted((tmp_path / "log").iterdir())
    assert len(segments) > 2
    kept = segments[0].read_bytes()
    for damaged in (kept.replace(b'"attempt":1', b'"attempt":7'), kept[:-5], kept[:5] + kept[6:]):
        segments[0].write_bytes(damaged)
        with pytest.raises(ConfigurationError, match=segments[0].name):
            open_files(f"file://{tmp_path}", admission=ADMISSION)
        assert segments[0].read_bytes() == damaged
    segments[0].write_bytes(kept)
    segments[1].rename(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="should begin with offset"):
        open_files(f"file://{tmp_path}", admission=ADMISSION)


@pytest.fixture
def foreign_folder():
    """Give a folder with one record, that we may read and not write; as root we become nobody for the test."""
    with tempfile.TemporaryDirectory() as folder:
        repository = opened(Folder(Path(folder)))
        repository.store(event(1))
        repository.close()
        everything = [Path(folder), *Path(folder).rglob("*")]
        for path in everything:
            path.chmod(0o555 if path.is_dir() else 0o444)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65534)
        yield Path(folder)
        if is_root:
            os.seteuid(0)
        for path in everything:
            path.chmod(0o755)


def test_who_may_not_write_can_read(foreign_folder):
    reader = opened(Folder(foreign_folder))
    with pytest.raises(ConfigurationError, match="cannot be written"):
        reader.store(event(2))
    assert values(reader.tail().records) == [1]
    reader.close()


@pytest.mark.parametrize(
    "url",
    [
        "file://",
        "file:///",
        "file://host/path",
        "s3://",
        "s3://key:secret@bucket/x",
        "s3://bucket/x?token=secret",
        "s3://[x",
        "file:///dev/null/x",
    ],
)
def test_a_url_that_names_no_store_is_refused_without_showing_its_secrets(url):
    with pytest.raises(ConfigurationError) as caught:
        open_files(url, admission=ADMISSION)
    assert caught.value.fix
    assert "secret@" not in str(caught.value)
    assert "token" not in str(caught.value)


def test_a_bucket_that_is_not_there_is_refused_by_name(s3_environment):
    with pytest.raises(ConfigurationError, match="s3://no-such-bucket"):
        open_files("s3://no-such-bucket/x", admission=ADMISSION)
