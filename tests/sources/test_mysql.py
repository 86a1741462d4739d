"""What is peculiar to MySQL and MariaDB."""

from databases import on_mysql

from factbook.sources.contract import ScanScope, TableName
from factbook.sources.mysql import MySQLConnector
from factbook.sources.testing import read, snapshots


def test_a_foreign_key_and_a_unique_key_may_share_their_name(mysql_url):
    execute = on_mysql(mysql_url)
    schema = mysql_url.rsplit("/", 1)[1]
    execute("CREATE TABLE target (id integer PRIMARY KEY)")
    execute(
        "CREATE TABLE both_keys (a integer, b integer, UNIQUE KEY shared (b, a), CONSTRAINT shared FOREIGN KEY (b) REFERENCES target (id))"
    )
    found = snapshots(read(MySQLConnector(mysql_url), ScanScope(include=[schema])))[TableName(schema, "both_keys")]
    told = {item["type"]: (item["name"], item["columns"]) for item in found["constraints"]}
    assert told == {"unique": ("shared", ["b", "a"]), "foreign_key": ("shared", ["b"])}
