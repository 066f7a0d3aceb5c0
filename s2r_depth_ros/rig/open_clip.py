"""Opens whatever the camera player can play."""

from __future__ import annotations

from pathlib import Path

from s2r_depth_ros.media.sources import IMAGE_SUFFIXES
from s2r_depth_ros.rig.bag_clip import open_bag
from s2r_depth_ros.rig.clip import Clip, ClipError
from s2r_depth_ros.rig.file_clips import SEQUENCE_FILE, open_folder, open_sequence, open_video

_BAG_SUFFIXES = ('.bag', '.db3', '.mcap')


def open_clip(path: str | Path, *, fx: float | None = None) -> Clip:
    """Open whatever ``path`` is: folder with sequence.json, image folder, video file or bag.

    ``fx``, in pixels at the clip's image size, replaces the clip's own intrinsics (principal point
    in the middle, no distortion). Raises ClipError with the remedy.
    """
    path = Path(path)
    if not path.exists():
        raise ClipError(
            f'{path} does not exist: give an image folder, a video file, a ROS bag or a folder '
            'with sequence.json'
        )
    if path.is_dir() and (path / SEQUENCE_FILE).is_file():
        return open_sequence(path, fx)
    if path.suffix in _BAG_SUFFIXES or (path / 'metadata.yaml').is_file():
        return open_bag(path, fx)
    if path.is_dir():
        return open_folder(path, fx)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        raise ClipError(f'{path} is a single image: give its folder, or use the predict command')
    return open_video(path, fx)
