"""The arguments of the launch files and the command lines made from them.

Imports no ROS: the launch file and the tests share these functions, so that a machine without the
launch stack can run the installed node exactly as the launch file would.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from s2r_depth_ros.parameter_files import ParameterFile, ParameterFileError, boolean
from s2r_depth_ros.share import share_directory

NODE = 'depth'  # the node's name unless it is remapped
_TRANSPORTS = ('', 'raw', 'compressed')
# In config/depth.rviz these are absolute; a relative right side follows the namespace.
_RVIZ_TOPICS = (
    'rgb/image_rect_color',
    'depth_registered/image_rect',
    'depth_registered/points',
    'depth_registered/points_obstacles',
    'depth_registered/points_ground',
    'depth_registered/scan',
)
_RVIZ_OWN_TOPIC = 'depth_color'
# What scale.source takes metres from; a sensor serves all cameras.
_REFERENCES = {
    'scan': "lidar's sensor_msgs/LaserScan",
    'points': "lidar's sensor_msgs/PointCloud2",
    'range': "range sensor's sensor_msgs/Range",
    'depth': "depth camera's image",
    'camera_info': "depth camera's sensor_msgs/CameraInfo",
}


@dataclass(frozen=True)
class LaunchArgument:
    """One argument of the launch file; every value is text, as launch passes it."""

    name: str
    default: str
    description: str
    choices: tuple[str, ...] | None = None


def launch_arguments(params_file: str = 'depth.yaml') -> tuple[LaunchArgument, ...]:
    """Return a launch file's arguments; an empty default leaves the choice to params_file.

    params_file: name of the file in config/ that is the default of the argument.
    """
    return (
        LaunchArgument('namespace', '', 'namespace of the node and of its relative topics'),
        LaunchArgument(
            'params_file',
            str(share_directory() / 'config' / params_file),
            'YAML file with the parameters of the node',
        ),
        LaunchArgument('model', '', 'model: a name or a .safetensors file (empty: as params_file)'),
        LaunchArgument('device', '', 'auto, cpu, cuda or cuda:N (empty: as params_file)'),
        LaunchArgument(
            'cameras', '', 'names of several cameras, such as front,rear (empty: as params_file)'
        ),
        LaunchArgument(
            'image',
            'image',
            "topic of the camera images, /compressed may be left out; beneath each camera's name "
            'if there are several',
        ),
        LaunchArgument(
            'camera_info',
            'camera_info',
            "topic of the images' sensor_msgs/CameraInfo; beneath each camera's name as image",
        ),
        *(
            LaunchArgument(
                f'reference_{name}',
                '',
                f'topic of a {what}, for scale.source (empty: reference/{name})',
            )
            for name, what in _REFERENCES.items()
        ),
        LaunchArgument('imu', '', 'topic of the sensor_msgs/Imu of gravity: imu (empty: imu)'),
        LaunchArgument(
            'image_transport', '', 'raw or compressed images (empty: as params_file)', _TRANSPORTS
        ),
        LaunchArgument(
            'autostart', 'true', 'configure and activate the node when it starts (true, false)'
        ),
        LaunchArgument('log_level', 'info', 'debug, info, warn, error or fatal'),
        LaunchArgument('use_sim_time', 'false', 'take the time from /clock (true, false)'),
        LaunchArgument('rviz', 'false', 'start rviz2 with config/depth.rviz (true, false)'),
    )


def node_arguments(values: Mapping[str, str]) -> list[str]:
    """Return what follows --ros-args on the node's command line (namespace apart).

    ``values`` holds a text for every name in launch_arguments(). Later parameters win over earlier
    ones in ROS, so those given to the launch file come after params_file.
    Raises ParameterFileError for a params_file that cannot be read, and for a value that is neither
    true nor false.
    """
    arguments = ['--params-file', values['params_file']]
    for name in ('model', 'device', 'image_transport'):
        if values[name]:
            # JSON text is quoted YAML: a model named 2024 stays a string.
            arguments += ['-p', f'{name}:={json.dumps(values[name])}']
    for name in ('autostart', 'use_sim_time'):
        arguments += ['-p', f'{name}:={json.dumps(is_true(values, name))}']
    if values['cameras'].strip():
        arguments += ['-p', f'cameras:={json.dumps(_cameras(values))}']
    # Remapping rules match whole names, so image alone would leave image/compressed behind.
    image = values['image'].removesuffix('/compressed')
    renamed = {
        'image': image,
        'camera_info': values['camera_info'],
        'image/compressed': f'{image}/compressed',
    }
    for camera in _cameras(values) or ['']:
        for name, topic in renamed.items():
            arguments += ['-r', f'{_beneath(camera, name)}:={_beneath(camera, topic)}']
        for name in _REFERENCES:
            if topic := values[f'reference_{name}']:
                arguments += ['-r', f'{_beneath(camera, f"reference/{name}")}:={topic}']
    if values['imu']:
        arguments += ['-r', f'imu:={values["imu"]}']
    return [*arguments, '--log-level', values['log_level']]


def rviz_arguments(values: Mapping[str, str]) -> list[str]:
    """Return what follows --ros-args on rviz2's command line (namespace apart).

    RViz shows one camera, the first. Its image is the node's own, so that it does not matter how
    that of the camera comes. Raises as ``node_arguments``.
    """
    camera = next(iter(_cameras(values)), '')
    arguments = ['-p', f'use_sim_time:={json.dumps(is_true(values, "use_sim_time"))}']
    for topic in _RVIZ_TOPICS:
        arguments += ['-r', f'/{topic}:={_beneath(camera, topic)}']
    # The node's own topics lie beneath its name first.
    own = f'{NODE}/{_beneath(camera, _RVIZ_OWN_TOPIC)}'
    return [*arguments, '-r', f'/{NODE}/{_RVIZ_OWN_TOPIC}:={own}']


def is_true(values: Mapping[str, str], name: str) -> bool:
    """Return whether an argument is true, yes, on or 1, in whatever case.

    Raises ParameterFileError if it is not false, no, off or 0 either.
    """
    meant = boolean(values[name])
    if meant is None:
        raise ParameterFileError(f'{name}:={values[name]} is neither true nor false: give one')
    return meant


def _cameras(values: Mapping[str, str]) -> list[str]:
    """Return the names in the argument cameras, else those in params_file; the node checks them.

    The argument is written front,rear or, as YAML, [front, rear].
    """
    text = values['cameras'].strip()
    if text:
        names = (name.strip(' \'"') for name in text.removeprefix('[').removesuffix(']').split(','))
        return [name for name in names if name]
    node = '/'.join(['', *filter(None, values['namespace'].split('/')), NODE])
    given = (ParameterFile(values['params_file']).for_node(node) or {}).get('cameras')
    return list(map(str, given)) if isinstance(given, list) else []


def _beneath(camera: str, topic: str) -> str:
    """Return a camera's topic; ``camera`` is empty for a single one."""
    return f'{camera}/{topic.lstrip("/")}' if camera else topic
