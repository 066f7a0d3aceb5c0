"""Bags written by the rosbags library, and the messages in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rosbags.rosbag1 import Writer as Ros1Writer
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

STORE = get_typestore(Stores.ROS2_JAZZY)
ROS1_STORE = get_typestore(Stores.ROS1_NOETIC)
TYPES = STORE.types
IMAGE, INFO = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CameraInfo'
CLOUD = 'sensor_msgs/msg/PointCloud2'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'

# Topic, type and content.
Message = tuple[str, str, Any]


def header(stamp: float) -> Any:
    seconds, nanoseconds = divmod(round(stamp * 1e9), 10**9)
    time = TYPES['builtin_interfaces/msg/Time'](seconds, nanoseconds)
    return TYPES['std_msgs/msg/Header'](stamp=time, frame_id='bag_optical_frame')


def nanoseconds(stamp: Any) -> int:
    return stamp.sec * 10**9 + stamp.nanosec


def image(stamp: float, array: NDArray[Any], encoding: str) -> Any:
    rows = np.ascontiguousarray(array).view(np.uint8).reshape(array.shape[0], -1)
    return TYPES[IMAGE](
        header(stamp), *array.shape[:2], encoding, 0, rows.shape[1], rows.reshape(-1)
    )


def compressed(stamp: float, data: NDArray[np.uint8]) -> Any:
    return TYPES[COMPRESSED](header(stamp), 'bgr8; jpeg compressed bgr8', data)


def info(stamp: float, width: int, height: int, k: list[float]) -> Any:
    roi = TYPES['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False)
    d = np.array([0.1, -0.2, 0.001, 0.002, 0.05])
    p = np.zeros(12)
    return TYPES[INFO](
        header(stamp), height, width, 'plumb_bob', d, np.array(k), np.eye(3).ravel(), p, 0, 0, roi
    )


def write(
    path: Path,
    messages: list[Message],
    plugin: StoragePlugin,
    times: list[int] | None = None,
) -> Path:
    """Write (topic, type, message) in order, at ``times`` (ns) or one a millisecond."""
    times = times or [10**9 + number * 10**6 for number in range(len(messages))]
    with Writer(path, version=9, storage_plugin=plugin) as writer:
        connections = {}
        for (topic, kind, message), time in zip(messages, times):
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=STORE)
            writer.write(connections[topic], time, STORE.serialize_cdr(message, kind))
    return path


def write_ros1(path: Path, messages: list[Message]) -> Path:
    """Write (topic, type, message of ROS1_STORE) into a bag of ROS 1, one a millisecond."""
    with Ros1Writer(path) as writer:
        for number, (topic, kind, message) in enumerate(messages):
            connection = writer.add_connection(topic, kind, typestore=ROS1_STORE)
            raw = ROS1_STORE.serialize_ros1(message, kind)
            writer.write(connection, 10**9 + number * 10**6, raw)
    return path
