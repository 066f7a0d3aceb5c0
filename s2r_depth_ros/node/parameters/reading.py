"""What a value that YAML read is for a parameter: ROS knows one type for each, people write others.

YAML makes booleans of words (off, yes), integers of whole numbers, strings of 1e-3 without a dot.
"""

from __future__ import annotations

from typing import Any

from s2r_depth_ros.parameter_files import boolean

_NOTHING = (None, '', 'null', '~', '[]')  # what an empty list becomes on its way through files


def read_value(
    value: Any, default: Any, *, booleans: tuple[str, str] | None = None, items: type = str
) -> Any:
    """Return ``value`` in the type of ``default`` where it is clear what is meant, else itself.

    booleans: the texts that false and true stand for, of a parameter of text that has such.
    items: type of the items where ``default`` is a list.
    """
    if isinstance(default, list):
        found = _items(value)
        numbers = items is float and isinstance(found, list)
        return [_number(item, float) for item in found] if numbers else found
    if isinstance(default, str):
        return _text(value, booleans)
    if isinstance(default, bool):
        return _boolean(value)
    return _number(value, type(default))


def _items(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return [] if value in _NOTHING else value
    try:
        return list(value)  # of an array
    except TypeError:
        return value


def _text(value: Any, booleans: tuple[str, str] | None) -> Any:
    if booleans is not None and (meant := _boolean(value)) in (True, False):
        return booleans[meant]
    return value


def _boolean(value: Any) -> Any:
    """Return the boolean that a word, 0 or 1 is; other values as they are."""
    meant = boolean(f'{value:g}' if isinstance(value, float) else str(value))
    return value if meant is None else meant


def _number(value: Any, kind: type) -> Any:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    if kind is float:
        return float(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value
