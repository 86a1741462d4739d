"""Starting is cheap: nothing heavy is loaded before a verb runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.running import environment, run_program

from factbook.cli.terminal import command

HEAVY = (
    "sqlalchemy",
    "alembic",
    "fastapi",
    "starlette",
    "uvicorn",
    "psycopg",
    "pymysql",
    "duckdb",
    "cryptography",
    "jsonschema_rs",
    "structlog",
    "rich",
)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["scan", "--help"], ["records", "query", "--help"]])
def test_help_and_version_load_no_heavy_library(arguments: list[str], tmp_path: Path) -> None:
    program = f"import sys; from factbook.cli.main import main; main({arguments!r}); print(*sorted(sys.modules), file=sys.stderr)"
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment(tmp_path), timeout=60, check=True
    )
    loaded = {name.split(".")[0] for name in ended.stderr.split()}
    assert loaded & set(HEAVY) == set()


def test_help_loads_not_even_the_record_model(tmp_path: Path) -> None:
    program = "import sys; from factbook.cli.main import main; main(['--help']); print(*sorted(sys.modules), file=sys.stderr)"
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment(tmp_path), timeout=60, check=True
    )
    assert not {"msgspec", "factbook.app", "factbook_sdk"} & set(ended.stderr.split())


def test_the_version_is_one_line(tmp_path: Path) -> None:
    answer = run_program(["--version"], tmp_path)
    assert answer.code == 0
    assert answer.out.startswith("factbook ")
    assert answer.out.count("\n") == 1


def test_help_makes_no_folder(tmp_path: Path) -> None:
    assert run_program(["scan", "--help"], tmp_path / "data").code == 0
    assert not (tmp_path / "data").exists()


def test_it_names_itself_as_it_can_be_called_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed = tmp_path / "bin" / "factbook"
    installed.parent.mkdir()
    installed.touch(mode=0o755)
    monkeypatch.setattr(sys, "argv", [str(installed)])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command() == str(installed)
    monkeypatch.setenv("PATH", str(installed.parent))
    assert command() == "factbook"
    monkeypatch.setattr(sys, "argv", ["/somewhere/pytest"])
    assert command() == "factbook"
