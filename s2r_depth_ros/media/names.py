"""The order of file names."""

from __future__ import annotations

import re


def natural_key(name: str) -> list[tuple[bool, int, str]]:
    """Return what puts names into natural order, frame2 before frame10."""
    # Only 0 to 9: other digits, such as a superscript two, need not be numbers.
    parts = re.split('([0-9]+)', name)
    return [(i % 2 == 1, int(part) if i % 2 else 0, part) for i, part in enumerate(parts)]
