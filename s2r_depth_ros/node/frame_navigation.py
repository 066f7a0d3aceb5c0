"""What a robot plans with, of one camera's frames: obstacles, floor, scan, points that clear."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import LaserScan
from std_msgs.msg import Header

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.geometry.frame_tree import frame_name
from s2r_depth_ros.geometry.navigation import (
    FloorView,
    GroundBounds,
    MovedScan,
    Scanner,
    clearing_points,
    ground_bounds,
    level_beams,
    split_ground,
)
from s2r_depth_ros.geometry.plane import Plane
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.conversions import seconds
from s2r_depth_ros.node.frame_clouds import CloudImage, FrameClouds
from s2r_depth_ros.node.frame_floor import FrameFloor
from s2r_depth_ros.node.gravity import Gravity
from s2r_depth_ros.node.kept import Kept, KeptPose
from s2r_depth_ros.node.parameters import Values
from s2r_depth_ros.node.transforms import Transforms

# Between two rays that clear: px at least, and of the image's width: 4 cm at 4 m for 90 degrees.
_CLEARING_STRIDE, _CLEARING_SHARE = 4, 1 / 160
_SPLIT = frozenset({topics.OBSTACLES, topics.GROUND})


@dataclass(frozen=True)
class NavigationFrame:
    """A frame of which navigation outputs are made.

    depth: float32 [H, W], metres; infinite where it is out of range, as in ``Cleaned``.
    rgb: uint8 [H, W, 3]. intrinsics: of these images.
    """

    header: Header
    depth: NDArray[np.float32]
    rgb: NDArray[np.uint8]
    intrinsics: Intrinsics


_Maker = Callable[[NavigationFrame, Set[str], Values], dict[str, Any]]


class _Scanning(NamedTuple):
    """Makes scans of the camera, and moves them to the frame that they are published in."""

    scanner: Scanner
    moved: MovedScan


class FrameNavigator:
    """Makes the navigation outputs of one camera; one caller at a time.

    Tables for a camera and its floor take some 10 ms, so they are kept while the floor is nearly
    where it was.
    """

    def __init__(self, transforms: Transforms, gravity: Gravity, clouds: FrameClouds) -> None:
        self._transforms, self._clouds = transforms, clouds
        self._floor = FrameFloor(transforms, gravity)
        self._scan_pose = KeptPose()
        self._bounds: Kept[GroundBounds] = Kept()
        self._scanning: Kept[_Scanning] = Kept()
        self._last_scan = 0.0

    def messages(
        self, frame: NavigationFrame, wanted: Set[str], values: Values
    ) -> tuple[dict[str, Any], list[str]]:
        """Return the wanted messages, names in topics.OUTPUTS, and what is wrong with them.

        That is why others are missing, and that the floor is a guess where it is one.
        """
        missing: dict[str, Set[str]] = {}
        guessed: list[str] = []
        makers: list[tuple[Set[str], _Maker]] = [({topics.CLEARING}, self._clearing)]
        if of_floor := wanted & topics.OF_FLOOR:
            try:
                floor = self._floor.find(
                    frame.header, values.base_frame, frame.depth, frame.intrinsics
                )
                makers.append((_SPLIT, partial(self._split, floor)))
                makers.append(({topics.SCAN}, partial(self._scan, floor)))
                if self._floor.guessed and (split := of_floor & _SPLIT):
                    names = ', '.join(sorted(split))
                    guessed = [f'{names} by the floor that the image shows: {self._floor.guessed}']
            except UserError as error:
                missing[str(error)] = of_floor
        messages: dict[str, Any] = {}
        for made, make in makers:
            if asked := made & wanted:
                try:
                    messages |= make(frame, asked, values)
                except UserError as error:
                    missing[str(error)] = missing.get(str(error), set()) | asked
        return messages, guessed + [
            f'no {", ".join(sorted(n))}: {why}' for why, n in missing.items()
        ]

    def _split(
        self, floor: Plane, frame: NavigationFrame, names: Set[str], values: Values
    ) -> dict[str, Any]:
        """Return the clouds of obstacles and of the floor. Raises UserError."""
        whole = CloudImage(frame.depth, frame.rgb, frame.intrinsics)
        image = self._clouds.image(frame.header, whole, values)
        settings = values.ground.settings()
        bounds = self._bounds.get(
            (image.intrinsics, floor, settings),
            lambda: ground_bounds(FloorView(image.intrinsics, floor), settings),
        )
        parts = split_ground(image.depth, bounds)
        masks = {topics.OBSTACLES: parts.obstacle, topics.GROUND: parts.ground}
        return {
            name: self._clouds.some_points(name, frame.header, image, values, mask=masks[name])
            for name in sorted(names)
        }

    def _clearing(self, frame: NavigationFrame, _names: Set[str], values: Values) -> dict[str, Any]:
        """Return the points that clear. Raises FilterError without a max_depth."""
        share = round(_CLEARING_SHARE * frame.intrinsics.width)
        stride = max(_CLEARING_STRIDE, share, values.cloud.stride)
        points = clearing_points(frame.depth, frame.intrinsics, values.max_depth, stride=stride)
        return {topics.CLEARING: self._clouds.marks(topics.CLEARING, frame.header, points)}

    def _scan(
        self, floor: Plane, frame: NavigationFrame, _names: Set[str], values: Values
    ) -> dict[str, Any]:
        """Return the laser scan. Raises UserError."""
        target = frame_name(values.scan.frame or values.base_frame)
        stamp = seconds(frame.header.stamp)
        pose = self._transforms.find(target, frame.header.frame_id, stamp)
        pose = self._scan_pose.near(pose)
        scanner, moved = self._scanning.get(
            (frame.intrinsics, floor, pose.tobytes(), values.scan, values.max_depth),
            lambda: _scanning(frame.intrinsics, floor, pose, values),
        )
        since, self._last_scan = stamp - self._last_scan, stamp
        scan = LaserScan(
            header=Header(stamp=frame.header.stamp, frame_id=target),
            angle_min=moved.beams.angle_min,
            angle_max=moved.beams.angle_max,
            angle_increment=moved.beams.angle_increment,
            # Between two scans; unknown for the first, and after a pause.
            scan_time=since if 0 < since < 10 else 0.0,
            range_min=values.scan.min_range,
            range_max=moved.max_range,
        )
        scan.ranges = array('f', moved.move(scanner.scan(frame.depth)).tobytes())
        return {topics.SCAN: scan}


def _scanning(
    intrinsics: Intrinsics, floor: Plane, pose: NDArray[np.float64], values: Values
) -> _Scanning:
    """Return what makes the scans of a camera over a floor, and its pose in the scan's frame.

    Raises FilterError for settings that this camera or floor does not allow.
    """
    settings = values.scan.settings()
    # What is that far from the frame is farther from the camera.
    farthest = settings.max_range + float(np.hypot(pose[0, 3], pose[1, 3]))
    if values.max_depth > 0:
        farthest = min(farthest, values.max_depth)
    settings = replace(settings, max_range=farthest)
    view = FloorView(intrinsics, floor)
    scanner = Scanner(view, settings, level_beams(view, values.scan.angle_increment))
    return _Scanning(scanner, MovedScan(floor, pose, scanner))
