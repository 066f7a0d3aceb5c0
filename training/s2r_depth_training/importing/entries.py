"""What an importer gives: the frames of a data set, each read when it is wanted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry import Calibration, CalibrationError, Intrinsics, check_plausible
from s2r_depth_training.errors import DataError

Depth = NDArray[np.float32]
"""[H, W], m along the optical axis, 0 = unknown or sky."""


class Imported(NamedTuple):
    """One frame. rgb: [H, W, 3]. depth: of the same size. camera: of that size."""

    rgb: NDArray[np.uint8]
    depth: Depth
    camera: Intrinsics


@dataclass(frozen=True)
class SetFrame:
    """A frame that can be read.

    scene: what must not be in both splits: all frames, variations and cameras of one place.
    name: of its file, for errors. load: as ``read``, without the check of the camera.
    """

    scene: str
    name: str
    load: Callable[[], Imported]

    def read(self) -> Imported:
        """Read the frame.

        Raises UserError naming the file for one that is no such frame, and for intrinsics that no
        camera of images of this size has.
        """
        try:
            frame = self.load()
            camera = frame.camera
            check_plausible(
                Calibration(camera.width, camera.height, '', (), camera.matrix.ravel().tolist())
            )
        except CalibrationError as error:
            found = re.split('[;:] ', str(error))[0].replace(' of camera_info', '')
            raise DataError(
                f'{self.name}: {found}; give the intrinsics of images of this size'
            ) from error
        return frame


@dataclass(frozen=True)
class Options:
    """What some importers ask for.

    list: file that names the frames. fx: px, of images without intrinsics; scale: m a unit of
    depth; 0 where none is given.
    """

    list: Path | None = None
    fx: float = 0.0
    scale: float = 0.0


@dataclass(frozen=True)
class Importer:
    """A layout of files.

    kind: of scene. zero_depth: ``sky`` or ``unknown``. tree: as people read it. entries: gives the
    frames beneath a folder, in a fixed order. uses: the options that say something of this layout.
    """

    kind: str
    zero_depth: str
    tree: str
    entries: Callable[[Path, Options], Iterator[SetFrame]]
    uses: tuple[str, ...] = ()


def same_size(name: str, rgb: NDArray[np.uint8], depth: Depth) -> None:
    """Raise DataError unless colour and depth are of one size."""
    if rgb.shape[:2] != depth.shape:
        raise DataError(f'{name}: colour is {rgb.shape[:2]}, depth {depth.shape} (height, width)')
