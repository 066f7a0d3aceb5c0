"""The colour camera of a bag is found and played."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip('rosbags', reason='needs rosbags')

import written_bags as bags
from clip_pictures import HEIGHT, WIDTH, K, picture, pixels, save
from hypothesis import given
from hypothesis import strategies as st
from rosbags.rosbag2 import StoragePlugin

from s2r_depth_ros.rig.clip import Clip, ClipError
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


@pytest.mark.parametrize(
    ('k', 'told'),
    [
        ([0.0] * 9, 'all zero'),
        ([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], 'a placeholder'),
        ([100.0, 0.0, 63.0, 0.0, 104.0, 47.0, 0.0, 0.0, 1.0], 'another image size'),
    ],
)
def test_uncalibrated_camera_of_a_bag_gets_assumed_intrinsics(
    tmp_path: Path, k: list[float], told: str
) -> None:
    messages = [
        ('/cam/image_raw', bags.IMAGE, bags.image(1.0, picture(0), 'rgb8')),
        ('/cam/camera_info', bags.INFO, bags.info(1.0, WIDTH, HEIGHT, k)),
    ]
    clip = open_clip(bags.write(tmp_path / 'bag', messages, StoragePlugin.MCAP))
    assert told in clip.camera
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


def camera(
    topic: str, info_topic: str | None = None, count: int = 3, **changes: Any
) -> list[bags.Message]:
    """Messages of one camera; changes: of camera_info."""
    messages: list[bags.Message] = []
    for index in range(count):
        stamp = 100.0 + 0.25 * index
        if info_topic is not None:
            info = bags.info(stamp, WIDTH, HEIGHT, K)
            vars(info).update(changes)
            messages.append((info_topic, bags.INFO, info))
        messages.append((topic, bags.IMAGE, bags.image(stamp, picture(index), 'rgb8')))
    return messages


def opened(tmp_path: Path, messages: list[bags.Message], **options: Any) -> Clip:
    return open_clip(bags.write(tmp_path / 'bag', messages, StoragePlugin.MCAP), **options)


@pytest.mark.parametrize(
    ('image', 'info'),
    [
        ('/image_raw', '/camera_info'),
        ('/camera', '/camera_info'),
        ('/image', '/camera_info'),
        ('/device_0/sensor_1/Color_0/image/data', '/device_0/sensor_1/Color_0/info/camera_info'),
    ],
)
def test_camera_info_beside_the_image_is_used(tmp_path: Path, image: str, info: str) -> None:
    clip = opened(tmp_path, camera(image, info))
    assert clip.camera == f'intrinsics of {info}: fx = 50.0 px'
    assert next(clip.frames()).calibration.k == tuple(K)


def test_a_calibration_of_another_size_is_said_before_playing(tmp_path: Path) -> None:
    clip = opened(tmp_path, camera('/image_raw', '/camera_info', width=2 * WIDTH))
    assert f'the image is {WIDTH}x{HEIGHT}' in clip.camera
    assert '60 degrees' in clip.camera
    assert all(frame.calibration.image_size == (WIDTH, HEIGHT) for frame in clip.frames())


def test_a_camera_that_starts_again_with_another_size_gets_its_new_calibration(
    tmp_path: Path,
) -> None:
    half = [k / 2 for k in K[:-1]] + [1.0]
    small = np.ascontiguousarray(picture(3)[::2, ::2])
    messages = [
        *camera('/cam/image_raw', '/cam/camera_info'),
        ('/cam/image_raw', bags.IMAGE, bags.image(101.0, small, 'rgb8')),
        ('/cam/camera_info', bags.INFO, bags.info(101.2, WIDTH // 2, HEIGHT // 2, half)),
        ('/cam/image_raw', bags.IMAGE, bags.image(101.25, small, 'rgb8')),
    ]
    told: list[str] = []
    frames = list(opened(tmp_path, messages).frames(told.append))
    assert [frame.calibration.k[0] for frame in frames] == [50.0, 50.0, 50.0, 25.0]
    (reason,) = told
    assert 'the image is 32x24' in reason


def test_a_calibration_may_come_late(tmp_path: Path) -> None:
    uncalibrated = camera('/image_raw', '/camera_info', count=20, k=np.zeros(9))
    messages = uncalibrated + [
        (topic, kind, message)
        for topic, kind, message in camera('/image_raw', '/camera_info', count=2)
    ]
    assert opened(tmp_path, messages).camera == 'intrinsics of /camera_info: fx = 50.0 px'


def test_the_cameras_that_are_not_played_are_told(tmp_path: Path) -> None:
    clip = opened(tmp_path, camera('/left/image_raw') + camera('/right/image_raw'))
    assert 'topic /left/image_raw' in clip.name
    assert clip.notes == ('not played: /right/image_raw; --topic plays one of them',)


def test_the_folder_of_today_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bags.write(tmp_path / 'run', camera('/image_raw'), StoragePlugin.MCAP)
    monkeypatch.chdir(tmp_path / 'run')
    assert open_clip(Path()).name == 'bag run, topic /image_raw'


@given(bad=st.sets(st.integers(0, 5), max_size=5), length=st.integers(0, WIDTH * HEIGHT * 3 - 1))
def test_one_bad_frame_is_one_bad_frame(
    tmp_path_factory: pytest.TempPathFactory, bad: set[int], length: int
) -> None:
    messages = camera('/image_raw', count=6)
    for index in bad:
        image = messages[index][2]
        image.data = image.data[:length]
    told: list[str] = []
    frames = list(opened(tmp_path_factory.mktemp('bad'), messages).frames(told.append))
    good = [index for index in range(6) if index not in bad]
    for frame, index in zip(frames, good, strict=True):
        np.testing.assert_array_equal(pixels(frame), picture(index))
        assert frame.time == pytest.approx(0.25 * index)
    assert len(told) == len(bad)
    assert all('/image_raw' in reason for reason in told)


def test_a_topic_that_can_be_decoded_is_preferred(tmp_path: Path) -> None:
    stream = np.frombuffer(b'\0\0\0\1\x67' + bytes(200), np.uint8)
    video = [
        ('/a_cam/rgb/image', bags.COMPRESSED, bags.compressed(100 + i / 9, stream))
        for i in range(9)
    ]
    clip = opened(tmp_path, [*video, *camera('/b_cam/image_raw')])
    assert '/b_cam/image_raw' in clip.name


def test_without_a_decodable_topic_each_reason_is_told(tmp_path: Path) -> None:
    image = bags.image(1.0, picture(0), 'h264')
    with pytest.raises(ClipError, match=r"no image topic can be read: /cam .*'h264'"):
        opened(tmp_path, [('/cam', bags.IMAGE, image)])


@pytest.mark.parametrize('name', ['/semantic/image', '/cam/instance', '/labels', '/infra1/image'])
def test_other_images_are_played_only_when_asked_for(tmp_path: Path, name: str) -> None:
    path = bags.write(tmp_path / 'bag', camera(name), StoragePlugin.MCAP)
    with pytest.raises(ClipError, match=rf'no colour image.*{name} .*--topic'):
        open_clip(path)
    assert len(list(open_clip(path, topic=name).frames())) == 3
    both = bags.write(tmp_path / 'both', camera(name) + camera('/z/image'), StoragePlugin.MCAP)
    assert '/z/image' in open_clip(both).name


def test_a_wanted_topic_that_has_no_pictures_is_refused(tmp_path: Path) -> None:
    depth = bags.image(1.0, np.ones((HEIGHT, WIDTH), np.float32), '32FC1')
    messages = [*camera('/cam', '/camera_info'), ('/depth', bags.IMAGE, depth)]
    path = bags.write(tmp_path / 'bag', messages, StoragePlugin.MCAP)
    for topic, told in {
        '/none': 'no images on /none; its topics: /cam',
        '/camera_info': 'no images on /camera_info',
        '/depth': 'distances',
    }.items():
        with pytest.raises(ClipError, match=told):
            open_clip(path, topic=topic)
    save(tmp_path / '0.png', picture(0))
    with pytest.raises(ClipError, match='no recording of ROS'):
        open_clip(tmp_path, topic='/cam')


def test_stamps_of_zero_give_way_to_the_times_of_recording(tmp_path: Path) -> None:
    messages = camera('/image_raw', count=4)
    for _, _, image in messages:
        image.header = bags.header(0.0)
    times = [10**9 + 200_000_000 * index for index in range(4)]
    path = bags.write(tmp_path / 'bag', messages, StoragePlugin.MCAP, times)
    frames = list(open_clip(path).frames())
    assert [frame.time for frame in frames] == pytest.approx([0.0, 0.2, 0.4, 0.6])


def test_a_cut_recording_is_played_as_far_as_it_goes(tmp_path: Path) -> None:
    bags.write(tmp_path / 'bag', bag_messages() * 40, StoragePlugin.MCAP)
    file = tmp_path / 'bag' / 'bag.mcap'
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) * 2 // 3])
    clip = open_clip(tmp_path / 'bag')
    assert any('mcap recover' in note for note in clip.notes)
    assert len(list(clip.frames())) > 10
