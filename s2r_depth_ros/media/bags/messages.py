"""Messages of sensor_msgs out of their bytes, by the rosbags library and its definitions.

The definitions in a recording are not needed: those of sensor_msgs are the same in all ROS 2, and
in ROS 1, distributions of today.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rosbags.typesys import Stores, get_typestore

from s2r_depth_ros.media.bags.storage import UNPACK_ERRORS, RawMessage, packing_of, unpacked
from s2r_depth_ros.media.checks import SourceError

TYPES = IMAGE, COMPRESSED_IMAGE, CAMERA_INFO = (
    'sensor_msgs/msg/Image',
    'sensor_msgs/msg/CompressedImage',
    'sensor_msgs/msg/CameraInfo',
)
ENCODINGS = ('cdr', 'ros1')
_ROS_2, _ROS_1 = get_typestore(Stores.ROS2_HUMBLE), get_typestore(Stores.ROS1_NOETIC)


@dataclass(frozen=True)
class BagMessage:
    """A message of a recording, not yet deserialised."""

    raw: RawMessage

    @property
    def topic(self) -> str:
        """The topic's name."""
        return self.raw.channel.topic

    @property
    def log_time(self) -> float:
        """When it was recorded, s."""
        return self.raw.time * 1e-9

    def read(self) -> Any:
        """Return the message. Raises SourceError."""
        channel = self.raw.channel
        try:
            # A recorder may have compressed each message by itself.
            data = unpacked(self.raw.data, packing_of(self.raw.data))
            if channel.encoding == 'ros1':
                return _ROS_1.deserialize_ros1(data, channel.type)
            return _ROS_2.deserialize_cdr(data, channel.type)
        except UNPACK_ERRORS as error:
            raise SourceError(f'{self.topic}: a compressed message is damaged: {error}') from error
        except Exception as error:  # rosbags lets errors of all kinds through
            raise SourceError(
                f'{self.topic}: a message of {len(self.raw.data)} bytes is damaged, or no '
                f'{channel.type}: {error}'
            ) from error


def header_time(message: Any) -> float:
    """Return the stamp in a message's header, s."""
    return float(message.header.stamp.sec) + message.header.stamp.nanosec * 1e-9
