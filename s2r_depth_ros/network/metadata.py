"""What a model file says about itself: everything its user must know besides the weights."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeGuard

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.network.s2r_depthnet import WIDTHS
from s2r_depth_ros.size_rule import LARGEST_SIDE, SizeError, check_size

COLOR_ORDERS = ('rgb', 'bgr')
RESIZE_METHODS = ('bicubic', 'bilinear')
SCENES = ('indoor', 'outdoor', 'universal')

# Fields that files of an older version do not have.
_YOUNGER = ('pitch_range', 'roll_range', 'confidence_curve')

_Test = Callable[[object], bool]


class CheckpointError(UserError):
    """A model file cannot be used: names the file, the first offending key and the remedy."""


def require_file(path: Path) -> None:
    """Raise CheckpointError unless ``path`` is a file that may be read."""
    if path.is_dir():
        raise CheckpointError(f'{path}: is a folder; give the file inside it')
    if not path.exists():
        raise CheckpointError(f'{path}: no such file; check the path')
    if not path.is_file():
        raise CheckpointError(f'{path}: is a pipe or a device; give a file')
    if not os.access(path, os.R_OK):
        raise CheckpointError(f'{path}: may not be read; check its permissions')


@dataclass(frozen=True)
class ModelMetadata:
    """Facts about one model, stored beside its weights.

    name: short name, no path separators. width: one of WIDTHS.
    input_height, input_width: size in pixels the network was trained at (docs/network.md 2.6).
    max_depth: metres; an output x in [-1, 1] means (x + 1) / 2 * max_depth (docs/network.md 3.2).
    focal_length: training fx in pixels at the network's input size; None where unknown.
    color_order: order of the input channels, 'rgb' or 'bgr'.
    mean, std: per channel, of values in [0, 1]; the network's input is (value - mean) / std.
    resize: resampling of training images, 'bicubic' or 'bilinear', antialiased.
    scene: 'indoor', 'outdoor' or 'universal'.
    provenance: what it was trained on and how; scores: evaluation results; both JSON objects.
    pitch_range, roll_range: least and largest angle of the cameras that it was trained with,
        radians, without a twentieth at each end; pitch above 0 looks up, roll above 0 has the right
        side of the camera lower. None where unknown, as in older files: level is assumed then.
    confidence_curve: intercept and the factors of relief, farness and its square, of the log odds
        that a depth is right (geometry/cleaning/confidence.py). None where it was not fitted: that
        of an earlier model for such scenes is taken then.
    licence: of the weights. placeholder: why this model only stands in for a better one, or ''.
    sha256: over the sorted keys, each followed by its tensor's little-endian bytes; filled on save.

    Raises CheckpointError naming the first field of a wrong type or out of range.
    """

    name: str
    width: float
    input_height: int
    input_width: int
    max_depth: float
    focal_length: float | None
    scene: str
    licence: str
    color_order: str = 'rgb'
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    resize: str = 'bicubic'
    pitch_range: tuple[float, float] | None = None
    roll_range: tuple[float, float] | None = None
    confidence_curve: tuple[float, float, float, float] | None = None
    provenance: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, Any] = field(default_factory=dict)
    placeholder: str = ''
    sha256: str = ''

    def __post_init__(self) -> None:
        for key, (holds, rule) in _RULES.items():
            value = getattr(self, key)
            if not holds(value):
                raise CheckpointError(f'metadata field {key!r} must be {rule}, it is {value!r}')
        try:
            check_size(self.input_height, self.input_width)
        except SizeError as error:
            raise CheckpointError(
                f"metadata fields 'input_height' and 'input_width': {error}"
            ) from error

    def to_json(self) -> str:
        """Return all fields as one JSON object."""
        return json.dumps(asdict(self), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> ModelMetadata:
        """Read what to_json wrote.

        Raises CheckpointError naming the first field that is missing, unknown or wrong.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise CheckpointError(f'the metadata is not JSON ({error})') from error
        if not isinstance(values, dict):
            raise CheckpointError('the metadata is not a JSON object')
        known = [f.name for f in fields(cls)]
        for key in known:
            if key not in values and key not in _YOUNGER:
                raise CheckpointError(f'metadata field {key!r} is missing')
        for key in values:
            if key not in known:
                raise CheckpointError(f'metadata field {key!r} is unknown')
        for key in ('mean', 'std', *_YOUNGER):
            if isinstance(values.get(key), list):
                values[key] = tuple(values[key])
        return cls(**values)


def _is_number(value: object) -> TypeGuard[float]:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return -math.inf < value < math.inf  # compared, not converted: an int may exceed any float


def _from(least: float, most: float) -> _Test:
    return lambda value: _is_number(value) and least <= value <= most


def _is_side(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value <= LARGEST_SIDE


def _is_json_object(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    try:
        return bool(json.loads(json.dumps(value, allow_nan=False)) == value)
    except (TypeError, ValueError, RecursionError):
        return False


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value.strip() != '' and not set(value) & set('/\\\n')


def _numbers(count: int, holds: _Test) -> _Test:
    return lambda value: isinstance(value, tuple) and len(value) == count and all(map(holds, value))


def _angles(most: float) -> tuple[_Test, str]:
    def holds(value: object) -> bool:
        if value is None:
            return True
        if not (isinstance(value, tuple) and len(value) == 2 and all(map(_is_number, value))):
            return False
        return bool(-most <= value[0] <= value[1] <= most)

    return (
        holds,
        f'two angles in radians, the smaller first, from {-most:.4g} to {most:.4g}, or null',
    )


def _one_of(values: tuple[object, ...]) -> tuple[_Test, str]:
    rule = 'one of ' + ', '.join(map(repr, values))
    return lambda value: not isinstance(value, bool) and value in values, rule


_TEXT: tuple[_Test, str] = (lambda value: isinstance(value, str), 'a string')
_OBJECT = (_is_json_object, 'a JSON object (string keys, finite numbers, lists not tuples)')

# Field -> (test, the rule in words for the message).
_RULES: dict[str, tuple[_Test, str]] = {
    'name': (_is_name, 'a non-empty string without slashes'),
    'width': _one_of(WIDTHS),
    'input_height': (_is_side, f'a whole number of pixels, {LARGEST_SIDE} at most'),
    'input_width': (_is_side, f'a whole number of pixels, {LARGEST_SIDE} at most'),
    'max_depth': (_from(1e-3, 1e5), 'metres from 0.001 to 100000'),
    'focal_length': (
        lambda v: v is None or _from(1e-2, 1e6)(v),
        'pixels from 0.01 to 1000000, or null if unknown',
    ),
    'scene': _one_of(SCENES),
    'licence': _TEXT,
    'color_order': _one_of(COLOR_ORDERS),
    'mean': (_numbers(3, _from(-1e3, 1e3)), 'three numbers from -1000 to 1000'),
    'std': (_numbers(3, _from(1e-3, 1e3)), 'three numbers from 0.001 to 1000'),
    'resize': _one_of(RESIZE_METHODS),
    'pitch_range': _angles(math.pi / 2),
    'roll_range': _angles(math.pi),
    'confidence_curve': (
        lambda v: v is None or _numbers(4, _from(-1e6, 1e6))(v),
        'four numbers from -1000000 to 1000000, or null',
    ),
    'provenance': _OBJECT,
    'scores': _OBJECT,
    'placeholder': _TEXT,
    'sha256': _TEXT,
}
