"""What the camera player plays: a sequence, an image folder, a video file or a bag, as one type.

No ROS here: a clip yields plain images and calibrations, the player makes messages of them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.geometry import Calibration
from s2r_depth_ros.media.sources import (
    IMAGE_SUFFIXES,
    count_frames,
    find_files,
    read_frames,
    read_image,
)

OPTICAL_FRAME = 'camera_optical_frame'
ASSUMED_HORIZONTAL_FOV = math.radians(60.0)
FOLDER_RATE_HZ = 10.0
VIDEO_RATE_HZ = 30.0


class ClipError(UserError):
    """The input cannot be played; the text names it and the remedy."""


@dataclass(frozen=True)
class ImageData:
    """The fields of a sensor_msgs/Image without its header; ``data`` holds height * step bytes."""

    height: int
    width: int
    encoding: str
    step: int
    is_bigendian: int
    data: bytes | np.ndarray

    @classmethod
    def from_rgb(cls, rgb: np.ndarray) -> ImageData:
        """Take a uint8 HxWx3 RGB array as an rgb8 image."""
        height, width = rgb.shape[:2]
        return cls(height, width, 'rgb8', 3 * width, 0, rgb.reshape(-1))


@dataclass(frozen=True)
class Frame:
    """One picture of a clip: its time in seconds after the first, the image, its calibration."""

    time: float
    image: ImageData
    calibration: Calibration


@dataclass(frozen=True)
class Clip:
    """A playable input.

    ``frame_count`` is what the container promises (None: unknown until played); ``camera`` says in
    words where the intrinsics come from; ``frames`` starts a fresh iteration in stamp order.
    """

    name: str
    frame_count: int | None
    camera: str
    frame_id: str
    frames: Callable[[], Iterator[Frame]]


def pinhole(
    width: int, height: int, fx: float, fy: float | None = None, centre: Any = None
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
    """Return a pinhole with the given ``fx`` or, without one, a horizontal field of view of 60°."""
    return pinhole(width, height, fx or width / 2 / math.tan(ASSUMED_HORIZONTAL_FOV / 2))


def describe_assumed(fx: float | None) -> str:
    """Say in words which intrinsics ``assumed_calibration`` takes."""
    if fx is not None:
        return f'intrinsics given: fx = {fx:g} px, centred'
    fov = math.degrees(ASSUMED_HORIZONTAL_FOV)
    return (
        f'no intrinsics in this input: assumed a horizontal field of view of {fov:g} degrees; '
        'distances scale with it, give --fx PX to correct them'
    )


def open_sequence(path: Path, fx: float | None) -> Clip:
    """Open a folder whose sequence.json gives intrinsics, stamps and image files."""
    file = path / 'sequence.json'
    try:
        meta = json.loads(file.read_text())
        width, height = int(meta['width']), int(meta['height'])
        entries = [(float(entry['stamp']), path / entry['rgb']) for entry in meta['frames']]
        own = pinhole(width, height, meta['fx'], meta['fy'], (meta['cx'], meta['cy']))
    except (KeyError, TypeError, ValueError) as error:
        raise ClipError(
            f'{file} is no sequence description ({error!r}): it needs width, height, fx, fy, cx, '
            'cy and frames[] with stamp (s) and rgb (file)'
        ) from error
    if not entries:
        raise ClipError(f'{file} lists no frames')
    calibration = own if fx is None else assumed_calibration(width, height, fx)

    def frames() -> Iterator[Frame]:
        for stamp, image in entries:
            rgb = read_image(image)
            if rgb.shape[:2] != (height, width):
                size = f'{rgb.shape[1]}x{rgb.shape[0]}'
                raise ClipError(f'{image} is {size}, but {file} says {width}x{height}')
            yield Frame(stamp - entries[0][0], ImageData.from_rgb(rgb), calibration)

    camera = f'intrinsics of sequence.json: fx = {meta["fx"]:.1f} px at {width}x{height}'
    return Clip(
        name=f'sequence {path.name}',
        frame_count=len(entries),
        camera=camera if fx is None else describe_assumed(fx),
        frame_id=OPTICAL_FRAME,
        frames=frames,
    )


def open_folder(path: Path, fx: float | None) -> Clip:
    """Open a folder of image files, played in name order at FOLDER_RATE_HZ."""
    files = [file for file in find_files(path) if file.suffix.lower() in IMAGE_SUFFIXES]
    if not files:
        raise ClipError(f'{path} holds videos but no images: give one of the videos itself')

    def frames() -> Iterator[Frame]:
        for index, file in enumerate(files):
            yield assumed_frame(index / FOLDER_RATE_HZ, read_image(file), fx)

    return Clip(
        name=f'image folder {path.name}',
        frame_count=len(files),
        camera=describe_assumed(fx),
        frame_id=OPTICAL_FRAME,
        frames=frames,
    )


def open_video(path: Path, fx: float | None) -> Clip:
    """Open a video file, played at its own frame rate (VIDEO_RATE_HZ where it does not say)."""
    (file,) = find_files(path)
    next(read_frames(file))  # a broken video is told now, not when it is played
    capture = cv2.VideoCapture(str(file))
    rate = capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    if not 0.1 <= rate <= 1000.0:
        rate = VIDEO_RATE_HZ

    def frames() -> Iterator[Frame]:
        for index, (_, rgb) in enumerate(read_frames(file)):
            yield assumed_frame(index / rate, rgb, fx)

    return Clip(
        name=f'video {path.name}',
        frame_count=count_frames(file) or None,
        camera=describe_assumed(fx),
        frame_id=OPTICAL_FRAME,
        frames=frames,
    )


def assumed_frame(time: float, rgb: np.ndarray, fx: float | None) -> Frame:
    """Return a frame of a camera whose intrinsics are given by ``fx`` or assumed."""
    calibration = assumed_calibration(rgb.shape[1], rgb.shape[0], fx)
    return Frame(time, ImageData.from_rgb(rgb), calibration)
