"""Parameters of what a robot plans with: ground and scan."""

from __future__ import annotations

from dataclasses import dataclass

from s2r_depth_ros.geometry.navigation import GroundSettings, ScanSettings
from s2r_depth_ros.node.parameters.filters import made
from s2r_depth_ros.node.parameters.spec import parameter


@dataclass(frozen=True)
class GroundParameters:
    """``ground``: of points_ground and points_obstacles."""

    max_height: float = parameter(
        GroundSettings.max_height,
        'metres over or under the plane of the floor that are still floor',
        bounds=(0.001, 10.0),
    )
    max_slope: float = parameter(
        GroundSettings.max_slope,
        'radians by which the floor may rise or fall from under the camera on; takes in errors of '
        'depth, which grow with distance',
        bounds=(0.0, 0.785),
    )

    def settings(self) -> GroundSettings:
        """Return them as the ground split takes them."""
        return GroundSettings(self.max_height, self.max_slope)

    def check(self) -> None:
        """Raise ParameterError for what the ground split refuses."""
        made(self.settings)


@dataclass(frozen=True)
class ScanParameters:
    """``scan``."""

    frame: str = parameter(
        '',
        'frame of the scan, known by transforms or TF: level, z up; the scan is one from its '
        'origin; empty: base_frame',
    )
    min_height: float = parameter(
        ScanSettings.min_height,
        'metres over the floor, from which on something is an obstacle of the scan',
        bounds=(0.0, 10.0),
    )
    max_height: float = parameter(
        ScanSettings.max_height,
        'metres over the floor, below which it is: the height of the robot and some more',
        bounds=(0.0, 100.0),
    )
    max_slope: float = parameter(
        ScanSettings.max_slope,
        'radians by which scan.min_height grows with distance, as ground.max_slope',
        bounds=(0.0, 0.785),
    )
    angle_increment: float = parameter(
        0.01,
        'radians between two beams of the scan, at least a pixel',
        bounds=(0.0001, 1.0),
    )
    min_range: float = parameter(
        ScanSettings.min_range,
        'metres; what is nearer is -inf in the scan',
        bounds=(0.0, 1000.0),
    )
    max_range: float = parameter(
        ScanSettings.max_range,
        'metres; what is farther is not looked at; max_depth limits it, too',
        bounds=(0.0, 1000.0),
    )

    def settings(self) -> ScanSettings:
        """Return them as the scanner takes them."""
        return ScanSettings(
            self.min_height, self.max_height, self.max_slope, self.min_range, self.max_range
        )

    def check(self) -> None:
        """Raise ParameterError for what the scanner refuses."""
        made(self.settings)
