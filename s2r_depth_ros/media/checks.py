"""Why an input cannot be read, and the remedy: found before it is opened."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from s2r_depth_ros.errors import UserError

HEAD_BYTES = 64

# What a file begins with that is no picture and no recording, and what to do about it.
_FOREIGN_HEADS: tuple[tuple[bytes, str], ...] = (
    (b'version https://git-lfs', 'it is a Git LFS pointer, not the file: run `git lfs pull`'),
    (b'<!DOCTYPE', 'it is a web page: the download went wrong, load the file itself'),
    (b'<!doctype', 'it is a web page: the download went wrong, load the file itself'),
    (b'<html', 'it is a web page: the download went wrong, load the file itself'),
    (b'\x1f\x8b', 'it is compressed: unpack it by `gunzip` or `tar -xzf` first'),
    (b'BZh', 'it is compressed: unpack it by `bunzip2` or `tar -xjf` first'),
    (b'\xfd7zXZ\0', 'it is compressed: unpack it by `unxz` or `tar -xJf` first'),
    (b'PK\x03\x04', 'it is an archive: unpack it by `unzip` first'),
    (b'7z\xbc\xaf', 'it is an archive: unpack it by `7z x` first'),
    (b'#ROSBAG V1', 'it is a bag of ROS 0.x: convert it by `rosbag fix` on ROS 1 first'),
    (b'#ROSRECORD V1', 'it is a bag of ROS 0.x: convert it by `rosbag fix` on ROS 1 first'),
)  # fmt: skip


class SourceError(UserError):
    """An input cannot be read: names the file and says why."""


def check_path(path: Path) -> None:
    """Raise SourceError unless ``path`` is a file or a folder that may be read."""
    if re.match('[a-z][a-z0-9+.-]+:/', str(path), re.IGNORECASE) and not os.path.lexists(path):
        raise SourceError(
            f'{path}: a web address cannot be read; download the file first, or run the camera '
            'driver of a live stream and the node'
        )
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        there = ': a link to nothing' if path.is_symlink() else ': no such file or folder'
        raise SourceError(f'{path}{there}') from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = error.strerror if isinstance(error, OSError) else error
        raise SourceError(f'{path}: cannot be read ({reason})') from error
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise SourceError(
            f'{path}: neither a file nor a folder but a pipe or a device; save its data to a file, '
            'or run the driver of a camera and the node'
        )
    if not os.access(path, os.R_OK | (os.X_OK if stat.S_ISDIR(mode) else 0)):
        raise SourceError(
            f'{path}: cannot be read (Permission denied); ask its owner, or `chmod +r`'
        )


def read_head(path: Path) -> bytes:
    """Return the first HEAD_BYTES bytes of a file. Raises SourceError."""
    try:
        with path.open('rb') as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        raise SourceError(f'{path}: cannot be read ({error.strerror})') from error


def list_folder(folder: Path) -> list[Path]:
    """Return what is in a folder but its subfolders. Raises SourceError."""
    try:
        return [entry for entry in folder.iterdir() if not entry.is_dir()]
    except OSError as error:
        raise SourceError(f'{folder}: cannot be read ({error.strerror})') from error


def foreign_content(head: bytes) -> str | None:
    """Return what a file is by its first HEAD_BYTES bytes, and the remedy; None: not known here."""
    if not head:
        return 'it is empty (0 bytes): copy or record it again'
    if len(head) >= 8 and not any(head):
        return 'it begins with zeros: the power failed before the data were written, or a copy did'
    return next((told for begin, told in _FOREIGN_HEADS if head.startswith(begin)), None)
