"""Start the depth node, with the transport profile that camera-sized messages need.

    ros2 launch s2r_depth_ros depth.launch.py \
        image:=/camera/image_raw camera_info:=/camera/camera_info

`ros2 launch s2r_depth_ros depth.launch.py --show-args` lists the arguments. Under systemd set
KillMode=control-group: a SIGTERM to ros2 launch alone can leave the node running.
"""

from __future__ import annotations

import os

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from s2r_depth_ros.launch_arguments import launch_arguments, node_arguments, rviz_arguments
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


def start(context: LaunchContext) -> list[SetEnvironmentVariable | Node]:
    """Return the actions for the launch arguments' values."""
    values = {
        argument.name: LaunchConfiguration(argument.name).perform(context)
        for argument in launch_arguments()
    }
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
    if values['rviz'] == 'true':
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
