"""Source URLs: no secret gets through, and nothing is guessed."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import make_url

from factbook.errors import ConfigurationError, InvalidRequest
from factbook.sources.urls import (
    default_source_id,
    expand,
    has_password,
    is_url,
    redact,
    same_place,
    split_password,
    split_url,
    takes_password,
    with_absolute_path,
    with_password,
)

PASSWORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1).filter(lambda text: "${" not in text)
ADDRESSES = st.sampled_from(["db.example.org", "db:5432", "[::1]:5432", "127.0.0.1"])
DATABASES = st.sampled_from(["", "/shop", "/shop?sslmode=require", "/a%40b", "/shop?options=-c%20x"])


@given(PASSWORDS, PASSWORDS, ADDRESSES, DATABASES)
def test_what_is_shown_of_a_url_does_not_depend_on_its_password(one: str, other: str, address: str, database: str) -> None:
    for written in (quote, str):
        shown = {redact(f"postgresql://ada:{written(password)}@{address}{database}") for password in (one, other)}
        assert shown == {f"postgresql://ada:***@{address}{database}"}


@given(
    PASSWORDS,
    PASSWORDS,
    st.sampled_from(["password", "sslpassword", "PASSWD", "token", "motherduck_token", "api_key", "%70assword", "pwd"]),
)
def test_what_is_shown_of_a_url_does_not_depend_on_secrets_in_its_query(one: str, other: str, name: str) -> None:
    for prefix in ("postgresql://ada@db/shop?sslmode=require&", "duckdb:///shop.duckdb?", "postgresql:///shop?host=/run&"):
        shown = {redact(f"{prefix}{name}={quote(password, safe='')}&x=1") for password in (one, other)}
        assert shown == {f"{prefix}{name}=***&x=1"}


@given(PASSWORDS, PASSWORDS)
def test_what_is_shown_of_something_that_should_have_been_a_url_depends_on_no_password(one: str, other: str) -> None:
    for text in ("ada:{}@db/shop", "postgresql:/ada:{}@db/shop", "postgresql:///ada:{}@db/shop"):
        assert len({redact(text.format(quote(password, safe=""))) for password in (one, other)}) == 1


@given(PASSWORDS)
def test_a_secret_inside_an_odbc_string_is_not_shown(password: str) -> None:
    url = "mssql+pyodbc:///?odbc_connect=" + quote(f"DRIVER=x;SERVER=db;UID=ada;PWD={password}", safe="")
    assert redact(url) == "mssql+pyodbc:///?odbc_connect=***"


@given(PASSWORDS, ADDRESSES, st.sampled_from(["", "/shop", "/shop?sslmode=require"]))
def test_a_password_taken_out_of_a_url_can_be_put_back(password: str, address: str, database: str) -> None:
    bare = f"postgresql://ada@{address}{database}"
    full = with_password(bare, password)
    assert split_password(full) == (bare, password)
    assert make_url(full).password == password
    assert repr(split_url(full)) == repr(split_url(with_password(bare, "another")))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:ti@ger/x@db/shop",
        "postgresql://ada:ti/ger@db/shop",
        "postgresql://ada:ti?ger@db/shop",
        "postgresql://ada:ti#ger@db/shop",
        "postgresql:///ada:tiger@db/shop",
    ],
)
def test_a_url_whose_password_may_end_in_two_places_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(InvalidRequest, match="cannot be read with certainty") as raised:
        split_password(url)
    assert "ger" not in str(raised.value)
    assert "ger" not in redact(url)


def test_a_secret_in_the_query_is_refused_because_it_would_be_kept_in_plain_text() -> None:
    with pytest.raises(InvalidRequest, match="secret in its query") as raised:
        split_password("postgresql://ada@db/shop?sslpassword=tiger")
    assert "tiger" not in str(raised.value)


@pytest.mark.parametrize("url", ["postgresql://ada:${SHOP_PASSWORD}@db/shop", "duckdb:///x?motherduck_token=${TOKEN}", "${SHOP_URL}"])
def test_a_reference_is_no_secret_and_stays(url: str) -> None:
    assert split_password(url) == (url, None)
    assert redact(url) == url


def test_a_reference_is_replaced_and_quoted_where_it_must_be() -> None:
    environment = {"USER_NAME": "a@b", "SECRET": "p@ss/w:rd", "HOST": "db:5433", "NAME": "shop", "URL": "mysql://u:p@h/d"}
    expanded = expand("postgresql://${USER_NAME}:${SECRET}@${HOST}/${NAME}?application_name=${NAME}", environment)
    parsed = make_url(expanded)
    assert (parsed.username, parsed.password, parsed.host, parsed.port, parsed.database) == ("a@b", "p@ss/w:rd", "db", 5433, "shop")
    assert expand("${URL}", environment) == "mysql://u:p@h/d"
    assert expand("sqlite:///plain.db", {}) == "sqlite:///plain.db"


@pytest.mark.parametrize("environment", [{}, {"SHOP_PASSWORD": ""}])
def test_a_reference_to_nothing_names_the_variable(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="SHOP_PASSWORD is not set"):
        expand("postgresql://ada:${SHOP_PASSWORD}@db/shop", environment)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:////data/Chinook_Sqlite.sqlite", "chinook_sqlite"),
        ("sqlite:///my shop (2).db", "my-shop-2"),
        ("duckdb:///warehouse.duckdb", "warehouse"),
        ("duckdb://", "duckdb"),
        ("postgresql://ada:tiger@db.example.org:5432/Sales%20EU?sslmode=require", "sales-eu"),
        ("mysql+pymysql://root@db.example.org/", "db-example-org"),
        ("postgres:///", "postgresql"),
        ("postgresql://db/${SHOP_DATABASE}", "shop_database"),
        ("${SHOP_URL}", "shop_url"),
        ("postgresql://db/数据", "db"),
        ("postgresql://db/" + "x" * 200, "x" * 64),
    ],
)
def test_a_source_without_a_name_gets_one_from_its_url(url: str, name: str) -> None:
    assert default_source_id(url) == name


@given(PASSWORDS)
def test_a_source_is_never_named_after_its_password(password: str) -> None:
    assert default_source_id(with_password("postgresql://ada@db.example.org", password)) == "db-example-org"


@pytest.mark.parametrize(("text", "expected"), [("postgresql://db/x", True), ("${SHOP_URL}", True), ("shop", False), ("shop:1", False)])
def test_a_url_is_told_from_a_name(text: str, expected: bool) -> None:
    assert is_url(text) is expected


@pytest.mark.parametrize("text", ["shop", "://db", "1x://db", "post gres://db"])
def test_what_has_no_scheme_is_no_url(text: str) -> None:
    with pytest.raises(InvalidRequest, match="no URL"):
        split_url(text)


def test_a_file_takes_no_password() -> None:
    assert not takes_password("sqlite:////data/a@b.db")
    assert not has_password("sqlite:////data/a:b@c.db")
    with pytest.raises(InvalidRequest, match="takes no password"):
        with_password("duckdb:///x.duckdb", "tiger")


def test_a_relative_file_means_the_same_from_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert with_absolute_path("sqlite:///shop.db?mode=ro") == f"sqlite:///{tmp_path}/shop.db?mode=ro"
    for unchanged in ("sqlite:////data/x.db", "sqlite://", "sqlite:///:memory:", "sqlite:///${FOLDER}/x.db", "postgresql://db/x", "${URL}"):
        assert with_absolute_path(unchanged) == unchanged


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("postgres://ada@DB/shop", "postgresql+psycopg://bob:x@db:5432/shop?sslmode=require", True),
        ("mysql://db/shop", "mysql://db:3306/shop", True),
        ("postgresql://db/shop", "postgresql://db/other", False),
        ("postgresql://db:5433/shop", "postgresql://db/shop", False),
        ("sqlite:////data/a.db", "sqlite:////data/b.db", False),
        ("sqlite:////data/a.db", "duckdb:////data/a.db", False),
        ("postgresql:///shop?host=/run/a", "postgresql:///shop?host=/run/b", False),
    ],
)
def test_two_urls_of_one_database_are_recognised(one: str, other: str, expected: bool) -> None:
    assert same_place(one, other) is expected
