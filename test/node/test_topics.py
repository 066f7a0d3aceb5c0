"""The names of the topics."""

from __future__ import annotations

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from s2r_depth_ros.node import topics


@pytest.mark.parametrize(
    ('name', 'single', 'several'),
    [
        (topics.IMAGE, 'image', 'front/image'),
        (topics.POINTS, 'depth_registered/points', 'front/depth_registered/points'),
        (topics.STRUCTURE, '~/structure', '~/front/structure'),
    ],
)
def test_topics_of_a_camera(name: str, single: str, several: str) -> None:
    assert topics.of_camera(name, '') == single
    assert topics.of_camera(name, 'front') == several
