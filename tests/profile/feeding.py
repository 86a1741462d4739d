"""Measure a table as a profile does, without the log: its columns as the scan saw them, its feed, the workshop."""

from contextlib import contextmanager

from factbook.profile.computing import measure
from factbook.profile.feeding import Extent, Wanted
from factbook.profile.feeds import feed_for
from factbook.profile.model import ColumnPlan
from factbook.profile.workshop import opened
from factbook.sources.contract import Known, ScanScope, TableName, TableSnapshot


def not_cancelled():
    return None


@contextmanager
def brought(connector, table, *, schema="main", readings=None, check_cancelled=not_cancelled, **wanted):
    """Give what a feed brought of a table, its plans by column, and the workshop's ask."""
    name = TableName(schema, table)
    snapshot = next(
        item.snapshot for item in connector.read_catalog(ScanScope(), Known()) if isinstance(item, TableSnapshot) and item.name == name
    )
    with opened(256 << 20) as workshop, connector.open_session() as session:
        feed = feed_for(session.engine)
        plans = [
            ColumnPlan(
                f"c{place}",
                column.name,
                column.data_type,
                feed.family_of(column),
                reading=(readings or {}).get(column.name, "lengths" if feed.family_of(column) == "binary" else "values"),
                length=column.length,
                precision=column.precision,
                scale=column.scale,
            )
            for place, column in enumerate(snapshot.columns)
        ]
        wanted.setdefault("extent", feed.extent_of(session, name))
        found = feed.bring(session, Wanted(name, plans, **wanted), workshop, check_cancelled=check_cancelled)
        plans = list(found.columns or plans)
        yield found, {plan.name: plan for plan in plans}, workshop


def measured(connector, table, *, schema="main", **wanted):
    """Return what is measured of a table's columns, by name."""
    with brought(connector, table, schema=schema, **wanted) as (found, plans, _):
        statistics = measure(found, list(plans.values()), rows_of_table=None)
    return {item.name: item for item in statistics}


def values(connector, table, column, *, schema="main", **wanted):
    """Return the values of a column as they came to the workshop."""
    with brought(connector, table, schema=schema, **wanted) as (found, plans, workshop):
        key = plans[column].key
        return sorted(
            (value for (value,) in workshop.ask(f"SELECT {key} FROM {found.relation}")), key=lambda value: (value is not None, value)
        )


NOTHING_KNOWN = Extent()
