"""The service by which one known distance sets the scale of a camera."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.lifecycle import LifecycleNode
from rclpy.parameter import Parameter

from s2r_depth_ros.errors import UserError, brief
from s2r_depth_ros.geometry.scale import KnownDistance, NoScale, UnscaledView
from s2r_depth_ros.node import topics

PATIENCE = 5.0
"""Seconds that the service waits for a frame."""
_FRAMES = 5  # of which the median counts, as depth flickers
_LONGEST = 1.0  # s from the first of them on

_NAMES = ('distance', 'x', 'y')


class CalibrationRequestError(UserError):
    """A request of the service that cannot be served; the text says why, and the remedy."""


@dataclass
class _Measurement:
    """The distance that is known, and what frames say of it.

    distance: metres along the optical axis. pixel: x, y in px; None: the centre.
    scales: what the camera's factor would have to be, by each frame. problem: why the last frame
    that gave none did not, failed: how many those were. begun: set with the first scale, done: when
    no more frames are needed.
    """

    distance: float
    pixel: tuple[float, float] | None
    scales: list[float] = field(default_factory=list)
    problem: str = ''
    failed: int = 0
    begun: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)

    def add(self, view: UnscaledView | None, depth_scale: float, problem: str) -> None:
        """Measure in a frame; the arguments are those of ``ScaleCalibration.see``."""
        scale = None if view is None else self._scale_in(view)
        if isinstance(scale, float):
            self.scales.append(depth_scale * scale)
        else:
            self.problem = scale or problem
            self.failed += 1
        if self.scales or self.failed >= _FRAMES:
            self.begun.set()
        if max(len(self.scales), self.failed) >= _FRAMES:
            self.done.set()

    def _scale_in(self, view: UnscaledView) -> float | str:
        """Return by what depth is to be scaled, or why that is not known."""
        camera = view.intrinsics
        pixel = self.pixel or ((camera.width - 1) / 2, (camera.height - 1) / 2)
        found = KnownDistance(self.distance, pixel, 0.0).estimate(view)
        return found.text if isinstance(found, NoScale) else found.scale


class ScaleCalibration:
    """``~/calibrate_scale`` of one camera: sets its scale by a known distance.

    That is the parameter depth_scale of a single camera, its place in depth_scales of several, so
    that the others stay as they are. camera: its name, '' for a single one. ask_for_frame: called
    when a frame is awaited. While one is, ``wanted`` names an output that needs the network.
    Answers come from an executor's thread, of which only one waits at a time; ``see`` is called by
    the thread that infers.
    """

    _waiting = threading.Lock()

    def __init__(
        self,
        node: LifecycleNode,
        camera: str,
        ask_for_frame: Callable[[], None],
    ) -> None:
        self._node = node
        self._camera = camera
        self._ask_for_frame = ask_for_frame
        self._measurement: _Measurement | None = None
        self._closed = threading.Event()
        name = topics.of_camera(topics.CALIBRATE_SCALE, camera)
        self._service = node.create_service(
            SetParametersAtomically,
            name,
            self._serve,
            callback_group=MutuallyExclusiveCallbackGroup(),
        )

    @property
    def wanted(self) -> frozenset[str]:
        """Names in topics.OUTPUTS that are to be made though nobody may have subscribed."""
        return frozenset({topics.SCALE}) if self._measurement else frozenset()

    def see(self, view: UnscaledView | None, depth_scale: float, problem: str) -> None:
        """Take a frame if one is awaited.

        view: depth scaled by depth_scale alone, which is all of the camera's own factor; None where
        there are no intrinsics, because of the ``problem``.
        """
        measurement = self._measurement
        if measurement is None or measurement.done.is_set():
            return
        measurement.add(view, depth_scale, problem)

    def destroy(self) -> None:
        """Let go of the service; who waits is answered."""
        self._closed.set()
        if (measurement := self._measurement) is not None:
            measurement.begun.set()
            measurement.done.set()
        self._node.destroy_service(self._service)

    def _serve(
        self, request: SetParametersAtomically.Request, response: SetParametersAtomically.Response
    ) -> SetParametersAtomically.Response:
        try:
            distance, pixel = _asked({p.name: _value(p) for p in request.parameters})
            response.result = self._set(self._measured(_Measurement(distance, pixel)))
        except CalibrationRequestError as error:
            response.result = SetParametersResult(successful=False, reason=str(error))
            if request.parameters:  # without, a client sees whether it is heard
                self._node.get_logger().warning(f'calibrate_scale: {error}')
        return response

    def _measured(self, measurement: _Measurement) -> _Measurement:
        """Return the measurement with what frames say. Raises CalibrationRequestError."""
        if not self._waiting.acquire(blocking=False):
            raise CalibrationRequestError('another camera is being calibrated; ask again after it')
        self._measurement = measurement
        try:
            self._ask_for_frame()
            if measurement.begun.wait(PATIENCE):
                measurement.done.wait(_LONGEST)
        finally:
            self._measurement = None
            self._waiting.release()
        if measurement.scales:
            return measurement
        if self._closed.is_set():
            raise CalibrationRequestError(
                'the node is being cleaned up; configure it and ask again'
            )
        raise CalibrationRequestError(
            measurement.problem
            or f'no frame was inferred in {PATIENCE:g} s: activate the node and start the camera'
        )

    def _set(self, measurement: _Measurement) -> SetParametersResult:
        """Set the scale to the median, and tell what to write into the file of parameters."""
        parameter = self._parameter(median(measurement.scales))
        name, value = parameter.name, parameter.value
        result = self._node.set_parameters_atomically([parameter])
        if not result.successful:
            raise CalibrationRequestError(
                f'{name} would have to be {value}, which is refused: {result.reason}; check '
                'distance (metres) and pixel'
            )
        spread = max(measurement.scales) / min(measurement.scales) - 1
        text = (
            f'{name} is now {value}, the median of {len(measurement.scales)} frames that '
            f'differ by {spread:.0%}; to keep it, write into the file of parameters: '
            f'{name}: {value!r}'
        )
        self._node.get_logger().info(text)
        return SetParametersResult(successful=True, reason=text)

    def _parameter(self, scale: float) -> Parameter:
        """Return what makes ``scale`` the factor of the camera, and changes no other camera."""
        if not self._camera:
            return Parameter('depth_scale', value=_rounded(scale))
        common, cameras, own = (
            self._node.get_parameter(name).value
            for name in ('depth_scale', 'cameras', 'depth_scales')
        )
        own = list(own or [1.0] * len(cameras))
        own[list(cameras).index(self._camera)] = _rounded(scale / common)
        return Parameter('depth_scales', value=own)


def _rounded(scale: float) -> float:
    return float(f'{scale:.4g}')


def _asked(values: Mapping[str, Any]) -> tuple[float, tuple[float, float] | None]:
    """Return distance and pixel of a request. Raises CalibrationRequestError."""
    unknown = [name for name in values if name not in _NAMES]
    if unknown:
        raise CalibrationRequestError(
            f'{", ".join(unknown)}: not known here; give distance, and x and y if it is not that '
            'of the centre'
        )
    numbers = {name: _number(name, value) for name, value in values.items()}
    if not 0 < numbers.get('distance', 0.0) < math.inf:
        raise CalibrationRequestError(
            'give distance: metres along the optical axis, above 0, to what is seen at the pixel'
        )
    if ('x' in numbers) != ('y' in numbers):
        raise CalibrationRequestError('give both x and y, in pixels, or none of them')
    pixel = (numbers['x'], numbers['y']) if 'x' in numbers else None
    return numbers['distance'], pixel


def _value(parameter: ParameterMessage) -> Any:
    """Return the value in a message. Raises CalibrationRequestError if it is of no type."""
    try:
        return Parameter.from_parameter_msg(parameter).value
    except ValueError as error:
        raise CalibrationRequestError(f'{brief(parameter.name)}: {error}; give a number') from error


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise CalibrationRequestError(f'{name} is {value!r}; it must be a number')
    return float(value)
