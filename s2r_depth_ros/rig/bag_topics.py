"""Which topic of a bag is the colour camera, and which camera_info belongs to it."""

from __future__ import annotations

from pathlib import Path

from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection

from s2r_depth_ros.rig.bag_reader import first_message
from s2r_depth_ros.rig.clip import ClipError

_IMAGE, _COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'
_INFO = 'sensor_msgs/msg/CameraInfo'
# Words in a topic name that say "not the colour camera" although the message type fits.
_OTHER_WORDS = ('depth', 'disparity', 'infra', 'mask', 'label', 'confidence', 'thermal')
# Encodings that hold no brightness: distances, labels.
_OTHER_ENCODINGS = ('16UC1', '32FC1', '16SC1', '64FC1', '32SC1')
_COLOUR_WORDS = ('rgb', 'color', 'colour')


def choose_image_topic(reader: AnyReader, path: Path) -> str:
    """Return the topic that most looks like the colour camera. Raises ClipError.

    It is chosen by type, name, encoding and whether there is a camera_info beside it.
    """
    candidates = [c for c in reader.connections if c.msgtype in (_IMAGE, _COMPRESSED)]
    colour = [c for c in candidates if c.msgcount and _is_colour(reader, c)]
    if not colour:
        topics = ', '.join(sorted(f'{c.topic} ({c.msgtype})' for c in reader.connections))
        raise ClipError(f'{path} holds no colour image topic; its topics: {topics or "none"}')

    def rank(connection: Connection) -> tuple[bool, bool, bool, int, str]:
        topic = connection.topic.lower()
        return (
            matching_info_topic(reader, connection.topic) is None,
            not any(word in topic for word in _COLOUR_WORDS),
            connection.msgtype != _IMAGE,
            -connection.msgcount,
            connection.topic,
        )

    return min(colour, key=rank).topic


def matching_info_topic(reader: AnyReader, image_topic: str) -> str | None:
    """Return the camera_info in the image's own namespace, or in the nearest one above it."""
    infos = {c.topic for c in reader.connections if c.msgtype == _INFO and c.msgcount}
    namespace = image_topic
    while '/' in namespace.strip('/'):
        namespace = namespace.rsplit('/', 1)[0]
        if f'{namespace}/camera_info' in infos:
            return f'{namespace}/camera_info'
    return None


def _is_colour(reader: AnyReader, connection: Connection) -> bool:
    """Return whether a topic holds a camera's brightness images, not depth, labels and the like."""
    name = connection.topic.lower()
    if any(word in name for word in _OTHER_WORDS):
        return False
    if connection.msgtype != _IMAGE:
        return True
    return first_message(reader, connection.topic).encoding not in _OTHER_ENCODINGS
