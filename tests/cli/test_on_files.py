"""The command line over facts in files."""

from pathlib import Path

import pytest
from tests.cli.conftest import Cli
from tests.cli.test_records import lines, observation

from factbook.cli.exit_codes import ExitCode


@pytest.fixture
def on_files(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setenv("META_DB_URL", f"file://{tmp_path}/facts")
    return cli


def test_records_are_stored_and_looked_up(on_files: Cli, tmp_path: Path) -> None:
    document = lines(observation("item", 1), observation("item", 2, day=2))
    assert on_files("records", "store", stdin=document).out == "2 stored, 0 duplicate, 0 unchanged, 0 rejected\n"
    found = on_files("records", "latest", "table_observation", "shop", "--schema", "main", "--table", "item", "--json").json
    assert found["record"]["payload"]["row_estimate"] == 2
    assert len(on_files("records", "tail", "--json").lines) == 2
    names = sorted(path.name for path in (tmp_path / "facts" / "records" / "table_observation" / "main.item").iterdir())
    assert names == ["2026-01-01T00:00:00Z.json", "2026-01-02T00:00:00Z.json"]


@pytest.mark.parametrize("arguments", [("dictionary",), ("jobs",), ("sources", "list"), ("scan",), ("rebuild",)])
def test_what_needs_a_database_says_so(on_files: Cli, arguments: tuple[str, ...]) -> None:
    answer = on_files(*arguments)
    assert answer.code == ExitCode.CONFIGURATION
    assert "needs a database" in answer.all
    assert "Traceback" not in answer.all


def test_the_doctor_finds_the_store_in_order(on_files: Cli, tmp_path: Path) -> None:
    on_files("records", "store", stdin=lines(observation("item", 1)))
    answer = on_files("doctor")
    assert answer.code == 0
    assert f"file://{tmp_path}/facts, 1 records" in answer.out.replace("\n", "")
