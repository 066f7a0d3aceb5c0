"""Frames of video files, with the times that the file gives them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.media.checks import SourceError, check_path, foreign_content, read_head

VIDEO_SUFFIXES = ('.mp4', '.avi', '.mkv', '.mov', '.webm', '.m4v', '.mpg', '.mpeg')
_FALLBACK_RATE_HZ = 30.0
# The share of a video that must be there: containers count roughly.
_MOST = 0.98


@dataclass(frozen=True)
class VideoFrame:
    """time: s, as the file says, mostly from 0 on. rgb: uint8 [H, W, 3]."""

    time: float
    rgb: NDArray[np.uint8]


def count_video_frames(path: Path) -> int:
    """Return how many frames a video announces, 0 if it cannot be read or does not say."""
    video = _opened(path)
    count = _announced(video)
    video.release()
    return count


def frame_rate(path: Path) -> float:
    """Return the mean frames per second of a video, 30 where it does not say."""
    video = _opened(path)
    rate = _rate(video)
    video.release()
    return rate


def read_video(path: Path) -> Iterator[VideoFrame]:
    """Yield the frames of a video.

    Raises SourceError naming the file if there are none, and behind the last one if the file
    announces more.
    """
    video = _opened(path)
    announced, rate = _announced(video), _rate(video)
    count, time, step = 0, 0.0, 1 / rate
    try:
        while video.isOpened():
            there, frame = video.read()
            if not there:
                break
            before, time = time, video.get(cv2.CAP_PROP_POS_MSEC) / 1e3
            step = max(1 / rate, time - before)
            yield VideoFrame(time, np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8))
            count += 1
    finally:
        video.release()
    if not count:
        raise SourceError(f'{path}: {_why_unreadable(path)}')
    if _is_whole_matroska(path):
        return  # the count is that of its longest track, which may be the sound
    # By count and by time: of files of variable rate the announced count is a guess.
    lasts = announced / rate
    if count < announced * _MOST - 1 and time + step < lasts * _MOST:
        raise SourceError(
            f'{path}: the video ends early, after {count} frames at {time:.1f} of {lasts:.1f} s: '
            'it is cut short or damaged; copy it again'
        )


def _announced(video: cv2.VideoCapture) -> int:
    count = video.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(count) if 0 < count < math.inf else 0


def _rate(video: cv2.VideoCapture) -> float:
    rate = video.get(cv2.CAP_PROP_FPS)
    return rate if 0.1 <= rate <= 1000.0 else _FALLBACK_RATE_HZ


def _opened(path: Path) -> cv2.VideoCapture:
    check_path(path)
    try:
        return cv2.VideoCapture(str(path))
    except (UnicodeError, cv2.error, SystemError, TypeError) as error:
        raise SourceError(f'{path}: OpenCV cannot open a file of this name; rename it') from error


def _is_whole_matroska(path: Path) -> bool:
    """Return whether a file is Matroska (.mkv, .webm) and as long as it says (RFC 8794, 9559)."""
    with path.open('rb') as file:
        for element in (b'\x1a\x45\xdf\xa3', b'\x18\x53\x80\x67'):  # the header, the segment
            if file.read(4) != element:
                return False
            # As many bytes more as the first has leading zeros; all bits set: unknown.
            first = file.read(1) or b'\0'
            more = 8 - first[0].bit_length()
            bits = 7 * (more + 1)
            size = int.from_bytes(first + file.read(more), 'big') & ((1 << bits) - 1)
            if first == b'\0' or size == (1 << bits) - 1:
                return False
            file.seek(size, os.SEEK_CUR)
        return file.tell() <= path.stat().st_size


def _why_unreadable(path: Path) -> str:
    return foreign_content(read_head(path)) or (
        'not a video that OpenCV can decode; is the file damaged (an .mp4 that was cut short has '
        'lost its index), or its codec missing?'
    )
