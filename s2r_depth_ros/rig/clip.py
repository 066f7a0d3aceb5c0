"""What the camera player plays: images with their times and calibrations, as one type.

No ROS here: a clip yields plain images and calibrations, the player makes messages of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.geometry import Calibration, check_focal_length

OPTICAL_FRAME = 'camera_optical_frame'
_ASSUMED_HORIZONTAL_FOV = math.radians(60.0)


class ClipError(UserError):
    """The input cannot be played; the text names it and the remedy."""


Report = Callable[[str], None]
"""Is told what is left out of a clip, and why."""


@dataclass(frozen=True)
class ImageData:
    """The fields of a sensor_msgs/Image without its header; ``data`` holds height * step bytes."""

    height: int
    width: int
    encoding: str
    step: int
    is_bigendian: int
    data: bytes | NDArray[np.uint8]

    @classmethod
    def from_metres(cls, depth: NDArray[np.float32]) -> ImageData:
        """Take a float32 [H, W] array as a 32FC1 image."""
        height, width = depth.shape
        little = np.ascontiguousarray(depth, '<f4')
        return cls(height, width, '32FC1', 4 * width, 0, little.reshape(-1).view(np.uint8))

    @classmethod
    def from_rgb(cls, rgb: NDArray[np.uint8]) -> ImageData:
        """Take a uint8 [H, W, 3] RGB array as an rgb8 image."""
        height, width = rgb.shape[:2]
        return cls(height, width, 'rgb8', 3 * width, 0, rgb.reshape(-1))


@dataclass(frozen=True)
class ClipFrame:
    """One picture of a clip: its time in seconds after the first, the image, its calibration.

    depth: of the same camera, pixel for pixel, 32FC1 in metres; None where there is none.
    """

    time: float
    image: ImageData
    calibration: Calibration
    depth: ImageData | None = None


@dataclass(frozen=True)
class Metres:
    """What a clip knows of how far things are, by which the node's depth is scaled.

    words: what it is. has_depth: whether frames may have depth. pose: of the camera over the
    floor, as an entry of the parameter transforms; '' where it is not known, or not needed.
    """

    words: str
    has_depth: bool = False
    pose: str = ''


@dataclass(frozen=True)
class Clip:
    """A playable input.

    ``frame_count`` is what the container promises (None: unknown until played); ``camera`` says in
    words where the intrinsics come from; ``read`` starts a fresh iteration in the order of time;
    ``notes`` say what is wrong with the input, as far as is known before it is played;
    ``metres``: None where depth has the scale that the network gives it.
    """

    name: str
    frame_count: int | None
    camera: str
    frame_id: str
    read: Callable[[Report], Iterator[ClipFrame]]
    notes: tuple[str, ...] = ()
    metres: Metres | None = None

    def frames(self, report: Report | None = None) -> Iterator[ClipFrame]:
        """Yield the frames from the first one on, times never falling.

        What cannot be used is told to ``report`` and left out; without one it is a ClipError.
        """
        return self.read(report or _refuse)


def pinhole(
    width: int,
    height: int,
    fx: float,
    fy: float | None = None,
    centre: tuple[float, float] | None = None,
) -> Calibration:
    """Return the calibration of an ideal pinhole camera (plumb_bob, no distortion).

    ``fx``, ``fy`` (fx if None) and ``centre`` = (cx, cy) (the image's middle if None) in pixels.
    """
    fy = fx if fy is None else fy
    cx, cy = centre or ((width - 1) / 2, (height - 1) / 2)
    return Calibration(
        width=width,
        height=height,
        distortion_model='plumb_bob',
        d=(0.0,) * 5,
        k=(fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0),
        r=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        p=(fx, 0.0, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0),
    )


def assumed_calibration(width: int, height: int, fx: float | None) -> Calibration:
    """Return a pinhole with the given ``fx`` or, without one, a horizontal field of view of 60°.

    Raises ImplausibleError for an ``fx`` that no camera of this width has.
    """
    if fx is not None:
        check_focal_length(fx, width, '--fx')
    return pinhole(width, height, fx or width / 2 / math.tan(_ASSUMED_HORIZONTAL_FOV / 2))


def describe_assumed(fx: float | None) -> str:
    """Say in words which intrinsics ``assumed_calibration`` takes."""
    if fx is not None:
        return f'intrinsics given: fx = {fx:g} px, centred'
    fov = math.degrees(_ASSUMED_HORIZONTAL_FOV)
    return (
        f'no intrinsics in this input: assumed a horizontal field of view of {fov:g} degrees; '
        'distances scale with it, give --fx PX to correct them'
    )


def _refuse(reason: str) -> None:
    raise ClipError(reason)
