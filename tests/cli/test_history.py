"""``factbook compact`` and ``factbook retention``."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.cli.conftest import Cli

OLD = (datetime.now(UTC) - timedelta(days=200)).isoformat()


def stored(cli: Cli, tmp_path: Path, count: int = 3) -> None:
    file = tmp_path / "loads.jsonl"
    records = [
        {
            "target": {"source_id": "shop", "schema": "sales", "table": "orders"},
            "kind": "ingestion_volume",
            "payload": {"row_count": number},
            "produced_at": OLD,
            "producer_id": "load.v1",
        }
        for number in range(count)
    ]
    file.write_text("\n".join(map(json.dumps, records)))
    assert cli("records", "store", str(file)).code == 0


def test_compacting_says_what_it_would_do_what_it_did_and_that_nothing_is_left(cli: Cli, tmp_path: Path) -> None:
    stored(cli, tmp_path)
    planned = cli("compact", "--dry-run")
    assert planned.code == 0
    assert planned.out.splitlines()[2].split()[:2] == ["archive", "ingestion_volume"]
    assert json.loads(cli("compact", "--dry-run", "--json").out)["steps"][0]["records"] == 3
    done = cli("compact", "--vacuum")
    assert done.out.startswith("Archived 3 records into 1 file: ")
    assert json.loads(cli("compact", "--json").out)["archived_records"] == 0
    assert cli("compact").out == "Nothing was due.\n"
    found = cli("records", "history", "ingestion_volume", "shop", "--schema", "sales", "--table", "orders", "--json")
    assert len(found.out.splitlines()) == 3, found


def test_retention_is_set_shown_planned_and_applied(cli: Cli, tmp_path: Path) -> None:
    stored(cli, tmp_path)
    assert "90 days" in cli("retention", "show").out
    shown = cli("retention", "set", "ingestion_volume", "--days", "30", "--count", "2", "--then", "drop")
    assert "30 days or newest 2 of each stream" in shown.out
    assert "drop" in cli("retention", "plan").out
    assert json.loads(cli("retention", "plan", "--json").out)["steps"][0] == {
        "action": "drop",
        "tenant": "default",
        "kind": "ingestion_volume",
        "records": 1,
        "month": None,
        "body_bytes": None,
    }
    assert cli("retention", "apply").out.endswith("Dropped 1 record.\n")
    assert cli("retention", "plan").out == "Nothing is due.\n"
    back = cli("retention", "set", "ingestion_volume", "--default", "--json")
    assert json.loads(back.out)["policy"] == {"keep_days": 90}


def test_a_policy_that_keeps_nothing_or_breaks_views_is_refused(cli: Cli) -> None:
    nothing = cli("retention", "set", "ingestion_volume", "--then", "drop")
    assert nothing.code == 2
    assert "That would drop everything" in nothing.err
    views = cli("retention", "set", "schema_snapshot", "--days", "1", "--then", "drop")
    assert views.code == 2
    assert "--then archive" in views.err
    assert cli("retention", "set", "nothing", "--days", "1").code == 2
