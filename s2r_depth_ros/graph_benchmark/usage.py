"""What processes use of the machine, from /proc."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    """CPU seconds used so far and resident MiB, of one or more processes."""

    cpu_s: float
    rss_mib: float


def usage(pids: Sequence[int]) -> Usage:
    """Return what the processes with these ids used together."""
    ticks = pages = 0
    for pid in pids:
        # utime and stime are the 14th and 15th field, the 2nd is the name in brackets.
        fields = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
        pages += int(Path(f'/proc/{pid}/statm').read_text().split()[1])
    return Usage(ticks / os.sysconf('SC_CLK_TCK'), pages * os.sysconf('SC_PAGE_SIZE') / 2**20)
