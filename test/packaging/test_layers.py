"""The layers point one way: network <- inference, geometry <- node."""

from __future__ import annotations

import ast

import pytest
from source_files import ROOT, imported_modules, python_files

_ROS = (
    'rclpy',
    'sensor_msgs',
    'sensor_msgs_py',
    'std_msgs',
    'diagnostic_msgs',
    'lifecycle_msgs',
    'rcl_interfaces',
    'builtin_interfaces',
    'geometry_msgs',
    'cv_bridge',
    'launch',
    'launch_ros',
    'ament_index_python',
    'rosbags',
)
_FORBIDDEN = {
    's2r_depth_ros/network': (
        *_ROS,
        's2r_depth_ros.inference',
        's2r_depth_ros.geometry',
        's2r_depth_ros.node',
        's2r_depth_ros.commands',
        's2r_depth_training',
        'cv2',
    ),
    's2r_depth_ros/geometry': (
        *_ROS,
        's2r_depth_ros.network',
        's2r_depth_ros.inference',
        's2r_depth_ros.node',
        's2r_depth_ros.commands',
        's2r_depth_training',
        'torch',
    ),
    's2r_depth_ros/inference': (
        *_ROS,
        's2r_depth_ros.node',
        's2r_depth_ros.commands',
        's2r_depth_training',
    ),
    's2r_depth_ros/node': ('s2r_depth_training',),
    # rosbags reads a simulator's recordings without ROS.
    'training/s2r_depth_training': (
        *(name for name in _ROS if name != 'rosbags'),
        's2r_depth_ros.node',
    ),
}


@pytest.mark.parametrize('layer', _FORBIDDEN)
def test_layer_imports_only_what_lies_below_it(layer: str) -> None:
    wrong = [
        f'{file.relative_to(ROOT)} imports {module}'
        for file in python_files(layer)
        for module in imported_modules(file)
        if any(f'{module}.'.startswith(f'{name}.') for name in _FORBIDDEN[layer])
    ]
    assert not wrong


@pytest.mark.parametrize('folder', ['s2r_depth_ros', 'training', 'test', 'launch'])
def test_no_star_imports_and_no_unpickling_of_foreign_code(folder: str) -> None:
    wrong = []
    for file in python_files(folder):
        text = file.read_text()
        for node in ast.walk(ast.parse(text)):
            star = isinstance(node, ast.ImportFrom) and node.names[0].name == '*'
            load = (
                isinstance(node, ast.Call)
                and ast.unparse(node.func) == 'torch.load'
                and 'weights_only=True' not in text.splitlines()[node.lineno - 1]
            )
            if star or load:
                wrong.append(f'{file.relative_to(ROOT)}:{node.lineno}')
    assert not wrong
