"""What the packaging tests know of an install tree."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Installation:
    """An install tree of colcon."""

    prefix: Path
    """install/s2r_depth_ros"""
    environment: dict[str, str]
    """What `source install/setup.bash` leaves, without the source tree on PYTHONPATH."""

    def executable(self, name: str) -> str:
        """Return the path of an executable as `ros2 run` and launch find it."""
        return str(self.prefix / 'lib' / 's2r_depth_ros' / name)
