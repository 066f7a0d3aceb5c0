"""One node that serves two cameras of different size and focal length, on a real graph."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from patience import PATIENCE
from ros_graph import (
    Graph,
    Recorder,
    camera_info,
    picture,
    pixels,
    reliable,
    rgb_message,
    values_of,
)
from sensor_msgs.msg import CameraInfo, Image

from s2r_depth_ros.inference.estimator import DepthEstimator, Prediction
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.status import ERROR, OK, STALE, WARN
from s2r_depth_ros.rig.clouds import read_xyz_rgb


@dataclass
class Camera:
    """A camera of the rig and what the node publishes for it: name in the table -> recorder."""

    name: str
    width: int
    height: int
    fx: float
    graph: Graph = field(repr=False)
    outputs: dict[str, Recorder] = field(default_factory=dict, repr=False)

    def record(self, *names: str) -> None:
        every = {topic.name: topic for topic in topics.OUTPUTS}
        for name in names:
            topic = topics.of_camera(name, self.name).replace('~', 'depth')
            self.outputs[name] = self.graph.record(every[name].type, topic)

    def rgb(self, seed: int) -> NDArray[Any]:
        return cv2.resize(picture(seed), (self.width, self.height))

    def frame(self, seed: int = 0) -> Image:
        """Return a picture of this camera, stamped now."""
        message = rgb_message(self.rgb(seed))
        message.header.stamp = self.graph.node.get_clock().now().to_msg()
        message.header.frame_id = f'{self.name}_optical_frame'
        return message

    def info(self) -> CameraInfo:
        cx, cy = (self.width - 1) / 2, (self.height - 1) / 2
        k = [self.fx, 0.0, cx, 0.0, self.fx, cy, 0.0, 0.0, 1.0]
        p = [self.fx, 0.0, cx, 0.0, 0.0, self.fx, cy, 0.0, 0.0, 0.0, 1.0, 0.0]
        return camera_info(width=self.width, height=self.height, k=k, p=p)

    def send(self, image: Image, *, calibrated: bool = True) -> Image:
        """Publish an image, after its camera_info."""
        if calibrated:
            info = self.info()
            info.header = image.header
            self.graph.publisher(CameraInfo, f'{self.name}/camera_info').publish(info)
        self.graph.publisher(Image, f'{self.name}/image').publish(image)
        return image

    def result(self, name: str, frame: Image) -> Any:
        return self.graph.result(self.outputs[name], frame)

    def status(self) -> Any:
        """Return this camera's newest DiagnosticStatus, None before the first."""
        wanted = f'{self.graph.namespace}/depth: camera {self.name}'
        # Other nodes' diagnostics come by the same topic.
        newest = reversed(self.graph.diagnostics.messages)
        return next((s for message in newest for s in message.status if s.name == wanted), None)

    def until_status(self, condition: Any, what: str, *, playing: bool = False) -> Any:
        """Wait for such a status of this camera; ``playing``: while it sends good frames."""
        end = time.monotonic() + PATIENCE
        while True:
            if playing:
                self.send(self.frame())
            self.graph.status()
            status = self.status()
            if status is not None and condition(status, values_of(status)):
                return status
            assert time.monotonic() < end, f'waited for {what}; last: {status}'


@dataclass
class Rig:
    """Two cameras, one node and its log."""

    front: Camera
    rear: Camera
    process: Any

    def connect(self) -> None:
        """Send frames until every recorder has one."""
        cameras = (self.front, self.rear)
        end = time.monotonic() + PATIENCE
        while not all(r.messages for camera in cameras for r in camera.outputs.values()):
            assert time.monotonic() < end, 'waited for every output'
            for camera in cameras:
                camera.send(camera.frame())
            self.front.graph.spin(0.2)


@pytest.fixture(scope='module')
def rig(start_node: Any, make_graph: Any) -> Rig:
    """A node that makes everything of ``front``, but only depth images of ``rear``."""
    images = reliable('/rig/front/image', '/rig/rear/image')
    process = start_node('/rig', autostart=True, cameras='[front, rear]', **images)
    graph = make_graph('/rig')
    front = Camera('front', 160, 120, 150.0, graph)
    rear = Camera('rear', 320, 180, 500.0, graph)
    made = [t.name for t in topics.OUTPUTS if t.name not in topics.OF_CLEAN_DEPTH]
    front.record(*made)  # the others need a floor, and are in test_node_navigation
    rear.record(topics.DEPTH, topics.POINTS)
    both = Rig(front, rear, process)
    both.connect()
    return both


@pytest.fixture(scope='module')
def estimator(tiny_model: Path) -> DepthEstimator:
    return DepthEstimator(tiny_model, device='cpu')


def _expected(estimator: DepthEstimator, camera: Camera, seed: int) -> Prediction:
    return estimator.predict(camera.rgb(seed), fx=camera.fx, maps=True)


def test_each_camera_has_its_own_depth_scale_and_header(
    rig: Rig, estimator: DepthEstimator
) -> None:
    for seed in (1, 2):
        frames = [(c, c.send(c.frame(seed))) for c in (rig.front, rig.rear)]
        for camera, frame in frames:
            depth = camera.result(topics.DEPTH, frame)
            assert depth.header == frame.header
            assert (depth.width, depth.height) == (camera.width, camera.height)
            expected = _expected(estimator, camera, seed).depth
            np.testing.assert_allclose(pixels(depth), expected, rtol=1e-3)
            cloud = camera.result(topics.POINTS, frame)
            assert cloud.header == frame.header
            points, colours = read_xyz_rgb(cloud)
            np.testing.assert_allclose(points[:, 2], pixels(depth).ravel())
            column = (camera.width - 1 - (camera.width - 1) / 2) / camera.fx
            np.testing.assert_allclose(
                points[camera.width - 1, 0], column * points[camera.width - 1, 2], rtol=1e-4
            )
            assert np.array_equal(colours, camera.rgb(seed).reshape(-1, 3))


def test_private_topics_and_camera_info_are_those_of_the_camera(
    rig: Rig, estimator: DepthEstimator
) -> None:
    frame = rig.front.send(rig.front.frame(3))
    expected = _expected(estimator, rig.front, 3)
    structure = pixels(rig.front.result(topics.STRUCTURE, frame))
    assert expected.structure is not None
    np.testing.assert_allclose(structure / 255, expected.structure, atol=0.004)
    assert rig.front.result(topics.DEPTH_INFO, frame).k[0] == rig.front.fx
    assert rig.front.result(topics.DEPTH_COLOR, frame).header == frame.header


def test_frames_that_wait_together_are_one_batch(rig: Rig) -> None:
    """While one frame is inferred, one of each camera arrives."""
    end = time.monotonic() + PATIENCE
    batches: list[str] = []
    while '2' not in batches:
        assert time.monotonic() < end, 'never two images in a batch'
        for _ in range(4):
            for camera in (rig.front, rig.rear):
                camera.send(camera.frame())
        rig.front.graph.status()
        batches = [values_of(c.status())['images in the last batch'] for c in (rig.front, rig.rear)]


def test_a_silent_camera_is_stale_and_the_other_goes_on(
    rig: Rig, estimator: DepthEstimator
) -> None:
    deadline = time.monotonic() + 2.5
    while time.monotonic() < deadline:
        frame = rig.front.send(rig.front.frame(4))
        depth = pixels(rig.front.result(topics.DEPTH, frame))
    np.testing.assert_allclose(depth, _expected(estimator, rig.front, 4).depth, rtol=1e-3)
    status = rig.rear.until_status(lambda s, _: s.level == STALE, 'a stale camera')
    assert 'no image on /rig/rear/image for' in status.message
    assert '1 publisher(s) there; check the camera' in status.message
    assert float(values_of(status)['age of the newest image (s)']) >= 2
    rig.front.until_status(lambda s, _: s.level == OK, 'a good front', playing=True)
    frame = rig.rear.send(rig.rear.frame(5))
    rig.rear.result(topics.DEPTH, frame)
    rig.rear.until_status(lambda s, _: s.level == OK, 'the camera is back', playing=True)


@pytest.mark.parametrize('kind', ['truncated', 'encoding', 'too small'])
def test_garbage_of_one_camera_costs_the_other_nothing(rig: Rig, kind: str) -> None:
    for _ in range(3):
        bad = rig.rear.frame()
        if kind == 'truncated':
            bad.data = bad.data[:-100]
        elif kind == 'encoding':
            bad.encoding = '32FC1'
        else:
            bad.height, bad.data = 16, bad.data[: 16 * bad.step]
        rig.rear.send(bad)
        frame = rig.front.send(rig.front.frame(6))
        assert rig.front.result(topics.DEPTH, frame).header == frame.header
    reason = {'truncated': 'truncated', 'encoding': '32FC1', 'too small': 'at least 32'}[kind]
    status = rig.rear.until_status(lambda s, _: reason in s.message, reason)
    assert status.level == ERROR
    assert 'camera rear: frame skipped: ' in rig.process.log
    rig.front.until_status(lambda s, _: s.level == OK, 'a good front', playing=True)
    good = rig.rear.send(rig.rear.frame())
    rig.rear.result(topics.DEPTH, good)
    rig.rear.until_status(lambda s, _: s.level == OK, 'a good rear', playing=True)


def test_waiting_for_a_camera_info_holds_no_other_camera_back(
    rig: Rig, estimator: DepthEstimator
) -> None:
    assert rig.front.graph.set('camera_info_timeout', 3.0).successful

    def passed() -> Image | None:
        """Return a frame of rear that waited while three of front passed it."""
        # It waits where the image before had a camera_info of its own, which may be late.
        rig.rear.result(topics.DEPTH, rig.rear.send(rig.rear.frame()))
        lonely = rig.rear.frame(7)
        lonely.header.frame_id = 'nobody'
        start = time.monotonic()
        rig.rear.send(lonely, calibrated=False)
        for _ in range(3):
            frame = rig.front.send(rig.front.frame())
            rig.front.result(topics.DEPTH, frame)
        # By its stamp: depth of an earlier test's image may come late.
        waits = not rig.rear.outputs[topics.DEPTH].with_stamp(lonely)
        in_time = time.monotonic() - start < 3
        rig.rear.result(topics.DEPTH, lonely)
        assert not waits or time.monotonic() - start >= 3
        return lonely if waits and in_time else None

    # Three frames within three seconds: where the machine is too busy for that, it tells nothing.
    lonely = rig.front.graph.until(passed, 'three frames in time')
    depth = pixels(rig.rear.result(topics.DEPTH, lonely))
    # What came with the frame before stands in.
    expected = estimator.predict(rig.rear.rgb(7), fx=rig.rear.fx).depth
    np.testing.assert_allclose(depth, expected, rtol=1e-3)
    assert "has frame_id 'rear_optical_frame' but the image has 'nobody'" in rig.process.log
    rig.front.until_status(lambda s, v: v['camera_info'] == 'ok', 'the other camera_info')
    assert rig.front.graph.set('camera_info_timeout', 0.05).successful


def test_one_camera_is_calibrated_and_the_other_stays_as_it_is(
    rig: Rig, estimator: DepthEstimator
) -> None:
    """The mount of each camera is its own, and so is what the network is off by there."""
    graph = rig.front.graph
    assert graph.set('depth_scale', 2.0).successful
    expected = {c.name: 2 * _expected(estimator, c, 8).depth for c in (rig.front, rig.rear)}
    at_pixel = float(np.median(expected['front'][58:63, 78:83]))
    numbers = {'distance': 3 * at_pixel, 'x': 80.0, 'y': 60.0}

    def send() -> None:
        rig.front.send(rig.front.frame(8))
        graph.spin(0.05)

    result = graph.calibrate('front/calibrate_scale', numbers, send)
    assert result.successful, result.reason
    own = list(graph.get('depth_scales')[0])
    assert own == [pytest.approx(3.0, rel=1e-3), 1.0]
    assert f'depth_scales: {own!r}' in result.reason
    assert graph.get('depth_scale') == [2.0]
    for camera, factor in ((rig.front, 3.0), (rig.rear, 1.0)):
        frame = camera.send(camera.frame(8))
        depth = pixels(camera.result(topics.DEPTH, frame))
        np.testing.assert_allclose(depth, factor * expected[camera.name], rtol=2e-3)
    scales = {c.name: values_of(c.until_status(lambda *_: True, 'one'))['depth_scale']
              for c in (rig.front, rig.rear)}  # fmt: skip
    assert float(scales['front']) == pytest.approx(6.0, rel=1e-3)
    assert float(scales['rear']) == 2.0
    assert graph.set('depth_scales', [1.0, 1.0]).successful
    assert graph.set('depth_scale', 1.0).successful


def test_only_what_has_a_subscriber_is_made_for_each_camera(rig: Rig) -> None:
    node = rig.front.graph.node
    for recorder in rig.rear.outputs.values():
        rig.rear.graph.forget(recorder)
    key = 'images skipped without a subscriber'

    def skipped() -> bool:
        rig.rear.send(rig.rear.frame())
        rig.front.result(topics.DEPTH, rig.front.send(rig.front.frame()))
        rig.front.graph.status()
        return int(values_of(rig.rear.status())[key]) > 3

    rig.front.graph.until(skipped, 'skipped frames of the camera without a subscriber')
    assert values_of(rig.front.status())[key] == '0'
    assert node.count_subscribers('rear/depth_registered/image_rect') == 0


def test_the_status_of_the_node_is_apart(rig: Rig) -> None:
    status = rig.front.graph.status()
    assert status.level == WARN  # of the override that is none
    assert status.message.endswith('/rig/front/image.subscription.reliability')
    assert values_of(status)['model'] == 'tiny'
    assert 'frames published' not in values_of(status)
    wanted = [m.status for m in rig.front.graph.diagnostics.messages if status in m.status]
    assert [s.name for s in wanted[-1]] == [
        f'/rig/depth: {name}' for name in ('depth', 'camera front', 'camera rear')
    ]
    assert 'waiting for images on /rig/front/image, /rig/rear/image' in rig.process.log
