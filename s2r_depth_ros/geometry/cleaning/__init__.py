"""Clean depth images: flying pixels, limits of range, flicker, and how sure each depth is."""

from __future__ import annotations

from s2r_depth_ros.geometry.cleaning.confidence import (
    INDOOR_CONFIDENCE,
    OUTDOOR_CONFIDENCE,
    ConfidenceCurve,
    ConfidenceFilter,
)
from s2r_depth_ros.geometry.cleaning.edge_filter import EdgeFilter, EdgeSettings
from s2r_depth_ros.geometry.cleaning.range_limits import RangeLimits
from s2r_depth_ros.geometry.cleaning.temporal_filter import TemporalFilter, TemporalSettings

__all__ = [
    'INDOOR_CONFIDENCE',
    'OUTDOOR_CONFIDENCE',
    'ConfidenceCurve',
    'ConfidenceFilter',
    'EdgeFilter',
    'EdgeSettings',
    'RangeLimits',
    'TemporalFilter',
    'TemporalSettings',
]
