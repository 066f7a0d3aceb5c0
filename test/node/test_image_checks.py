from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from std_msgs.msg import Header

from s2r_depth_ros.node.image_checks import BLANK, NO_FRAME_ID, image_problems, is_blank

SIZES = [(1, 1), (5, 900), (48, 64), (480, 640), (1080, 1920)]


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('level', [0, 128, 255])
def test_an_image_of_one_brightness_is_blank(size: tuple[int, int], level: int) -> None:
    assert is_blank(np.full((*size, 3), level, np.uint8))


@pytest.mark.parametrize('size', SIZES[3:])
@pytest.mark.parametrize('sigma', [3, 8, 15])
@pytest.mark.parametrize('channels', [1, 3])
def test_noise_hides_no_covered_lens(size: tuple[int, int], sigma: float, channels: int) -> None:
    """Grey noise, of a camera with one channel, and coloured; at more gain there is more of it."""
    noise = np.random.default_rng(0).normal(5 + sigma, sigma, (*size, channels))
    rgb = np.broadcast_to(np.clip(noise, 0, 255).astype(np.uint8), (*size, 3))
    assert is_blank(np.ascontiguousarray(rgb))


def test_a_plain_wall_is_not_blank() -> None:
    wall = np.full((480, 640, 3), 200.0)
    wall -= np.linspace(0, 4, 640)[:, None]  # the light falls off a little
    assert not is_blank(wall.astype(np.uint8))
    corner = np.full((480, 640, 3), 200, np.uint8)
    corner[:120, :160] = 180
    assert not is_blank(corner)


def test_what_is_wrong_is_told_with_the_remedy() -> None:
    seen = np.zeros((48, 64, 3), np.uint8)
    assert image_problems(Header(frame_id='camera'), None) == []
    assert image_problems(Header(frame_id='camera'), seen) == [BLANK]
    assert image_problems(Header(), None) == [NO_FRAME_ID]
    (text,) = image_problems(Header(frame_id='/camera'), None)
    assert text.startswith('images have the frame_id /camera, which TF refuses')
