"""Stores of every age open: older ones are brought up with all they hold, newer ones are used where they allow it, and a current one
costs nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from factbook.database import control_tables, log_tables, migrations
from factbook.database.engine import Database
from factbook.database.metadata import METADATA
from factbook.errors import ConfigurationError
from factbook.repository.sql import SqlRepository
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, builtin_kinds
from factbook_sdk.testing.records import event, state

ADMISSION = Admission(builtin_kinds())
FACTS = [state(1, 0), state(2, 1), state(None, 2), event(1), event(2, tenant="other")]
DECLARED = (log_tables, control_tables)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """Give the URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.sqlite"
    url = request.getfixturevalue("postgres_url")
    database = Database(url)
    with database.writing() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    database.close()
    return url


def upgraded_to(url, revision):
    database = Database(url)
    with database.writing() as connection:
        migrations.upgrade(connection, revision)
    return database


def test_an_older_store_is_brought_up_and_keeps_every_record(url):
    database = upgraded_to(url, "0001")
    older = SqlRepository(database, ADMISSION)
    stored = [older.store(fact) for fact in FACTS]
    older.close()
    repository = open_repository(url, admission=ADMISSION)
    assert migrations.current_revision(repository.database) == migrations.HEAD
    found = [item for tenant in ("default", "other") for item in repository.tail(tenant=tenant).records]
    assert [(item.offset, item.id, item.record) for item in found] == [
        (answer.offset, answer.id, fact) for answer, fact in zip(stored, FACTS, strict=True)
    ]
    assert [answer.outcome for answer in repository.bulk_store(FACTS).results] == ["duplicate"] * len(FACTS)
    repository.close()


def is_no_partition(_object, name, kind, _reflected, _compared):
    return kind != "table" or not name.startswith("records_")


def test_migrations_make_exactly_the_declared_tables(url):
    database = upgraded_to(url, migrations.HEAD)
    with database.reading() as connection:
        options = {"compare_type": True, "compare_server_default": True, "include_object": is_no_partition}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []
    database.close()


def test_the_head_that_the_code_expects_is_the_newest_revision():
    config = Config()
    config.set_main_option("script_location", migrations.__path__[0])
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.HEAD]


def test_migrating_a_current_store_changes_nothing_and_loads_no_alembic(tmp_path):
    url = f"sqlite:///{tmp_path}/store.sqlite"
    open_repository(url, admission=ADMISSION).close()
    program = (
        "import sys; from factbook.database.engine import Database; from factbook.database.migrations import migrate; "
        "database = Database(sys.argv[1]); "
        "migrate(database); database.close(); print('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program, url], capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_each_migration_says_which_code_may_still_run_and_never_takes_a_word_back():
    config = Config()
    config.set_main_option("script_location", migrations.__path__[0])
    config.set_main_option("path_separator", "os")
    scripts = reversed(list(ScriptDirectory.from_config(config).walk_revisions()))
    stated = [(script.revision, script.module.oldest_code) for script in scripts]
    assert all(oldest <= revision for revision, oldest in stated)
    assert [oldest for _, oldest in stated] == sorted(oldest for _, oldest in stated)


def future(folder, *, oldest_code):
    """Make the next release: our code with one more migration. Return what runs it."""
    code = Path(shutil.copytree(Path(migrations.__file__).parents[2], folder / "factbook"))
    versions = code / "database" / "migrations" / "versions"
    (versions / "0005_next.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f"revision, down_revision, oldest_code = '0005', '{migrations.HEAD}', '{oldest_code}'\n\n"
        "def upgrade():\n"
        "    op.add_column('streams', sa.Column('colour', sa.Text))\n"
        "    op.create_table('novelties', sa.Column('name', sa.Text, primary_key=True))\n"
    )
    module = versions.parent / "__init__.py"
    module.write_text(module.read_text().replace(f'HEAD = "{migrations.HEAD}"', 'HEAD = "0005"'))
    program = (
        "import sys; from factbook.repository.urls import open_repository; from factbook_sdk.facts import Admission, builtin_kinds; "
        "from factbook_sdk.testing.records import event, state; "
        "repository = open_repository(sys.argv[1], admission=Admission(builtin_kinds())); "
        "outcomes = [repository.store(item).outcome.value for item in (event(int(sys.argv[2])), state(int(sys.argv[2]), 5))]; "
        "print(*outcomes, len(repository.tail().records)); repository.close()"
    )

    def run(url, number):
        path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, "-c", program, url, str(number)]
        return subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": path}).stdout.strip()

    return run


def test_this_code_goes_on_beside_the_next_release_where_the_store_allows_it(url, tmp_path):
    next_release = future(tmp_path, oldest_code=migrations.HEAD)
    ours = open_repository(url, admission=ADMISSION)
    ours.store(state(1, 0))
    assert next_release(url, 100) == "stored stored 3"
    assert migrations.current_revision(ours.database) == "0005"
    # A process that ran on through the migration, then one of ours that starts afterwards, then theirs again.
    assert ours.store(event(1)).offset == 4
    ours.close()
    again = open_repository(url, admission=ADMISSION)
    assert [answer.outcome for answer in again.bulk_store([event(100), event(2), state(1, 6, table="new")]).results] == [
        "duplicate",
        "stored",
        "stored",
    ]
    assert next_release(url, 101) == "stored stored 8"
    assert [item.offset for item in again.tail().records] == list(range(1, 9))
    assert again.latest(state(1).target, "table_observation").offset == 8
    again.close()


def test_this_code_stops_with_a_reason_where_the_store_has_gone_too_far(url, tmp_path):
    assert future(tmp_path, oldest_code="0005")(url, 1) == "stored stored 2"
    with pytest.raises(ConfigurationError, match="at revision 0005, which code from revision 0005 on can use, and this code is at 0004"):
        open_repository(url, admission=ADMISSION)


def test_processes_that_open_an_empty_store_at_the_same_moment_take_turns(url):
    program = (
        "import sys; from factbook.repository.urls import open_repository; from factbook_sdk.facts import Admission, builtin_kinds; "
        "from factbook_sdk.testing.records import event; "
        "repository = open_repository(sys.argv[1], admission=Admission(builtin_kinds())); "
        "repository.store(event(int(sys.argv[2]))); repository.close()"
    )
    openers = [
        subprocess.Popen([sys.executable, "-c", program, url, str(number)], stderr=subprocess.PIPE, text=True) for number in range(4)
    ]
    assert [opener.communicate()[1] for opener in openers] == [""] * 4
    repository = open_repository(url, admission=ADMISSION)
    assert [item.offset for item in repository.tail().records] == [1, 2, 3, 4]
    repository.close()


def test_a_migration_that_breaks_leaves_the_store_as_it_was(url):
    database = upgraded_to(url, "0001")
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE job_queue (stranger INTEGER)"))
    with pytest.raises(Exception, match="job_queue"):
        migrations.migrate(database)
    with database.reading() as connection:
        assert not inspect(connection).has_table("sources")
    assert migrations.current_revision(database) == "0001"
    database.close()
