"""Parameters of what cleans depth: edge_filter, temporal_filter, confidence, sky_filter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from s2r_depth_ros.geometry.cleaning import EdgeSettings, TemporalSettings
from s2r_depth_ros.geometry.settings import FilterError
from s2r_depth_ros.node.parameters.spec import ParameterError, parameter

T = TypeVar('T')


def made(settings: Callable[[], T]) -> T:
    """Return the settings of a filter. Raises ParameterError for those that it refuses."""
    try:
        return settings()
    except FilterError as error:
        raise ParameterError(str(error)) from error


@dataclass(frozen=True)
class EdgeFilterParameters:
    """``edge_filter``."""

    enable: bool = parameter(
        False,
        'make flying pixels invalid: depths that hang between a near surface and a far one behind '
        'it; needs a valid camera_info',
    )
    max_incidence: float = parameter(
        EdgeSettings.max_incidence,
        'radians between the normal of a surface and the ray to it, from which on it is taken for '
        'an edge; a floor stays up to tan(max_incidence) times the height of the camera',
        bounds=(0.01, 1.569),
    )
    max_step: float = parameter(
        EdgeSettings.max_step,
        'change of depth from one pixel to the next, as a share of the depth, that is an edge',
        bounds=(0.0001, 1.0),
    )

    def settings(self) -> EdgeSettings:
        """Return them as the filter takes them."""
        return EdgeSettings(self.max_incidence, self.max_step)

    def check(self) -> None:
        """Raise ParameterError for what the filter refuses."""
        made(self.settings)


@dataclass(frozen=True)
class TemporalFilterParameters:
    """``temporal_filter``."""

    enable: bool = parameter(
        False,
        'steady depth from frame to frame where neither image nor depth changed; nothing is seen '
        'where it was for longer than three frames',
    )
    weight: float = parameter(
        TemporalSettings.weight,
        'of the newest frame; the smaller, the steadier and slower',
        bounds=(0.4, 1.0),
    )
    max_change: float = parameter(
        TemporalSettings.max_change,
        'relative change of inverse depth, beyond that of the whole frame, at which a pixel starts '
        'anew',
        bounds=(0.0, 0.25),
    )
    max_difference: float = parameter(
        TemporalSettings.max_difference,
        'change of the grey level (0 to 255) of a region of the image, at which it starts anew',
        bounds=(0.0, 255.0),
    )
    max_gap: float = parameter(
        TemporalSettings.max_gap,
        'seconds between two frames, beyond which the whole frame starts anew',
        bounds=(0.001, 60.0),
    )

    def settings(self) -> TemporalSettings:
        """Return them as the filter takes them."""
        return TemporalSettings(self.weight, self.max_change, self.max_difference, self.max_gap)

    def check(self) -> None:
        """Raise ParameterError for what the filter refuses."""
        made(self.settings)


@dataclass(frozen=True)
class ConfidenceParameters:
    """``confidence``."""

    enable: bool = parameter(
        False,
        'make depths invalid of which the confidence is below confidence.min; the image '
        'depth_registered/confidence needs no enable',
    )
    min: float = parameter(
        0.3,
        'least confidence of a depth that stays: how likely it is within 25 % of the truth, once '
        'the scale is right',
        bounds=(0.0, 1.0),
    )

    def check(self) -> None:
        """Nothing contradicts."""


@dataclass(frozen=True)
class SkyFilterParameters:
    """``sky_filter``."""

    enable: bool = parameter(
        False,
        'take what lies beyond half of the farthest depth of the model for sky, which is farther '
        'than max_depth; models of rooms have none',
    )

    def check(self) -> None:
        """Nothing contradicts."""
