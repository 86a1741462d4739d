"""``factbook export``: what it writes, what it says, and what it leaves alone."""

import json
import signal
import subprocess

import pytest
from tests.cli.running import command, environment, run_program

from factbook.cli.exit_codes import ExitCode


def test_a_file_is_written_and_what_it_holds_is_said(scanned, tmp_path):
    answer = scanned("export", "json", "-o", str(tmp_path / "out.json"))
    assert answer.code == 0
    assert answer.out.startswith(f"Exported 11 tables, 64 columns to {tmp_path}/out.json (")
    assert len(json.loads((tmp_path / "out.json").read_text())["rows"]) == 64


def test_the_report_is_one_json_document(scanned, tmp_path):
    report = scanned("export", "atlas", "-o", str(tmp_path / "out.json"), "--json").json
    assert (report["format"], report["counts"]["columns"]) == ("atlas", 64)
    assert report["size_bytes"] == (tmp_path / "out.json").stat().st_size


def test_an_export_to_standard_output_has_nothing_else_there(scanned):
    answer = scanned("export", "ndjson", "-o", "-")
    assert len(answer.lines) == 64
    assert "Exported 11 tables" in answer.err


def test_what_the_format_cannot_carry_is_said_once(scanned, tmp_path):
    answer = scanned("export", "datahub", "-o", str(tmp_path / "out.json"))
    assert answer.err.count("not carried: indexes (") == 1


def test_facts_are_chosen_by_what_and_kinds(scanned):
    answer = scanned("export", "ndjson", "--what", "facts", "--option", "kinds=catalog_scan", "-o", "-", "-q")
    assert [line["kind"] for line in answer.lines] == ["catalog_scan"]
    assert answer.err == ""


def test_the_past_is_exported_as_it_was(scanned):
    assert scanned("export", "ndjson", "--as-of", "2001-01-01", "-o", "-").out == ""


def test_the_formats_are_listed_with_their_options(cli):
    answer = cli("export", "--list")
    assert "datahub" in answer.out
    assert "spreadsheet" in answer.out
    names = [item["name"] for item in cli("export", "--list", "--json").json["items"]]
    assert names == sorted(names)
    assert {"atlas", "collibra", "csv", "datahub", "json", "ndjson", "parquet", "postgresql"} <= set(names)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name a FORMAT"),
        (("json",), "say where to"),
        (("json", "-o", "-", "--json"), "cannot put its report there"),
        (("xml", "-o", "out"), "There is no format xml"),
        (("json", "-o", "out", "--option", "s3cret"), "Option 1 has no name or no value"),
        (("json", "-o", "out", "--option", "colour=s3cret"), "json has no option 'colour'"),
        (("json", "-o", "out", "--what", "s3cret"), "what is one of"),
        (("json", "-o", "out", "--source", "nobody"), "Nothing is known of a source nobody"),
        (("json", "-o", "postgresql://u:s3cret@h/d"), "json cannot be written there"),
        (("postgresql", "-o", "out"), "postgresql cannot be written there"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(scanned, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    answer = scanned("export", *arguments)
    assert answer.code != 0
    assert said in answer.err
    assert "s3cret" not in answer.all
    assert sorted(tmp_path.iterdir()) == before


def test_a_password_that_can_be_seen_is_warned_of_and_not_shown(scanned):
    answer = scanned("export", "postgresql", "-o", "postgresql://u:s3cret@127.0.0.1:1/d")
    assert "hint: a password in a URL" in answer.err
    assert "s3cret" not in answer.all


def test_a_reader_who_goes_away_ends_it_quietly(scanned, data_dir):
    piped = f"{' '.join(command(['export', 'ndjson', '-o', '-', '-q']))} | head -1"
    ended = subprocess.run(["bash", "-c", piped], env=environment(data_dir), capture_output=True, text=True, timeout=60, check=False)
    assert ended.stdout.count("\n") == 1
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_an_export_that_is_killed_leaves_the_old_file(scanned, data_dir, tmp_path, number):
    place = tmp_path / "out.json"
    place.write_text("old")
    slow = tmp_path / "slow.py"
    slow.write_text(
        "import sys, time\n"
        "from factbook.export.catalog import Catalog\n"
        "tables = Catalog.tables\n"
        "def slowly(self, source_id):\n"
        "    for entry in tables(self, source_id):\n"
        "        yield entry\n"
        "        print('one', flush=True)\n"
        "        time.sleep(60)\n"
        "Catalog.tables = slowly\n"
        "from factbook.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    started = [command([])[0], str(slow), "export", "json", "-o", str(place)]
    with subprocess.Popen(started, env=environment(data_dir), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout.readline() == "one\n"
            running.send_signal(number)
            running.communicate(timeout=30)
        finally:
            running.kill()
    assert place.read_text() == "old"
    drafts = [path.name for path in tmp_path.iterdir() if path.name.endswith(".draft")]
    assert (drafts == []) or number is signal.SIGKILL
    if number is not signal.SIGKILL:
        assert running.returncode == ExitCode.INTERRUPTED


def test_it_runs_as_a_program_of_its_own(scanned, data_dir, tmp_path):
    answer = run_program(["export", "parquet", "-o", str(tmp_path / "out.parquet")], data_dir)
    assert answer.code == 0, answer.err
    assert (tmp_path / "out.parquet").read_bytes()[:4] == b"PAR1"
