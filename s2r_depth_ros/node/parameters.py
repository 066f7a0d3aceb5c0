"""Every parameter of the node, declared once as a field of ``Values``.

The table PARAMETERS is made from those fields: ROS declares the parameters from it, and the tables
in the documentation are written from it. A parameter is added here and in config/depth.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, cast

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.inference.backends import BACKEND_NAMES
from s2r_depth_ros.inference.devices import PRECISIONS
from s2r_depth_ros.network.registry import DEFAULT_MODEL
from s2r_depth_ros.network.size_rule import SizeError, check_size
from s2r_depth_ros.node.parameter_values import read_value
from s2r_depth_ros.parameter_files import closest

T = TypeVar('T')

QOS = 'qos_overrides.'
"""What the names of the parameters that override a topic's QoS begin with."""


class ParameterError(UserError):
    """Parameter values that cannot be used, one or several that contradict each other."""


@dataclass(frozen=True)
class Spec:
    """Declaration of one parameter; its type is its default's.

    default: as ROS has it, so a list where ``Values`` has a tuple.
    bounds: smallest and largest value of a number. choices: the strings allowed.
    booleans: those of them that false and true mean, as YAML makes booleans of off and on.
    reload: fixed once the model is being loaded: rejected unless the node is unconfigured.
    read_only: fixed at start.
    """

    name: str
    default: bool | int | float | str | list[str]
    description: str
    bounds: tuple[float, float] | None = None
    choices: tuple[str, ...] = ()
    booleans: tuple[str, str] | None = None
    reload: bool = False
    read_only: bool = False

    def read(self, value: Any) -> Any:
        """Return a value that ROS read, in this parameter's type.

        Raises ParameterError for one of another type.
        """
        result = read_value(value, self.default, self.booleans)
        if type(result) is not type(self.default) and self.default != []:
            kind = {bool: 'true or false', int: 'a whole number', float: 'a number', str: 'text'}
            raise ParameterError(
                f'{self.name} must be {kind[type(self.default)]}, but YAML reads what was given '
                f'as {value!r} ({type(value).__name__})'
                + (': put text in quotes' if isinstance(self.default, str) else '')
            )
        return result

    def descriptor(self) -> ParameterDescriptor:
        """Return what ``ros2 param describe`` shows."""
        constraints = []
        if self.choices:
            constraints.append('one of ' + ', '.join(self.choices))
        if self.reload:
            constraints.append('can be changed only while the node is unconfigured')
        result = ParameterDescriptor(
            description=self.description,
            additional_constraints='; '.join(constraints),
            read_only=self.read_only,
            # rclpy would declare an empty list as one of bytes; validate checks the type instead.
            dynamic_typing=self.default == [],
        )
        if self.bounds and isinstance(self.default, float):
            low, high = map(float, self.bounds)
            result.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
        elif self.bounds:
            low, high = map(int, self.bounds)
            result.integer_range = [IntegerRange(from_value=low, to_value=high, step=1)]
        return result


def _parameter(
    default: T,
    description: str,
    *,
    bounds: tuple[float, float] | None = None,
    choices: tuple[str, ...] = (),
    booleans: tuple[str, str] | None = None,
    reload: bool = False,
    read_only: bool = False,
) -> T:
    """Return the dataclass field that declares a parameter; the arguments are those of ``Spec``.

    Typed as dataclasses.field is: as the default that the field has.
    """
    facts = {
        'description': description,
        'bounds': bounds,
        'choices': choices,
        'booleans': booleans,
        'reload': reload,
        'read_only': read_only,
    }
    return cast(T, field(default=default, metadata=facts))


@dataclass(frozen=True)
class Values:
    """One consistent set of parameter values; each field declares the parameter of its name."""

    model: str = _parameter(
        DEFAULT_MODEL, 'name of a model in models/, or the path of a .safetensors file', reload=True
    )
    device: str = _parameter(
        'auto',
        'where the network runs: auto (a GPU if there is one), cpu, cuda, cuda:N',
        reload=True,
    )
    precision: str = _parameter(
        'fp32',
        'arithmetic of the network; fp16 is for GPUs, bf16 for GPUs and for CPUs with bf16 units',
        choices=tuple(PRECISIONS),
        reload=True,
    )
    backend: str = _parameter(
        'auto',
        'what runs the network; auto: the fastest that is installed (openvino on a CPU, else '
        'torch), said in the log; eager is the slow reference; tap (numba), openvino and '
        'onnxruntime are to be installed separately',
        choices=BACKEND_NAMES,
        reload=True,
    )
    input_height: int = _parameter(
        0,
        "height of the network's input in pixels, a multiple of 16 from 96 upwards; 0: the model's",
        bounds=(0, 4096),
        reload=True,
    )
    input_width: int = _parameter(
        0,
        "width of the network's input in pixels, a multiple of 16 from 96 upwards; 0: the model's",
        bounds=(0, 4096),
        reload=True,
    )
    cameras: tuple[str, ...] = _parameter(
        (),
        'names of several cameras, inferred together; each has all topics of its own beneath its '
        'name; empty: a single camera without a name',
        reload=True,
    )
    image_transport: str = _parameter(
        'raw',
        'subscribe to image (raw) or image/compressed (compressed)',
        choices=('raw', 'compressed'),
        reload=True,
    )
    rectify: str = _parameter(
        'auto',
        'auto: undistort images with the distortion of camera_info; never: images are rectified '
        'already, as image_rect of image_proc',
        choices=('auto', 'never'),
        booleans=('never', 'auto'),
    )
    camera_info_timeout: float = _parameter(
        0.05,
        'seconds a frame waits for the camera_info of its stamp before the newest one for images '
        'of its size is taken',
        bounds=(0.0, 10.0),
    )
    max_image_pixels: int = _parameter(
        25_000_000,
        'pixels of an image at most: one that states more is dropped before it is decoded',
        bounds=(1, 1_000_000_000),
    )
    depth_scale: float = _parameter(
        1.0,
        'fixed factor on all depths, such as one found against a tape measure or a lidar',
        bounds=(0.001, 1000.0),
    )
    min_depth: float = _parameter(0.0, 'metres; nearer depths are invalid', bounds=(0.0, 1000.0))
    max_depth: float = _parameter(
        0.0,
        'metres; farther depths are invalid; 0: all that the model can express',
        bounds=(0.0, 1000.0),
    )
    depth_encoding: str = _parameter(
        '32FC1', 'depth image in metres (32FC1) or millimetres (16UC1)', choices=('32FC1', '16UC1')
    )
    color_near: float = _parameter(
        0.0,
        'metres shown as the nearest colour of ~/depth_color; 0: chosen anew for each frame',
        bounds=(0.0, 1000.0),
    )
    color_far: float = _parameter(
        0.0,
        'metres shown as the farthest colour of ~/depth_color; 0: chosen anew for each frame',
        bounds=(0.0, 1000.0),
    )
    publish_always: bool = _parameter(
        False, 'make every output of every frame, also those without a subscriber'
    )
    diagnostics_period: float = _parameter(
        1.0, 'seconds between two messages on /diagnostics', bounds=(0.1, 60.0)
    )
    autostart: bool = _parameter(
        False,
        'configure and activate the node at start instead of waiting for the transitions',
        read_only=True,
    )


def _spec(name: str, default: Any, facts: Mapping[str, Any]) -> Spec:
    return Spec(name, list(default) if isinstance(default, tuple) else default, **facts)


PARAMETERS = tuple(_spec(entry.name, entry.default, entry.metadata) for entry in fields(Values))


def validate(values: Values) -> None:
    """Raise ParameterError unless the values make sense one by one and together."""
    for spec in PARAMETERS:
        value = getattr(values, spec.name)
        if spec.choices and value not in spec.choices:
            raise ParameterError(
                f'{spec.name} must be one of {", ".join(spec.choices)}, not {value!r}'
            )
        # Not the other way round: NaN is in no bounds.
        if spec.bounds and not spec.bounds[0] <= value <= spec.bounds[1]:
            low, high = spec.bounds
            raise ParameterError(f'{spec.name} must be from {low:g} to {high:g}, not {value!r}')
    if not values.model:
        raise ParameterError('model is empty: give a model name or the path of a model file')
    if not re.fullmatch(r'auto|cpu|cuda(:\d+)?', values.device):
        raise ParameterError(f'device must be auto, cpu, cuda or cuda:N, not {values.device!r}')
    for name in ('input_height', 'input_width'):
        _validate_side(name, getattr(values, name))
    _validate_cameras(values.cameras)
    for near, far in (('min_depth', 'max_depth'), ('color_near', 'color_far')):
        low, high = getattr(values, near), getattr(values, far)
        if 0 < high <= low:
            raise ParameterError(f'{near} ({low} m) must be smaller than {far} ({high} m)')


def _validate_cameras(cameras: Any) -> None:
    if not isinstance(cameras, (list, tuple)):
        raise ParameterError(f'cameras must be a list of names such as [front], not {cameras!r}')
    for name in cameras:
        if not (isinstance(name, str) and re.fullmatch(r'[A-Za-z](_?[A-Za-z0-9])*', name)):
            raise ParameterError(
                f'cameras: {name!r} cannot be part of a topic: use a letter, then letters, digits '
                'and single underscores' + _instead_of(name)
            )
        if list(cameras).count(name) > 1:
            raise ParameterError(f'cameras: {name!r} is there twice: each camera needs its own')


def _instead_of(name: Any) -> str:
    """Return a hint at a similar name that is possible, or at what YAML made of it."""
    if not isinstance(name, str):
        return f'; YAML reads it as {type(name).__name__}, text needs quotes'
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


def unknown_names(given: Iterable[str]) -> list[str]:
    """Return a warning for each name among ``given`` that is no parameter of the node.

    Overrides of a QoS are not looked at: they are known once the topics are.
    """
    # The last two are rclpy's own.
    known = [*(spec.name for spec in PARAMETERS), 'use_sim_time', 'start_type_description_service']
    return [
        f'the parameter {name} is given, but the node has none of that name'
        + (closest(name, known) or f': it has {", ".join(known)}')
        for name in given
        if name not in known and not name.startswith(QOS)
    ]


def _as_values(values: Mapping[str, Any]) -> Values:
    cameras = values['cameras']
    names = tuple(cameras) if isinstance(cameras, (list, tuple)) else cameras
    return Values(**{**values, 'cameras': names})


def _in_type(changes: list[Parameter]) -> list[Parameter]:
    """Return the changes in the types that the parameters have, where it is clear what is meant."""
    specs = {spec.name: spec for spec in PARAMETERS}
    result = []
    for change in changes:
        spec = specs.get(change.name)
        if spec is None:
            result.append(change)
            continue
        value = read_value(change.value, spec.default, spec.booleans)
        # rclpy takes an empty list for one of bytes.
        kind = Parameter.Type.STRING_ARRAY if value == [] else None
        result.append(Parameter(change.name, kind, value))
    return result


class NodeParameters:
    """The declared parameters of one node.

    mixed: values given at start that rclpy gets wrong (``NodeArguments.mixed``).
    is_model_chosen: returns whether a model is loaded or being loaded, which fixes the parameters
    marked ``reload``.
    on_change: called with the new values after each accepted change.
    Raises ParameterError if the values given at start cannot be used.
    """

    def __init__(
        self,
        node: Node,
        mixed: Mapping[str, Any],
        is_model_chosen: Callable[[], bool],
        on_change: Callable[[Values], None],
    ) -> None:
        self._node = node
        self._is_model_chosen = is_model_chosen
        self._on_change = on_change
        given = {spec.name: self._given(spec) for spec in PARAMETERS} | dict(mixed)
        values = {spec.name: spec.read(given[spec.name]) for spec in PARAMETERS}
        self.values = _as_values(values)
        validate(self.values)
        for spec in PARAMETERS:
            node.declare_parameter(
                spec.name, values[spec.name], spec.descriptor(), ignore_override=True
            )
        node.add_pre_set_parameters_callback(_in_type)
        # Of a known type though it is empty, so that `ros2 param dump` writes it as a list.
        node.set_parameters([Parameter('cameras', value=values['cameras'])])
        node.add_on_set_parameters_callback(self._check)
        node.add_post_set_parameters_callback(self._apply)

    def _given(self, spec: Spec) -> Any:
        """Return what was given for a parameter, of whatever type, or its default."""
        anything = ParameterDescriptor(dynamic_typing=True)
        value = self._node.declare_parameter(spec.name, spec.default, anything).value
        self._node.undeclare_parameter(spec.name)
        return value

    def _with(self, changes: Iterable[Parameter]) -> Values:
        """Return the present values with some of them replaced."""
        values = {spec.name: self._node.get_parameter(spec.name).value for spec in PARAMETERS}
        values.update({p.name: p.value for p in changes if p.name in values})
        return _as_values(values)

    def _check(self, changes: list[Parameter]) -> SetParametersResult:
        try:
            values = self._with(changes)
            validate(values)
            self._check_reload(values)
        except ParameterError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _check_reload(self, values: Values) -> None:
        if not self._is_model_chosen():
            return
        for spec in PARAMETERS:
            before = getattr(self.values, spec.name)
            if spec.reload and getattr(values, spec.name) != before:
                raise ParameterError(
                    f'{spec.name} is read-only while the node is configured (it is {before!r}): '
                    'deactivate and clean up the node, set it, then configure and activate again'
                )

    def _apply(self, _changes: list[Parameter]) -> None:
        values = self._with(())
        # QoS overrides are declared later and come by here too.
        if values != self.values:
            self.values = values
            self._on_change(values)
