"""Turn facts into alerts and bring them to people: log, webhook, e-mail, chat."""

from factbook.watch.about import Vital
from factbook.watch.alerts import AlertPage, Alerts
from factbook.watch.judgement import Follower
from factbook.watch.watcher import Watcher, WatchReport

__all__ = ["AlertPage", "Alerts", "Follower", "Vital", "WatchReport", "Watcher"]
