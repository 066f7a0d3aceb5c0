"""What of a recording tells how far things are: aligned depth, a lidar, the camera's height."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.geometry import Calibration
from s2r_depth_ros.geometry.distortion import is_distorted
from s2r_depth_ros.geometry.frame_tree import frame_name
from s2r_depth_ros.geometry.point_image import sparse_depth
from s2r_depth_ros.geometry.rigid import Matrix, quaternion_of_rotation
from s2r_depth_ros.geometry.scale.references import thinned, transformed
from s2r_depth_ros.media.bags.bag import Bag, RecordedTopic
from s2r_depth_ros.media.bags.lidar import LIDARS, lidar_points
from s2r_depth_ros.media.bags.messages import IMAGE
from s2r_depth_ros.media.bags.topic_names import is_depth_camera
from s2r_depth_ros.media.bags.transforms import BagTransforms
from s2r_depth_ros.media.depth_images import depth_in_metres
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.parameters import Values
from s2r_depth_ros.rig.bag_camera import BagCamera, CameraInfo, first_messages
from s2r_depth_ros.rig.clip import ClipError, ImageData, Metres

_FLOOR = Values().base_frame
_LEAST_HEIGHT = 0.05  # m; a camera that is lower is not over that frame
_MOST_POINTS = 30_000  # of a cloud; those of depth cameras have ten times as many

ReadDepth = Callable[[Any, Calibration], ImageData]
"""From a message and the calibration of an image to depth of that image, 32FC1.

Raises UserError for a message that cannot be used.
"""


class BagMetres(NamedTuple):
    """What tells metres; topic: of the messages that ``read`` makes depth of, '' for none."""

    metres: Metres
    topic: str = ''
    read: ReadDepth | None = None


def find_metres(bag: Bag, path: Path, camera: BagCamera, info: CameraInfo) -> BagMetres | None:
    """Return what a recording knows, the surest first; None for nothing.

    What this package's node has published is no measurement.
    """
    own = tuple(f'/{topic.name}' for topic in topics.OUTPUTS)
    found = [t for t in bag.topics.values() if t.readable and t.count and not t.name.endswith(own)]
    found.sort(key=lambda topic: (-topic.count, topic.name))
    images = [t for t in found if t.type == IMAGE and is_depth_camera(t.name)]
    for topic in images:
        if _is_aligned(bag, topic, camera, info):
            words = f'the depth images of {topic.name}'
            return BagMetres(Metres(words, has_depth=True), topic.name, _from_image)
    if info.calibration is None or not camera.frame_id:
        return None  # which rays the points lie on is not known
    try:
        transforms = BagTransforms(path)
    except UserError:
        return None
    return _by_lidar(
        bag, [t for t in found if t.type in LIDARS], transforms, camera, info.calibration
    ) or _by_height(transforms, camera)


def _is_aligned(bag: Bag, topic: RecordedTopic, camera: BagCamera, info: CameraInfo) -> bool:
    """Return whether depth images fit those of the camera pixel by pixel."""
    calibration = info.calibration
    if calibration and is_distorted(calibration.distortion_model, calibration.d):
        return False  # they fit the image before it is undistorted
    for message in first_messages(bag, topic.name):
        try:
            depth = depth_in_metres(message)
            frames = {frame_name(message.header.frame_id), frame_name(camera.frame_id)}
        except UserError:
            return False
        if len(frames) > 1 or depth.shape != (camera.image.height, camera.image.width):
            return False
        if np.isfinite(depth).any():
            return True
    return False


def _from_image(message: Any, calibration: Calibration) -> ImageData:
    depth = ImageData.from_metres(depth_in_metres(message))
    if (depth.width, depth.height) != calibration.image_size:
        raise ClipError(f'depth of {depth.width}x{depth.height} does not fit the image')
    return depth


def _by_lidar(
    bag: Bag,
    lidars: list[RecordedTopic],
    transforms: BagTransforms,
    camera: BagCamera,
    calibration: Calibration,
) -> BagMetres | None:
    """Return the first lidar of which the camera sees points."""

    def read(message: Any, calibration: Calibration) -> ImageData:
        pose = transforms.find(camera.frame_id, message.header.frame_id)
        points = transformed(thinned(lidar_points(message), _MOST_POINTS), pose)
        depth = sparse_depth(points, calibration.intrinsics)
        return ImageData.from_metres(np.where(depth > 0, depth, np.float32(np.nan)))

    for topic in lidars:
        for message in first_messages(bag, topic.name):
            try:
                depth = read(message, calibration)
            except UserError:
                break
            if np.isfinite(np.frombuffer(depth.data, '<f4')).any():
                words = f'the points of {topic.name}'
                return BagMetres(Metres(words, has_depth=True), topic.name, read)
    return None


def _by_height(transforms: BagTransforms, camera: BagCamera) -> BagMetres | None:
    """Return the pose of the camera over the floor, if the recording tells it."""
    try:
        pose = transforms.find(_FLOOR, camera.frame_id)
    except UserError:
        return None
    height = float(pose[2, 3])
    if height < _LEAST_HEIGHT or len(camera.frame_id.split()) > 1:
        return None
    words = f'the height of the camera over {_FLOOR}, {height:.2f} m'
    return BagMetres(Metres(words, pose=_text(camera.frame_id, pose)))


def _text(frame: str, pose: Matrix) -> str:
    """Return the pose of a frame over the floor as the parameter transforms has it."""
    numbers = (*pose[:3, 3].tolist(), *quaternion_of_rotation(pose[:3, :3]))
    return ' '.join([_FLOOR, frame_name(frame), *(f'{number:.9g}' for number in numbers)])
