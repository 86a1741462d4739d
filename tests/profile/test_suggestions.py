"""Which columns are suggested as worth protecting, by name, type and shapes of values, and which are not."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from factbook.profile.patterns import counted, counting
from factbook.profile.suggestions import CATEGORIES, LEAST_CONFIDENCE, MOST_CONFIDENCE, suggest, type_family

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "tests" / "samples"
CHINOOK = ROOT / "packages" / "factbook" / "src" / "factbook" / "demo" / "chinook.sqlite"
MAIL, PHONE, NAME, PLACE = "email", "phone", "person_name", "postal_address"

OTHER_LINES = {"PRIMARY", "KEY", "CONSTRAINT", "UNIQUE", "FULLTEXT", "SPATIAL"}

SAKILA = {
    "actor": {"first_name": NAME, "last_name": NAME},
    "address": {"address": PLACE, "address2": PLACE, "postal_code": PLACE, "phone": PHONE},
    "customer": {"first_name": NAME, "last_name": NAME, "email": MAIL},
    "staff": {"first_name": NAME, "last_name": NAME, "picture": "image", "email": MAIL, "username": "user_name", "password": "credential"},
}
CHINOOK_BY_NAME = {
    "Customer": {"FirstName": NAME, "LastName": NAME, "Address": PLACE, "City": PLACE, "PostalCode": PLACE, "Phone": PHONE, "Fax": PHONE,
    "Email": MAIL},
    "Employee": {"FirstName": NAME, "LastName": NAME, "BirthDate": "birth_date", "Address": PLACE, "City": PLACE, "PostalCode": PLACE,
                 "Phone": PHONE, "Fax": PHONE, "Email": MAIL},
    "Invoice": {"BillingAddress": PLACE, "BillingPostalCode": PLACE},
}  # fmt: skip
NORTHWIND = {
    "Customers": {"ContactName": NAME, "Address": PLACE, "City": PLACE, "PostalCode": PLACE, "Phone": PHONE, "Fax": PHONE},
    "Employees": {"FirstName": NAME, "LastName": NAME, "BirthDate": "birth_date", "Address": PLACE, "City": PLACE, "PostalCode": PLACE,
                  "HomePhone": PHONE, "Photo": "image"},
    "Orders": {"ShipAddress": PLACE, "ShipPostalCode": PLACE},
    "Shippers": {"Phone": PHONE},
    "Suppliers": {"ContactName": NAME, "Address": PLACE, "PostalCode": PLACE, "Phone": PHONE, "Fax": PHONE},
}  # fmt: skip


def columns_of_ddl(path):
    tables = {}
    for table, body in re.findall(r"CREATE TABLE (?:public\.)?(\w+) \((.*?)\n\)", path.read_text(), re.DOTALL):
        lines = re.findall(r"^\s+(\w+) ([A-Za-z][\w.]*(?:\([^)]*\))?)", body, re.MULTILINE)
        tables[table] = [(name, kind) for name, kind in lines if name not in OTHER_LINES]
    return tables


def columns_of_sqlite(connection):
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    return {table: [(row[1], row[2]) for row in connection.execute(f'PRAGMA table_info("{table}")')] for table in tables}


TITLES = {category.title: category.name for category in CATEGORIES}


def category_of(item):
    return TITLES[item.reason.removeprefix("probably ").partition(":")[0]]


def suggested(tables):
    found = {
        table: {name: category_of(items[0]) for name, kind in columns if (items := suggest(name, kind, {}, table=table))}
        for table, columns in tables.items()
    }
    return {table: columns for table, columns in found.items() if columns}


@pytest.mark.parametrize("file", ["sakila-mysql-schema.sql", "pagila-3.1.0-schema.sql", "pagila-2.0.2-schema.sql"])
def test_of_sakila_and_pagila_exactly_these_columns_are_suggested(file):
    tables = columns_of_ddl(SAMPLES / file)
    assert sum(map(len, tables.values())) > 80
    assert suggested(tables) == SAKILA


def test_of_chinook_exactly_these_columns_are_suggested():
    with closing(sqlite3.connect(CHINOOK)) as connection:
        assert suggested(columns_of_sqlite(connection)) == CHINOOK_BY_NAME


def test_of_northwind_exactly_these_columns_are_suggested(test_data):
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript((test_data / "databases" / "northwind_sqlite.sql").read_text())
        assert suggested(columns_of_sqlite(connection)) == NORTHWIND


def test_values_make_a_suggestion_surer_and_the_reason_says_so_without_a_value():
    with closing(sqlite3.connect(CHINOOK)) as connection:
        mails = connection.execute("SELECT Email FROM Customer").fetchall()
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t (v VARCHAR)")
        connection.executemany("INSERT INTO t VALUES (?)", mails)
        counts = counted(["Email"], connection.execute(counting("t", ["v"], rows=len(mails))).fetchall(), rows=len(mails))[0]
    shares = counts.shares()
    by_name = suggest("Email", "NVARCHAR(60)", {})[0]
    by_both = suggest("Email", "NVARCHAR(60)", shares, checked=counts.checked, distinct_count=59)[0]
    by_values = suggest("x", "NVARCHAR(60)", shares, checked=counts.checked, distinct_count=59)[0]
    assert by_name.confidence < by_values.confidence < by_both.confidence == MOST_CONFIDENCE
    assert by_both.reason == 'probably e-mail addresses: the name says "email" and 100% of its values look like e-mail addresses'
    assert not any(mail in item.reason for item in (by_both, by_values) for (mail,) in mails)


def test_values_that_are_nothing_of_the_kind_take_the_suggestion_back_where_there_are_enough():
    assert suggest("email", "text", {"integer": 1.0}, checked=500) == []
    assert suggest("email", "text", {"integer": 1.0}, checked=5) != []
    assert suggest("email", "text", {"integer": 1.0}) != []


@pytest.mark.parametrize(
    "name",
    ["email_id", "address_id", "phone_count", "email_verified", "passport_type", "ship_via", "film_title", "title", "film_id", "name",
     "company_name", "recap", "racecar", "sexton", "gmail", "description", "token_count", "", "123", "ip_count"],
)  # fmt: skip
def test_names_that_only_remind_of_something_are_no_alarm(name):
    assert suggest(name, "text", {}, table="film") == []


@pytest.mark.parametrize(("name", "kind"), [("email", "boolean"), ("first_name", "integer"), ("password", "timestamp"), ("dob", "integer")])
def test_a_type_that_cannot_hold_it_is_no_alarm(name, kind):
    assert suggest(name, kind, {}, table="customer") == []


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("Vorname", NAME), ("E_MAIL", MAIL), ("eMail", MAIL), ("customerEmailAddress", MAIL), ("téléphone", PHONE), ("Straße", PLACE),
        ("fecha_de_nacimiento", "birth_date"), ("codice_fiscale", "national_id"), ("user_ssn", "national_id"), ("ip_address", "ip_address"),
        ("IBAN", "bank_account"), ("API_KEY", "credential"), ("gehalt", "income"), ("Geschlecht", "special"),
    ],
)  # fmt: skip
def test_usual_names_of_several_languages_are_known(name, category):
    assert [category_of(item) for item in suggest(name, "varchar(40)", {})] == [category]


def test_a_column_with_one_value_in_many_rows_is_no_alarm():
    assert suggest("email", "text", {"email": 1.0}, checked=500, distinct_count=1) == []


def test_no_suggestion_is_ever_certain():
    for name in ("email", "phone", "iban", "card_number", "ip", "x"):
        for pattern in ("email", "phone", "iban", "credit_card", "ipv4"):
            found = suggest(name, "text", {pattern: 1.0}, table="customer", checked=1000, distinct_count=900)
            assert found
            assert all(LEAST_CONFIDENCE <= item.confidence <= MOST_CONFIDENCE for item in found)
            assert found == sorted(found, key=lambda item: -item.confidence)


@pytest.mark.parametrize(
    ("declared", "family"),
    [
        ("character varying(20)", "text"), ("INT UNSIGNED", "number"), ("tinyint(1)", "boolean"), ("timestamp with time zone", "date"),
        ("BLOB", "binary"), ("geometry", "other"), ("", "other"),
    ],
)  # fmt: skip
def test_declared_types_of_any_engine_fall_into_families(declared, family):
    assert type_family(declared) == family
