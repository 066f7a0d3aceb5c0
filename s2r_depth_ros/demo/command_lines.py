"""The command lines of the demo's processes: the depth node, the recorder and the player."""

from __future__ import annotations

import json

from s2r_depth_ros.demo.options import DemoOptions
from s2r_depth_ros.demo.output_folder import OutputFolder
from s2r_depth_ros.launch_arguments import NODE, launch_arguments, node_arguments
from s2r_depth_ros.rig import camera_player, recorder
from s2r_depth_ros.rig.channels import DEPTH_TOPIC, IMAGE_TOPIC, INFO_TOPIC
from s2r_depth_ros.rig.clip import Metres


def node_command(options: DemoOptions, metres: Metres | None) -> list[str]:
    """Return what follows ``python -m`` for the depth node.

    metres: by which the depth of the node is scaled; it is cleaned, too.
    """
    launch = {argument.name: argument.default for argument in launch_arguments()}
    launch |= {'model': options.model, 'device': options.device}
    launch |= {'image': IMAGE_TOPIC, 'camera_info': INFO_TOPIC, 'autostart': 'false'}
    name = ['-r', f'__node:={NODE}']
    launch |= {'reference_depth': DEPTH_TOPIC}
    scaled = [word for value in _scaled(metres) for word in ('-p', value)]
    return ['s2r_depth_ros', 'node', '--ros-args', *name, *node_arguments(launch), *scaled]


def _scaled(metres: Metres | None) -> list[str]:
    """Return the parameters by which depth is scaled and cleaned."""
    if metres is None:
        return []
    clean = 'edge_filter.enable:=true'
    if metres.has_depth:
        # Depth comes twice a second, or less often, and is to scale all frames.
        return ['scale.source:=[depth]', 'scale.max_age:=2.0', clean]
    return ['scale.source:=[camera_height]', f'transforms:={json.dumps([metres.pose])}', clean]


def recorder_command(folder: OutputFolder, patience: float) -> list[str]:
    """Return what follows ``python -m`` for the recorder; it waits ``patience`` s for the node."""
    return [
        recorder.__name__,
        f'--bag={folder.recording}',
        f'--result={folder.arrivals}',
        f'--node={NODE}',
        f'--wait={patience}',
    ]


def player_command(options: DemoOptions, patience: float) -> list[str]:
    """Return what follows ``python -m`` for the player.

    It waits ``patience`` s for two subscribers, the node and the recorder.
    """
    return [
        camera_player.__name__,
        str(options.input.absolute()),  # a name may begin with -
        f'--frames={options.frames}',
        '--subscribers=2',
        '--hold',
        *([f'--rate={options.rate}'] if options.rate else []),
        *([f'--fx={options.fx}'] if options.fx else []),
        *([f'--topic={options.topic}'] if options.topic else []),
        f'--wait={patience}',
    ]
