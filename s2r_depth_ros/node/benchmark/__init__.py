"""The whole graph timed: a camera process, the depth node and a subscriber process."""

from s2r_depth_ros.node.benchmark.graph import format_results, measure
from s2r_depth_ros.node.demo.processes import ProcessError

__all__ = ['ProcessError', 'format_results', 'measure']
