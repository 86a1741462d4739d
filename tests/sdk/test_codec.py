"""One canonical form for ever: golden bytes, and what cannot be written is refused with its place."""

import enum
import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factbook_sdk.errors import InvalidRecord
from factbook_sdk.facts import Admission, MetadataContext, MetadataRecord, MetadataTarget, builtin_kinds, record_id
from factbook_sdk.facts.codec import canonical_record, decode_record, encode_payload
from factbook_sdk.testing.records import event, state

MOMENT = datetime(2026, 1, 31, 6, 0, 0, 5, tzinfo=UTC)


def record(payload=None, **more):
    payload = {"fingerprint": "a:00"} if payload is None else payload
    return MetadataRecord(MetadataTarget("shop", "sales", "orders"), "table_observation", payload, MOMENT, "scan.v1", **more)


def canonical(item):
    return canonical_record(item, encode_payload(item.payload))


def test_the_bytes_and_the_id_of_a_record_never_change():
    full = MetadataRecord(
        MetadataTarget("shop", "sales", "orders", {"b": 1, "a": "ä"}),
        "table_observation",
        {"z": [1, 2.5, -0.0, 1e21, 1e-7, True, None], "ä": "\u2028\n", "a": {}},
        MOMENT,
        "scan.v1",
        MetadataContext(run_id="r1", tenant="acme", extras={"k": []}),
        version=2,
        quality={"score": 1.0},
        extras={"x": 10**30},
    )
    assert canonical(full) == (
        b'{"context":{"extras":{"k":[]},"run_id":"r1","tenant":"acme"},"extras":{"x":1000000000000000000000000000000},'
        b'"kind":"table_observation","payload":{"a":{},"z":[1,2.5,-0.0,1e21,1e-7,true,null],"\xc3\xa4":"\xe2\x80\xa8\\n"},'
        b'"produced_at":"2026-01-31T06:00:00.000005Z","producer_id":"scan.v1","quality":{"score":1.0},'
        b'"target":{"extras":{"a":"\xc3\xa4","b":1},"schema":"sales","source_id":"shop","table":"orders"},"version":2}'
    )
    assert record_id(full) == "ddb67344259e0ac23d6ed7744e4b4061"
    assert canonical(record()) == (
        b'{"kind":"table_observation","payload":{"fingerprint":"a:00"},"produced_at":"2026-01-31T06:00:00.000005Z",'
        b'"producer_id":"scan.v1","target":{"schema":"sales","source_id":"shop","table":"orders"}}'
    )


def test_identity_does_not_depend_on_which_object_holds_a_default():
    tenant = "".join(["def", "ault"])
    explicit = record(context=MetadataContext(tenant=tenant, extras={}), version=int("1"), quality={}, extras={})
    assert record_id(explicit) == record_id(record())


def test_a_context_is_written_the_same_whichever_objects_hold_its_defaults():
    given = canonical(record(context=MetadataContext(run_id="r1", environment="prod")))
    assert b'"context":{"environment":"prod","run_id":"r1"}' in given
    tenant = "".join(["def", "ault"])
    for defaults in ({"tenant": tenant}, {"extras": {}}, {"extras": None}, {"tenant": tenant, "extras": None}):
        assert canonical(record(context=MetadataContext(run_id="r1", environment="prod", **defaults))) == given


def test_identity_does_not_depend_on_the_time_zone_a_moment_was_written_in():
    other = msgspec.structs.replace(record(), produced_at=MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30))))
    assert record_id(other) == record_id(record())
    assert other == record()


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(payload=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), json_values, max_size=4))
def test_what_is_decoded_from_canonical_bytes_has_the_same_bytes(payload):
    body = canonical(record(payload))
    assert canonical(decode_record(body)) == body
    assert decode_record(body) == record(payload)


class Colour(enum.Enum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"a": [1, math.nan]}, "payload.a[1]"),
        ({"a": {"b": math.inf}}, "payload.a.b"),
        ({"a": datetime(2026, 1, 1, tzinfo=UTC)}, "payload.a"),
        ({"a": Decimal("1.5")}, "payload.a"),
        ({"a": b"bytes"}, "payload.a"),
        ({"a": {1, 2}}, "payload.a"),
        ({"a": Colour.RED}, "payload.a"),
        ({"a": "\ud800"}, "payload.a"),
        ({"a": {1: 2}}, "payload.a"),
        ({"\udfff": 1}, "payload (a key)"),
    ],
)
def test_what_json_cannot_carry_is_refused_with_its_path(value, place):
    with pytest.raises(InvalidRecord) as caught:
        Admission(builtin_kinds()).admit(record(value))
    assert caught.value.field == place


def test_a_payload_nested_beyond_reason_is_refused():
    value: dict = {}
    for _ in range(100_000):
        value = {"a": value}
    with pytest.raises(InvalidRecord, match="nested too deep"):
        encode_payload(value)


def test_a_payload_over_the_limit_is_refused_with_both_sizes():
    admission = Admission(builtin_kinds(), max_payload_bytes=100)
    with pytest.raises(InvalidRecord, match=r"at most 100 are taken") as caught:
        admission.admit(record({"fingerprint": "a:" + "0" * 200}))
    assert caught.value.field == "payload"


def test_annotations_over_the_limit_are_refused():
    with pytest.raises(InvalidRecord) as caught:
        Admission(builtin_kinds()).admit(record(extras={"a": "x" * 300_000}))
    assert caught.value.field == "extras"


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: MetadataTarget("x" * 513), "target.source_id"),
        (lambda: MetadataTarget(""), "target.source_id"),
        (lambda: MetadataTarget("a", "b\x00c"), "target.schema"),
        (lambda: MetadataTarget("a", None, "\ud800"), "target.table"),
        (lambda: MetadataContext(tenant=""), "context.tenant"),
        (lambda: MetadataContext(run_id="r" * 513), "context.run_id"),
        (lambda: msgspec.structs.replace(event(1), kind="k" * 513), "kind"),
        (lambda: msgspec.structs.replace(event(1), producer_id=""), "producer_id"),
        (lambda: msgspec.structs.replace(event(1), produced_at=datetime(2026, 1, 1)), "produced_at"),  # noqa: DTZ001
        (
            lambda: decode_record(
                b'{"target":{"source_id":"a"},"kind":"k","payload":{},"produced_at":"2026-01-01T00:00:00","producer_id":"p"}'
            ),
            "produced_at",
        ),
        (lambda: decode_record(b'{"target":{"source_id":5}}'), "target.source_id"),
        (lambda: decode_record(b'{"target":{"source_id":"a","tabel":"b"}}'), "target"),
    ],
)
def test_a_wrong_part_is_refused_by_name(make, field):
    with pytest.raises(InvalidRecord) as caught:
        make()
    assert caught.value.field == field


def test_names_may_hold_almost_anything():
    name = "x" * 512
    assert MetadataTarget(name, "a\nb", "<ä 漢 '\">").source_id == name
    assert state(1, table="\x7f")
