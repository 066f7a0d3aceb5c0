"""Types of option values that the command lines of both packages have; argparse calls them."""

from __future__ import annotations

import argparse
import math
import re


def count(text: str, least: int = 1) -> int:
    """Return the whole number from ``least`` upwards that a text is.

    Raises ArgumentTypeError, which argparse reports, for another text.
    """
    if not re.fullmatch('[0-9]+', text) or int(text) < least:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number, {least} or more")
    return int(text)


def positive(text: str, unit: str = '') -> float:
    """Return the positive, finite number, of ``unit`` if it has one, that a text is.

    Raises ArgumentTypeError, which argparse reports, for another text.
    """
    value = _number(text)
    if not 0 < value < math.inf:
        of_unit = f' of {unit}' if unit else ''
        raise argparse.ArgumentTypeError(f"'{text}' is not a positive number{of_unit}")
    return value


def share(text: str) -> float:
    """Return the number from 0 to 1 that a text is.

    Raises ArgumentTypeError, which argparse reports, for another text.
    """
    value = _number(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a share from 0 to 1")
    return value


def _number(text: str) -> float:
    """Return the number that a text is, NaN for another text."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def size(text: str, least: int = 1) -> tuple[int, int]:
    """Return (height, width) in px of a text such as 192x256; neither is below ``least``.

    Raises ArgumentTypeError, which argparse reports, for another text.
    """
    match = re.fullmatch('([0-9]+)[xX]([0-9]+)', text)
    if match is None:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not HEIGHTxWIDTH in pixels, for example 192x256"
        )
    height, width = int(match[1]), int(match[2])
    if min(height, width) < least:
        raise argparse.ArgumentTypeError(f"'{text}': no side may be under {least} px")
    return height, width
