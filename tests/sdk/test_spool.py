"""The spool's files: what is whole, torn or broken, who may touch them, and how much there may be."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from factbook_sdk.emitter import Spool, segments
from factbook_sdk.errors import ConfigurationError, EmitterFull

LINES = [b'{"n":1}', b'{"n":2}', b'{"n":3}']


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def sealed(spool: Spool, lines: list[bytes]) -> Path:
    path = spool.append(lines)
    spool.seal()
    return path


def found(spool: Spool) -> list[list[bytes]]:
    return [segments.read(segment.path).lines for segment in spool.unsent()]


def test_what_was_appended_is_found_oldest_first_once_it_is_sealed(spool: Spool) -> None:
    sealed(spool, LINES[:1])
    spool.append(LINES[1:2])
    spool.append(LINES[2:])
    assert found(spool) == [LINES[:1]]
    spool.seal()
    assert found(spool) == [LINES[:1], LINES[1:]]


def test_a_segment_is_looked_at_by_one_at_a_time(spool: Spool) -> None:
    sealed(spool, LINES)
    other = Spool(spool.folder)
    for _segment in spool.unsent():
        assert found(other) == []
    assert found(other) == [LINES]
    for segment in other.unsent():
        segment.remove()
    assert found(spool) == []


def test_what_another_writes_is_left_alone(spool: Spool) -> None:
    spool.append(LINES)
    other = Spool(spool.folder)
    assert found(other) == []
    assert other.status().writing == 1
    spool.seal()
    assert found(other) == [LINES]


@pytest.mark.parametrize("cut", range(1, 18))
def test_a_torn_last_line_is_recognised_wherever_it_was_torn(spool: Spool, cut: int) -> None:
    path = sealed(spool, LINES)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    content = segments.read(path)
    assert (content.lines, content.broken) == (LINES[: 3 - (cut + 16) // 17], [])
    assert content.is_torn == (cut != 17)


def test_a_last_line_that_reached_the_disk_in_the_wrong_order_is_torn(spool: Spool) -> None:
    path = sealed(spool, LINES)
    whole = path.read_bytes()
    path.write_bytes(whole[:-6] + b"\0\0\0\0\0\n")
    assert segments.read(path) == segments.Content(LINES[:2], [], True, len(whole))


def test_a_broken_line_in_the_middle_does_not_take_the_others_with_it(spool: Spool) -> None:
    path = sealed(spool, LINES)
    path.write_bytes(path.read_bytes().replace(b'{"n":2}', b'{"n":7}'))
    content = segments.read(path)
    assert (content.lines, len(content.broken), content.is_torn) == ([LINES[0], LINES[2]], 1, False)


def test_an_empty_segment_is_nothing(spool: Spool) -> None:
    segments.create(spool.folder).close()
    assert found(spool) == [[]]
    status = spool.status()
    assert (status.records, status.segments, status.torn) == (0, 1, 0)


def test_a_full_spool_takes_nothing_until_something_has_left(tmp_path: Path) -> None:
    spool, other = (Spool(tmp_path, max_bytes=100) for _ in range(2))
    spool.append(LINES)
    other.append(LINES[:1])
    with pytest.raises(EmitterFull, match=r"may hold 100.* Bring the service back"):
        other.append(LINES)
    spool.seal()
    for segment in spool.unsent():
        segment.remove()
    other.append(LINES)
    assert other.status().records == 4


def test_a_write_that_fails_leaves_nothing_half(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    spool.append(LINES[:1])
    write = os.write

    def fill_the_disk(descriptor: int, content: bytes) -> int:
        write(descriptor, content[:5])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(segments.os, "write", fill_the_disk)
    with pytest.raises(OSError, match="No space"):
        spool.append(LINES[1:2])
    monkeypatch.undo()
    spool.append(LINES[1:])
    spool.seal()
    assert found(spool) == [LINES[:1], LINES[1:]]
    assert spool.status().torn == 0


def test_refused_records_are_kept_with_their_reasons_up_to_a_limit(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_rejected_bytes=300)
    assert spool.reject([(LINES[0], "it breaks a rule", "payload.n"), (b"\xffno json", "broken", None)]) == 0
    assert spool.reject([(LINES[1], "x" * 200, None)]) == 1
    kept = [json.loads(line) for line in (tmp_path / "rejected.jsonl").read_text().splitlines()]
    assert [(item["reason"], item["field"], item["record"]) for item in kept] == [
        ("it breaks a rule", "payload.n", {"n": 1}),
        ("broken", None, "\\xffno json"),
    ]
    assert spool.status().rejected == 2


def test_nobody_else_can_read_it(spool: Spool) -> None:
    path = spool.append(LINES)
    spool.reject([(LINES[0], "r", None)])
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (spool.folder, path, spool.folder / "rejected.jsonl")]
    assert modes == [0o700, 0o600, 0o600]


def test_the_status_tells_what_lies_there(spool: Spool) -> None:
    assert spool.status().oldest_at is None
    torn = sealed(spool, LINES)
    torn.write_bytes(torn.read_bytes()[:-1])
    spool.append(LINES)
    status = spool.status()
    assert (status.records, status.segments, status.writing, status.torn) == (5, 2, 1, 1)
    assert status.size_bytes == sum(path.stat().st_size for path in segments.paths(spool.folder))
    assert status.oldest_at == segments.made_at(torn)


def test_other_files_in_the_folder_are_left_alone(spool: Spool) -> None:
    for name in ("notes.txt", "my.segment", ".segment"):
        (spool.folder / name).write_text("mine")
    assert found(spool) == []


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be made"):
        Spool(tmp_path / "file" / "spool")
