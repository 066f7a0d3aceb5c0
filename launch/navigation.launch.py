"""Start the depth node for navigation: depth.launch.py with the parameters of navigation.yaml.

    ros2 launch s2r_depth_ros navigation.launch.py \
        image:=/camera/image_raw camera_info:=/camera/camera_info

The arguments are those of depth.launch.py, and named as Nav2's (namespace, use_sim_time,
params_file, autostart, log_level). docs/navigation.md says which transforms must exist and what
Nav2 is told.
"""

from __future__ import annotations

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

from s2r_depth_ros.launch_arguments import launch_arguments
from s2r_depth_ros.share import share_directory


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments and hand them on."""
    arguments = launch_arguments('navigation.yaml')
    declared = [
        DeclareLaunchArgument(
            argument.name,
            default_value=argument.default,
            description=argument.description,
            choices=argument.choices,
        )
        for argument in arguments
    ]
    depth = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(share_directory() / 'launch' / 'depth.launch.py')),
        launch_arguments=[
            (argument.name, LaunchConfiguration(argument.name)) for argument in arguments
        ],
    )
    return LaunchDescription([*declared, depth])
