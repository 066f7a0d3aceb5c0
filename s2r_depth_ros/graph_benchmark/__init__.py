"""The whole graph timed: camera processes, depth nodes and subscriber processes.

``graphs`` lays out the graphs to time and has them run. ``session`` is one run, whose processes
are the depth nodes, a ``still_camera`` and a ``subscriber`` for each camera; ``usage`` is what the
nodes took of the machine. ``figures`` are what a run gave, ``report`` shows them as tables.
"""

from s2r_depth_ros.graph_benchmark.graphs import measure, measure_cameras
from s2r_depth_ros.graph_benchmark.report import format_cameras, format_results
from s2r_depth_ros.rig.process_group import ProcessError

__all__ = ['ProcessError', 'format_cameras', 'format_results', 'measure', 'measure_cameras']
