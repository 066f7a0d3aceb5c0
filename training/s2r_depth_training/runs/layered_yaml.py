"""YAML files that change one another, and the dataclasses that they describe."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import yaml

from s2r_depth_training.errors import ConfigError

_BASE = 'base'  # names the YAML, beside this one, that this one changes

Config = TypeVar('Config')


def read_layers(path: Path, kind: type, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Return the keys of a YAML laid over those of its base, as ``kind`` nests them.

    above: files that name this one. Raises ConfigError, which does not name ``path``, for a file
    that cannot be read, holds no keys, or is its own base.
    """
    try:
        values = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ConfigError(f'cannot be read: {error.strerror}') from error
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f'not YAML: {error}') from error
    if not isinstance(values, dict):
        raise ConfigError('holds no keys')
    base = values.pop(_BASE, None)
    if base is None:
        return values
    if not isinstance(base, str):
        raise ConfigError(f'base is {base!r}; give the name of a YAML file')
    below, chain = path.parent / base, (*above, path)
    if below.resolve() in [file.resolve() for file in chain]:
        raise ConfigError(f'base: {base} is its own base')
    try:
        return _merge(kind, read_layers(below, kind, chain), values)
    except ConfigError as error:
        raise ConfigError(f'base {base}: {error}') from error


def _merge(kind: type, below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Lay ``above`` over ``below``, key by key; a mapping such as data.mix is one value."""
    hints, merged = get_type_hints(kind), dict(below)
    for key, value in above.items():
        inner, both = hints.get(key), isinstance(value, dict) and isinstance(merged.get(key), dict)
        if both and isinstance(inner, type) and is_dataclass(inner):
            value = _merge(inner, merged[key], value)
        merged[key] = value
    return merged


def build(kind: type[Config], values: Any, where: str = '') -> Config:
    """Turn plain values into the dataclass ``kind``, checking keys and types on the way.

    where: prefix of the keys in messages, '' or such as 'data.'. Raises ConfigError.
    """
    if not isinstance(values, dict):
        raise ConfigError(f'{where.rstrip(".") or "the file"} must hold keys, it is {values!r}')
    hints = get_type_hints(kind)
    for key in values:
        if key not in {f.name for f in fields(kind)}:  # type: ignore[arg-type]  # a dataclass
            raise ConfigError(f'unknown key {where}{key}')
    return kind(**{key: _convert(hints[key], v, f'{where}{key}') for key, v in values.items()})


def _convert(hint: Any, value: Any, where: str) -> Any:
    if isinstance(hint, type) and is_dataclass(hint):
        return build(hint, value, where + '.')
    if get_origin(hint) is list and isinstance(value, list):
        return [_convert(get_args(hint)[0], v, f'{where}[{i}]') for i, v in enumerate(value)]
    if get_origin(hint) is dict and isinstance(value, dict):
        return {key: _convert(get_args(hint)[1], v, f'{where}.{key}') for key, v in value.items()}
    allowed = get_args(hint) if get_origin(hint) not in (list, dict, None) else (hint,)
    if float in allowed and isinstance(value, int | str) and not isinstance(value, bool):
        try:
            return float(value)  # YAML reads 1e-4 as text
        except ValueError:
            pass
    plain = tuple(get_origin(t) or t for t in allowed)
    if not isinstance(value, plain) or (isinstance(value, bool) and bool not in plain):
        raise ConfigError(f'{where} is {value!r}, of type {type(value).__name__}')
    return value
