"""Processes beside the node import no torch: each would take more than a second of CPU for it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from source_files import ROOT

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

_IMPORT = """
import sys
from importlib import import_module
import_module(sys.argv[1])
print(sorted({'torch', 'triton', 'openvino', 'onnxruntime', 'numba'} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    'module',
    [
        'rig.camera_player',
        'rig.recorder',
        'graph_benchmark.still_camera',
        'graph_benchmark.subscriber',
        'doctor.checks',
        'doctor.talk',
        'doctor.round_trip',
        'commands.doctor',
        'commands.calibrate_scale',
        'launch_arguments',
    ],
)
def test_what_runs_beside_the_node_imports_nothing_that_runs_a_network(module: str) -> None:
    result = subprocess.run(
        [sys.executable, '-c', _IMPORT, f's2r_depth_ros.{module}'],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == '[]'
