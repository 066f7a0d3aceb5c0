"""Start the depth node, with the transport profile that camera-sized messages need.

    ros2 launch s2r_depth_ros depth.launch.py \
        image:=/camera/image_raw camera_info:=/camera/camera_info

`ros2 launch s2r_depth_ros depth.launch.py --show-args` lists the arguments. Under systemd set
KillMode=control-group: a SIGTERM to ros2 launch alone can leave the node running.
"""

from __future__ import annotations

import os

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.launch_arguments import (
    is_true,
    launch_arguments,
    node_arguments,
    rviz_arguments,
)
from s2r_depth_ros.share import PACKAGE, share_directory
from s2r_depth_ros.transport import profile_environment


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments, then start the processes with their values."""
    arguments = [
        DeclareLaunchArgument(
            argument.name,
            default_value=argument.default,
            description=argument.description,
            choices=argument.choices,
        )
        for argument in launch_arguments()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=start)])


def check_rviz() -> None:
    """Raise UserError if there is no rviz2.

    Asked before anything starts: launch would notice once the node runs, and leave it behind.
    """
    try:
        get_package_prefix('rviz2')
    except PackageNotFoundError as error:
        raise UserError(
            'rviz:=true, but the package rviz2 is not installed: apt-get install '
            f'ros-{os.environ.get("ROS_DISTRO", "DISTRO")}-rviz2, or leave rviz out'
        ) from error


def start(context: LaunchContext) -> list[SetEnvironmentVariable | Node]:
    """Return the actions for the launch arguments' values."""
    values = {
        argument.name: LaunchConfiguration(argument.name).perform(context)
        for argument in launch_arguments()
    }
    with_rviz = is_true(values, 'rviz')
    if with_rviz:
        check_rviz()
    environment = profile_environment(os.environ)
    actions: list[SetEnvironmentVariable | Node] = [
        SetEnvironmentVariable(name, value) for name, value in environment.items()
    ]
    actions.append(
        Node(
            package=PACKAGE,
            executable='node',
            namespace=values['namespace'],
            ros_arguments=node_arguments(values),
            output='screen',
        )
    )
    if with_rviz:
        actions.append(
            Node(
                package='rviz2',
                executable='rviz2',
                namespace=values['namespace'],
                arguments=['-d', str(share_directory() / 'config' / 'depth.rviz')],
                ros_arguments=rviz_arguments(values),
                output='screen',
            )
        )
    return actions
