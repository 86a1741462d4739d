"""``factbook worker``: a process that runs background jobs and nothing else."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer


def worker(
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", metavar="N", min=1, help="Jobs to run at the same time; default: JOB_WORKERS, else 2.", show_default=False),
    ] = None,
) -> None:
    """Run queued jobs.

    Any number of workers and servers share one store, on as many machines. Ctrl-C or SIGTERM stops this
    one; jobs that run are asked to stop and go on in another.
    """
    from factbook.app import Factbook
    from factbook.errors import ConfigurationError
    from factbook.log import configure_logging
    from factbook.settings import load_settings

    settings = load_settings(job_workers=jobs)
    if not settings.job_workers:
        raise ConfigurationError("A worker that runs no jobs has nothing to do", why="JOB_WORKERS is 0", fix="Start it with --jobs N")
    configure_logging(settings.log_level)
    asked_to_stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: asked_to_stop.set())
    factbook = Factbook(settings)
    try:
        at_work = factbook.worker()
        at_work.start()
        asked_to_stop.wait()
        at_work.stop()
    finally:
        factbook.close()
