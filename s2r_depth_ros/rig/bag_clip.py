"""The colour camera of a ROS bag as a clip; read by the rosbags library, so without ROS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection
from rosbags.typesys import Stores, get_typestore

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.geometry import Calibration, CalibrationError, RegionOfInterest
from s2r_depth_ros.node.conversions import compressed_to_rgb
from s2r_depth_ros.rig.clip import (
    OPTICAL_FRAME,
    Clip,
    ClipError,
    Frame,
    ImageData,
    assumed_calibration,
    describe_assumed,
)

IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
INFO_TYPE = 'sensor_msgs/msg/CameraInfo'
# Words in a topic name that say "not the colour camera" although the message type fits.
OTHER_WORDS = ('depth', 'disparity', 'infra', 'mask', 'label', 'confidence', 'thermal')
# Encodings that hold no brightness: distances, labels.
OTHER_ENCODINGS = ('16UC1', '32FC1', '16SC1', '64FC1', '32SC1')
COLOUR_WORDS = ('rgb', 'color', 'colour')


def open_bag(path: Path, fx: float | None) -> Clip:
    """Open a bag (folder with metadata.yaml, .mcap, .db3 or a ROS 1 .bag).

    The colour image topic is chosen by type, name, encoding and whether a camera_info lies beside
    it; ``Clip.name`` says which was chosen. Raises ClipError naming the topics that exist.
    """
    with open_reader(path) as reader:
        image_topic = choose_image_topic(reader, path)
        info_topic = matching_info_topic(image_topic, info_topics(reader))
        connections = [c for c in reader.connections if c.topic == image_topic]
        frame_count = sum(connection.msgcount for connection in connections)
        first = first_message(reader, image_topic)
        calibration, camera = read_calibration(reader, info_topic, fx)
    return Clip(
        name=f'bag {path.name}, topic {image_topic}',
        frame_count=frame_count,
        camera=camera,
        frame_id=first.header.frame_id or OPTICAL_FRAME,
        frames=lambda: read_frames(path, image_topic, calibration, fx),
    )


def open_reader(path: Path) -> AnyReader:
    """Return an unopened reader whose errors at opening are ClipErrors. For use by ``with``."""
    # Bags older than Iron carry no message definitions: those of Humble then stand in.
    typestore = get_typestore(Stores.ROS2_HUMBLE)
    try:
        reader = AnyReader([path], default_typestore=typestore)
        reader.open()
        reader.close()
    except Exception as error:  # rosbags lets errors of sqlite, yaml and struct through
        raise ClipError(f'{path} cannot be read as a ROS bag: {error}') from error
    return reader


def first_message(reader: AnyReader, topic: str) -> Any:
    """Return the first message of ``topic``, which must have one."""
    connections = [c for c in reader.connections if c.topic == topic]
    connection, _, raw = next(reader.messages(connections))
    return reader.deserialize(raw, connection.msgtype)


def info_topics(reader: AnyReader) -> list[str]:
    """Return the topics of type CameraInfo that hold messages."""
    return [c.topic for c in reader.connections if c.msgtype == INFO_TYPE and c.msgcount]


def choose_image_topic(reader: AnyReader, path: Path) -> str:
    """Return the topic that most looks like the colour camera. Raises ClipError."""
    infos = info_topics(reader)
    candidates: list[Connection] = [
        c for c in reader.connections if c.msgtype in IMAGE_TYPES and c.msgcount
    ]
    colour = [c for c in candidates if is_colour(reader, c)]
    if not colour:
        topics = ', '.join(sorted(f'{c.topic} ({c.msgtype})' for c in reader.connections))
        raise ClipError(f'{path} holds no colour image topic; its topics: {topics or "none"}')

    def rank(connection: Connection) -> tuple[bool, bool, bool, int, str]:
        topic = connection.topic.lower()
        return (
            matching_info_topic(connection.topic, infos) is None,
            not any(word in topic for word in COLOUR_WORDS),
            connection.msgtype != IMAGE_TYPES[0],
            -connection.msgcount,
            connection.topic,
        )

    return min(colour, key=rank).topic


def is_colour(reader: AnyReader, connection: Connection) -> bool:
    """Tell a camera's brightness images from depth, labels and the like."""
    name = connection.topic.lower()
    if any(word in name for word in OTHER_WORDS):
        return False
    if connection.msgtype != IMAGE_TYPES[0]:
        return True
    return first_message(reader, connection.topic).encoding not in OTHER_ENCODINGS


def matching_info_topic(image_topic: str, infos: list[str]) -> str | None:
    """Return the camera_info in the image's own namespace, or in the nearest one above it."""
    namespace = image_topic
    while '/' in namespace.strip('/'):
        namespace = namespace.rsplit('/', 1)[0]
        if f'{namespace}/camera_info' in infos:
            return f'{namespace}/camera_info'
    return None


def read_calibration(
    reader: AnyReader, topic: str | None, fx: float | None
) -> tuple[Calibration | None, str]:
    """Return the first calibration of ``topic`` (None: assume one) and what to say about it."""
    if fx is not None or topic is None:
        return None, describe_assumed(fx)
    try:
        calibration = calibration_of(first_message(reader, topic))
    except CalibrationError as error:
        return None, f'{topic} is unusable ({error}): {describe_assumed(None)}'
    return calibration, f'intrinsics of {topic}: fx = {calibration.k[0]:.1f} px'


def calibration_of(info: Any) -> Calibration:
    """Take over a CameraInfo of ROS 2 or, with capital K, ROS 1."""

    def numbers(name: str) -> tuple[float, ...]:
        values = getattr(info, name, None)
        return tuple(getattr(info, name.upper()) if values is None else values)

    roi = info.roi
    return Calibration(
        width=int(info.width),
        height=int(info.height),
        distortion_model=info.distortion_model,
        d=numbers('d'),
        k=numbers('k'),
        r=numbers('r'),
        p=numbers('p'),
        binning_x=int(info.binning_x),
        binning_y=int(info.binning_y),
        roi=RegionOfInterest(roi.x_offset, roi.y_offset, roi.width, roi.height),
    )


def read_frames(
    path: Path, topic: str, calibration: Calibration | None, fx: float | None
) -> Iterator[Frame]:
    """Yield the images of ``topic``, timed by their header stamps."""
    start: float | None = None
    previous = 0.0
    with open_reader(path) as reader:
        connections = [c for c in reader.connections if c.topic == topic]
        for connection, _, raw in reader.messages(connections):
            message = reader.deserialize(raw, connection.msgtype)
            image = image_of(message, topic)
            stamp = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
            start = stamp if start is None else start
            # A driver may restart its clock: the clip's time then stands still, never runs back.
            previous = max(previous, stamp - start)
            assumed = calibration or assumed_calibration(image.width, image.height, fx)
            yield Frame(previous, image, assumed)


def image_of(message: Any, topic: str) -> ImageData:
    """Take an Image over as it is; decode a CompressedImage to rgb8. Raises ClipError."""
    if hasattr(message, 'encoding'):
        return ImageData(
            message.height,
            message.width,
            message.encoding,
            message.step,
            message.is_bigendian,
            message.data,
        )
    try:
        return ImageData.from_rgb(compressed_to_rgb(message))
    except UserError as error:
        raise ClipError(f'{topic}: {error}') from error
