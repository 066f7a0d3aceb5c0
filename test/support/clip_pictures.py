"""Pictures of which clips are made in tests, and what they must be when they are played."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.rig.clip import ClipFrame

WIDTH, HEIGHT = 64, 48
K = [50.0, 0.0, 31.0, 0.0, 52.0, 23.0, 0.0, 0.0, 1.0]


def picture(index: int) -> NDArray[np.uint8]:
    """A flat RGB picture that tells its index by its colour."""
    return np.full((HEIGHT, WIDTH, 3), (40 + 20 * index, 200 - 20 * index, 90), np.uint8)


def save(path: Path, rgb: NDArray[np.uint8]) -> None:
    cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))


def pixels(frame: ClipFrame) -> NDArray[np.uint8]:
    image = frame.image
    assert image.step == 3 * image.width
    return np.frombuffer(image.data, np.uint8).reshape(image.height, image.width, 3)
