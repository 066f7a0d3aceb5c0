"""What the filters of the parameters do to the depth of one camera's frames."""

from __future__ import annotations

import math
from collections.abc import Set
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.geometry.cleaning import (
    INDOOR_CONFIDENCE,
    OUTDOOR_CONFIDENCE,
    ConfidenceCurve,
    ConfidenceFilter,
    EdgeFilter,
    RangeLimits,
    TemporalFilter,
)
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.kept import Kept
from s2r_depth_ros.node.parameters import Values

Depth = NDArray[np.float32]

_CURVES = {'outdoor': OUTDOOR_CONFIDENCE}  # of models without their own; others: of rooms


@dataclass(frozen=True)
class DepthFrame:
    """The depth of a frame before it is cleaned, and what filters ask of the frame.

    depth: float32 [H, W], metres, NaN invalid. rgb: uint8 [H, W, 3], what depth was inferred from.
    stamp: seconds. intrinsics: None without a usable camera_info. model: what it says of itself.
    farthest: metres, where the model's depth ends, scaled as ``depth`` is.
    """

    depth: Depth
    rgb: NDArray[np.uint8]
    stamp: float
    intrinsics: Intrinsics | None
    model: ModelMetadata
    farthest: float


class Cleaned(NamedTuple):
    """Clean depth of a frame.

    depth: float32 [H, W], metres; NaN is unknown, -inf nearer than min_depth, +inf farther than
    max_depth, sky among it. finite: the same with NaN for the infinite. confidence: float32
    [H, W], 0 to 1; None unless asked for.
    """

    depth: Depth
    finite: Depth
    confidence: Depth | None = None


def is_cleaned(wanted: Set[str], values: Values) -> bool:
    """Return whether ``FrameCleaner`` has something to do for these outputs.

    Else depth is finished where the network runs, limits of depth among it. Where other sources
    than depth_scale scale it, they do so before the limits; so does who measures the scale.
    """
    filters = (values.edge_filter, values.temporal_filter, values.confidence, values.sky_filter)
    return (
        any(f.enable for f in filters)
        or bool(values.scale.names)
        or (topics.SCALE in wanted and (values.min_depth > 0 or values.max_depth > 0))
        or values.out_of_range == 'infinite'
        or bool(wanted & topics.OF_CLEAN_DEPTH)
    )


class FrameCleaner:
    """Cleans the depth images of one camera, in the order of their stamps. One caller at a time."""

    def __init__(self) -> None:
        self._edge: Kept[EdgeFilter] = Kept()
        self._temporal: Kept[TemporalFilter] = Kept()
        self._confidence: Kept[ConfidenceFilter] = Kept()

    def restart(self) -> None:
        """Forget earlier frames: one was not seen, or other ones begin."""
        self._temporal.forget()

    def clean(self, frame: DepthFrame, wanted: Set[str], values: Values) -> Cleaned:
        """Return the depth of a frame, which is overwritten, after all filters that are enabled.

        wanted: names in topics.OUTPUTS. Without intrinsics flying pixels stay.
        """
        depth = frame.depth
        if values.edge_filter.enable and frame.intrinsics is not None:
            depth = self._edge_filter(frame.intrinsics, values).apply(depth)
        if values.temporal_filter.enable:
            self._temporal_filter(frame.intrinsics, values).update(depth, frame.rgb, frame.stamp)
        else:
            self._temporal.forget()
        confidence = None
        if values.confidence.enable or topics.CONFIDENCE in wanted:
            confidence = self._confidence_filter(frame.model, values).apply(depth)
        limits = _limits(frame, values)
        if limits == RangeLimits():
            return Cleaned(depth, depth, confidence)
        limits.apply(depth)
        finite = np.where(np.isinf(depth), np.float32(np.nan), depth)
        return Cleaned(depth, finite, confidence)

    def _edge_filter(self, intrinsics: Intrinsics, values: Values) -> EdgeFilter:
        settings = values.edge_filter.settings()
        return self._edge.get((intrinsics, settings), lambda: EdgeFilter(intrinsics, settings))

    def _temporal_filter(self, intrinsics: Intrinsics | None, values: Values) -> TemporalFilter:
        settings = values.temporal_filter.settings()
        # Another camera's frames are no past of this one's.
        return self._temporal.get((intrinsics, settings), lambda: TemporalFilter(settings))

    def _confidence_filter(self, model: ModelMetadata, values: Values) -> ConfidenceFilter:
        curve = _curve_of(model)
        least = values.confidence.min if values.confidence.enable else 0.0
        return self._confidence.get((curve, least), lambda: ConfidenceFilter(curve, least))


def _curve_of(model: ModelMetadata) -> ConfidenceCurve:
    if model.confidence_curve is not None:
        return ConfidenceCurve(*model.confidence_curve)
    return _CURVES.get(model.scene, INDOOR_CONFIDENCE)


def _limits(frame: DepthFrame, values: Values) -> RangeLimits:
    limits = RangeLimits(values.min_depth, values.max_depth or math.inf)
    if has_sky(frame.model.scene, values):
        return limits.without_sky(frame.farthest)
    return limits


def has_sky(scene: str, values: Values) -> bool:
    """Return whether sky is looked for: a model of rooms has never seen one."""
    return values.sky_filter.enable and scene != 'indoor'
