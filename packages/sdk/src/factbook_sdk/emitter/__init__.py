"""Emit facts from a pipeline: never in its way, never lost. See :class:`Emitter`."""

from factbook_sdk.emitter.delivery import Delivered
from factbook_sdk.emitter.emitter import Counters, Emitter
from factbook_sdk.emitter.options import EmitterOptions
from factbook_sdk.emitter.spool import Spool, SpoolStatus

__all__ = ["Counters", "Delivered", "Emitter", "EmitterOptions", "Spool", "SpoolStatus"]
