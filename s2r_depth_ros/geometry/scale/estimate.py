"""What a source of scale is asked, and what it answers.

Times are seconds of one clock, which the caller chooses; nothing here reads a clock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.intrinsics import Intrinsics
from s2r_depth_ros.geometry.projection import check_shape, ray_slopes
from s2r_depth_ros.geometry.scale.correction import Correction


class Reason(Enum):
    """Why a source gave no scale; the value is a text for diagnostics."""

    NOTHING_CAME = 'no reference has come'
    OTHER_TIME = (
        'its reference is not of the time of the image; check that it still comes, and its clock, '
        'or set scale.max_age above the period of a slow one'
    )
    NO_TIME = 'the image has no stamp; have the camera driver set it'
    UNREADABLE = 'the reference cannot be read'
    NOT_PLACED = 'where the reference is to the camera is not known'
    NO_CAMERA = 'the intrinsics of the camera are not known'
    NO_REFERENCE = 'the reference has no usable value (all NaN, infinite or out of its range)'
    NO_ANCHORS = 'no point of the reference falls on valid depth; check its transform and time'
    TOO_FEW = 'too few points of the reference fall on depth away from edges; check its transform'
    NOT_SPREAD = (
        'the points of the reference lie in too small a part of the image; check its transform'
    )
    CONTRADICTING = 'the points of the reference contradict each other; check its transform'
    NO_DEPTH = 'the depth image has no valid pixel where it is needed'
    BAD_CONE = 'field_of_view of the range sensor is no angle below pi; it must be in radians'
    NOT_IN_VIEW = (
        'the range sensor looks where the camera does not, or where depth is not known; check its '
        'transform, or turn it to where the camera looks'
    )
    NO_FLOOR = 'no floor is seen below the horizon: if that is often so, add another scale.source'
    NOT_LOWEST = 'the largest level plane has much beneath it: a table top or a ledge, not a floor'
    BAD_HEIGHT = (
        'the height of the camera over the floor is not a number above 0; give base_frame a frame '
        'on the floor and check its transform, or set scale.camera_height'
    )
    BAD_DIRECTION = 'the direction of gravity is not a finite vector'
    BAD_DISTANCE = 'the known distance is not a number above 0'
    BAD_PIXEL = 'the pixel is outside the image'
    BAD_SCALE = 'the fixed scale is not a number above 0'
    IMPLAUSIBLE = 'the scale is beyond all that a prediction is off by; check units and transform'


LARGEST_LOG_SCALE = math.log(30.0)
"""Beyond this, up or down, a scale is a wrong unit or a wrong transform, not a wrong network.

Centimetres that are called metres are refused, too, where the network is off by less than three.
"""


_LEAST_TOLERANCE = 0.1  # log scale

SPREAD_IN_IMAGE = 0.2
"""How much the log scale of one part of an image differs from that of all of it."""


@dataclass(frozen=True)
class UnscaledView:
    """Depth before scaling, float32 [H, W], metres along z, NaN unknown; and its camera.

    Raises ValueError if their sizes differ.
    """

    depth: NDArray[np.float32]
    intrinsics: Intrinsics

    def __post_init__(self) -> None:
        check_shape('depth', self.depth, (self.intrinsics.height, self.intrinsics.width))


@dataclass(frozen=True)
class ScaleEstimate:
    """What one source says about the scale of one view.

    source: its name. scale: the one factor, > 0. deviation: standard deviation of log scale, >= 0.
    correction: what to do to depth, the factor or a curve near it. used, rejected: how many anchors
    or pixels. residual: median of |log| that is left of the used ones. stamp: of the reference, s.
    Raises ValueError unless scale and deviation are finite and in these ranges.
    """

    source: str
    scale: float
    deviation: float
    correction: Correction
    used: int
    rejected: int
    residual: float
    stamp: float

    def __post_init__(self) -> None:
        finite = all(map(math.isfinite, (self.scale, self.deviation, self.residual, self.stamp)))
        if not finite or self.scale <= 0 or self.deviation < 0:
            raise ValueError(f'not an estimate of a scale: {self}')

    @property
    def log_scale(self) -> float:
        """The logarithm of ``scale``."""
        return math.log(self.scale)


@dataclass(frozen=True)
class NoScale:
    """That a source has no scale for a view, and why. detail: numbers, for a log line."""

    source: str
    reason: Reason
    detail: str = ''

    @property
    def text(self) -> str:
        """One line for people."""
        return f'{self.source}: {self.reason.value}' + (f' ({self.detail})' if self.detail else '')


class ScaleSource(Protocol):
    """A reference as it was at one time, and how a scale follows from it."""

    @property
    def name(self) -> str:
        """Of the source, a value of the parameter ``scale.source``."""

    def estimate(self, view: UnscaledView) -> ScaleEstimate | NoScale:
        """Return the scale of a view, or why there is none. Raises nothing for any values."""


def tolerance(*deviations: float) -> float:
    """Return by how much log scales of these deviations may differ and still agree."""
    return max(3.0 * math.hypot(*deviations), _LEAST_TOLERANCE)


def constant_estimate(
    name: str, log_scale: float, deviation: float, stamp: float,
    *, used: int = 0, rejected: int = 0, residual: float = 0.0,
) -> ScaleEstimate | NoScale:  # fmt: skip
    """Return the estimate of one factor for all depths, unless it is implausible."""
    if not abs(log_scale) <= LARGEST_LOG_SCALE:
        return implausible(name, log_scale)
    scale = math.exp(log_scale)
    return ScaleEstimate(
        name, scale, deviation, Correction.constant(scale), used, rejected, residual, stamp
    )


def implausible(name: str, log_scale: float) -> NoScale:
    """Return the refusal of a scale that no network is off by."""
    return NoScale(name, Reason.IMPLAUSIBLE, f'a factor of e^{log_scale:.2f}')


def grid_of(view: UnscaledView, columns: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return rays [h, w, 3] with z = 1 and depths [h, w] of a coarse grid over the view.

    columns: about how many. Unknown depths are NaN.
    """
    step = max(1, view.intrinsics.width // columns)
    every = slice(step // 2, None, step)
    x, y = (slopes.astype(np.float64) for slopes in ray_slopes(view.intrinsics))
    depth = view.depth[every, every].astype(np.float64)
    depth[~((depth > 0) & np.isfinite(depth))] = np.nan
    x, y = np.broadcast_to(x[:, every], depth.shape), np.broadcast_to(y[every], depth.shape)
    return np.stack([x, y, np.ones(depth.shape)], -1), depth
