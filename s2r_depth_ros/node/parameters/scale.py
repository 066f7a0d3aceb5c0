"""Parameters of the scale of depth: what it comes from, and how it may move."""

from __future__ import annotations

from dataclasses import dataclass

from s2r_depth_ros.geometry.scale import FilterSettings
from s2r_depth_ros.node.parameters.spec import ParameterError, parameter

NONE, FIXED, CAMERA_HEIGHT = 'none', 'fixed', 'camera_height'
LIDAR, RANGE, DEPTH = 'lidar', 'range', 'depth'
HOLD, STOP = 'hold', 'stop'


@dataclass(frozen=True)
class ScaleParameters:
    """``scale``."""

    source: tuple[str, ...] = parameter(
        (),
        'what depth is scaled by, besides depth_scale: camera_height (the floor in the image), '
        'lidar, range, depth (topics reference/*), fixed (depth_scale as it is, where nothing '
        'measures); of several the surest fresh one is taken; none or empty: off',
        choices=(NONE, FIXED, CAMERA_HEIGHT, LIDAR, RANGE, DEPTH),
        reload=True,
    )
    max_age: float = parameter(
        0.5,
        'seconds that a reference may be older or newer than the image; after this time without '
        'one the scale is held',
        bounds=(0.001, 60.0),
    )
    timeout: float = parameter(
        5.0,
        'seconds since the last reference after which the held scale is stale',
        bounds=(0.01, 3600.0),
    )
    on_timeout: str = parameter(
        HOLD,
        'while the scale is stale or was never measured: hold (publish depth all the same, with a '
        'warning) or stop (publish nothing in metres, with an error)',
        choices=(HOLD, STOP),
    )
    camera_height: float = parameter(
        0.0,
        'metres of the camera over the floor, for the source camera_height; 0: from the transform '
        'between base_frame, which lies on the floor, and the optical frame',
        bounds=(0.0, 100.0),
    )
    rate_limit: float = parameter(
        FilterSettings.rate_limit,
        'most change of the scale in a second, as a logarithm: 0.2 is 22 %',
        bounds=(0.001, 10.0),
    )
    curve: bool = parameter(
        True,
        'let lidar and depth scale near and far things differently, where held-out points say that '
        'it helps',
    )

    @property
    def names(self) -> tuple[str, ...]:
        """The sources, each once; none if depth_scale is all there is."""
        return tuple(dict.fromkeys(name for name in self.source if name != NONE))

    def settings(self) -> FilterSettings:
        """Return how the scale moves over time."""
        return FilterSettings(
            rate_limit=self.rate_limit, fresh_time=self.max_age, timeout=self.timeout
        )

    def check(self) -> None:
        """Raise ParameterError for what contradicts."""
        if NONE in self.source and self.names:
            raise ParameterError(
                f'scale.source is {list(self.source)}: leave {NONE} out, or the others'
            )
        if self.timeout < self.max_age:
            raise ParameterError(
                f'scale.timeout ({self.timeout:g} s) must not be less than scale.max_age '
                f'({self.max_age:g} s), for which a reference counts as fresh'
            )
