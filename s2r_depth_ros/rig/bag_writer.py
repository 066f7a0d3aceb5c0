"""Writes received messages into a bag: rosbag2 version 9, MCAP; no ROS installation needed."""

from __future__ import annotations

import queue
import threading
from pathlib import Path

from rosbags.interfaces import (
    Connection,
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.rosbag2.storage_mcap import McapWriter
from rosbags.typesys import Stores, get_typestore

from s2r_depth_ros.media.bags.storage import zstd
from s2r_depth_ros.node import topics
from s2r_depth_ros.rig.channels import Channel
from s2r_depth_ros.rig.serialized import header_frame_id, header_stamp

_QUEUE_MESSAGES = 256
# Clouds are most of the bytes: some at once, for a short clip, then two a second (stamps, ns). A
# little less than half a second, or a camera of 2 Hz loses every frame that comes early.
_FIRST_CLOUDS = 5
_CLOUD_STEP_NS = 470_000_000
_TYPESTORE = get_typestore(Stores.ROS2_JAZZY)
_TF_STATIC = '/tf_static'
_FIXED_FRAME = 'map'
# REP-103: from the optical frame (x right, y down, z forward) to x forward, y left, z up.
_OPTICAL_ROTATION = (-0.5, 0.5, -0.5, 0.5)


class BagWriter(threading.Thread):
    """Writes queued messages in its own thread, so that receiving never waits for the disk.

    The chunks of the file are compressed by zstd, as ``ros2 bag`` does it, but at its fastest. Of
    the clouds the first five are written, then two a second; of all else everything.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(name='bag_writer')
        self.error: Exception | None = None
        self._path = path
        self._queue: queue.Queue[tuple[Channel, int, bytes] | None] = queue.Queue(_QUEUE_MESSAGES)
        self._clouds, self._last_cloud = 0, 0

    def put(self, channel: Channel, time: int, message: bytes) -> None:
        """Queue a serialised message received at ``time`` (ns)."""
        if self.error is None:
            self._queue.put((channel, time, message))

    def finish(self) -> None:
        """Write what is queued and finish the bag; ``error`` then says whether that worked."""
        self._queue.put(None)
        self.join()

    def run(self) -> None:
        """Write until finished; keep what goes wrong in ``error``."""
        try:
            writer = Writer(self._path, version=9, storage_plugin=StoragePlugin.MCAP)
            writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
            with writer:
                assert isinstance(writer.storage, McapWriter)
                writer.storage.compressor = _compressed
                self._write_all(writer)
        except Exception as error:  # for the main thread to tell
            self.error = error
            while self._queue.get() is not None:
                pass

    def _write_all(self, writer: Writer) -> None:
        connections: dict[str, Connection] = {}
        while (item := self._queue.get()) is not None:
            channel, time, message = item
            if channel.topic.name == topics.POINTS and not self._takes_cloud(header_stamp(message)):
                continue
            if channel.name not in connections:
                connections[channel.name] = writer.add_connection(
                    channel.name,
                    channel.topic.type_name,
                    typestore=_TYPESTORE,
                    offered_qos_profiles=[_offered_qos(channel.reliable)],
                )
            if channel.topic.name == topics.IMAGE and _TF_STATIC not in connections:
                connections[_TF_STATIC] = _write_fixed_frame(writer, header_frame_id(message), time)
            writer.write(connections[channel.name], time, message)

    def _takes_cloud(self, stamp: int) -> bool:
        """Return whether to write the cloud with this stamp (ns)."""
        if self._clouds >= _FIRST_CLOUDS and stamp - self._last_cloud < _CLOUD_STEP_NS:
            return False
        self._clouds, self._last_cloud = self._clouds + 1, stamp
        return True


def _compressed(chunk: bytes) -> bytes:
    # Level 1 takes two fifths of the time of the usual 3, for a file that is a tenth larger.
    return zstd.compress(chunk, level=1)


def _offered_qos(reliable: bool, transient: bool = False) -> Qos:
    """Return the QoS that ``ros2 bag play`` is to offer for a recorded topic."""
    never = QosTime(sec=2147483647, nsec=4294967295)
    return Qos(
        history=QosHistory.KEEP_LAST,
        depth=10,
        reliability=QosReliability.RELIABLE if reliable else QosReliability.BEST_EFFORT,
        durability=QosDurability.TRANSIENT_LOCAL if transient else QosDurability.VOLATILE,
        deadline=never,
        lifespan=never,
        liveliness=QosLiveliness.AUTOMATIC,
        liveliness_lease_duration=never,
        avoid_ros_namespace_conventions=False,
    )


def _write_fixed_frame(writer: Writer, optical_frame: str, time: int) -> Connection:
    """Record ``map`` -> optical frame on /tf_static, so that a viewer shows the cloud upright."""
    types = _TYPESTORE.types
    header = types['std_msgs/msg/Header'](
        stamp=types['builtin_interfaces/msg/Time'](*divmod(time, 1_000_000_000)),
        frame_id=_FIXED_FRAME,
    )
    transform = types['geometry_msgs/msg/Transform'](
        translation=types['geometry_msgs/msg/Vector3'](0.0, 0.0, 0.0),
        rotation=types['geometry_msgs/msg/Quaternion'](*_OPTICAL_ROTATION),
    )
    stamped = types['geometry_msgs/msg/TransformStamped'](header, optical_frame, transform)
    message_type = 'tf2_msgs/msg/TFMessage'
    connection = writer.add_connection(
        _TF_STATIC,
        message_type,
        typestore=_TYPESTORE,
        offered_qos_profiles=[_offered_qos(reliable=True, transient=True)],
    )
    message = types[message_type](transforms=[stamped])
    writer.write(connection, time, _TYPESTORE.serialize_cdr(message, message_type))
    return connection
