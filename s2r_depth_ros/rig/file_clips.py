"""Clips out of files without ROS: a sequence with intrinsics, an image folder, a video file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.files import JsonError, read_json
from s2r_depth_ros.geometry import Calibration, CalibrationError, check_plausible
from s2r_depth_ros.media.depth_files import read_depth_file
from s2r_depth_ros.media.sources import IMAGE_SUFFIXES, find_files, passed_over, read_image
from s2r_depth_ros.media.videos import count_video_frames, frame_rate, read_video
from s2r_depth_ros.rig.clip import (
    OPTICAL_FRAME,
    Clip,
    ClipError,
    ClipFrame,
    ImageData,
    Metres,
    Report,
    assumed_calibration,
    describe_assumed,
    pinhole,
)
from s2r_depth_ros.rig.clip_clock import ClipClock

SEQUENCE_FILE = 'sequence.json'
_FOLDER_RATE_HZ = 10.0


def open_sequence(path: Path, fx: float | None) -> Clip:
    """Open a folder whose sequence.json gives intrinsics, stamps and image files.

    Frames may have a depth image, too (depth: a PNG of 16 bits; depth_scale: metres of its unit).
    """
    sequence = _read_sequence(path, fx)
    calibration = sequence.own or assumed_calibration(sequence.width, sequence.height, fx)
    has_depth = any(depth is not None for _, _, depth in sequence.entries)

    def frames(report: Report) -> Iterator[ClipFrame]:
        clock = ClipClock(1 / _FOLDER_RATE_HZ)
        for stamp, image, depth in sequence.entries:
            time = clock(stamp)
            try:
                rgb = read_image(image)
            except UserError as error:
                report(str(error))
                continue
            if rgb.shape[:2] != sequence.size:
                size = f'{rgb.shape[1]}x{rgb.shape[0]}'
                told = f'{sequence.width}x{sequence.height}'
                report(f'{image} is {size}, but {path / SEQUENCE_FILE} says {told}')
                continue
            known = None
            if depth is not None:
                known = _read_depth(path / str(depth), sequence.metres, sequence.size, report)
            yield ClipFrame(time, ImageData.from_rgb(rgb), calibration, known)

    return Clip(
        name=f'sequence {path.absolute().name}',
        frame_count=len(sequence.entries),
        camera=describe_assumed(fx) if sequence.own is None else _describe(sequence.own),
        frame_id=OPTICAL_FRAME,
        read=frames,
        metres=Metres('its depth images', has_depth=True) if has_depth else None,
    )


class _Sequence(NamedTuple):
    """What a sequence.json says: stamp (s), image and depth image, or None, of each frame.

    metres: of one in depth images. own: its intrinsics, None if others were given.
    """

    width: int
    height: int
    entries: list[tuple[float, Path, Any]]
    metres: float
    own: Calibration | None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of all images."""
        return self.height, self.width


def _read_sequence(path: Path, fx: float | None) -> _Sequence:
    file = path / SEQUENCE_FILE
    try:
        meta = read_json(file)
        width, height = int(meta['width']), int(meta['height'])
        entries = [
            (float(entry['stamp']), path / entry['rgb'], entry.get('depth'))
            for entry in meta['frames']
        ]
        metres = float(meta.get('depth_scale', 0.001))
        k = [float(meta[name]) for name in ('fx', 'fy', 'cx', 'cy')]
        own = pinhole(width, height, k[0], k[1], (k[2], k[3])) if fx is None else None
        if own is not None:
            check_plausible(own)
    except CalibrationError as error:
        raise ClipError(f'{file}: {error}. Or give --fx') from error
    except JsonError as error:
        raise ClipError(str(error)) from error
    except (OSError, KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise ClipError(
            f'{file} is no sequence description ({error!r}): it needs width, height, fx, fy, cx, '
            'cy and frames[] with stamp (s) and rgb (file)'
        ) from error
    if not entries:
        raise ClipError(f'{file} lists no frames')
    return _Sequence(width, height, entries, metres, own)


def _read_depth(
    file: Path, metres: float, size: tuple[int, int], report: Report
) -> ImageData | None:
    """Return a depth image of this (height, width), None if there is none. metres: of a unit."""
    try:
        depth = read_depth_file(file, metres)
    except UserError as error:
        report(str(error))
        return None
    if depth.shape != size:
        report(f'{file} is {depth.shape[1]}x{depth.shape[0]}, its image {size[1]}x{size[0]}')
        return None
    return ImageData.from_metres(depth)


def _describe(calibration: Calibration) -> str:
    width, height = calibration.image_size
    return f'intrinsics of {SEQUENCE_FILE}: fx = {calibration.k[0]:.1f} px at {width}x{height}'


def open_folder(path: Path, fx: float | None) -> Clip:
    """Open a folder of image files, played in name order at 10 Hz."""
    found = find_files(path)
    files = [file for file in found if file.suffix.lower() in IMAGE_SUFFIXES]
    if not files:
        raise ClipError(f'{path} holds videos but no images: give one of the videos itself')
    others = passed_over(path)
    notes = [others] if others else []
    if len(found) > len(files):
        notes.append(f'{path}: passed over {len(found) - len(files)} videos: give one by itself')

    def frames(report: Report) -> Iterator[ClipFrame]:
        for index, file in enumerate(files):
            try:
                rgb = read_image(file)
            except UserError as error:
                report(str(error))
                continue
            yield _assumed_frame(index / _FOLDER_RATE_HZ, rgb, fx)

    return Clip(
        name=f'image folder {path.absolute().name}',
        frame_count=len(files),
        camera=describe_assumed(fx),
        frame_id=OPTICAL_FRAME,
        read=frames,
        notes=tuple(notes),
    )


def open_video(path: Path, fx: float | None) -> Clip:
    """Open a video file, played at the times that it gives its frames."""
    (file,) = find_files(path)
    next(read_video(file))  # a broken video is told now, not when it is played
    rate = frame_rate(file)

    def frames(report: Report) -> Iterator[ClipFrame]:
        clock = ClipClock(1 / rate)
        try:
            for frame in read_video(file):
                yield _assumed_frame(clock(frame.time), frame.rgb, fx)
        except UserError as error:  # that it ends early
            report(str(error))

    return Clip(
        name=f'video {path.name}',
        frame_count=count_video_frames(file) or None,
        camera=describe_assumed(fx),
        frame_id=OPTICAL_FRAME,
        read=frames,
    )


def _assumed_frame(time: float, rgb: NDArray[np.uint8], fx: float | None) -> ClipFrame:
    """Return a frame of a camera whose intrinsics are given by ``fx`` or assumed."""
    calibration = assumed_calibration(rgb.shape[1], rgb.shape[0], fx)
    return ClipFrame(time, ImageData.from_rgb(rgb), calibration)
