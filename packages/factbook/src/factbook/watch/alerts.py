"""The alerts of one tenant: read, page by page, and acknowledged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import RowMapping, and_, func, or_, select

from factbook.errors import InvalidRequest, NotFound
from factbook.repository.rows import microseconds
from factbook.repository.sql import SqlRepository
from factbook.watch.channels.contract import SEVERITIES, Notice
from factbook.watch.notices import notice_of
from factbook.watch.projection import alerts
from factbook_sdk.facts import MetadataRecord
from factbook_sdk.facts.codec import decode_record
from factbook_sdk.facts.record import check_name
from factbook_sdk.repository.contract import StoredRecord, check_limit

STATES = ("firing", "acknowledged", "resolved")
OPEN = ("firing", "acknowledged")
_TICK = timedelta(microseconds=1)


class AlertPage(msgspec.Struct, frozen=True):
    """Alerts, newest first. ``next_cursor`` continues; ``None`` says there is no more."""

    items: list[Notice]
    next_cursor: str | None


class AlertState(msgspec.Struct, frozen=True):
    """A state that an alert was in, and where the log says so."""

    offset: int
    notice: Notice


class Alerts:
    """What fires, was acknowledged or is over."""

    def __init__(self, repository: SqlRepository, *, tenant: str) -> None:
        self._repository = repository
        self._tenant = tenant

    def page(
        self,
        *,
        limit: int = 100,
        cursor: str | None = None,
        states: Sequence[str] = OPEN,
        source_id: str | None = None,
        severity: str | None = None,
        rule: str | None = None,
    ) -> AlertPage:
        """Return alerts in these states, newest first, of at least this severity."""
        check_limit(limit)
        where = [alerts.c.tenant == self._tenant, alerts.c.state.in_([_one_of(state, STATES, "state") for state in states])]
        if severity is not None:
            where.append(alerts.c.severity.in_(SEVERITIES[SEVERITIES.index(_one_of(severity, SEVERITIES, "severity")) :]))
        where += [column == value for column, value in ((alerts.c.source_id, source_id), (alerts.c.rule, rule)) if value is not None]
        if cursor is not None:
            since, last = _parse_cursor(cursor)
            where.append(or_(alerts.c.produced_at < since, and_(alerts.c.produced_at == since, alerts.c.alert_id < last)))
        statement = select(alerts).where(*where).order_by(alerts.c.produced_at.desc(), alerts.c.alert_id.desc()).limit(limit + 1)
        with self._repository.reading() as connection:
            found = [_notice(row) for row in connection.execute(statement).mappings()]
        items = found[:limit]
        return AlertPage(items, f"{microseconds(items[-1].since)}~{items[-1].alert_id}" if len(found) > limit else None)

    def get(self, alert_id: str) -> Notice:
        """Return one alert by its id or the beginning of it; raises :class:`NotFound`, :class:`InvalidRequest` where several begin so."""
        return _notice(self._row(alert_id))

    def history(self, alert_id: str, *, limit: int = 100) -> list[AlertState]:
        """Return the states an alert was in, newest first, as far back as ``limit`` goes; raises as :meth:`get` does."""
        now = decode_record(self._row(alert_id)["record"].encode())
        found = self._repository.query(
            "alert", targets=[now.target], producer_id=now.producer_id, tenant=self._tenant, order="desc", limit=check_limit(limit)
        )
        return [AlertState(item.offset, notice_of(item)) for item in found.records if item.record.payload is not None]

    def acknowledge(self, alert_id: str, *, by: str) -> Notice:
        """Say that somebody looks after an alert that fires; nothing more is told of it until it is over. What is done twice is done."""
        check_name(by, "by")
        row = self._row(alert_id)
        record = decode_record(row["record"].encode())
        payload = record.payload or {}
        if payload["state"] == "resolved":
            raise InvalidRequest(f"The alert {row['alert_id']} is over", why="only what fires can be acknowledged", field="alert_id")
        if payload["state"] == "acknowledged":
            return _notice(row)
        said = self._acknowledged(record, payload, by)
        stored = self._repository.store(said)
        return notice_of(StoredRecord(stored.offset or 0, stored.id, said))

    @staticmethod
    def _acknowledged(record: MetadataRecord, payload: dict[str, Any], by: str) -> MetadataRecord:
        # A fact from a clock ahead of ours must not stay in force over what is said of it now.
        moment = max(datetime.now(UTC), record.produced_at + _TICK)
        said = {**payload, "state": "acknowledged", "acknowledged_by": by}
        return msgspec.structs.replace(record, payload=said, produced_at=moment)

    def _row(self, alert_id: str) -> RowMapping:
        if not alert_id.isalnum():
            raise NotFound(f"There is no alert {alert_id!r}", fix="factbook alerts list shows those there are", field="alert_id")
        begins = alerts.c.alert_id.like(f"{alert_id}%")
        with self._repository.reading() as connection:
            found = connection.execute(select(alerts).where(alerts.c.tenant == self._tenant, begins).limit(2)).mappings().all()
        if not found:
            raise NotFound(f"There is no alert {alert_id!r}", fix="factbook alerts list shows those there are", field="alert_id")
        if len(found) > 1:
            raise InvalidRequest(f"Several alerts begin with {alert_id!r}", fix="Write more of the id", field="alert_id")
        return found[0]


def open_by_severity(repository: SqlRepository) -> Mapping[tuple[str, str], int]:
    """Return how many alerts are firing or acknowledged, of all tenants, by (state, severity)."""
    counts = {(state, severity): 0 for state in OPEN for severity in SEVERITIES}
    columns = (alerts.c.state, alerts.c.severity)
    with repository.reading() as connection:
        rows = connection.execute(select(*columns, func.count()).where(alerts.c.state.in_(OPEN)).group_by(*columns)).all()
    return counts | {(state, severity): count for state, severity, count in rows}


def _notice(row: RowMapping) -> Notice:
    return notice_of(StoredRecord(row["offset"], row["record_id"], decode_record(row["record"].encode())))


def _one_of(value: str, known: Sequence[str], field: str) -> str:
    if value not in known:
        raise InvalidRequest(f"{value!r} is no {field} of an alert", fix=f"Choose {', '.join(known)}", field=field)
    return value


def _parse_cursor(cursor: str) -> tuple[int, str]:
    since, _, last = cursor.partition("~")
    if not (since.isascii() and since.isdigit() and len(since) < 19 and last.isalnum()):
        raise InvalidRequest("That cursor is not ours", fix="Pass next_cursor of the page before", field="cursor")
    return int(since), last
