"""What contracts promise of one table, and how their last check went."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.contracts.houses import ORDERS, SNAPSHOT, House, changed

from factbook_sdk.facts.kinds.schema_snapshot import Column, SchemaSnapshot
from factbook_sdk.facts.parts import TableRef

TABLE = TableRef("shop", "orders", "public")


def house():
    made = House()
    made.scanned("shop.public.orders")
    made.take(ORDERS)
    return made


def on(made, **options):
    return [(item.contract_id, item.version, item.status, item.broken, item.unknown) for item in made.contracts.on(TABLE, **options)]


def test_a_promise_says_whether_it_was_checked_and_kept():
    made = house()
    assert on(made) == [("orders-daily", "1.2.0", "active", None, None)]
    assert made.contracts.on(TABLE)[0].columns == ["id", "email", "total"]
    made.contracts.check("orders-daily")
    kept = made.contracts.on(TABLE)[0]
    assert kept.checked_at is not None
    before = kept.broken
    made.scanned("shop.public.orders", SchemaSnapshot("table", [Column("id", 1, "text")], SNAPSHOT.constraints))
    made.contracts.check("orders-daily")
    assert made.contracts.on(TABLE)[0].broken > before
    assert on(made, checked=False)[0][3:] == (None, None)


def test_the_last_version_counts_and_an_ended_one_is_gone():
    made = house()
    earlier = datetime.now(UTC)
    made.take(changed(ORDERS, version="1.3.0"))
    made.take(changed(ORDERS, id="another"))
    assert [item[:2] for item in on(made)] == [("another", "1.2.0"), ("orders-daily", "1.3.0")]
    made.contracts.remove("orders-daily")
    assert [item[0] for item in on(made)] == ["another"]
    assert [item[:2] for item in on(made, as_of=earlier)] == [("orders-daily", "1.2.0")]
    assert on(made, as_of=earlier - timedelta(days=1)) == []
