"""Where the floor is in one camera's frames."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from std_msgs.msg import Header

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.geometry.plane import Plane
from s2r_depth_ros.geometry.settings import FilterError
from s2r_depth_ros.node.conversions import seconds
from s2r_depth_ros.node.fitted_floor import FittedFloor
from s2r_depth_ros.node.gravity import Gravity
from s2r_depth_ros.node.transforms import Transforms


class NoFloor(UserError):  # noqa: N818 - as NoTransform
    """Nobody knows where the floor is; the text says why, and the remedy."""


class FrameFloor:
    """Finds the floor of one camera's frames; one caller at a time.

    It is the same plane while it is nearly where it was: tables that were made for it serve on.
    guessed: why the last one is that of the image, '' if a transform told it.
    """

    def __init__(self, transforms: Transforms, gravity: Gravity) -> None:
        self._transforms = transforms
        self._fitted = FittedFloor(gravity)
        self._kept: Plane | None = None
        self.guessed = ''

    def find(
        self, header: Header, base_frame: str, depth: NDArray[np.float32], intrinsics: Intrinsics
    ) -> Plane:
        """Return the floor by the transform to base_frame, else as it is seen in depth.

        depth: float32 [H, W], metres, NaN or infinite where it is not known. Raises NoFloor.
        """
        try:
            floor = self._under(header, base_frame)
            self.guessed = ''
        except NoFloor as error:
            fitted = self._fitted.find(header, depth, intrinsics)
            if fitted is None:
                raise NoFloor(f'{error}. Nor is a floor seen in the image') from error
            floor, self.guessed = fitted, str(error)
        if self._kept is None or not floor.is_close(self._kept):
            self._kept = floor
        return self._kept

    def _under(self, header: Header, base_frame: str) -> Plane:
        try:
            pose = self._transforms.find(base_frame, header.frame_id, seconds(header.stamp))
            return Plane.under_camera(pose)
        except FilterError as error:
            raise NoFloor(
                f'{error}: base_frame is {base_frame!r}; give it a frame on the floor, such as '
                f'base_footprint, and check its transform to {header.frame_id!r}'
            ) from error
        except UserError as error:
            raise NoFloor(f'the floor is not known: {error}') from error
