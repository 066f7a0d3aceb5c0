"""Recordings that cannot teach are refused, with the remedy; topics are found or asked for."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import robot_recordings as robot
from written_bags import IMAGE, Message

from s2r_depth_training.adaptation import lessons as lessons_module
from s2r_depth_training.adaptation import recording
from s2r_depth_training.adaptation.lessons import is_one_plane_of_beams
from s2r_depth_training.adaptation.recording import Asked, Lessons, read_lessons
from s2r_depth_training.adaptation.topics import GivenTopics, complete
from s2r_depth_training.dataset.bag_pairs import PairRules
from s2r_depth_training.errors import DataError

DRIVE = np.linspace(6.0, 2.0, 40).tolist()
ASKED = Asked(GivenTopics(), PairRules(width=160, tolerance=0.02))


def lessons_of(path: Path, asked: Asked = ASKED) -> Lessons:
    return read_lessons([path], asked, lambda text: None)


@pytest.mark.parametrize(
    ('by', 'truth'), [(robot.DEPTH, 'depth images'), (robot.POINTS, 'a lidar')]
)
def test_a_drive_teaches(tmp_path: Path, by: str, truth: str) -> None:
    lessons = lessons_of(robot.record(tmp_path / 'drive', robot.messages(DRIVE, by)))
    assert lessons.truth == truth
    assert lessons.names == ['drive']
    assert len(lessons.learning) in range(28, 31)
    assert len(lessons.judging) in range(9, 11)
    last = max(pair.stamp for pair in lessons.learning)
    assert all(pair.stamp > last for pair in lessons.judging)
    assert not is_one_plane_of_beams(lessons.learning)


def test_a_scan_is_one_plane_of_beams(tmp_path: Path) -> None:
    lessons = lessons_of(robot.record(tmp_path / 'drive', robot.messages(DRIVE, robot.LASER)))
    assert is_one_plane_of_beams(lessons.learning)


def test_several_recordings_are_parted_each_by_itself(tmp_path: Path) -> None:
    paths = [
        robot.record(tmp_path / name, robot.messages(DRIVE[start::2]))
        for start, name in enumerate(('a', 'b'))
    ]
    lessons = read_lessons(paths, ASKED, lambda text: None)
    assert lessons.names == ['a', 'b']
    # The second halves of both judge, so the farthest are learnt from in both.
    assert min(np.median(p.depth) for p in lessons.learning) > max(
        np.median(p.depth) for p in lessons.judging
    )


def test_a_robot_that_stands_still_teaches_nothing(tmp_path: Path) -> None:
    content = robot.messages([3.0] * 60)
    still = content[2][2].data
    for _, kind, message in content:
        if kind == IMAGE and message.encoding == 'rgb8':
            message.data = still
    bag = robot.record(tmp_path / 'still', content)
    with pytest.raises(DataError, match=r'only 1 frames to learn from .* while the robot drives'):
        lessons_of(bag)


@pytest.mark.parametrize(('level', 'noise'), [(0, 0), (0, 6), (128, 0), (255, 0), (40, 12)])
def test_images_that_show_nothing_are_left_out(tmp_path: Path, level: int, noise: int) -> None:
    """Dark, overexposed, a covered lens: a model would learn to guess."""

    def darkened(last: int) -> Path:
        content = robot.messages(DRIVE)
        for topic, _, message in content:
            if topic == robot.COLOUR and message.header.stamp.sec < 100 + last:
                random = np.random.default_rng(message.header.stamp.sec)
                message.data = (level + random.integers(0, noise + 1, message.data.shape)).astype(
                    np.uint8
                )
        return robot.record(tmp_path / f'dark_{last}', content)

    with pytest.raises(DataError, match=r'\d+ images show nothing.*record with light on'):
        lessons_of(darkened(40))
    said: list[str] = []
    lessons = read_lessons([darkened(5)], ASKED, said.append)
    assert min(pair.stamp for pair in lessons.learning) == 105
    assert [text for text in said if 'images show nothing' in text]


@pytest.mark.parametrize('shift', [0, 8, -5])
def test_depth_images_that_are_not_aligned_are_told(tmp_path: Path, shift: int) -> None:
    """Of the frame of colour by their header, as seen by the camera beside it."""
    rng = np.random.default_rng(1)
    content = robot.messages(DRIVE)
    for topic, _, message in content:
        if topic == robot.COLOUR:
            depth = robot.truth(5.0)
            for column in rng.choice(np.arange(15, 140), 4, replace=False):
                depth[20:100, column : column + 8] = rng.uniform(1.0, 3.0)
            message.data = robot.picture(depth, message.header.stamp.sec).reshape(-1)
        elif topic == robot.DEPTH:
            message.data = np.roll(depth, shift, 1).reshape(-1).view(np.uint8)
    said: list[str] = []
    read_lessons([robot.record(tmp_path / 'drive', content)], ASKED, said.append)
    assert len(said) == bool(shift)
    if shift:
        side = 'right' if shift < 0 else 'left'
        assert 'the depth images do not lie where the camera sees them' in said[0]
        assert re.search(rf'{abs(shift)} px .* farther to the {side}; record depth that', said[0])


def test_one_wall_teaches_nothing(tmp_path: Path) -> None:
    content = robot.messages(DRIVE)
    for number, (topic, kind, message) in enumerate(content):
        if topic == robot.DEPTH:
            wall = np.full((120, 160), 1.0 + number / 100, np.float32)
            stamp = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
            content[number] = (
                topic,
                kind,
                robot.in_frame(robot.image(stamp, wall, '32FC1'), 'optical'),
            )
    with pytest.raises(DataError, match=r'100% of the frames .* one wall'):
        lessons_of(robot.record(tmp_path / 'wall', content))


@pytest.mark.parametrize('factor', [0.001, 0.8, 1.3])
def test_sensors_that_contradict_each_other_are_told(tmp_path: Path, factor: float) -> None:
    content = robot.messages(DRIVE)
    for number, distance in enumerate(DRIVE):
        cloud = robot.cloud(100 + number + 0.01, robot.truth(distance))
        points = cloud.data.view('<f4') * np.float32(factor)
        cloud.data = points.view(np.uint8)
        content.append((robot.POINTS, robot.CLOUD, cloud))
    content.sort(key=lambda m: robot.nanoseconds(m[2].header.stamp) if m[1] != robot.TF else 0)
    bag = robot.record(tmp_path / 'both', content)
    both = replace(ASKED, topics=GivenTopics(depth=robot.DEPTH, lidar=robot.POINTS))
    told = r'no point of the lidar|the lidar says 0\.8|the lidar says 1\.3'
    with pytest.raises(DataError, match=told):
        lessons_of(bag, both)


def test_sensors_that_agree_teach_by_the_dense_one(tmp_path: Path) -> None:
    content = robot.messages(DRIVE)
    for number, distance in enumerate(DRIVE):
        stamp = 100 + number + 0.01
        content.append((robot.POINTS, robot.CLOUD, robot.cloud(stamp, robot.truth(distance))))
    content.sort(key=lambda m: robot.nanoseconds(m[2].header.stamp) if m[1] != robot.TF else 0)
    bag = robot.record(tmp_path / 'both', content)
    both = replace(ASKED, topics=GivenTopics(depth=robot.DEPTH, lidar=robot.POINTS))
    assert lessons_of(bag, both).truth == 'depth images'


def test_topics_are_found_by_their_types_and_names(tmp_path: Path) -> None:
    by_depth = robot.record(tmp_path / 'a', robot.messages([3.0]))
    found = GivenTopics(robot.COLOUR, robot.INFO_TOPIC, robot.DEPTH, '')
    assert complete(by_depth, GivenTopics()) == found
    by_lidar = robot.record(tmp_path / 'b', robot.messages([3.0], robot.LASER))
    assert complete(by_lidar, GivenTopics()) == replace(found, depth='', lidar=robot.LASER)
    named = GivenTopics('/c', '/i', '', '/l')
    assert complete(by_lidar, named) == named


def test_what_is_not_clear_is_asked_for(tmp_path: Path) -> None:
    content = robot.messages([3.0])
    other = [('/rear/image_raw', *m[1:]) for m in content if m[0] == robot.COLOUR]
    two = robot.record(tmp_path / 'two', content + other)
    with pytest.raises(DataError, match=r'which topic is colour\?.*/rear/image_raw.*--colour'):
        complete(two, GivenTopics())
    assert complete(two, GivenTopics(colour=robot.COLOUR)).info == robot.INFO_TOPIC
    neither = robot.record(tmp_path / 'no', [m for m in content if m[0] != robot.DEPTH])
    with pytest.raises(DataError, match=r'say --depth .* or --lidar .*; it has /camera/color'):
        complete(neither, GivenTopics())
    blind = robot.record(tmp_path / 'blind', [m for m in content if m[0] != robot.COLOUR])
    with pytest.raises(DataError, match='The recording has none; say --colour'):
        complete(blind, GivenTopics())


def info_of(topic: str, frame: str) -> Message:
    return (topic, robot.INFO, robot.in_frame(robot.camera_info(100.0), frame))


@pytest.mark.parametrize(
    ('infos', 'expected'),
    [
        # The only one there is, but of another camera.
        ({'/rear/camera_info': 'rear'}, None),
        ({'/rear/camera_info': ''}, None),
        ({'/rear/camera_info': 'rear', '/side/camera_info': 'side'}, None),
        ({}, None),
        # Named otherwise, but of this camera.
        ({'/rear/camera_info': 'rear', '/front_info': 'optical'}, '/front_info'),
        ({'/front_info': '/optical'}, '/front_info'),
        ({'/front_info': 'optical', '/info': 'optical'}, None),
        # Beside the image, and without a frame, or of the same; or of another, and one fits.
        ({robot.INFO_TOPIC: '', '/other': 'optical'}, robot.INFO_TOPIC),
        ({robot.INFO_TOPIC: 'optical', '/other': 'optical'}, robot.INFO_TOPIC),
        ({'/camera_info': 'rear', '/front_info': 'optical'}, '/front_info'),
        ({robot.INFO_TOPIC: 'rear'}, None),
    ],
)
def test_camera_info_of_another_camera_is_not_taken(
    tmp_path: Path, infos: dict[str, str], expected: str | None
) -> None:
    content = [m for m in robot.messages([3.0, 2.5]) if m[0] != robot.INFO_TOPIC]
    content += [info_of(topic, frame) for topic, frame in infos.items()]
    bag = robot.record(tmp_path / 'bag', content)
    if expected is not None:
        assert complete(bag, GivenTopics()).info == expected
        return
    with pytest.raises(DataError, match=r'\? The recording has .*; say --info TOPIC') as caught:
        complete(bag, GivenTopics())
    assert "which camera_info is of /camera/color/image_raw (of the frame 'opt" in str(caught.value)
    assert all(topic in str(caught.value) for topic in infos)
    assert complete(bag, GivenTopics(info='/said')).info == '/said'


def test_camera_info_of_another_frame_is_used_if_it_is_asked_for_but_told(tmp_path: Path) -> None:
    content = [m for m in robot.messages(DRIVE) if m[0] != robot.INFO_TOPIC]
    bag = robot.record(tmp_path / 'bag', [info_of('/rear/info', 'rear'), *content])
    told: list[str] = []
    asked = replace(ASKED, topics=GivenTopics(info='/rear/info'))
    assert read_lessons([bag], asked, told.append).learning
    assert [text for text in told if "is of the frame 'rear'" in text] == told
    assert len(told) == 1


@pytest.mark.parametrize('width', [160, 80])
@pytest.mark.parametrize('frames', [7, 12, 25, 33])
def test_what_is_kept_in_memory_is_counted_in_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int, frames: int
) -> None:
    """Evenly spread, of both recordings as much, whatever the size of the images."""
    bags = [
        robot.record(tmp_path / name, robot.messages(DRIVE[start::2]))
        for start, name in enumerate('ab')
    ]
    monkeypatch.setattr(lessons_module, 'LEAST_LEARNING', 1)
    monkeypatch.setattr(lessons_module, 'LEAST_JUDGING', 1)
    of_one = 7 * width * width * 3 // 4
    monkeypatch.setattr(recording, '_MOST_BYTES', frames * of_one)
    asked = replace(ASKED, rules=PairRules(width=width, tolerance=0.02), share=0.4)
    lessons = read_lessons(bags, asked, lambda text: None)
    pairs = [*lessons.learning, *lessons.judging]
    assert sum(p.rgb.nbytes + p.depth.nbytes for p in pairs) <= frames * of_one
    # Some are left out where learning and judging meet.
    assert min(40, frames) / 2 - 4 <= len(pairs)
    steps = np.diff([pair.stamp for pair in lessons.learning][: len(lessons.learning) // 2])
    assert len(set(steps.tolist())) <= 1


@pytest.mark.parametrize('frame', ['optical', 'body'])
def test_a_camera_in_a_body_frame_is_told(tmp_path: Path, frame: str) -> None:
    """As Gazebo has it by default; what is above the robot would be what is ahead."""
    content: list[Message] = [('/tf_static', robot.TF, robot.MOUNTING)]
    content.append(('/tf_static', robot.TF, robot.transform('lidar', 'body')))
    for topic, kind, message in robot.messages(DRIVE, robot.POINTS)[1:]:
        if topic == robot.POINTS:  # a ceiling, too
            own = message.data.view('<f4').reshape(-1, 3).copy()
            own[::2] = np.abs(own[::2]) * (0.2, 0.2, 0.2) + (0.0, -0.2, 1.0)
            message.data = own.reshape(-1).view(np.uint8)
        else:
            robot.in_frame(message, frame)
        content.append((topic, kind, message))
    told: list[str] = []
    read_lessons([robot.record(tmp_path / 'bag', content)], ASKED, told.append)
    expected = "frame of the images, 'body', is no optical frame"
    assert [expected in text for text in told] == [True] * (frame == 'body')


def test_a_lidar_that_is_turned_is_told(tmp_path: Path) -> None:
    """With the angle: a robot's own drive, its transform 4 degrees off."""
    content: list[Message] = [('/tf_static', robot.TF, robot.MOUNTING)]
    told: list[str] = []
    rng = np.random.default_rng(0)
    for number in range(40):
        depth = robot.truth(5.0)
        for column in rng.choice(np.arange(15, 140), 4, replace=False):
            depth[20:100, column : column + 8] = rng.uniform(1.0, 3.0)
        rgb = robot.in_frame(
            robot.image(100 + number, robot.picture(depth, number), 'rgb8'), 'optical'
        )
        content += [
            (robot.INFO_TOPIC, robot.INFO, robot.camera_info(100 + number)),
            (robot.COLOUR, IMAGE, rgb),
            (robot.POINTS, robot.CLOUD, robot.cloud(100 + number + 0.01, depth)),
        ]
    bag = robot.record(tmp_path / 'turned', content)
    read_lessons([bag], ASKED, told.append)
    assert not told
    # A yaw of the lidar about its own z, which is up.
    yaw = np.radians(4.0)
    turned = ['optical turned 0 -0.1 0 0.5 -0.5 0.5 0.5', f'turned lidar 0 0 0 0 0 {yaw}']
    read_lessons([bag], replace(ASKED, transforms=turned), told.append)
    assert len(told) == 1
    assert re.search(r'edges fit best [678] px \([345]\.\d degrees\) farther to the right', told[0])


def framed_depth(content: list[Message], frame: str) -> list[Message]:
    for topic, _, message in content:
        if topic == robot.DEPTH:
            robot.in_frame(message, frame)
    return content


def test_depth_of_another_camera_is_no_aligned_depth(tmp_path: Path) -> None:
    """As RealSense publishes it beside the aligned one: of the same size, in other places."""
    content = framed_depth(robot.messages(DRIVE), 'depth_optical')
    unknown = robot.record(tmp_path / 'unknown', content)
    told = "depth is in the frame 'depth_optical', colour in 'optical': it is not aligned"
    with pytest.raises(DataError, match=told):
        lessons_of(unknown)
    beside = robot.transform('optical', 'depth_optical', place=(0.015, 0.0, 0.0))
    with pytest.raises(DataError, match=told):
        lessons_of(robot.record(tmp_path / 'b', [('/tf_static', robot.TF, beside), *content]))
    same = robot.transform('optical', 'depth_optical')
    assert lessons_of(robot.record(tmp_path / 's', [('/tf_static', robot.TF, same), *content]))
    given = replace(ASKED, transforms=['optical depth_optical 0 0 0 0 0 0'])
    assert lessons_of(unknown, given).learning


@pytest.mark.parametrize('frame', ['/optical', 'optical', ''])
def test_frames_of_one_name_or_none_are_aligned(tmp_path: Path, frame: str) -> None:
    content = framed_depth(robot.messages(DRIVE), frame)
    assert lessons_of(robot.record(tmp_path / 'drive', content)).learning


def test_a_drive_that_is_there_twice_would_judge_itself(tmp_path: Path) -> None:
    """Each recording is parted by itself: what one learns from, the other judges by."""
    content = robot.messages(DRIVE)
    whole = robot.record(tmp_path / 'whole', content)
    half = robot.record(tmp_path / 'half', content[: len(content) // 2])
    for paths in ([whole, whole], [whole, half], [half, whole]):
        with pytest.raises(DataError, match='have frames in common; give each drive once'):
            read_lessons(paths, ASKED, lambda text: None)
