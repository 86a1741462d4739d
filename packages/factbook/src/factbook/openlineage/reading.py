"""From JSON to an event. Real producers are sloppy: what can be understood is taken with a note, what cannot is refused by its field."""

from __future__ import annotations

import uuid
from typing import Any, get_args

import msgspec

from factbook.errors import InvalidRecord
from factbook.openlineage.model import Dataset, Event, EventType, Facets, is_name
from factbook.openlineage.moments import parse_moment
from factbook.openlineage.naming import bounded, producer_of_job, producer_of_tool
from factbook_sdk.facts.kinds.lineage import LineageJob
from factbook_sdk.facts.record import MAX_NAME_LENGTH

_TYPES = frozenset(get_args(EventType))
_MAX_NOTES = 50
_MAX_SHOWN = 80
_FIX = "See the OpenLineage specification, RunEvent, JobEvent and DatasetEvent"


def decode_event(body: bytes | msgspec.Raw) -> dict[str, Any]:
    """Decode one event; raises :class:`InvalidRecord` for what is no JSON object."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidRecord("The event is no JSON", why=str(error), fix="Send one JSON object in UTF-8") from error
    except RecursionError as error:
        raise InvalidRecord("The event is nested too deep", fix="Flatten its facets") from error
    if not isinstance(value, dict):
        raise InvalidRecord("The event is no JSON object", why=f"it is a {type(value).__name__}", fix=_FIX)
    return value


def read_event(raw: dict[str, Any]) -> Event:
    """Read an event; raises :class:`InvalidRecord` naming the field without which it cannot be understood."""
    return _Reader(raw).event()


class _Reader:
    """Reads one event and gathers notes on the way."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self._raw = raw
        self._notes: list[str] = []

    def event(self) -> Event:
        raw = self._raw
        moment, remark = parse_moment(raw.get("eventTime"), "eventTime")
        self._note(remark)
        producer = self._text("producer")
        self._text("schemaURL")
        if isinstance(raw.get("run"), dict) or raw.get("job") is not None:
            return self._of_job(moment)
        if not isinstance(raw.get("dataset"), dict):
            raise InvalidRecord("The event has no job and no dataset", why="one of them says what it is about", fix=_FIX, field="job")
        dataset = self._dataset(raw["dataset"], "dataset", None)
        if dataset is None:
            field = "dataset.name" if is_name(raw["dataset"].get("namespace")) else "dataset.namespace"
            raise InvalidRecord(f"{field} is missing", why="nothing says which dataset is meant", fix=_FIX, field=field)
        return Event(raw, "dataset", moment, producer_of_tool(producer or "unknown"), dataset=dataset, notes=self._all_notes())

    def _of_job(self, moment: Any) -> Event:
        raw = self._raw
        given = raw.get("job")
        job = LineageJob(self._job_name(given, "namespace"), self._job_name(given, "name"))
        run = raw.get("run")
        is_run = isinstance(run, dict)
        return Event(
            raw,
            "run" if is_run else "job",
            moment,
            producer_of_job(job.namespace, job.name),
            event_type=self._event_type() if is_run else None,
            job=job,
            run_id=self._run_id(run) if isinstance(run, dict) else None,
            run_facets=self._facets(run, "facets", "run") if isinstance(run, dict) else {},
            job_facets=self._facets(given, "facets", "job") if isinstance(given, dict) else {},
            inputs=self._datasets("inputs", "inputFacets"),
            outputs=self._datasets("outputs", "outputFacets"),
            notes=self._all_notes(),
        )

    def _job_name(self, job: Any, field: str) -> str:
        value = job.get(field) if isinstance(job, dict) else None
        if not isinstance(value, str) or not value:
            why = "nothing says which job is meant" if value is None or value == "" else f"it is a {type(value).__name__}"
            raise InvalidRecord(f"job.{field} is missing or no text", why=why, fix=_FIX, field=f"job.{field}")
        return self._bounded(value, f"job.{field}")

    def _event_type(self) -> EventType | None:
        value = self._raw.get("eventType")
        if value is None:
            return None
        upper = value.upper() if isinstance(value, str) else ""
        if upper not in _TYPES:
            self._note(f"eventType {_brief(value)} is unknown and taken for OTHER")
            return "OTHER"
        if upper != value:
            self._note(f"eventType {_brief(value)} is taken for {upper}")
        kept: EventType = msgspec.convert(upper, EventType)
        return kept

    def _run_id(self, run: dict[str, Any]) -> str | None:
        value = run.get("runId")
        if value is None or value == "":
            self._note("run.runId is missing; the event stands for itself")
            return None
        if not isinstance(value, str):
            self._note(f"run.runId is a {type(value).__name__}")
            value = msgspec.json.encode(value).decode()
        elif not _is_uuid(value):
            self._note(f"run.runId {_brief(value)} is no UUID")
        return self._bounded(value, "run.runId")

    def _datasets(self, field: str, own: str) -> tuple[Dataset, ...]:
        value = self._raw.get(field)
        if value is None:
            return ()
        if not isinstance(value, list):
            self._note(f"{field} is no list and is left out")
            return ()
        found = (self._dataset(entry, f"{field}[{index}]", own) for index, entry in enumerate(value))
        return tuple(dataset for dataset in found if dataset is not None)

    def _dataset(self, value: Any, place: str, own: str | None) -> Dataset | None:
        if not isinstance(value, dict) or not is_name(value.get("namespace")) or not is_name(value.get("name")):
            self._note(f"{place} has no namespace or no name and is left out")
            return None
        if max(len(value["namespace"]), len(value["name"])) > MAX_NAME_LENGTH or "\x00" in value["namespace"] + value["name"]:
            self._note(f"{place} has a name that is kept in another form")
        facets = self._facets(value, "facets", place)
        return Dataset(value["namespace"], value["name"], facets, {} if own is None else self._facets(value, own, place))

    def _facets(self, holder: dict[str, Any], field: str, place: str) -> Facets:
        value = holder.get(field)
        if not value:
            return {}
        if not isinstance(value, dict):
            self._note(f"{place}.{field} is no object and is left out")
            return {}
        return {name: facet for name, facet in value.items() if isinstance(facet, dict)}

    def _text(self, field: str) -> str | None:
        value = self._raw.get(field)
        if isinstance(value, str) and value:
            return value
        self._note(f"{field} is missing" if value is None or value == "" else f"{field} is no text")
        return None

    def _bounded(self, name: str, place: str) -> str:
        kept = bounded(name)
        if kept != name:
            self._note(f"{place} is kept in another form: it is too long or holds a NUL")
        return kept

    def _note(self, text: str | None) -> None:
        if text is not None:
            self._notes.append(text)

    def _all_notes(self) -> tuple[str, ...]:
        if len(self._notes) > _MAX_NOTES:
            return (*self._notes[:_MAX_NOTES], f"and {len(self._notes) - _MAX_NOTES:,} more")
        return tuple(self._notes)


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _brief(value: Any) -> str:
    shown = str(value)
    return shown if len(shown) <= _MAX_SHOWN else f"{shown[:_MAX_SHOWN]}…"
