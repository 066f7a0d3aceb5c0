"""Parameters of the size of clouds: cloud."""

from __future__ import annotations

from dataclasses import dataclass

from s2r_depth_ros.geometry.reduction import Box
from s2r_depth_ros.node.parameters.filters import made
from s2r_depth_ros.node.parameters.spec import ParameterError, parameter

_CORNERS = 'x_min, y_min, z_min, x_max, y_max, z_max'


@dataclass(frozen=True)
class CloudParameters:
    """``cloud``: of points, points_obstacles and points_ground."""

    stride: int = parameter(
        1, 'clouds have a point for every so many pixels, across and down', bounds=(1, 64)
    )
    voxel_size: float = parameter(
        0.0,
        'metres; clouds have one point for each cube of this size, and are not organised then; 0: '
        'all points',
        bounds=(0.0, 10.0),
    )
    region: tuple[float, ...] = parameter(
        (),
        f'box that clouds are cut to, metres: [{_CORNERS}] in region_frame; empty: no box',
        bounds=(-1000.0, 1000.0),
        items=float,
    )
    region_frame: str = parameter(
        '', 'frame of cloud.region, known by transforms or TF; empty: the optical frame'
    )

    def box(self) -> Box | None:
        """Return the region, None for all."""
        return Box(self.region[:3], self.region[3:]) if self.region else None  # type: ignore[arg-type]  # of 3 and 3, as checked

    def check(self) -> None:
        """Raise ParameterError for a region that is no box."""
        if len(self.region) not in (0, 6):
            raise ParameterError(
                f'cloud.region has {len(self.region)} numbers; give [{_CORNERS}], or [] for all'
            )
        made(self.box)
