"""What a process of the rig tells the one that started it: one JSON object a line on stdout."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Any

# ``event`` names its kind; the other fields depend on that.
Event = dict[str, Any]


def emit(event: str, **fields: Any) -> None:
    """Print one event at once."""
    print(json.dumps({'event': event, **fields}), flush=True)


def fail(process: str, reason: str) -> int:
    """Tell why ``process`` gives up, as an event and on stderr; return its exit status."""
    emit('failed', reason=reason)
    with suppress(OSError):  # stderr may go to a disk that is full
        print(f'{process}: {reason}', file=sys.stderr)
    return 1


def parse(line: str) -> Event | None:
    """Return the event of one stdout line, None for any other output."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and 'event' in event else None
