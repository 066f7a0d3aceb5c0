"""Messages of other sensors that see a made-up room, and what asks them for the scale."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from builtin_interfaces.msg import Time
from fake_node import FakeNode
from foreign_clouds import cloud_message
from made_up_views import CAMERA, LevelPlane, room_depth
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, Image, LaserScan, PointCloud2, Range
from std_msgs.msg import Header

from s2r_depth_ros.geometry import Intrinsics, back_project
from s2r_depth_ros.geometry.frame_tree import FixedTransforms
from s2r_depth_ros.geometry.scale import UnscaledView
from s2r_depth_ros.node.frame_references import FrameReferences
from s2r_depth_ros.node.frame_scale import FrameScale
from s2r_depth_ros.node.gravity import Gravity
from s2r_depth_ros.node.parameters import Values, with_changes
from s2r_depth_ros.node.scale_report import ScaleReport

OPTICAL, LASER, BASE = 'camera_optical', 'laser', 'base_footprint'
HEIGHT = 1.2
# Level, 1.2 m over the floor; the laser 0.1 m under the camera, and 0.05 m to its left.
TRANSFORMS = (
    f'{BASE} {OPTICAL} 0.3 0 {HEIGHT} -1.5707963267948966 0 -1.5707963267948966',
    f'{BASE} {LASER} 0.3 0.05 {HEIGHT - 0.1} 0 0 0',
)
ROOM = room_depth((LevelPlane(HEIGHT),), wall=6.0)
"""True depth, metres."""


def stamp(seconds: float) -> Time:
    return Time(sec=int(seconds), nanosec=round(seconds % 1 * 1e9))


def header(seconds: float, frame: str = OPTICAL) -> Header:
    return Header(stamp=stamp(seconds), frame_id=frame)


def points_of_room(share: float = 0.01) -> NDArray[np.float64]:
    """Points of the room in the laser's frame."""
    points = back_project(ROOM, CAMERA).reshape(-1, 3)
    some = points[np.random.default_rng(0).random(len(points)) < share].astype(np.float64)
    pose = FixedTransforms(TRANSFORMS).find(LASER, OPTICAL)
    return some @ pose[:3, :3].T + pose[:3, 3]


def cloud(seconds: float, **layout: Any) -> PointCloud2:
    """A lidar's cloud of the room."""
    message = cloud_message(points_of_room(), **layout)
    message.header = header(seconds, LASER)
    return message


def scan(seconds: float, beyond: float = 0.0) -> LaserScan:
    """A scan of the wall at 6 m. beyond: metres that it sees farther, as through glass."""
    angles = np.arange(-0.8, 0.8, 0.01)
    ranges = ((6.0 + beyond) / np.cos(angles)).astype(np.float32)
    return LaserScan(
        header=header(seconds, LASER), angle_min=-0.8, angle_max=0.8, angle_increment=0.01,
        range_min=0.1, range_max=30.0, ranges=array('f', ranges),
    )  # fmt: skip


def range_reading(seconds: float, **changes: Any) -> Range:
    """An infrared sensor that sees the wall."""
    fields = {
        'radiation_type': Range.INFRARED, 'field_of_view': 0.1, 'min_range': 0.1,
        'max_range': 20.0, 'range': 6.0, **changes,
    }  # fmt: skip
    return Range(header=header(seconds, LASER), **fields)


def depth_image(
    seconds: float, depth: NDArray[np.float32] = ROOM, encoding: str = '32FC1', **changes: Any
) -> Image:
    """What a depth camera in the place of the camera sees."""
    values = depth.astype('<f4') if encoding == '32FC1' else np.rint(depth * 1000).astype('<u2')
    height, width = depth.shape
    fields = {
        'header': header(seconds), 'height': height, 'width': width, 'encoding': encoding,
        'step': width * values.itemsize, 'data': array('B', values.tobytes()), **changes,
    }  # fmt: skip
    return Image(**fields)


def info_of(camera: Intrinsics, seconds: float, frame: str = OPTICAL) -> CameraInfo:
    k = [camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0]
    return CameraInfo(
        header=header(seconds, frame), width=camera.width, height=camera.height, k=k,
        distortion_model='plumb_bob', d=[0.0] * 5,
    )  # fmt: skip


class ScaledCamera:
    """A camera whose depth is ``wrong`` times the truth, and its frames one after the other."""

    def __init__(
        self, *sources: str, transforms: Sequence[str] = TRANSFORMS, **parameters: Any
    ) -> None:
        changes = {name.replace('__', '.'): value for name, value in parameters.items()}
        self.values = with_changes(
            Values(), {'scale.source': tuple(sources), 'base_frame': BASE, **changes}
        )
        self.wrong = 1.0
        self.view: NDArray[np.float32] | None = ROOM
        fixed = FixedTransforms(transforms)
        self.gravity = Gravity(cast(Any, FakeNode()), fixed, lambda: self.values)
        self.references = FrameReferences(sources, lambda topic: f'nobody publishes on {topic}')
        self.scale = FrameScale(self.references, fixed, self.gravity)

    def set(self, **parameters: Any) -> None:
        changes = {name.replace('__', '.'): value for name, value in parameters.items()}
        self.values = with_changes(self.values, changes)

    def take(self, topic: str, message: Any) -> None:
        self.references.take(topic, message)

    def depth(self) -> NDArray[np.float32]:
        """Return depth as it is before it is scaled."""
        assert self.view is not None
        return (self.view * self.wrong * self.values.depth_scale).astype(np.float32)

    def frame(self, seconds: float, frame_id: str = OPTICAL) -> ScaleReport:
        """Return the report of a frame."""
        view = None if self.view is None else UnscaledView(self.depth(), CAMERA)
        return self.scale.measure(header(seconds, frame_id), view, self.values)
