"""The most memory that this process ever held. It imports nothing heavy: the scripts whose memory is measured call it at their end."""

from __future__ import annotations

import re
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_mib() -> float:
    """Return the peak of this process in MiB.

    On Linux it is ``VmHWM``: ``ru_maxrss`` of a child begins at what its parent held when it started it, and says nothing below that.
    """
    if _STATUS.exists():
        found = re.search(r"^VmHWM:\s*(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
        if found is not None:
            return int(found[1]) / 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if sys.platform == "darwin" else peak / 1024
