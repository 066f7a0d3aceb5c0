"""What a check found, and how it travels from the process of the check."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

OK, NOTE, FAILED = 'ok', 'note', 'FAILED'
"""As it has to be; something that many do without; something that the node cannot do without."""


@dataclass(frozen=True)
class Finding:
    """One line of the table.

    what: the thing that was looked at. state: OK, NOTE or FAILED. text: what was found.
    remedy: what to do, empty where there is nothing to do.
    """

    what: str
    state: str
    text: str
    remedy: str = ''


def to_json(findings: Iterable[Finding]) -> str:
    """Return findings as one line."""
    return json.dumps([asdict(finding) for finding in findings])


def from_json(line: str) -> list[Finding]:
    """Return the findings of ``to_json``. Raises ValueError or TypeError for any other text."""
    return [Finding(**fields) for fields in json.loads(line)]
