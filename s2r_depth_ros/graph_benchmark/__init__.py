"""The whole graph timed: camera processes, depth nodes and subscriber processes."""

from s2r_depth_ros.graph_benchmark.graph import (
    format_cameras,
    format_results,
    measure,
    measure_cameras,
)
from s2r_depth_ros.rig.processes import ProcessError

__all__ = ['ProcessError', 'format_cameras', 'format_results', 'measure', 'measure_cameras']
