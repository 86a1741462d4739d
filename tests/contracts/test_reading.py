"""What is no contract is refused with its place, and nothing is stored."""

from __future__ import annotations

import pytest
from tests.contracts.houses import ORDERS, House, changed

from factbook.contracts.reading import MAX_BYTES, read_document
from factbook.contracts.writing import text_of
from factbook.errors import InvalidRequest

HEAD = "apiVersion: v3.1.0\nkind: DataContract\nid: x\nversion: 1.0.0\nstatus: active\n"
BOMB = (
    "a: &a ["
    + ", ".join(["x"] * 9)
    + "]\n"
    + "".join(f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefg", "bcdefgh", strict=True))
)


@pytest.mark.parametrize(
    ("text", "why", "field"),
    [
        (HEAD + "schema:\n  - name: t\n    properties:\n      - name: a\n        logicalType: number9\n", "line 10, schema[0]", None),
        (HEAD + "schema:\n  - physicalName: t\n", 'line 7, schema[0]: "name" is a required property', "schema[0]"),
        (HEAD.replace("1.0.0", "1"), "line 4, version: 1 is not of type", "version"),
        (HEAD.replace("status: active\n", ""), '"status" is a required property', "document"),
        (HEAD + "flavour: sweet\n", "flavour", "document"),
        (HEAD + "id: y\n", "line 6, id: id stands here twice", "id"),
        (HEAD.replace("DataContract", "DataDream"), "DataContract and DataProduct are read", "kind"),
        (HEAD + "price: {priceAmount: .nan}\n", "line 6, price.priceAmount: nan is no number", "price.priceAmount"),
        (HEAD + "customProperties: [{property: a, value: 99999999999999999999}]\n", "does not fit 64 bits", None),
        (HEAD + 'tenant: "a\\0b"\n', "holds a NUL", "tenant"),
        ("a: [1", "line 1: this is no YAML", "document"),
        ('{"kind": "DataContract", "kind": "x"}', "kind stands there twice", "kind"),
        ('{"kind": NaN}', "nan is no number", "kind"),
        ('{"kind": ' + "9" * 5_000 + "}", "a number cannot be read", "document"),
        ("[[[[" * 400, "nested too deep", "document"),
        ('{"a":' * 50_000, "nested too deep", "document"),
        ('{"a":' * 200 + "1" + "}" * 200, "nested too deep", None),
        (BOMB, "too large or nested too deep", None),
        ("a: &a [*a]", "nested too deep", None),
        ("a: !!python/object/apply:os.system [ls]", "DataContract and DataProduct are read", "kind"),
        ("- 1\n- 2\n", "no contract and no product", "document"),
        ("", "no contract and no product", "document"),
        (b"\xff\xfe", "byte 0 is none", "document"),
        ("x" * 10_000_000, "at most 1,048,576 are taken", "document"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text, why, field):
    with pytest.raises(InvalidRequest) as caught:
        read_document(text)
    assert why in str(caught.value)
    assert field in (None, caught.value.field)
    assert len(str(caught.value)) < 4_000


def test_of_many_mistakes_ten_are_named():
    objects = "".join(f"  - {{name: t{number}, foo: 1}}\n" for number in range(40))
    with pytest.raises(InvalidRequest) as caught:
        read_document(f"{HEAD}schema:\n{objects}")
    assert str(caught.value).count("schema[") == 10
    assert "and more" in str(caught.value)


def test_an_anchor_that_stands_twice_warns_nobody():
    read_document(HEAD + "tags: [&a x, &a y, *a]\n")


def test_json_that_ends_like_yaml_is_yaml():
    assert read_document("{apiVersion: v3.1.0, kind: DataContract, id: x, version: 1.0.0, status: active}").root["id"] == "x"
    assert MAX_BYTES < 4 * 1024 * 1024  # what a store takes as one payload


def test_nothing_is_stored_of_a_document_that_is_wrong_for_us():
    house = House()
    twice = [ORDERS["schema"][0], ORDERS["schema"][0]]
    for document in (changed(ORDERS, id=" "), changed(ORDERS, version=""), changed(ORDERS, id="x" * 500), changed(ORDERS, schema=twice)):
        with pytest.raises(InvalidRequest):
            house.contracts.import_document(read_document(text_of(document, "json")))
    assert house.repository.tail(0).records == []
