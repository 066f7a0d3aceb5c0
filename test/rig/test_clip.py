"""What the player can play, read without ROS."""

from __future__ import annotations

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import written_bags as bags
from rosbags.rosbag2 import StoragePlugin

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.rig.clip import ClipError
from s2r_depth_ros.rig.open_clip import open_clip

WIDTH, HEIGHT = 64, 48
K = [50.0, 0.0, 31.0, 0.0, 52.0, 23.0, 0.0, 0.0, 1.0]


def picture(index: int) -> np.ndarray:
    """A flat RGB picture that tells its index by its colour."""
    return np.full((HEIGHT, WIDTH, 3), (40 + 20 * index, 200 - 20 * index, 90), np.uint8)


def save(path: Path, rgb: np.ndarray) -> None:
    cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))


def pixels(frame) -> np.ndarray:
    image = frame.image
    assert image.step == 3 * image.width
    return np.frombuffer(image.data, np.uint8).reshape(image.height, image.width, 3)


def write_sequence(folder: Path, stamps: list[float], **changes) -> Path:
    for index in range(len(stamps)):
        save(folder / f'{index}.png', picture(index))
    meta = {'width': WIDTH, 'height': HEIGHT, 'fx': 50.0, 'fy': 52.0, 'cx': 31.0, 'cy': 23.0}
    meta['frames'] = [{'stamp': s, 'rgb': f'{i}.png'} for i, s in enumerate(stamps)]
    (folder / 'sequence.json').write_text(json.dumps(meta | changes))
    return folder


def test_sequence_has_its_intrinsics_stamps_and_pixels(tmp_path):
    clip = open_clip(write_sequence(tmp_path, [5.0, 5.1, 5.4]))
    frames = list(clip.frames())
    assert clip.frame_count == 3
    assert [frame.time for frame in frames] == pytest.approx([0.0, 0.1, 0.4])
    for index, frame in enumerate(frames):
        assert frame.image.encoding == 'rgb8'
        np.testing.assert_array_equal(pixels(frame), picture(index))
        assert frame.calibration.k == tuple(K)
        assert frame.calibration.p[:7] == (50.0, 0.0, 31.0, 0.0, 0.0, 52.0, 23.0)
    assert '50.0 px' in clip.camera


def test_given_focal_length_replaces_the_sequences_own(tmp_path):
    clip = open_clip(write_sequence(tmp_path, [0.0]), fx=77.0)
    k = next(clip.frames()).calibration.k
    assert (k[0], k[4], k[2], k[5]) == (77.0, 77.0, 31.5, 23.5)
    assert '77' in clip.camera


@pytest.mark.parametrize(
    ('changes', 'word'),
    [({'frames': []}, 'no frames'), ({'fx': None}, 'fx'), ({'width': 'wide'}, 'width')],
)
def test_bad_sequence_names_its_file(tmp_path, changes, word):
    write_sequence(tmp_path, [0.0], **changes)
    with pytest.raises(UserError, match=word) as error:
        open_clip(tmp_path)
    assert 'sequence.json' in str(error.value)


def test_sequence_of_another_size_is_refused(tmp_path):
    clip = open_clip(write_sequence(tmp_path, [0.0], width=32))
    with pytest.raises(ClipError, match=r'0\.png is 64x48.*32x48'):
        next(clip.frames())


def test_folder_is_played_in_natural_order_with_assumed_intrinsics(tmp_path):
    for index in (10, 2, 1):
        save(tmp_path / f'frame{index}.png', picture(index // 2))
    (tmp_path / 'notes.txt').write_text('no image')
    clip = open_clip(tmp_path)
    frames = list(clip.frames())
    assert clip.frame_count == len(frames) == 3
    assert [int(pixels(frame)[0, 0, 0]) for frame in frames] == [40, 60, 140]
    assert [frame.time for frame in frames] == pytest.approx([0.0, 0.1, 0.2])
    fx = frames[0].calibration.k[0]
    assert math.degrees(2 * math.atan(WIDTH / 2 / fx)) == pytest.approx(60.0)
    assert '60 degrees' in clip.camera
    assert '--fx' in clip.camera


def test_video_has_its_own_rate(tmp_path):
    path = tmp_path / 'clip.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 12.5, (WIDTH, HEIGHT))
    for index in range(4):
        writer.write(cv2.cvtColor(picture(index), cv2.COLOR_RGB2BGR))
    writer.release()
    clip = open_clip(path)
    frames = list(clip.frames())
    assert clip.frame_count == len(frames) == 4
    assert [frame.time for frame in frames] == pytest.approx([0.0, 0.08, 0.16, 0.24])
    for index, frame in enumerate(frames):
        assert np.abs(pixels(frame).astype(int) - picture(index)).max() < 12  # JPEG


def bag_messages() -> list:
    """A colour camera among topics that must not be taken for it."""
    messages = []
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
def test_bag_plays_its_colour_camera(tmp_path, plugin):
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


def test_bare_mcap_file_is_a_bag(tmp_path):
    bags.write(tmp_path / 'bag', bag_messages(), StoragePlugin.MCAP)
    clip = open_clip(tmp_path / 'bag' / 'bag.mcap')
    assert len(list(clip.frames())) == 3


def test_compressed_camera_of_a_bag_is_decoded(tmp_path):
    bgr = cv2.cvtColor(picture(1), cv2.COLOR_RGB2BGR)
    data = cv2.imencode('.jpg', bgr)[1].reshape(-1)
    messages = [('/cam/image/compressed', bags.COMPRESSED, bags.compressed(1.0, data))]
    messages.append(('/cam/camera_info', bags.INFO, bags.info(1.0, WIDTH, HEIGHT, K)))
    clip = open_clip(bags.write(tmp_path / 'bag', messages, StoragePlugin.MCAP))
    (frame,) = clip.frames()
    assert frame.image.encoding == 'rgb8'
    assert np.abs(pixels(frame).astype(int) - picture(1)).max() < 8
    assert frame.calibration.k == tuple(K)


def test_uncalibrated_camera_of_a_bag_gets_assumed_intrinsics(tmp_path):
    messages = [
        ('/cam/image_raw', bags.IMAGE, bags.image(1.0, picture(0), 'rgb8')),
        ('/cam/camera_info', bags.INFO, bags.info(1.0, WIDTH, HEIGHT, [0.0] * 9)),
    ]
    clip = open_clip(bags.write(tmp_path / 'bag', messages, StoragePlugin.MCAP))
    assert 'all zero' in clip.camera
    assert '60 degrees' in clip.camera
    assert next(clip.frames()).calibration.k[0] > 0


def test_bag_without_colour_camera_names_its_topics(tmp_path):
    depth = np.ones((HEIGHT, WIDTH), np.float32)
    messages = [('/cam/range', bags.IMAGE, bags.image(1.0, depth, '32FC1'))]
    path = bags.write(tmp_path / 'bag', messages, StoragePlugin.MCAP)
    with pytest.raises(ClipError, match=r'no colour image.*/cam/range \(sensor_msgs/msg/Image\)'):
        open_clip(path)


@pytest.mark.parametrize('name', ['nothing', 'broken.mp4', 'broken.mcap', 'empty', 'one.png'])
def test_what_cannot_be_played_is_named(tmp_path, name):
    (tmp_path / 'empty').mkdir()
    save(tmp_path / 'one.png', picture(0))
    for broken in ('broken.mp4', 'broken.mcap'):
        (tmp_path / broken).write_bytes(b'these are no frames' * 50)
    with pytest.raises(UserError, match=name):
        open_clip(tmp_path / name)


def test_truncated_image_is_named_when_its_turn_comes(tmp_path):
    save(tmp_path / '0.png', picture(0))
    whole = (tmp_path / '0.png').read_bytes()
    (tmp_path / '1.png').write_bytes(whole[: len(whole) // 2])
    frames = open_clip(tmp_path).frames()
    next(frames)
    with pytest.raises(UserError, match=r'1\.png'):
        next(frames)
