"""Whatever is in the files: good rows become records, bad ones are listed by file and line, none is lost."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.backfill.workshop import VOLUME, Workshop, lines, slice_done

from factbook.backfill import reading
from factbook.backfill.inventory import take_inventory
from factbook.backfill.mapping import load

CSV: dict[str, Any] = VOLUME | {"format": "csv", "files": ["*.csv"]}
REPORT: dict[str, Any] = VOLUME | {"format": "json", "files": ["reports"], "each": "$.tables[*].loads[*]", "context": {"run_id": "^^.run"}}
GOOD = slice_done("r1", 1)
HEADER = "run,table,slice,rows,ts\n"
CELLS = "r1,sales.orders,1,10,2024-01-10T05:01:00Z\n"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"run": "r1", "rows"', "it is no JSON: Input data was truncated"),
        (b"[1]", "it is no JSON object"),
        (b"null", "it is no JSON object"),
        (b'{"run": "\xff"}', "it is not in the encoding that the mapping states"),
        (b'{"rows": NaN}', "it is no JSON"),
        (b"[" * 100_000, "it is nested too deep"),
        (b"\x00\x00\x00", "it is no JSON"),
        (json.dumps(GOOD | {"ts": "2024-01-10T05:00:00"}).encode(), "$.ts: '2024-01-10T05:00:00' has no time zone"),
        (json.dumps(GOOD | {"ts": "soon"}).encode(), "$.ts: Invalid isoformat string: 'soon'"),
        (json.dumps(GOOD | {"ts": None}).encode(), "produced_at is missing"),
        (json.dumps(GOOD | {"rows": "many"}).encode(), "$.rows: 'many' is no whole number"),
        (json.dumps(GOOD | {"rows": -1}).encode(), "payload.row_count breaks the schema of ingestion_volume v1"),
        (b'{"rows": ' + b"9" * 5_000 + b"}", "it is no JSON"),
        (json.dumps(GOOD | {"rows": None}).encode(), "payload breaks the schema of ingestion_volume v1"),
        (json.dumps(GOOD | {"table": None}).encode(), "$.table is missing"),
        (json.dumps(GOOD | {"table": "a.b.c"}).encode(), "'a.b.c' has more than one dot"),
        (json.dumps(GOOD | {"table": "x" * 600}).encode(), "target.table has 600 characters"),
    ],
    ids=range(17),
)
def test_a_bad_line_is_named_and_the_others_go_on(shop: Workshop, line: bytes, reason: str) -> None:
    good = json.dumps(GOOD).encode()
    shop.write("a.jsonl", good + b"\n" + line + b"\r\n\n" + good.replace(b"r1", b"r2"))
    report = shop.run(VOLUME)
    [rejected] = report.rejects
    assert rejected.place == "a.jsonl:2"
    assert rejected.reason.startswith(reason)
    assert (report.rows.read, report.rows.merged, report.rows.rejected) == (3, 2, 1)
    assert [item.record.context.run_id for item in shop.stored()] == ["r1", "r2"]


def test_a_line_that_is_too_long_is_passed_over(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_ROW_BYTES", 200)
    shop.write("a.jsonl", lines([GOOD | {"x": "y" * 1_000}, GOOD, GOOD | {"x": "y" * 401}]))
    assert shop.reasons(VOLUME) == {
        "a.jsonl:1": "the line has more than 200 bytes",
        "a.jsonl:3": "the line has more than 200 bytes",
    }
    assert len(shop.stored()) == 1


def test_a_byte_order_mark_is_no_part_of_the_first_row(shop: Workshop) -> None:
    shop.write("a.jsonl", b"\xef\xbb\xbf" + lines([GOOD]).encode())
    shop.write("b.csv", b"\xef\xbb\xbf" + (HEADER + CELLS).encode())
    shop.write("reports/c.json", b"\xef\xbb\xbf" + b'{"run": "r", "tables": []}')
    report = shop.run(VOLUME, CSV | {"name": "csv"}, REPORT | {"name": "report"})
    assert (report.rows.merged, report.rows.rejected) == (2, 0)


def test_other_encodings_are_read_where_the_mapping_states_them(shop: Workshop) -> None:
    table = "sales.aufträge"
    shop.write("a.jsonl", json.dumps(GOOD | {"table": table}, ensure_ascii=False).encode("cp1252"))
    shop.write("b.csv", (HEADER + CELLS.replace("sales.orders", table)).encode("cp1252"))
    report = shop.run(VOLUME | {"encoding": "cp1252"}, CSV | {"name": "csv", "encoding": "cp1252"})
    assert report.rows.merged == 2
    assert {item.record.target.table for item in shop.stored()} == {"aufträge"}
    assert shop.run(VOLUME, CSV | {"name": "csv"}).rows.rejected == 2


def test_packed_files_are_read_and_a_torn_one_gives_what_came_before(shop: Workshop) -> None:
    packed = gzip.compress(lines(slice_done(f"r{number}", 1) for number in range(5_000)).encode(), mtime=0)
    shop.write("a.jsonl.gz", packed)
    whole = shop.run(VOLUME | {"files": ["*.gz"]})
    assert (whole.rows.merged, whole.rows.rejected) == (5_000, 0)
    shop.write("a.jsonl.gz", packed[: len(packed) // 2])
    torn = shop.run(VOLUME | {"files": ["*.gz"]})
    assert 0 < torn.rows.merged < 5_000
    assert torn.rejects[-1].reason.startswith("the file cannot be read from here on: Compressed file ended")
    shop.write("a.jsonl.gz", b"no gzip")
    assert shop.run(VOLUME | {"files": ["*.gz"]}).rejects[0].reason.startswith("the file cannot be read from here on: Not a gzipped file")


def test_a_file_that_is_gone_when_it_is_read_is_one_unreadable_row(shop: Workshop) -> None:
    file = shop.write("a.jsonl", "")
    source = load(shop.mapping(VOLUME)).inputs[0]
    [raw] = take_inventory(source, shop.folder, "input[0]")
    file.unlink()
    assert list(reading.read_rows(raw, source, None)) == [
        reading.Unreadable(1, 1, "the file cannot be read from here on: No such file or directory")
    ]


def test_only_files_are_read(shop: Workshop) -> None:
    shop.write("a.jsonl", lines([GOOD]))
    (shop.folder / "b.jsonl").symlink_to("nowhere")
    (shop.folder / "c.jsonl").mkdir()
    os.mkfifo(shop.folder / "d.jsonl")
    assert [file.file for file in shop.run(VOLUME).inputs[0].files] == ["a.jsonl"]


def test_rows_of_csv_need_the_columns_of_the_header(shop: Workshop) -> None:
    bad = [
        "r2,sales.orders,1\n",
        "r3,sales.orders,1,10,2024-01-10T05:01:00Z,more\n",
        'r4,"sales"x.orders,1,10,2024-01-10T05:01:00Z\n',
        "\n",
    ]
    shop.write("a.csv", HEADER + CELLS + "".join(bad) + CELLS.replace("r1", "r5").replace("sales.orders", '"sales.\norders"'))
    report = shop.run(CSV)
    assert {row.place: row.reason for row in report.rejects} == {
        "a.csv:3": "it has 3 columns, and there should be 5",
        "a.csv:4": "it has 6 columns, and there should be 5",
        "a.csv:5": "it is no CSV: ',' expected after '\"'",
    }
    assert (report.rows.read, report.rows.merged) == (5, 2)
    assert {item.record.target.table: item.record.extras["original_source"]["files"][0]["lines"] for item in shop.stored()} == {
        "orders": "2",
        "\norders": "7-8",
    }


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (HEADER.replace("rows", "run") + CELLS, "the header names a column twice"),
        (b"r\xff,x\n1,2\n", "the header names a column twice, or is not in the encoding"),
        ('run,"tab\nle' + "x" * 200_000, "it is no CSV"),
    ],
    ids=["twice", "encoding", "torn"],
)
def test_csv_without_a_usable_header_is_not_read(shop: Workshop, content: str | bytes, reason: str) -> None:
    shop.write("a.csv", content)
    [why] = shop.reasons(CSV).values()
    assert why.startswith(reason)
    assert why.endswith("without a header the file was not read")


def test_a_quote_that_is_never_closed_swallows_no_good_row_in_silence(shop: Workshop) -> None:
    shop.write("a.csv", HEADER + CELLS + 'r2,"sales.orders,1,10,2024\n' + CELLS.replace("r1", "r3"))
    report = shop.run(CSV)
    assert {row.place: row.reason for row in report.rejects} == {"a.csv:3-4": "it is no CSV: unexpected end of data"}


def test_csv_without_a_header_takes_its_columns_from_the_mapping(shop: Workshop) -> None:
    shop.write("a.csv", CELLS.replace(",", ";"))
    shop.run(CSV | {"delimiter": ";", "columns": ["run", "table", "slice", "rows", "ts"]})
    assert shop.payloads() == [{"row_count": 10}]


def test_reports_give_a_row_for_each_item_of_their_lists(shop: Workshop) -> None:
    load = slice_done(None, 1)
    shop.write(
        "reports/a.json", json.dumps({"run": "r1", "tables": [{"loads": [load, 7]}, {"loads": [load | {"table": "sales.items"}]}, {}]})
    )
    shop.write("reports/deep/b.json", json.dumps([1]))
    shop.write("reports/c.json", '{"run": "r3", ')
    report = shop.run(REPORT)
    assert {row.place: row.reason for row in report.rejects} == {
        "reports/a.json:2": "tables[0].loads[1] is no JSON object",
        "reports/a.json:4": "tables[2].loads is no list, so what is in it is no JSON object",
        "reports/c.json:1": "it is no JSON: Input data was truncated",
        "reports/deep/b.json:1": "tables is no list, so what is in it is no JSON object",
    }
    assert (report.rows.read, report.rows.merged) == (6, 2)
    assert {item.record.target.table: item.record.extras["original_source"]["files"] for item in shop.stored()} == {
        "orders": [{"file": "reports/a.json", "rows": "1"}],
        "items": [{"file": "reports/a.json", "rows": "3"}],
    }
    assert {item.record.context.run_id for item in shop.stored()} == {"r1"}


def test_a_row_of_a_report_is_named_by_its_path(shop: Workshop) -> None:
    shop.write("reports/a.json", json.dumps({"run": "r1", "tables": [{"loads": [slice_done(None, 1, "x")]}]}))
    assert shop.reasons(REPORT) == {"reports/a.json:1 (tables[0].loads[0])": "$.rows: 'x' is no whole number"}


def test_files_of_the_same_content_are_read_once(shop: Workshop) -> None:
    for name in ("a.jsonl", "copies/b.jsonl"):
        shop.write(name, lines([GOOD]))
    report = shop.run(VOLUME | {"files": ["**/*.jsonl", "a.jsonl"]})
    assert [(file.file, file.rows, file.same_as) for file in report.inputs[0].files] == [
        ("a.jsonl", 1, None),
        ("copies/b.jsonl", 0, "a.jsonl"),
    ]
    assert len(shop.stored()) == 1


def test_a_file_name_that_is_no_text_is_shown_as_its_bytes(shop: Workshop) -> None:
    shop.folder.mkdir(parents=True)
    Path(shop.folder / "caf\udce9.jsonl").write_text(lines([GOOD]))
    shop.run(VOLUME)
    assert shop.stored()[0].record.extras["original_source"]["files"][0]["file"] == "caf\\xe9.jsonl"
