"""Whether values of the parameters make sense, one by one and together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from s2r_depth_ros.geometry.frame_tree import FixedTransforms, FrameTreeError
from s2r_depth_ros.node.parameters.spec import ParameterError, Spec, group_names
from s2r_depth_ros.node.parameters.values import PARAMETERS, Values, value_of
from s2r_depth_ros.size_rule import SizeError, check_size

_LONGEST_NAME = 64  # of a camera


def validate(values: Values) -> None:
    """Raise ParameterError unless the values make sense one by one and together."""
    for spec in PARAMETERS:
        value = value_of(values, spec.name)
        if isinstance(spec.default, list):
            _validate_list(spec, value)
        else:
            _validate_one(spec, value)
    if not values.model:
        raise ParameterError('model is empty: give a model name or the path of a model file')
    if not re.fullmatch(r'auto|cpu|cuda(:\d+)?', values.device):
        raise ParameterError(f'device must be auto, cpu, cuda or cuda:N, not {values.device!r}')
    for name in ('input_height', 'input_width'):
        _validate_side(name, getattr(values, name))
    _validate_cameras(values.cameras)
    if values.depth_scales and len(values.depth_scales) != len(values.cameras):
        raise ParameterError(
            f'depth_scales has {len(values.depth_scales)} factors for {len(values.cameras)} '
            'cameras: give one for each of cameras in their order, or none; depth_scale is that of '
            'a single camera'
        )
    _validate_products(values)
    _validate_frames(values)
    for near, far in (('min_depth', 'max_depth'), ('color_near', 'color_far')):
        low, high = getattr(values, near), getattr(values, far)
        if 0 < high <= low:
            raise ParameterError(f'{near} ({low} m) must be smaller than {far} ({high} m)')
    for name in group_names(Values):
        getattr(values, name).check()


def _validate_list(spec: Spec, value: Any) -> None:
    kind = 'names' if spec.items is str else 'numbers'
    example = '1.0' if spec.items is float else spec.choices[0] if spec.choices else 'front'
    if not isinstance(value, (list, tuple)):
        raise ParameterError(
            f'{spec.name} must be a list of {kind} such as [{example}], not {value!r}'
        )
    for item in value:
        if not isinstance(item, spec.items):
            hint = ', text needs quotes' if spec.items is str else ''
            raise ParameterError(
                f'{spec.name} must be a list of {kind}, and {item!r} is none: YAML reads it as '
                f'{type(item).__name__}{hint}'
            )
        _validate_one(spec, item)


def _validate_one(spec: Spec, value: Any) -> None:
    if spec.choices and value not in spec.choices:
        raise ParameterError(f'{spec.name} must be one of {", ".join(spec.choices)}, not {value!r}')
    # Not the other way round: NaN is in no bounds.
    if spec.bounds and not spec.bounds[0] <= value <= spec.bounds[1]:
        low, high = spec.bounds
        raise ParameterError(f'{spec.name} must be from {low:g} to {high:g}, not {value!r}')


def _validate_cameras(cameras: Sequence[str]) -> None:
    for name in cameras:
        if not re.fullmatch(r'[A-Za-z](_?[A-Za-z0-9])*', name):
            raise ParameterError(
                f'cameras: {name!r} cannot be part of a topic: use a letter, then letters, digits '
                'and single underscores' + _instead_of(name)
            )
        if len(name) > _LONGEST_NAME:
            raise ParameterError(
                f'cameras: {name[:20]}... has {len(name)} characters, and topics of at most 255 '
                f'are named after it: use {_LONGEST_NAME} at most'
            )
        if list(cameras).count(name) > 1:
            raise ParameterError(f'cameras: {name!r} is there twice: each camera needs its own')


def _validate_products(values: Values) -> None:
    """Raise ParameterError where depth_scale and that of a camera together leave its bounds."""
    scale = next(spec for spec in PARAMETERS if spec.name == 'depth_scale')
    for name in values.cameras:
        try:
            _validate_one(scale, values.of_camera(name).depth_scale)
        except ParameterError as error:
            raise ParameterError(
                f'of camera {name} depth_scale times its own of depth_scales: {error}'
            ) from error


def _validate_frames(values: Values) -> None:
    try:
        FixedTransforms(values.transforms)
    except FrameTreeError as error:
        raise ParameterError(str(error)) from error
    if not values.base_frame.strip('/ '):
        raise ParameterError(
            'base_frame is empty: give the frame of the robot on the floor, such as base_link'
        )


def _instead_of(name: str) -> str:
    """Return a hint at a similar name that is possible."""
    similar = re.sub('_+', '_', re.sub('[^A-Za-z0-9]', '_', name)).strip('_')
    return f', such as {similar}' if re.match('[A-Za-z]', similar) else ''


def _validate_side(name: str, pixels: int) -> None:
    if pixels == 0:
        return
    try:
        check_size(pixels, pixels)
    except SizeError as error:
        raise ParameterError(
            f'{name} is {pixels}: it must be a multiple of 16 and at least 96, or 0'
        ) from error
