"""Opens whatever the camera player can play."""

from __future__ import annotations

from pathlib import Path

from s2r_depth_ros.media.bags.bag_files import METADATA, is_bag
from s2r_depth_ros.media.checks import check_path
from s2r_depth_ros.media.sources import IMAGE_SUFFIXES
from s2r_depth_ros.media.videos import VIDEO_SUFFIXES
from s2r_depth_ros.rig.bag_clip import open_bag_clip
from s2r_depth_ros.rig.clip import Clip, ClipError
from s2r_depth_ros.rig.file_clips import SEQUENCE_FILE, open_folder, open_sequence, open_video


def open_clip(path: str | Path, *, fx: float | None = None, topic: str | None = None) -> Clip:
    """Open whatever ``path`` is: folder with sequence.json, image folder, video file or recording.

    ``fx``, in pixels at the clip's image size, replaces the clip's own intrinsics (principal point
    in the middle, no distortion). ``topic``: of the images, in a recording. Raises SourceError or
    ClipError with the remedy.
    """
    path = Path(path)
    check_path(path)
    if _is_recording(path):
        return open_bag_clip(path, fx, topic)
    if topic is not None:
        raise ClipError(f'{path} is no recording of ROS: leave --topic out')
    if path.is_dir():
        is_sequence = (path / SEQUENCE_FILE).is_file()
        return open_sequence(path, fx) if is_sequence else open_folder(path, fx)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        raise ClipError(f'{path} is a single image: give its folder, or use the predict command')
    return open_video(path, fx)


def _is_recording(path: Path) -> bool:
    """Return whether to play ``path`` as a recording; a folder of images may have one beside."""
    if (path / METADATA).is_file():
        return True
    if path.is_dir():
        images = any(file.suffix.lower() in IMAGE_SUFFIXES for file in path.iterdir())
        return not images and not (path / SEQUENCE_FILE).is_file() and is_bag(path)
    return path.suffix.lower() not in IMAGE_SUFFIXES + VIDEO_SUFFIXES and is_bag(path)
