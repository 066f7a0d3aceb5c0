"""Names and coefficients of lens distortion as drivers write them, and the three lenses they mean.

sensor_msgs/distortion_models.hpp has plumb_bob, rational_polynomial and equidistant. Drivers write
much else, and give more or fewer coefficients than the name has. A name stands here only if its
formula and the order of its coefficients are known to be those of OpenCV.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from s2r_depth_ros.geometry.checks import SAY_RECTIFIED, CalibrationError

PLUMB_BOB = 'plumb_bob'
RATIONAL = 'rational_polynomial'
EQUIDISTANT = 'equidistant'
NO_DISTORTION = (0.0,) * 5
# Coefficients, with zeros behind them, beyond which a message is nonsense.
_MOST = 100

# Coefficients in OpenCV's order: k1 k2 p1 p2 [k3 [k4 k5 k6 [s1 s2 s3 s4 [tau_x tau_y]]]].
# Whichever of the two names a driver gives, their number says which formula it is.
_BROWN = (4, 5)
_OPENCV = (*_BROWN, 8, 12, 14)
# k1 k2 k3 k4, of the angle.
_FISHEYE = (4,)
# A pinhole, or a lens that is one where all coefficients are zero, but of another formula else.
_ZEROS = ()

# Name in lower case, letters and digits only -> the lens, and the numbers of coefficients it can
# have. Of librealsense: Brown Conrady, Inverse Brown Conrady (it undistorts, so it is no
# plumb_bob), Kannala Brandt4, None. radtan and equi are Kalibr's.
_LENSES: dict[str, tuple[str, tuple[int, ...]]] = {
    **dict.fromkeys(('plumbbob', 'rationalpolynomial', 'rational', 'opencv'), (PLUMB_BOB, _OPENCV)),
    **dict.fromkeys(
        ('radtan', 'radialtangential', 'brownconrady', 'opencvpinhole'), (PLUMB_BOB, _BROWN)
    ),
    **dict.fromkeys(
        (
            '', 'none', 'no', 'nodistortion', 'undistorted', 'rectified', 'identity', 'perfect',
            'ideal', 'pinhole', 'perspective', 'rectilinear', 'linear', 'thinprism', 'unknown',
            'undefined', 'null', 'na', 'distortionnone',
            'inversebrownconrady', 'modifiedbrownconrady',
        ),
        (PLUMB_BOB, _ZEROS),
    ),
    **dict.fromkeys(
        (
            'equidistant', 'equi', 'fisheye', 'opencvfisheye', 'kannalabrandt', 'kannalabrandt4',
            'kb4',
        ),
        (EQUIDISTANT, _FISHEYE),
    ),
}  # fmt: skip


def normalised(name: str, coefficients: Sequence[float]) -> tuple[str, tuple[float, ...]]:
    """Return the lens that is meant, and as many coefficients as OpenCV's formula has for it.

    The lens is PLUMB_BOB (5), RATIONAL (8, 12 or 14) or EQUIDISTANT (4). Zeros beyond what the
    name has are cut; all zeros are no distortion, except of an equidistant lens, whose picture is
    not that of a pinhole then either. Raises CalibrationError for another lens or count.
    """
    lens, counts = _LENSES.get(_key(name), ('', ()))
    if len(coefficients) > _MOST:
        raise CalibrationError(
            f'd of camera_info has {len(coefficients)} coefficients, no lens has so many: correct '
            f'it. {_REMEDY}'
        )
    last = max((i for i, value in enumerate(coefficients, 1) if value), default=0)
    if not lens:
        raise CalibrationError(
            f"distortion_model '{name}' of camera_info is unknown; known are {PLUMB_BOB}, "
            f'{RATIONAL} and {EQUIDISTANT}. {_REMEDY}'
        )
    if lens == PLUMB_BOB and not last:
        return PLUMB_BOB, NO_DISTORTION
    if not counts:
        raise CalibrationError(
            f"camera_info has distortion coefficients, but '{name}' as distortion_model: which "
            f"formula they are of is unknown. Name it ('{PLUMB_BOB}' for most lenses). {_REMEDY}"
        )
    # One or two, with zeros or nothing behind, are k1 and k2 of any of these formulas.
    given = max(len(coefficients), min(counts) if last <= 2 or lens == EQUIDISTANT else 0)
    count = next((c for c in counts if last <= c <= given), None)
    if count is None:
        raise CalibrationError(
            f"d of camera_info has {len(coefficients)} coefficients; '{name}' has "
            f'{" or ".join(map(str, counts))}: correct d or distortion_model. {_REMEDY}'
        )
    if lens == PLUMB_BOB:
        count = max(count, 5)
        lens = PLUMB_BOB if count == 5 else RATIONAL
    values = tuple(float(value) for value in coefficients[:count])
    return lens, values + (0.0,) * (count - len(values))


def _key(name: str) -> str:
    return re.sub('[^a-z0-9]', '', name.lower())


_REMEDY = (
    f'For any lens: rectify the images with software that knows it, and {SAY_RECTIFIED}: then d is '
    'not looked at'
)
