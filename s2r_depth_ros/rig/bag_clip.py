"""The colour camera of a ROS bag as a clip; needs no ROS installation, only its messages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rosbags.highlevel import AnyReader

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.geometry import Calibration, CalibrationError
from s2r_depth_ros.media.bit_depth import BitDepth
from s2r_depth_ros.media.compressed_images import compressed_to_rgb
from s2r_depth_ros.node.camera_info import calibration_from
from s2r_depth_ros.rig.bag_reader import first_message, messages, open_reader
from s2r_depth_ros.rig.bag_topics import choose_image_topic, matching_info_topic
from s2r_depth_ros.rig.clip import (
    OPTICAL_FRAME,
    Clip,
    ClipError,
    ClipFrame,
    ImageData,
    assumed_calibration,
    describe_assumed,
)


def open_bag(path: Path, fx: float | None) -> Clip:
    """Open a bag (folder with metadata.yaml, .mcap, .db3 or a ROS 1 .bag).

    ``Clip.name`` says which image topic was chosen. Raises ClipError naming the topics that exist.
    """
    with open_reader(path) as reader:
        image_topic = choose_image_topic(reader, path)
        info_topic = matching_info_topic(reader, image_topic)
        connections = [c for c in reader.connections if c.topic == image_topic]
        frame_count = sum(connection.msgcount for connection in connections)
        first = first_message(reader, image_topic)
        calibration, camera = _read_calibration(reader, info_topic, fx)
    return Clip(
        name=f'bag {path.name}, topic {image_topic}',
        frame_count=frame_count,
        camera=camera,
        frame_id=first.header.frame_id or OPTICAL_FRAME,
        frames=lambda: _read_frames(path, image_topic, calibration, fx),
    )


def _read_calibration(
    reader: AnyReader, topic: str | None, fx: float | None
) -> tuple[Calibration | None, str]:
    """Return the first calibration of ``topic`` (None: assume one) and what to say about it."""
    if fx is not None or topic is None:
        return None, describe_assumed(fx)
    try:
        calibration = calibration_from(_in_ros_2_names(first_message(reader, topic)))
    except CalibrationError as error:
        return None, f'{topic} is unusable ({error}): {describe_assumed(None)}'
    return calibration, f'intrinsics of {topic}: fx = {calibration.k[0]:.1f} px'


def _in_ros_2_names(info: Any) -> Any:
    """Return a CameraInfo with lower-case fields; ROS 1 calls the matrices D, K, R and P."""
    return SimpleNamespace(**{name.lower(): value for name, value in vars(info).items()})


def _read_frames(
    path: Path, topic: str, calibration: Calibration | None, fx: float | None
) -> Iterator[ClipFrame]:
    """Yield the images of ``topic``, timed by their header stamps."""
    start: float | None = None
    previous = 0.0
    bits = BitDepth()
    with open_reader(path) as reader:
        for message in messages(reader, topic):
            image = _image_of(message, topic, bits)
            stamp = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
            start = stamp if start is None else start
            # A driver may restart its clock: the clip's time then stands still, never runs back.
            previous = max(previous, stamp - start)
            assumed = calibration or assumed_calibration(image.width, image.height, fx)
            yield ClipFrame(previous, image, assumed)


def _image_of(message: Any, topic: str, bits: BitDepth) -> ImageData:
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
        return ImageData.from_rgb(compressed_to_rgb(message, bits))
    except UserError as error:
        raise ClipError(f'{topic}: {error}') from error
