"""The scale of depth by other sensors, on a real graph: a rendered room whose depth is known."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from array import array
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from foreign_clouds import cloud_message
from ros_graph import ROOT, TRANSPORT, Graph, pixels, reliable, rgb_message, values_of
from scale_messages import ScaledCamera, header, info_of
from sensor_msgs.msg import CameraInfo, Image, LaserScan, PointCloud2, Range

from s2r_depth_ros.geometry import Intrinsics, back_project
from s2r_depth_ros.geometry.scale import UnscaledView
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.status import ERROR, OK, WARN

CLIP = ROOT / 'config' / 'demo_clip'
SEQUENCE = json.loads((CLIP / 'sequence.json').read_text())
CAMERA = Intrinsics(*(SEQUENCE[name] for name in ('fx', 'fy', 'cx', 'cy', 'width', 'height')))
POSE = np.array(SEQUENCE['frames'][0]['pose_c2w'])
HEIGHT, PITCH = float(POSE[2, 3]), math.asin(-POSE[2, 2])  # m over the floor; radians down
RGB = np.asarray(cv2.imread(str(CLIP / 'rgb' / '0000.jpg')), np.uint8)[..., ::-1].copy()
_MILLIMETRES = cv2.imread(str(CLIP / 'depth' / '0000.png'), cv2.IMREAD_UNCHANGED)
TRUTH = np.asarray(_MILLIMETRES, np.float32) / np.float32(1000)
OPTICAL, LASER = 'camera_optical', 'laser'
HALF_TURN = math.pi / 2
TRANSFORMS = [
    f'base_footprint camera 0 0 {HEIGHT} 0 {PITCH} 0',
    f'camera {OPTICAL} 0 0 0 {-HALF_TURN} 0 {-HALF_TURN}',
    f'camera {LASER} 0 0 0 0 0 0',
]


def seen_from_laser() -> NDArray[np.float64]:
    """Some true points in the laser's frame: x ahead, y left, z up."""
    x, y, z = back_project(TRUTH, CAMERA)[::12, ::12].reshape(-1, 3).T
    return np.stack([z, -x, -y], -1).astype(np.float64)


def cloud(now: float) -> PointCloud2:
    message = cloud_message(seen_from_laser())
    message.header = header(now, LASER)
    return message


def scan(now: float) -> LaserScan:
    """The true row at the height of the camera."""
    angles = np.arange(-0.5, 0.5, 0.01)
    columns = np.rint(CAMERA.cx - CAMERA.fx * np.tan(angles)).astype(int)
    ranges = TRUTH[round(CAMERA.cy), columns] / np.cos(angles)
    return LaserScan(
        header=header(now, LASER), angle_min=-0.5, angle_max=0.5, angle_increment=0.01,
        range_min=0.05, range_max=30.0, ranges=array('f', ranges.astype(np.float32)),
    )  # fmt: skip


def range_reading(now: float) -> Range:
    """What fills the middle of the image."""
    points = seen_from_laser()
    distance = np.linalg.norm(points, axis=1)
    middle = distance[points[:, 0] > distance * math.cos(0.2)]
    return Range(
        header=header(now, LASER), radiation_type=Range.INFRARED, field_of_view=0.4,
        min_range=0.05, max_range=30.0, range=float(np.median(middle)),
    )  # fmt: skip


def depth_image(now: float) -> Image:
    """The true depth at a quarter of the size, in millimetres; its camera_info is its own."""
    small = np.ascontiguousarray(np.rint(TRUTH[2::4, 2::4] * 1000).astype('<u2'))
    height, width = small.shape
    return Image(
        header=header(now, OPTICAL), height=height, width=width, encoding='16UC1', step=2 * width,
        data=array('B', small.tobytes()),
    )  # fmt: skip


REFERENCES: dict[str, tuple[str, Any, Callable[[float], Any]]] = {
    'lidar scan': (topics.REFERENCE_SCAN, LaserScan, scan),
    'lidar cloud': (topics.REFERENCE_POINTS, PointCloud2, cloud),
    'range': (topics.REFERENCE_RANGE, Range, range_reading),
    'depth': (topics.REFERENCE_DEPTH, Image, depth_image),
}


class Room:
    """The node, what sees the room, and the time of the next frame."""

    def __init__(self, process: Any, graph: Graph) -> None:
        self.process, self.graph = process, graph
        self.now = 1000.0
        self.depth = graph.record(Image, topics.DEPTH)
        self.structure = graph.record(Image, topics.STRUCTURE.replace('~', 'depth'))
        every = {topic.name: topic for topic in topics.OUTPUTS}
        self.scale = graph.record(every[topics.SCALE].type, topics.SCALE.replace('~', 'depth'))

    def frame(self, *references: str) -> dict[str, str]:
        """Send references and an image 0.1 s after those before; return what ~/scale says of it."""
        self.now += 0.1
        for name in references:
            topic, kind, make = REFERENCES[name]
            if name == 'depth':
                small = CAMERA.resized(CAMERA.width // 4, CAMERA.height // 4)
                self.publish(CameraInfo, topics.REFERENCE_INFO, info_of(small, self.now, OPTICAL))
            self.publish(kind, topic, make(self.now))
        self.graph.spin(0.03 if references else 0)
        image = rgb_message(RGB)
        image.header = header(self.now, OPTICAL)
        self.publish(CameraInfo, topics.CAMERA_INFO, info_of(CAMERA, self.now, OPTICAL))
        self.publish(Image, topics.IMAGE, image)
        self.image = image
        return values_of(self.graph.result(self.scale, image).status[0])

    def publish(self, kind: Any, topic: str, message: Any) -> None:
        self.graph.publisher(kind, topic).publish(message)

    def published(self) -> NDArray[np.float32]:
        """Return the depth of the last frame."""
        return pixels(self.graph.result(self.depth, self.image))

    def row(self, condition: Callable[[Any], Any]) -> Any:
        """Return a status of the scale for which the condition holds."""
        name = f'{self.graph.namespace}/depth: scale'

        def found() -> Any:
            newest = [s for m in self.graph.diagnostics.messages[-5:] for s in m.status]
            return [s for s in newest if s.name == name and condition(s)]

        return self.graph.until(found, 'a status of the scale')[-1]


@pytest.fixture(scope='module')
def room(start_node: Any, make_graph: Callable[[str], Graph]) -> Room:
    names = (topic.name for topic in topics.INPUTS)
    process = start_node(
        '/room',
        model='indoor-s',
        backend='torch',
        autostart=True,
        transforms=TRANSFORMS,
        **{'scale.source': '[camera_height, lidar, range, depth]', 'scale.rate_limit': 5.0},
        **reliable(*(f'/room/{name}' for name in names)),
    )
    room = Room(process, make_graph('/room'))
    graph = room.graph
    for name in (topics.IMAGE, topics.CAMERA_INFO):
        graph.publisher(Image if name == topics.IMAGE else CameraInfo, name)
    graph.until(room.scale.subscription.get_publisher_count, 'the topic ~/scale')

    def through() -> Any:
        image = rgb_message(RGB)
        image.header = header(room.now, OPTICAL)
        room.publish(CameraInfo, topics.CAMERA_INFO, info_of(CAMERA, room.now, OPTICAL))
        room.publish(Image, topics.IMAGE, image)
        graph.spin(0.3)
        return room.scale.messages and room.depth.messages and room.structure.messages

    graph.until(through, 'the first frames')
    return room


@pytest.fixture(scope='module')
def unscaled() -> NDArray[np.float32]:
    """Depth as the network gives it."""
    return DepthEstimator('indoor-s', device='cpu').predict(RGB, fx=CAMERA.fx).depth


def alone(name: str, unscaled: NDArray[np.float32]) -> float:
    """Return the scale that one source alone finds, without a node."""
    camera = ScaledCamera(name.split()[0], transforms=TRANSFORMS)
    if name in REFERENCES:
        topic, _, make = REFERENCES[name]
        small = CAMERA.resized(CAMERA.width // 4, CAMERA.height // 4)
        camera.take(topics.REFERENCE_INFO, info_of(small, 1.0, OPTICAL))
        camera.take(topic, make(1.0))
    view = UnscaledView(unscaled, CAMERA)
    estimate = camera.scale.measure(header(1.0), view, camera.values).estimate
    assert estimate is not None
    return estimate.scale


@pytest.mark.parametrize('name', [*REFERENCES, 'camera_height'])
def test_every_source_scales_depth(room: Room, unscaled: Any, name: str) -> None:
    right = alone(name, unscaled)
    room.now += 1.0  # what came before is too old
    for _ in range(12):
        values = room.frame(*([name] if name in REFERENCES else []))
    assert values['source'] == name.split()[0]
    assert values['freshness'] == 'fresh'
    assert float(values['scale']) == pytest.approx(right, rel=0.05)
    known = TRUTH > 0
    if name in ('lidar cloud', 'depth', 'camera_height'):  # others see a small part of the image
        ratio = np.median(TRUTH[known] / room.published()[known])
        # Curves make relative errors small, and so err towards the near.
        assert ratio == pytest.approx(1, rel=0.08)
    status = room.row(lambda s: values_of(s)['source'] == values['source'])
    assert status.level == OK
    assert values_of(status)['sources'].startswith('camera_height: ')


def test_without_a_reference_it_is_held_then_metres_stop_and_come_back(room: Room) -> None:
    # A camera that looks at a floor still has its height; none, if that is nowhere.
    room.frame('range')
    assert room.graph.set('transforms', ['elsewhere nowhere 0 0 0 0 0 0']).successful
    room.now += 1.0
    assert room.frame()['freshness'] == 'held'
    status = room.row(lambda s: s.level == WARN)
    assert 'held' in status.message
    assert 'reference/range' in status.message
    room.now += 10.0
    assert room.frame()['freshness'] == 'stale'
    room.published()
    assert room.graph.set('scale.on_timeout', 'stop').successful
    assert room.frame()['freshness'] == 'stale'
    # The structure map is published after depth: had that been, it would be here.
    room.graph.result(room.structure, room.image)
    assert not room.depth.with_stamp(room.image)
    status = room.row(lambda s: s.level == ERROR)
    assert 'stale' in status.message
    assert 'nothing in metres is published' in status.message
    assert room.graph.set('transforms', TRANSFORMS).successful
    assert room.frame('range')['freshness'] == 'fresh'
    room.published()
    assert room.graph.set('scale.on_timeout', 'hold').successful


def calibrate(room: Room, **numbers: Any) -> Any:
    """Ask the service while frames come."""
    return room.graph.calibrate('calibrate_scale', numbers, room.frame)


def test_a_known_distance_sets_depth_scale(room: Room) -> None:
    result = calibrate(room, distance=3.0, x=400.0, y=300.0)
    assert result.successful, result.reason
    (scale,) = room.graph.get('depth_scale')
    assert f'depth_scale: {scale!r}' in result.reason
    assert result.reason in room.process.log
    again = calibrate(room, distance=6.0, x=400.0, y=300.0)
    assert room.graph.get('depth_scale')[0] == pytest.approx(2 * scale, rel=0.02)
    assert again.successful
    assert room.graph.set('depth_scale', 1.0).successful


@pytest.mark.parametrize(
    ('numbers', 'reason'),
    [
        ({}, 'give distance'),
        ({'distance': 0.0}, 'above 0'),
        ({'distance': math.nan}, 'must be a number'),
        ({'distance': 'far'}, 'must be a number'),
        ({'distance': 1.0, 'x': 5.0}, 'both x and y'),
        ({'distance': 1.0, 'x': 5.0, 'y': 9999.0}, 'outside the image'),
        ({'distance': 1.0, 'metres': 5.0}, 'not known here'),
        ({'distance': 1e5}, 'beyond all that a prediction is off by'),
    ],
)
def test_what_cannot_be_a_known_distance_is_refused(
    room: Room, numbers: dict[str, Any], reason: str
) -> None:
    before = room.graph.get('depth_scale')
    result = calibrate(room, **numbers)
    assert not result.successful
    assert reason in result.reason
    assert room.graph.get('depth_scale') == before


def test_a_scale_beyond_its_bounds_is_refused(room: Room) -> None:
    assert room.graph.set('depth_scale', 500.0).successful
    result = calibrate(room, distance=20_000.0, x=400.0, y=300.0)
    assert not result.successful
    assert 'which is refused' in result.reason
    assert room.graph.set('depth_scale', 1.0).successful


def test_the_command_calibrates(room: Room, monkeypatch: Any) -> None:
    for name, value in TRANSPORT.items():
        monkeypatch.setenv(name, value)
    command = [sys.executable, '-m', 's2r_depth_ros', 'calibrate_scale', '--node', '/room/depth']
    with subprocess.Popen(
        [*command, '--distance', '2.5', '--pixel', '400', '300'],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        while process.poll() is None:
            room.frame()
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert 'to keep it, write into the file of parameters: depth_scale: ' in out
    assert room.graph.set('depth_scale', 1.0).successful


def test_the_source_is_chosen_before_the_model_is_loaded(room: Room) -> None:
    result = room.graph.set('scale.source', ['lidar'])
    assert not result.successful
    assert 'scale.source is read-only' in result.reason
