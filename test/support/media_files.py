"""What tests read back from result files, and a video to read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray


def read_png(path: Path) -> NDArray[Any]:
    """Return the picture as it is stored, colours as BGR."""
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert picture is not None, path
    return picture


def read_cloud(path: Path) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Return points [n, 3] and colours [n, 3] of a PLY file; skip the test without trimesh."""
    trimesh = pytest.importorskip('trimesh', reason='trimesh, which only pip has, reads the cloud')
    cloud = trimesh.load(path)
    assert isinstance(cloud, trimesh.PointCloud)
    return np.asarray(cloud.vertices), np.asarray(cloud.colors)[:, :3]


def write_video(path: Path, frames: Sequence[NDArray[np.uint8]], rate_hz: float = 10.0) -> None:
    """Write BGR frames, all of one size, as motion JPEG."""
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), rate_hz, (width, height))
    for frame in frames:
        writer.write(frame)
    writer.release()
