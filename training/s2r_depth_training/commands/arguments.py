"""Types of command line options that several commands share."""

from __future__ import annotations

import argparse
import math


def count_argument(text: str) -> int:
    """Return the whole number, 0 or more, that a text is; argparse reports another text."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f'{text!r} is not a whole number, 0 or more')
    return int(text)


def positive_count_argument(text: str) -> int:
    """Return the whole number, 1 or more, that a text is; argparse reports another text."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f'{text!r} is not a whole number, 1 or more')
    return int(text)


def duration_argument(text: str) -> float:
    """Return the positive finite number that a text is; argparse reports another text."""
    try:
        duration = float(text)
    except ValueError:
        duration = math.nan
    if not 0 < duration < math.inf:
        raise argparse.ArgumentTypeError(f'{text!r} is not a number above 0')
    return duration
