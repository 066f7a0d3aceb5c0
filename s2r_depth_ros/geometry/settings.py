"""Checks of the settings of filters, which a user may have chosen."""

from __future__ import annotations

import math

from s2r_depth_ros.errors import UserError


class FilterError(UserError, ValueError):
    """A filter cannot work with a setting; the text names it, what it is and what it may be."""


def check_between(name: str, value: float, least: float, most: float = math.inf) -> None:
    """Raise FilterError unless least <= value <= most; NaN is not."""
    if not least <= value <= most:
        limits = f'at least {least:g}' if most == math.inf else f'from {least:g} to {most:g}'
        raise FilterError(f'{name} is {value:g}; it must be {limits}')


def check_positive(name: str, value: float, unit: str) -> None:
    """Raise FilterError unless ``value`` is positive and finite."""
    if not 0 < value < math.inf:
        raise FilterError(f'{name} is {value:g} {unit}; it must be positive and finite')


def check_order(lower: str, low: float, upper: str, high: float) -> None:
    """Raise FilterError unless low < high."""
    if not low < high:
        raise FilterError(f'{lower} is {low:g} and {upper} is {high:g}; {lower} must be less')
