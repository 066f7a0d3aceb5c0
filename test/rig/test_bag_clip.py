"""The colour camera of a bag is found and played."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip('rosbags', reason='needs rosbags')

import written_bags as bags
from clip_pictures import HEIGHT, WIDTH, K, picture, pixels
from rosbags.rosbag2 import StoragePlugin

from s2r_depth_ros.rig.clip import ClipError
from s2r_depth_ros.rig.open_clip import open_clip


def bag_messages() -> list[bags.Message]:
    """A colour camera among topics that must not be taken for it."""
    messages: list[bags.Message] = []
    for index in range(3):
        stamp = 100.0 + 0.25 * index
        depth = np.full((HEIGHT, WIDTH), 1.5, np.float32)
        grey = np.full((HEIGHT, WIDTH), 7, np.uint8)
        info = bags.info(stamp, WIDTH, HEIGHT, K)
        messages += [
            ('/a_cam/range/image', bags.IMAGE, bags.image(stamp, depth, '32FC1')),
            ('/cam/infra1/image_raw', bags.IMAGE, bags.image(stamp, grey, 'mono8')),
            ('/cam/infra1/camera_info', bags.INFO, info),
            ('/cam/color/image_raw', bags.IMAGE, bags.image(stamp, picture(index), 'rgb8')),
            ('/cam/color/camera_info', bags.INFO, info),
        ]
    return messages


@pytest.mark.parametrize('plugin', list(StoragePlugin))
def test_bag_plays_its_colour_camera(tmp_path: Path, plugin: StoragePlugin) -> None:
    clip = open_clip(bags.write(tmp_path / 'bag', bag_messages(), plugin))
    assert '/cam/color/image_raw' in clip.name
    assert '/cam/color/camera_info' in clip.camera
    assert clip.frame_id == 'bag_optical_frame'
    frames = list(clip.frames())
    assert clip.frame_count == len(frames) == 3
    assert [frame.time for frame in frames] == pytest.approx([0.0, 0.25, 0.5])
    for index, frame in enumerate(frames):
        np.testing.assert_array_equal(pixels(frame), picture(index))
        assert frame.calibration.k == tuple(K)
        assert frame.calibration.d == pytest.approx((0.1, -0.2, 0.001, 0.002, 0.05))


def test_bare_mcap_file_is_a_bag(tmp_path: Path) -> None:
    bags.write(tmp_path / 'bag', bag_messages(), StoragePlugin.MCAP)
    clip = open_clip(tmp_path / 'bag' / 'bag.mcap')
    assert len(list(clip.frames())) == 3


def test_compressed_camera_of_a_bag_is_decoded(tmp_path: Path) -> None:
    bgr = cv2.cvtColor(picture(1), cv2.COLOR_RGB2BGR)
    data = cv2.imencode('.jpg', bgr)[1].reshape(-1)
    messages = [('/cam/image/compressed', bags.COMPRESSED, bags.compressed(1.0, data))]
    messages.append(('/cam/camera_info', bags.INFO, bags.info(1.0, WIDTH, HEIGHT, K)))
    clip = open_clip(bags.write(tmp_path / 'bag', messages, StoragePlugin.MCAP))
    (frame,) = clip.frames()
    assert frame.image.encoding == 'rgb8'
    assert np.abs(pixels(frame).astype(int) - picture(1)).max() < 8
    assert frame.calibration.k == tuple(K)


def test_uncalibrated_camera_of_a_bag_gets_assumed_intrinsics(tmp_path: Path) -> None:
    messages = [
        ('/cam/image_raw', bags.IMAGE, bags.image(1.0, picture(0), 'rgb8')),
        ('/cam/camera_info', bags.INFO, bags.info(1.0, WIDTH, HEIGHT, [0.0] * 9)),
    ]
    clip = open_clip(bags.write(tmp_path / 'bag', messages, StoragePlugin.MCAP))
    assert 'all zero' in clip.camera
    assert '60 degrees' in clip.camera
    assert next(clip.frames()).calibration.k[0] > 0


def test_bag_without_colour_camera_names_its_topics(tmp_path: Path) -> None:
    depth = np.ones((HEIGHT, WIDTH), np.float32)
    messages = [('/cam/range', bags.IMAGE, bags.image(1.0, depth, '32FC1'))]
    path = bags.write(tmp_path / 'bag', messages, StoragePlugin.MCAP)
    with pytest.raises(ClipError, match=r'no colour image.*/cam/range \(sensor_msgs/msg/Image\)'):
        open_clip(path)


def test_camera_of_a_ros_1_bag_has_its_intrinsics(tmp_path: Path) -> None:
    types = bags.ROS1_STORE.types
    stamp = types['builtin_interfaces/msg/Time'](5, 0)
    header = types['std_msgs/msg/Header'](seq=0, stamp=stamp, frame_id='ros_1_frame')
    rgb = picture(2)
    image = types[bags.IMAGE](header, HEIGHT, WIDTH, 'rgb8', 0, 3 * WIDTH, rgb.reshape(-1))
    roi = types['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False)
    info = types[bags.INFO](
        header, HEIGHT, WIDTH, 'plumb_bob',
        D=np.zeros(5), K=np.array(K), R=np.eye(3).ravel(), P=np.zeros(12),
        binning_x=0, binning_y=0, roi=roi,
    )  # fmt: skip
    messages = [('/cam/image_raw', bags.IMAGE, image), ('/cam/camera_info', bags.INFO, info)]
    clip = open_clip(bags.write_ros1(tmp_path / 'old.bag', messages))
    (frame,) = clip.frames()
    assert clip.frame_id == 'ros_1_frame'
    assert frame.calibration.k == tuple(K)
    np.testing.assert_array_equal(pixels(frame), rgb)
