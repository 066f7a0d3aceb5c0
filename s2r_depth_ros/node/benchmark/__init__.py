"""The whole graph timed: camera processes, depth nodes and subscriber processes."""

from s2r_depth_ros.node.benchmark.graph import (
    format_cameras,
    format_results,
    measure,
    measure_cameras,
)
from s2r_depth_ros.node.demo.processes import ProcessError

__all__ = ['ProcessError', 'format_cameras', 'format_results', 'measure', 'measure_cameras']
