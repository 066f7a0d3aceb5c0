"""Where down is for a camera: from TF, or from an inertial measurement unit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from sensor_msgs.msg import Imu

from s2r_depth_ros.geometry.frame_tree import NoTransform
from s2r_depth_ros.geometry.gravity import (
    STANDARD_GRAVITY,
    AccelerationFilter,
    Direction,
    DownHistory,
    down_from_orientation,
)
from s2r_depth_ros.geometry.rigid import rigid_parts
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.conversions import seconds
from s2r_depth_ros.node.parameters import Values
from s2r_depth_ros.node.qos import WITHOUT_EVENTS, overridable
from s2r_depth_ros.node.transforms import Transforms

STALE_AFTER = 1.0
"""Seconds between an image and the nearest measurement of the Imu, at most."""

# What a message has that nobody filled in.
_NO_ORIENTATION = (0.0, 0.0, 0.0, 1.0)
_UNKNOWN = -1.0  # first number of a covariance: there is no such measurement


@dataclass(frozen=True)
class Down:
    """Where down is in an optical frame.

    vector: of unit length, None if it is not known. source: value of the parameter ``gravity``.
    problem: why it is not known, with the remedy, '' if it is.
    """

    vector: tuple[float, float, float] | None
    source: str
    problem: str = ''


class Gravity:
    """Tells where down is, as the parameter ``gravity`` says; subscribes to the Imu only for it.

    values: returns the parameters' present values, of which ``gravity`` does not change any more.
    Raises ParameterError for an impossible override of the topic's QoS.
    """

    def __init__(self, node: Node, transforms: Transforms, values: Callable[[], Values]) -> None:
        self._transforms, self._values = transforms, values
        self._source = values().gravity
        self._clock = node.get_clock()
        self._imu = ImuReader(node) if self._source == 'imu' else None

    def down(self, optical_frame: str, stamp: float) -> Down:
        """Return where down is in an optical frame at a time; does not wait.

        stamp: of the image, seconds; 0, as of a camera that sets none, is now.
        """
        if self._source == 'none':
            return Down(None, 'none', 'the parameter gravity is none')
        try:
            if self._imu is None:
                base = self._values().base_frame
                transform = self._transforms.find(optical_frame, base, stamp)
                down: Direction | str = -rigid_parts(transform)[0][:, 2]
            else:
                stamp = stamp or self._clock.now().nanoseconds * 1e-9
                down = self._imu.down(self._transforms, optical_frame, stamp)
        except NoTransform as error:
            down = str(error)
        if isinstance(down, str):
            return Down(None, self._source, f'the direction of gravity is not known: {down}')
        x, y, z = (down / np.linalg.norm(down)).tolist()
        return Down((x, y, z), self._source)

    def close(self) -> None:
        """Let go of the topic."""
        if self._imu is not None:
            self._imu.close()


class ImuReader:
    """Remembers where down was in the frame of an Imu; one lock guards it.

    Raises ParameterError for an impossible override of the topic's QoS.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._lock = threading.Lock()
        self._begin('')
        self._problem = ''
        topic = topics.IMU_TOPIC
        with overridable(node, topic.name, topic.qos) as qos:
            self._subscription = node.create_subscription(
                topic.type,
                topic.name,
                self.take,
                callback_group=MutuallyExclusiveCallbackGroup(),
                event_callbacks=WITHOUT_EVENTS,
                **qos,
            )

    def take(self, message: Imu) -> None:
        """Remember what a message tells, if it tells anything."""
        stamp = seconds(message.header.stamp)
        stamp = stamp or self._node.get_clock().now().nanoseconds * 1e-9
        with self._lock:
            if message.header.frame_id != self._frame:
                self._begin(message.header.frame_id)
            down = orientation_of(message)
            if down is None:
                down = self._filter.add(stamp, acceleration_of(message))
            if down is not None:
                self._history.add(stamp, down)
                self._problem = ''
            else:
                x, y, z = acceleration_of(message)
                self._problem = (
                    f'it tells no orientation, and its acceleration of ({x:.1f}, {y:.1f}, {z:.1f}) '
                    f'm/s^2 is not within 10 % of {STANDARD_GRAVITY:.1f}: it moves, or its driver '
                    'takes gravity off or has another unit (REP-145)'
                )

    def down(self, transforms: Transforms, optical_frame: str, stamp: float) -> Direction | str:
        """Return down in an optical frame, or why it is not known. Raises NoTransform."""
        topic = self._subscription.topic_name
        with self._lock:
            frame, problem, found = self._frame, self._problem, self._history.nearest(stamp)
        if found is None:
            return f'the Imu on {topic}: {problem}' if problem else self._nothing_came(topic)
        measured, down = found
        late = stamp - measured
        if abs(late) > STALE_AFTER:
            return (
                f'the Imu on {topic} is {abs(late):.1f} s {"older" if late > 0 else "newer"} than '
                f'the image (at most {STALE_AFTER:g} s): '
                + (problem or 'it has ended, or its clock is another one')
            )
        return rigid_parts(transforms.find(optical_frame, frame, stamp))[0] @ down

    def close(self) -> None:
        """Let go of the topic."""
        self._node.destroy_subscription(self._subscription)

    def _begin(self, frame: str) -> None:
        self._frame = frame
        self._filter, self._history = AccelerationFilter(), DownHistory()

    def _nothing_came(self, topic: str) -> str:
        if self._node.count_publishers(topic):
            return f'no message on {topic} yet: look at `ros2 topic echo {topic}` and its QoS'
        return f'nobody publishes on {topic}: remap {topics.IMU} to the topic of the Imu'


def orientation_of(message: Imu) -> Direction | None:
    """Return down in the Imu's frame by its orientation, None if the message has none (REP-145).

    Nor has one that is as message classes make it: drivers leave it so.
    """
    turn, covariance = message.orientation, message.orientation_covariance
    quaternion = (turn.x, turn.y, turn.z, turn.w)
    untouched = quaternion == _NO_ORIENTATION and not np.any(covariance)
    if covariance[0] == _UNKNOWN or untouched:
        return None
    return down_from_orientation(quaternion)


def acceleration_of(message: Imu) -> tuple[float, float, float]:
    """Return the acceleration, m/s^2, NaN if the message says that it has none (REP-145)."""
    if message.linear_acceleration_covariance[0] == _UNKNOWN:
        return np.nan, np.nan, np.nan
    vector = message.linear_acceleration
    return vector.x, vector.y, vector.z
