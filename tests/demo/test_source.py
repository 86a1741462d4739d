"""The sample database that the demo and ``POST /scan/trigger`` begin with."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib import resources
from pathlib import Path

import pytest

from factbook import demo
from factbook.errors import ConfigurationError


def shipped() -> bytes:
    return (resources.files("factbook.demo") / "chinook.sqlite").read_bytes()


def test_the_sample_database_is_put_where_nothing_is(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "chinook.sqlite"
    assert demo.ensure_source(path) == path
    assert path.read_bytes() == shipped()
    assert list(path.parent.iterdir()) == [path]


def test_what_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "mine.sqlite"
    path.write_bytes(b"mine")
    demo.ensure_source(path)
    assert path.read_bytes() == b"mine"


def test_processes_that_begin_together_end_with_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "chinook.sqlite"
    program = f"from pathlib import Path; from factbook import demo; print(demo.ensure_source(Path({str(path)!r})).stat().st_ino)"
    processes = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    seen = {process.communicate(timeout=60)[0] for process in processes}
    assert len(seen) == 1
    assert path.read_bytes() == shipped()
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_is_a_matter_of_configuration(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="DATA_DIR"):
        demo.ensure_source(tmp_path / "file" / "chinook.sqlite")
    with pytest.raises(ConfigurationError, match="DATA_DIR"):
        demo.fresh_folder(tmp_path / "file")


def test_every_demo_has_a_folder_of_its_own(tmp_path: Path) -> None:
    assert [demo.fresh_folder(tmp_path).name for _ in range(3)] == ["1", "2", "3"]


def test_the_change_adds_a_column_an_index_and_a_view(tmp_path: Path) -> None:
    path = demo.ensure_source(tmp_path / "chinook.sqlite")
    demo.change(path)
    with closing(sqlite3.connect(path)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        assert {"IX_CustomerLoyaltyPoints", "BestCustomers"} <= names
        assert connection.execute("SELECT sum(LoyaltyPoints) FROM Customer").fetchone() == (0,)


def test_the_licence_lies_beside_the_database() -> None:
    licence = (resources.files("factbook.demo") / "LICENSE-chinook.md").read_text()
    assert "Luis Rocha" in licence
    assert "Permission is hereby granted" in licence
