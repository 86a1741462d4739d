"""What Prometheus may know of this process and of the store: numbers alone, no name of a tenant or a target.

They are read when somebody asks (:class:`HouseCollector`), so that nothing is counted twice and nothing is kept up to date for nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from factbook.errors import FactbookError
from factbook.health import installed_version, memory_bytes

if TYPE_CHECKING:
    from factbook.jobs import Jobs
    from factbook.relay import Relay, Subscriptions
    from factbook.repository.files.store import FilesRepository
    from factbook.repository.sql import SqlRepository
    from factbook.settings import Settings
    from factbook.watch import Watcher
    from factbook.watch.delivery import Counters

log = structlog.get_logger(__name__)


class House(Protocol):
    """What there is to measure."""

    @property
    def has_database(self) -> bool: ...
    @property
    def repository(self) -> SqlRepository | FilesRepository: ...
    @property
    def sql(self) -> SqlRepository: ...
    @property
    def jobs(self) -> Jobs: ...
    @property
    def subscriptions(self) -> Subscriptions: ...
    @property
    def has_bus(self) -> bool: ...
    @property
    def relay(self) -> Relay: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def watcher(self) -> Watcher: ...


class HouseCollector(Collector):
    """Gives the numbers of a house; those of a store that does not answer are left out, and ``factbook_store_up`` is 0."""

    def __init__(self, house: House) -> None:
        self._house = house

    def describe(self) -> Iterable[Metric]:
        """Say nothing before somebody asks: registering must not open the store."""
        return ()

    def collect(self) -> Iterator[Metric]:
        yield _gauge("factbook_info", "The version that runs.", [([installed_version()], 1)], ("version",))
        if (held := memory_bytes()) is not None:
            yield _gauge("factbook_memory_bytes", "Memory this process holds.", [((), held)])
        try:
            read = list(_of_the_store(self._house))
        except FactbookError as error:
            log.warning("metrics_without_store", reason=str(error))
            read = []
        yield _gauge("factbook_store_up", "Whether the store answered.", [((), int(bool(read)))])
        yield from read


def _of_the_store(house: House) -> Iterator[Metric]:
    yield _gauge("factbook_log_last_offset", "End of the log.", [((), house.repository.last_offset())])
    if house.has_database:
        yield from (*_of_the_log(house), *_of_the_jobs(house), *_of_the_relay(house), *_of_the_watch(house))


def _of_the_log(house: House) -> Iterator[Metric]:
    repository = house.sql
    counts = repository.tally.counts().items()
    yield _counter("factbook_records", "Records this process was given, by what became of them.", counts, ("kind", "outcome"))
    positions = [((name,), position) for name, position in repository.view_positions().items()]
    yield _gauge("factbook_projection_position", "Offset up to which a view has followed the log.", positions, ("view",))


def _of_the_jobs(house: House) -> Iterator[Metric]:
    counts = [((state,), count) for state, count in house.jobs.counts().items()]
    yield _gauge("factbook_jobs", "Jobs that are not over.", counts, ("state",))


def _of_the_relay(house: House) -> Iterator[Metric]:
    found = [item for item in house.subscriptions.all() if not item.is_watching]
    positions = [((item.name,), item.position) for item in found]
    yield _gauge("factbook_relay_position", "Offset up to which a bus has the log.", positions, ("bus",))
    yield _gauge("factbook_relay_lag_records", "Records a bus has not got yet.", [((item.name,), item.lag) for item in found], ("bus",))
    if house.has_bus:
        counters = house.relay.counters
        yield _counter("factbook_bus_published", "Events the bus accepted from this process.", [((), counters.published)])
        yield _counter("factbook_bus_failures", "Times this process failed to publish.", [((), counters.failures)])
        yield _counter("factbook_bus_too_large", "Records that the bus could not carry.", [((), counters.too_large)])
        if counters.dead_letters is not None:
            yield _gauge("factbook_bus_dead_letters", "Events that subscribers gave up on.", [((), counters.dead_letters)])


def _of_the_watch(house: House) -> Iterator[Metric]:
    from factbook.watch.alerts import open_by_severity

    alerts = open_by_severity(house.sql).items()
    yield _gauge("factbook_alerts", "Alerts of all tenants that are not over.", alerts, ("state", "severity"))
    lags = [((item.name,), item.lag) for item in house.subscriptions.all() if item.is_watching]
    yield _gauge("factbook_watch_lag_records", "Records not judged yet, and those each channel has not come to.", lags, ("part",))
    if house.settings.watches:
        done = house.watcher.counters().items()
        yield _counter("factbook_alert_messages", "Messages a channel took from this process.", _by(done, "messages"), ("channel",))
        yield _counter("factbook_alert_deliveries", "Alerts in them.", _by(done, "delivered"), ("channel",))
        yield _counter("factbook_alert_failures", "Attempts at a channel that failed.", _by(done, "failures"), ("channel",))
        yield _counter("factbook_alert_set_aside", "Alerts that a channel will not be given again.", _by(done, "set_aside"), ("channel",))


def _by(counters: Iterable[tuple[str, Counters]], name: str) -> list[tuple[tuple[str], int]]:
    return [((channel,), getattr(counted, name)) for channel, counted in counters]


_Values = Iterable[tuple[Sequence[str], int]]
"""A number for each combination of labels."""


def _gauge(name: str, help_text: str, values: _Values, labels: Sequence[str] = ()) -> Metric:
    return _filled(GaugeMetricFamily(name, help_text, labels=labels), values)


def _counter(name: str, help_text: str, values: _Values, labels: Sequence[str] = ()) -> Metric:
    return _filled(CounterMetricFamily(name, help_text, labels=labels), values)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, values: _Values) -> Metric:
    for labels, value in values:
        family.add_metric(labels, value)
    return family
