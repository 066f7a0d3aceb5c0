"""Topics by the names that others see."""

from __future__ import annotations

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from s2r_depth_ros.node import topics
from s2r_depth_ros.rig.channels import DIAGNOSTICS, camera_channels, full_name, node_channels


@pytest.mark.parametrize(
    ('name', 'namespace', 'node', 'expected'),
    [
        ('depth/points', '/', '', '/depth/points'),
        ('depth/points', '/front', '', '/front/depth/points'),
        ('~/structure', '/', 'depth', '/depth/structure'),
        ('~/structure', '/front', 'depth', '/front/depth/structure'),
        ('/diagnostics', '/front', '', '/diagnostics'),
    ],
)
def test_full_name(name: str, namespace: str, node: str, expected: str) -> None:
    assert full_name(name, namespace, node) == expected


def test_channels_of_the_node_are_its_outputs_but_those_that_cost_it_time() -> None:
    channels = node_channels('mine')
    names = [channel.name for channel in channels]
    assert '/mine/structure' in names
    assert '/depth_registered/points' in names
    assert len(names) == len(topics.OUTPUTS) - 2
    assert not any('attention' in name or 'compressed' in name for name in names)
    awaited = {channel.topic.name for channel in channels if channel.awaited}
    assert awaited == {
        topics.DEPTH,
        topics.POINTS,
        topics.STRUCTURE,
        topics.DEPTH_COLOR,
        topics.SCALE,
    }


def test_delivery_is_that_of_the_publisher() -> None:
    assert DIAGNOSTICS.reliable
    assert all(channel.reliable for channel in node_channels('depth'))
    assert not any(channel.reliable for channel in camera_channels()[1:])
    assert '/camera/depth/image_rect' in [channel.name for channel in camera_channels()]
