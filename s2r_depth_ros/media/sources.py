"""Images out of image files, folders and video files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.media import codecs
from s2r_depth_ros.media.checks import (
    HEAD_BYTES,
    SourceError,
    check_path,
    foreign_content,
    list_folder,
)
from s2r_depth_ros.media.names import natural_key
from s2r_depth_ros.media.pixels import decoded_to_rgb
from s2r_depth_ros.media.videos import VIDEO_SUFFIXES, count_video_frames, read_video

IMAGE_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.webp', '.ppm', '.pgm')
# How much of a folder's subfolders is looked through for a hint.
_FOLDERS_SEEN, _FOLDERS_TOLD = 500, 4


def find_files(path: str | Path) -> list[Path]:
    """Return the image and video files that ``path`` means: itself, or a folder's own files.

    A folder's files come in natural order (frame2 before frame10); subfolders, hidden files and
    other kinds of file (``passed_over``) are left out. Raises SourceError if there is nothing to
    read; it names subfolders that have images.
    """
    path = Path(path)
    check_path(path)
    if path.is_dir():
        files = [file for file in list_folder(path) if _is_known(file)]
        if not files:
            raise SourceError(
                f'{path}: the folder has no image or video files ({_kinds()}){_hint(path)}'
            )
        return sorted(files, key=lambda file: natural_key(file.name))
    if not _is_known(path):
        raise SourceError(
            f'{path}: not a known kind of image or video file ({_kinds()}); recordings of ROS are '
            'for the demo'
        )
    return [path]


def passed_over(path: str | Path) -> str | None:
    """Return in words which files of a folder ``find_files`` leaves out, None if there are none."""
    path = Path(path)
    if not path.is_dir():
        return None
    kinds = Counter(
        file.suffix.lower() or 'without suffix'
        for file in list_folder(path)
        if file.name[0] != '.' and not _is_known(file)
    )
    if not kinds:
        return None
    most = sorted(kinds.items(), key=lambda entry: (-entry[1], entry[0]))[:8]
    told = ', '.join(f'{count} {kind}' for kind, count in most)
    return f'{path}: passed over files of other kinds: {told}'


def count_frames(path: Path) -> int:
    """Return how many frames ``path`` announces: 1 for an image, 0 for an unreadable video."""
    if path.suffix.lower() not in VIDEO_SUFFIXES:
        return 1
    try:
        return count_video_frames(path)
    except SourceError:
        return 0  # read_frames will tell


def read_frames(path: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield (stem, rgb uint8 [H, W, 3]) of an image file, or of every frame of a video.

    The frames of video ``clip.mp4`` are called clip_000000, clip_000001, ... Raises SourceError
    naming the file if it cannot be read, and at its end if a video announces more frames.
    """
    if path.suffix.lower() in VIDEO_SUFFIXES:
        for index, frame in enumerate(read_video(path)):
            yield f'{path.stem}_{index:06d}', frame.rgb
    else:
        yield path.stem, read_image(path)


def read_image(path: str | Path) -> NDArray[np.uint8]:
    """Return an image file as uint8 RGB [H, W, 3], turned upright as its EXIF entry says.

    Grey becomes RGB, 16 bits become 8 by what is in them, alpha is dropped. Raises SourceError for
    a missing, foreign or truncated file.
    """
    return decoded_to_rgb(read_picture(Path(path), upright=True))


def read_picture(path: Path, *, upright: bool = False) -> NDArray[Any]:
    """Return a picture file as ``codecs.decode`` does. Raises SourceError naming the file."""
    check_path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(f'{path}: cannot be read ({error.strerror})') from error
    if foreign := foreign_content(content[:HEAD_BYTES]):
        raise SourceError(f'{path}: {foreign}')
    try:
        return codecs.decode(content, upright=upright)
    except codecs.CodecError as error:
        raise SourceError(f'{path}: {error}') from error


def _is_known(path: Path) -> bool:
    """Return whether ``path`` is called like an image or a video and is not hidden."""
    return path.suffix.lower() in IMAGE_SUFFIXES + VIDEO_SUFFIXES and path.name[0] != '.'


def _kinds() -> str:
    return ' '.join(IMAGE_SUFFIXES + VIDEO_SUFFIXES)


def _hint(folder: Path) -> str:
    """Return where below a folder images or videos are, as the end of a sentence."""
    found = []
    for seen, (name, below, files) in enumerate(os.walk(folder)):
        below.sort(key=natural_key)
        if count := sum(_is_known(Path(name, file)) for file in files):
            found.append(f'{name} ({count})')
        if seen == _FOLDERS_SEEN or len(found) == _FOLDERS_TOLD:
            break
    return f'; try: {", ".join(found)}' if found else ''
