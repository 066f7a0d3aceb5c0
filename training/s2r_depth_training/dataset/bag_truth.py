"""What of a recording says how far things are: an aligned depth image, or a lidar."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.geometry.point_image import sparse_depth
from s2r_depth_ros.geometry.scale.references import ScanError, transformed
from s2r_depth_ros.media.bags.lidar import LIDARS, lidar_points
from s2r_depth_ros.media.bags.messages import COMPRESSED_IMAGE, IMAGE
from s2r_depth_ros.media.bags.transforms import BagTransforms
from s2r_depth_ros.media.point_clouds import CloudError
from s2r_depth_training.dataset.recorded_images import depth_image
from s2r_depth_training.dataset.shrinking import shrink_depth
from s2r_depth_training.errors import DataError

_ALONG = 0.9  # cosine between the lidar's axis and where the camera looks


class Truth(Protocol):
    """How messages of one topic become the depth of a camera's images."""

    @property
    def name(self) -> str:
        """What it is called in texts."""

    @property
    def types(self) -> tuple[str, ...]:
        """The types that its messages may have."""

    @property
    def needs_pinhole(self) -> bool:
        """Return whether the images must be free of lens distortion as they are recorded."""

    def depth(
        self, message: Any, frame: str, camera: Intrinsics, small: Intrinsics
    ) -> NDArray[np.float32]:
        """Return the depth of an image, [h, w] of ``small``, m, 0 = unknown.

        frame: of the image. camera: of the rectified image, small: of what it is shrunk to.
        Raises UserError for a message that cannot be used.
        """


class AlignedDepth:
    """Depth images that fit the colour image pixel by pixel.

    transforms: by which images of two frames are refused, unless these are in one place.
    """

    name = 'depth'
    types = (IMAGE, COMPRESSED_IMAGE)
    needs_pinhole = True

    def __init__(self, transforms: BagTransforms) -> None:
        self._transforms = transforms

    def depth(
        self, message: Any, frame: str, camera: Intrinsics, small: Intrinsics
    ) -> NDArray[np.float32]:
        """Return depth as ``Truth`` says: picked, not mixed."""
        self._check_frames(frame, message.header.frame_id)
        metres = depth_image(message)
        if metres.shape != (camera.height, camera.width):
            raise DataError(
                f'depth is {metres.shape}, camera_info {(camera.height, camera.width)} (height, '
                'width); record depth that is aligned with colour'
            )
        if not metres.any():
            raise DataError('no pixel of the depth image is valid; check the depth camera')
        return shrink_depth(metres, small)

    def _check_frames(self, colour: str, depth: str) -> None:
        """Raise DataError for depth as its own camera sees it, beside that of colour."""
        if not self._transforms.are_one_place(colour, depth):
            raise DataError(
                f'depth is in the frame {depth!r}, colour in {colour!r}: it is not aligned with '
                'colour, and would be learnt in the wrong places; record the topic that is '
                f"(aligned_depth_to_color, depth_registered), or say --transform '{colour} "
                f"{depth} 0 0 0 0 0 0' if both are one camera"
            )


class LidarPoints:
    """Laser scans or point clouds, which the transforms of the recording bring to the camera.

    up_ahead: frame of the images, if by the transforms the camera looks where the lidar has up.
    """

    name = 'lidar'
    types = LIDARS
    needs_pinhole = False

    def __init__(self, transforms: BagTransforms) -> None:
        self._transforms = transforms
        self.up_ahead = ''

    def depth(
        self, message: Any, frame: str, camera: Intrinsics, small: Intrinsics
    ) -> NDArray[np.float32]:
        """Return depth as ``Truth`` says: of the nearest point in each pixel that sees one."""
        pose = self._transforms.find(frame, message.header.frame_id)
        if pose[2, 2] > _ALONG:
            self.up_ahead = frame
        try:
            points = lidar_points(message)
        except (CloudError, ScanError) as error:
            raise DataError(f'lidar: {error}') from error
        depth = sparse_depth(transformed(points, pose), small)
        if not depth.any():
            raise DataError(
                'no point of the lidar falls on the image; check its transform, and that the '
                'camera looks where it measures'
            )
        return depth
