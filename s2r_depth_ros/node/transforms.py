"""Transforms between frames: fixed ones from a parameter, and TF where tf2_ros is installed."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Protocol

from rclpy.node import Node
from rclpy.time import Time

from s2r_depth_ros.errors import brief
from s2r_depth_ros.geometry.frame_tree import FORM, FixedTransforms, NoTransform, frame_name
from s2r_depth_ros.geometry.rigid import Matrix, rigid_of
from s2r_depth_ros.parameter_files import closest

TOLERANCE = 0.2
"""Seconds that a moving transform may be older or newer than what it is asked for.

TF comes later than images do: the newest transform is taken until the next one is there.
"""

_LATEST_STAMP = 2**31  # seconds: builtin_interfaces/Time has int32
_ADD = f'or give it in the parameter transforms, as {FORM}'


class Transforms(Protocol):
    """What tells how frames lie to each other."""

    def find(self, target: str, source: str, stamp: float) -> Matrix:
        """Return the transform [4, 4]: a point p of ``source`` is ``T @ p`` in ``target``, metres.

        stamp: seconds, the time at which it holds; 0: the newest. Does not wait.
        Raises NoTransform.
        """
        ...


class TfTransforms:
    """What TF says, by a listener of its own to /tf and /tf_static.

    Raises ImportError where tf2_ros is not installed.
    """

    def __init__(self, node: Node) -> None:
        import tf2_ros

        self._tf2 = tf2_ros
        self._node = node
        # Of this node, whose clock says when simulated time or a recording begins again.
        self._buffer = tf2_ros.Buffer(node=node)
        self._listener = tf2_ros.TransformListener(self._buffer, node)

    def find(self, target: str, source: str, stamp: float) -> Matrix:
        """Return the transform [4, 4] as ``Transforms`` says.

        A moving one is interpolated, or the newest if that is at most TOLERANCE off.
        """
        target, source = frame_name(target), frame_name(source)
        if not 0 <= stamp < _LATEST_STAMP:
            raise NoTransform(
                f'the stamp {stamp:g} s is no time: set the stamps of images in the camera driver'
            )
        try:
            return self._looked_up(target, source, Time(nanoseconds=round(stamp * 1e9)))[0]
        except self._tf2.ExtrapolationException:
            return self._newest(target, source, stamp)
        except self._tf2.TransformException as error:
            raise NoTransform(self._why(target, source, str(error))) from error

    def close(self) -> None:
        """Let go of the topics and of the service."""
        self._listener.unregister()
        self._buffer.jump_handle.unregister()
        self._node.destroy_service(self._buffer.srv)

    def _looked_up(self, target: str, source: str, when: Time) -> tuple[Matrix, float]:
        """Return a transform and its stamp, seconds; raises tf2's exceptions."""
        found = self._buffer.lookup_transform(target, source, when)
        stamp = found.header.stamp
        try:
            transform = rigid_of(found.transform)
        except ValueError as error:
            raise NoTransform(
                f'TF from {source!r} to {target!r} is broken ({error}): correct its publisher'
            ) from error
        return transform, stamp.sec + 1e-9 * stamp.nanosec

    def _newest(self, target: str, source: str, stamp: float) -> Matrix:
        """Return the newest transform, for a time at which there is none."""
        try:
            transform, newest = self._looked_up(target, source, Time())
        except self._tf2.TransformException as error:
            raise NoTransform(
                f'TF from {source!r} to {target!r} has no common time ({brief(error)}): a part of '
                'it is published too seldom, or only once and not on /tf_static',
                of_time=True,
            ) from error
        late = stamp - newest
        if abs(late) > TOLERANCE:
            side = 'older' if late > 0 else 'newer'
            raise NoTransform(
                f'the newest TF from {source!r} to {target!r} is {abs(late):.2f} s {side} than the '
                f'image (at most {TOLERANCE} s will do): its publisher is late or has ended, or '
                f'clocks differ; look at `ros2 run tf2_ros tf2_monitor {target} {source}`',
                of_time=True,
            )
        return transform

    def _why(self, target: str, source: str, text: str) -> str:
        """Return why there is no transform, and the remedy; text: what tf2 says."""
        if 'loop' in text:
            return (
                f'TF is a loop at {source!r} or {target!r}: two publishers contradict each other; '
                'look at `ros2 run tf2_tools view_frames`, and end one of them'
            )
        for frame in (target, source):
            # Public in Python in spite of its name; the text of all frames is in no fixed form.
            if not self._buffer._frameExists(frame):
                known = self._buffer._getFrameStrings()
                hint = closest(frame, known) if known else '; nothing is published on /tf'
                return (
                    f'TF has no frame {frame!r}{hint}: start robot_state_publisher (or '
                    f'static_transform_publisher), {_ADD}'
                )
        return (
            f'TF does not connect {source!r} with {target!r}: publish what is between them '
            f'(look at `ros2 run tf2_tools view_frames`), {_ADD}'
        )


class NodeTransforms:
    """The transforms of a node: fixed ones, TF, and ways that need both.

    TF is listened to from the first question on that the fixed ones do not answer, so it costs
    nothing where nobody asks. ``fixed`` may be replaced at any time.
    """

    def __init__(self, node: Node, fixed: FixedTransforms) -> None:
        self.fixed = fixed
        self._node = node
        self._lock = threading.Lock()
        self._tf: TfTransforms | None = None
        self._no_tf = ''

    def find(self, target: str, source: str, stamp: float) -> Matrix:
        """Return the transform [4, 4] as ``Transforms`` says; fixed ones come first."""
        fixed = self.fixed
        try:
            return fixed.find(target, source)
        except NoTransform as error:
            tf = self._listening()
            if tf is None:
                raise NoTransform(f'{error}. {self._no_tf}') from error
        return _joined(fixed, tf, (target, source), stamp)

    def close(self) -> None:
        """Let go of TF; whoever asks from now on is told that there is none."""
        with self._lock:
            tf, self._tf = self._tf, None
            self._no_tf = 'TF is not listened to, as the node is being cleaned up'
        if tf:
            tf.close()

    def _listening(self) -> TfTransforms | None:
        """Return what listens to TF, None if that cannot be, for the reason ``_no_tf``."""
        with self._lock:
            if self._tf is None and not self._no_tf:
                try:
                    self._tf = TfTransforms(self._node)
                except ImportError as error:
                    self._no_tf = (
                        f'TF is not listened to ({brief(error)}); on a ROS installation: '
                        'apt-get install ros-$ROS_DISTRO-tf2-ros-py'
                    )
                except RuntimeError as error:  # the base of rclpy's errors of the middleware
                    self._no_tf = (
                        f'TF cannot be listened to ({brief(error)}): with SROS2 allow what '
                        'config/sros2_policy.xml has for it'
                    )
            return self._tf


def make_transforms(node: Node, texts: Iterable[str]) -> NodeTransforms:
    """Return the transforms of a node; texts: of the parameter transforms.

    Raises FrameTreeError for texts that cannot be used.
    """
    return NodeTransforms(node, FixedTransforms(texts))


def _joined(fixed: FixedTransforms, tf: Transforms, ends: tuple[str, str], stamp: float) -> Matrix:
    """Return the transform by fixed ones at both ends, as far as there are, and TF between them."""
    target, source = ends
    why: NoTransform | None = None
    for near in fixed.connected(target):
        for far in fixed.connected(source):
            try:
                between = tf.find(near, far, stamp)
            except NoTransform as error:
                # That of the ends themselves, or one that is only a matter of time.
                if why is None or error.of_time:
                    why = error
                continue
            return fixed.find(target, near) @ between @ fixed.find(far, source)
    assert why is not None
    raise why
