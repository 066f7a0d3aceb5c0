"""Whether intrinsics can be those of a camera, or are a placeholder, a mistake, a contradiction.

Drivers without a calibration publish a focal length of one pixel or the identity, and some publish
K of another resolution. Depth and cloud of such numbers look right and are wrong by any factor.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.calibration import Calibration
from s2r_depth_ros.geometry.checks import SAY_RECTIFIED, ImplausibleError
from s2r_depth_ros.geometry.lens_names import EQUIDISTANT

# Angles in degrees, of the wider side of the image.
NARROWEST_VIEW = 2.0
WIDEST_VIEW = 170.0  # of a pinhole
# With binning: an ideal lens as wide is rare, and K of the binned image looks like one.
WIDEST_BINNED_VIEW = 110.0
WIDEST_FISHEYE_VIEW = 360.0  # of the narrower side: the picture may be a circle inside the image
LARGEST_ASPECT = 4.0  # fx over fy or fy over fx
# Where the principal point may be, 0 and 1 being the image's borders.
CENTRE_RANGE = (-0.1, 1.1)
# Twice that: K of an image s times as large has its principal point at s in both directions. As the
# two images may differ in their shape, the two may differ by a factor.
OTHER_SIZE = (0.7, 1.4)
OTHER_SHAPE = 1.4
# P over K.
ZOOM_RANGE = (1 / 8, 4.0)
LARGEST_STRETCH = 2.0


def check_plausible(calibration: Calibration) -> None:
    """Raise ImplausibleError, with the remedy, for numbers that are not believed.

    They are looked at as at full resolution, before the window and binning.
    """
    size = (calibration.width, calibration.height)
    lens = calibration.distortion_model
    _check_camera('K', calibration.camera_matrix, size, lens)
    _check_binning(calibration)
    if any(calibration.p):
        _check_camera('P', calibration.projection[:, :3], size, '')
        check_agreement(calibration.camera_matrix, calibration.projection)


def check_focal_length(fx: float, width: int, what: str) -> None:
    """Raise ImplausibleError unless a pinhole can have ``fx`` px in an image ``width`` px wide.

    what: how the text begins, such as 'fx of frame 7'.
    """
    view = _view(fx, width)
    if not NARROWEST_VIEW <= view <= WIDEST_VIEW:
        raise ImplausibleError(
            f'{what} is {fx:g} px, a field of view of {view:.3g} degrees for an image {width} px '
            f'wide; it must be between {NARROWEST_VIEW:g} and {WIDEST_VIEW:g} degrees: give the '
            'focal length in pixels of the image at this size'
        )


def check_agreement(k: NDArray[np.float64], p: NDArray[np.float64]) -> None:
    """Raise ImplausibleError unless K (3x3) and P (3x4) can be of one image, raw and rectified."""
    zoom_x, zoom_y = p[0, 0] / k[0, 0], p[1, 1] / k[1, 1]
    shifts = (p[0, 2] + 0.5) / (k[0, 2] + 0.5), (p[1, 2] + 0.5) / (k[1, 2] + 0.5)
    zooms = (zoom_x, zoom_y, *shifts)
    # Another size scales all four alike; another view of the same size keeps the principal point.
    scaled = max(zooms) < 1.1 * min(zooms) and not 0.8 < zoom_x < 1.25
    believed = all(ZOOM_RANGE[0] <= zoom <= ZOOM_RANGE[1] for zoom in (zoom_x, zoom_y))
    if scaled or not believed or not 1 / LARGEST_STRETCH <= zoom_x / zoom_y <= LARGEST_STRETCH:
        raise ImplausibleError(
            f'P of camera_info contradicts K: fx={p[0, 0]:g}, fy={p[1, 1]:g}, principal point '
            f'({p[0, 2]:g}, {p[1, 2]:g}) after fx={k[0, 0]:g}, fy={k[1, 1]:g} and ({k[0, 2]:g}, '
            f'{k[1, 2]:g}): one of the two is of another camera or image size. Correct it, or '
            f'leave P all zero to use K'
        )


def _view(focal_length: float, side: float) -> float:
    """Return the angle (degrees) that a pinhole with a centred image sees."""
    return 2 * math.degrees(math.atan2(side / 2, focal_length))


def _check_camera(name: str, matrix: NDArray[np.float64], size: tuple[int, int], lens: str) -> None:
    """Refuse what no camera of images of ``size`` (width, height) has; lens: as normalised."""
    (fx, _, cx), (_, fy, cy) = matrix[:2]
    width, height = size
    views = _view(fx, width), _view(fy, height)
    believed = NARROWEST_VIEW <= max(views) <= WIDEST_VIEW
    if lens == EQUIDISTANT:
        views = math.degrees(width / fx), math.degrees(height / fy)
        believed = max(views) >= NARROWEST_VIEW and min(views) <= WIDEST_FISHEYE_VIEW
    if not believed:
        raise ImplausibleError(
            f'{name} of camera_info has fx={fx:g}, fy={fy:g} for {width}x{height} pixels, a field '
            f'of view of {views[0]:.3g}x{views[1]:.3g} degrees: a placeholder, or of another unit '
            f'or image. {_REMEDY}'
        )
    if max(fx / fy, fy / fx) > LARGEST_ASPECT:
        raise ImplausibleError(
            f'{name} of camera_info has fx={fx:g} and fy={fy:g}, as no pixels are so oblong. '
            f'{_REMEDY}'
        )
    x, y = (cx + 0.5) / width, (cy + 0.5) / height
    if not all(CENTRE_RANGE[0] <= c <= CENTRE_RANGE[1] for c in (x, y)) or _is_other_size(x, y):
        raise ImplausibleError(
            f'{name} of camera_info has its principal point ({cx:g}, {cy:g}) at {x:.0%} of the '
            f'width and {y:.0%} of the height of {width}x{height} pixels: {name} is of another '
            'image size, or width and height are. All three describe the full resolution; for a '
            f'binned image or a window of it set binning and roi (REP 104). {_REMEDY}'
        )


def _is_other_size(x: float, y: float) -> bool:
    """Return whether a principal point, 0.5 being the middle, is that of another image size."""
    low, high = sorted((2 * x, 2 * y))
    return (low >= OTHER_SIZE[1] or high <= OTHER_SIZE[0]) and high <= OTHER_SHAPE * low


def _check_binning(calibration: Calibration) -> None:
    """Refuse binning that K has been through already."""
    x, y = max(1, calibration.binning_x), max(1, calibration.binning_y)
    view = _view(calibration.k[0], calibration.width)
    if max(x, y) == 1 or calibration.distortion_model == EQUIDISTANT or view <= WIDEST_BINNED_VIEW:
        return
    raise ImplausibleError(
        f'camera_info says {calibration.width}x{calibration.height} pixels with binning {x}x{y} '
        f'and fx={calibration.k[0]:g}, a field of view of {view:.0f} degrees: K looks like that of '
        f'the binned image, and would be divided by the binning again. Set binning to 0, and width '
        'and height to those of the image, or K and P to those of the full resolution (REP 104)'
    )


_REMEDY = (
    'Calibrate the camera (package camera_calibration) and have its driver publish the result. If '
    f'the images are rectified already and P is good, {SAY_RECTIFIED}'
)
