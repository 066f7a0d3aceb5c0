"""What the demo's processes tell the orchestration: one JSON object a line on stdout."""

from __future__ import annotations

import json
import signal
import sys
import threading
from typing import Any


def emit(event: str, **fields: Any) -> None:
    """Print one event at once."""
    print(json.dumps({'event': event, **fields}), flush=True)


def fail(process: str, reason: str) -> int:
    """Tell why ``process`` gives up, to the demo and on stderr; return its exit status."""
    print(f'{process}: {reason}', file=sys.stderr)
    emit('failed', reason=reason)
    return 1


def parse(line: str) -> dict[str, Any] | None:
    """Return the event of one stdout line, None for any other output."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and 'event' in event else None


def stop_on_signals() -> threading.Event:
    """Return an event that SIGINT and SIGTERM set, so that a loop ends between two steps."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop
