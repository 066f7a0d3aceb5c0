"""Images out of image files, folders and video files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.media import codecs
from s2r_depth_ros.media.pixels import decoded_to_rgb

IMAGE_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.webp', '.ppm', '.pgm')
VIDEO_SUFFIXES = ('.mp4', '.avi', '.mkv', '.mov', '.webm', '.m4v', '.mpg', '.mpeg')


class SourceError(UserError):
    """An input cannot be read: names the file and says why."""


def find_files(path: str | Path) -> list[Path]:
    """Return the image and video files that ``path`` means: itself, or a folder's own files.

    A folder's files come in natural order (frame2 before frame10); subfolders, hidden files and
    other kinds of file are passed over. Raises SourceError if there is nothing to read.
    """
    path = Path(path)
    if not path.exists():
        raise SourceError(f'{path}: no such file or folder')
    if path.is_dir():
        files = [file for file in path.iterdir() if _is_known(file) and file.is_file()]
        if not files:
            raise SourceError(f'{path}: the folder has no image or video files ({_kinds()})')
        return sorted(files, key=_natural_key)
    if not _is_known(path):
        raise SourceError(f'{path}: not a known kind of image or video file ({_kinds()})')
    return [path]


def count_frames(path: Path) -> int:
    """Return how many frames ``path`` announces: 1 for an image, 0 for an unreadable video."""
    if path.suffix.lower() not in VIDEO_SUFFIXES:
        return 1
    video = cv2.VideoCapture(str(path))
    count = int(video.get(cv2.CAP_PROP_FRAME_COUNT)) if video.isOpened() else 0
    video.release()
    return max(0, count)


def read_frames(path: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield (stem, rgb uint8 [H, W, 3]) of an image file, or of every frame of a video.

    The frames of video ``clip.mp4`` are called clip_000000, clip_000001, ... Raises SourceError
    naming the file if it cannot be read.
    """
    if path.suffix.lower() in VIDEO_SUFFIXES:
        yield from _read_video(path)
    else:
        yield path.stem, read_image(path)


def read_image(path: str | Path) -> NDArray[np.uint8]:
    """Return an image file as uint8 RGB [H, W, 3], turned upright as its EXIF entry says.

    Grey becomes RGB, 16 bits become 8 by what is in them, alpha is dropped. Raises SourceError for
    a missing, foreign or truncated file.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise SourceError(f'{path}: cannot be read ({error.strerror})') from error
    try:
        image = codecs.decode(content, upright=True)
    except codecs.CodecError as error:
        raise SourceError(f'{path}: {error}') from error
    return decoded_to_rgb(image)


def _read_video(path: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    video = cv2.VideoCapture(str(path))
    try:
        index = 0
        while video.isOpened():
            there, frame = video.read()
            if not there:
                break
            rgb = np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8)
            yield f'{path.stem}_{index:06d}', rgb
            index += 1
        if index == 0:
            raise SourceError(
                f'{path}: not a video that OpenCV can decode; is the file damaged, or its codec '
                'missing?'
            )
    finally:
        video.release()


def _is_known(path: Path) -> bool:
    """Return whether ``path`` is called like an image or a video and is not hidden."""
    return path.suffix.lower() in IMAGE_SUFFIXES + VIDEO_SUFFIXES and path.name[0] != '.'


def _kinds() -> str:
    return ' '.join(IMAGE_SUFFIXES + VIDEO_SUFFIXES)


def _natural_key(path: Path) -> list[tuple[bool, int, str]]:
    parts = re.split(r'(\d+)', path.name)
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]
