"""Clips out of files without ROS: a sequence with intrinsics, an image folder, a video file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry import CalibrationError, check_plausible
from s2r_depth_ros.media.sources import (
    IMAGE_SUFFIXES,
    count_frames,
    find_files,
    read_frames,
    read_image,
)
from s2r_depth_ros.rig.clip import (
    OPTICAL_FRAME,
    Clip,
    ClipError,
    ClipFrame,
    ImageData,
    assumed_calibration,
    describe_assumed,
    pinhole,
)

SEQUENCE_FILE = 'sequence.json'
_FOLDER_RATE_HZ = 10.0
_VIDEO_RATE_HZ = 30.0


def open_sequence(path: Path, fx: float | None) -> Clip:
    """Open a folder whose sequence.json gives intrinsics, stamps and image files."""
    file = path / SEQUENCE_FILE
    try:
        meta = json.loads(file.read_text())
        width, height = int(meta['width']), int(meta['height'])
        entries = [(float(entry['stamp']), path / entry['rgb']) for entry in meta['frames']]
        numbers = meta['fx'], meta['fy'], (meta['cx'], meta['cy'])
        own = pinhole(width, height, *numbers) if fx is None else None
        if own is not None:
            check_plausible(own)
    except CalibrationError as error:
        raise ClipError(f'{file}: {error}. Or give --fx') from error
    except (KeyError, TypeError, ValueError) as error:
        raise ClipError(
            f'{file} is no sequence description ({error!r}): it needs width, height, fx, fy, cx, '
            'cy and frames[] with stamp (s) and rgb (file)'
        ) from error
    if not entries:
        raise ClipError(f'{file} lists no frames')
    calibration = own or assumed_calibration(width, height, fx)

    def frames() -> Iterator[ClipFrame]:
        for stamp, image in entries:
            rgb = read_image(image)
            if rgb.shape[:2] != (height, width):
                size = f'{rgb.shape[1]}x{rgb.shape[0]}'
                raise ClipError(f'{image} is {size}, but {file} says {width}x{height}')
            yield ClipFrame(stamp - entries[0][0], ImageData.from_rgb(rgb), calibration)

    camera = f'intrinsics of {SEQUENCE_FILE}: fx = {meta["fx"]:.1f} px at {width}x{height}'
    return Clip(
        name=f'sequence {path.name}',
        frame_count=len(entries),
        camera=camera if fx is None else describe_assumed(fx),
        frame_id=OPTICAL_FRAME,
        frames=frames,
    )


def open_folder(path: Path, fx: float | None) -> Clip:
    """Open a folder of image files, played in name order at 10 Hz."""
    files = [file for file in find_files(path) if file.suffix.lower() in IMAGE_SUFFIXES]
    if not files:
        raise ClipError(f'{path} holds videos but no images: give one of the videos itself')

    def frames() -> Iterator[ClipFrame]:
        for index, file in enumerate(files):
            yield _assumed_frame(index / _FOLDER_RATE_HZ, read_image(file), fx)

    return Clip(
        name=f'image folder {path.name}',
        frame_count=len(files),
        camera=describe_assumed(fx),
        frame_id=OPTICAL_FRAME,
        frames=frames,
    )


def open_video(path: Path, fx: float | None) -> Clip:
    """Open a video file, played at its own frame rate (30 Hz where it does not say)."""
    (file,) = find_files(path)
    next(read_frames(file))  # a broken video is told now, not when it is played
    capture = cv2.VideoCapture(str(file))
    rate = capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    if not 0.1 <= rate <= 1000.0:
        rate = _VIDEO_RATE_HZ

    def frames() -> Iterator[ClipFrame]:
        for index, (_, rgb) in enumerate(read_frames(file)):
            yield _assumed_frame(index / rate, rgb, fx)

    return Clip(
        name=f'video {path.name}',
        frame_count=count_frames(file) or None,
        camera=describe_assumed(fx),
        frame_id=OPTICAL_FRAME,
        frames=frames,
    )


def _assumed_frame(time: float, rgb: NDArray[np.uint8], fx: float | None) -> ClipFrame:
    """Return a frame of a camera whose intrinsics are given by ``fx`` or assumed."""
    calibration = assumed_calibration(rgb.shape[1], rgb.shape[0], fx)
    return ClipFrame(time, ImageData.from_rgb(rgb), calibration)
