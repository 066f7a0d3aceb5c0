"""The way of a frame through the loop, without a graph, transitions or a network."""

from __future__ import annotations

import math
import queue
import threading
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from patience import PATIENCE

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from builtin_interfaces.msg import Time
from fake_node import FakeNode
from frame_pipelines import OVER_FLOOR, pipeline_of
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.lifecycle import LifecycleNode
from rclpy.parameter import Parameter
from ros_graph import HEIGHT, WIDTH, camera_info, picture, pixels, rgb_message
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from s2r_depth_ros.inference.estimator import DepthEstimator, Prediction, View
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.camera_health import CameraFacts
from s2r_depth_ros.node.camera_stream import CameraStream
from s2r_depth_ros.node.inference_loop import InferenceLoop
from s2r_depth_ros.node.parameters import Values
from s2r_depth_ros.node.pipeline import NOTHING_VALID


class FakeEstimator:
    """Gives the same depth everywhere; waits at a gate, and fails where it is told to."""

    def __init__(self) -> None:
        self.entered: queue.Queue[int] = queue.Queue()
        self.gate = threading.Event()
        self.gate.set()
        self.error: BaseException | None = None
        self.depth = 2.0

    def infer(self, views: Sequence[View]) -> list[Callable[[], Prediction]]:
        self.entered.put(len(views))
        assert self.gate.wait(PATIENCE)
        if self.error is not None:
            raise self.error
        level = np.full((HEIGHT, WIDTH), 0.5, np.float32)
        depth = np.full((HEIGHT, WIDTH), self.depth, np.float32)
        return [partial(Prediction, depth, level, level, 1.5) for _ in views]


class Camera:
    """A camera of the loop, and its side of the topics."""

    def __init__(self, name: str, loop: InferenceLoop, compressed: bool = False) -> None:
        self.name = name
        self.node = FakeNode()
        self.stream = CameraStream(
            cast(LifecycleNode, self.node),
            name,
            compressed,
            pipeline_of(None, OVER_FLOOR),
            loop.image_arrived,
            loop.info_arrived,
        )
        self._second = 0

    def published(self, name: str = topics.DEPTH) -> list[Any]:
        return self.node.publishers[topics.of_camera(name, self.name)].messages

    def seconds(self, name: str = topics.DEPTH) -> list[int]:
        """Return the stamps of what was published."""
        return [message.header.stamp.sec for message in self.published(name)]

    def want(self, *names: str) -> None:
        """Let only these outputs have a subscriber."""
        for topic in topics.OUTPUTS:
            publisher = self.node.publishers[topics.of_camera(topic.name, self.name)]
            publisher.subscribers = int(topic.name in names)

    def image(self, **changes: Any) -> Image:
        message = rgb_message(picture())
        for name, value in changes.items():
            setattr(message, name, value)
        return message

    def send(self, image: Image | CompressedImage | None = None, *, info: bool = True) -> int:
        """Let an image arrive, after its camera_info; return the second of its stamp."""
        image = image or self.image()
        self._second += 1
        image.header = Header(stamp=Time(sec=self._second), frame_id='camera')
        if info:
            self.send_info()
        compressed = isinstance(image, CompressedImage)
        self._arrive(topics.IMAGE + topics.COMPRESSED * compressed, image)
        return self._second

    def send_info(self) -> None:
        """Let the camera_info of the newest image arrive."""
        header = Header(stamp=Time(sec=self._second), frame_id='camera')
        self._arrive(topics.CAMERA_INFO, camera_info(header=header))

    def facts(self) -> CameraFacts:
        return self.stream.health.facts(active=True)

    def totals(self) -> dict[str, int]:
        counts = self.facts().counts
        assert counts is not None
        return {name: number for name, number in counts.totals.items() if number}

    def _arrive(self, name: str, message: Any) -> None:
        self.node.subscriptions[topics.of_camera(name, self.name)].arrive(message)


class Setting:
    """A loop with three cameras, its parameters' values, and the defects it logged."""

    def __init__(self, compressed: bool = False) -> None:
        self.estimator = FakeEstimator()
        # Whatever needs a farthest depth has one.
        self.values: Callable[[], Values] = lambda: Values(max_depth=4.0)
        self.defects: queue.Queue[BaseException] = queue.Queue()
        names = ('front', 'rear', 'side')
        self.loop = InferenceLoop(
            cast(DepthEstimator, self.estimator),
            lambda: self.values(),
            self.defects.put,
            names,
        )
        self.front, self.rear, self.side = (Camera(name, self.loop, compressed) for name in names)

    def hold(self) -> None:
        """Let the network stop at its next batch, and wait until it has."""
        self.estimator.gate.clear()
        self.front.send()
        self.estimator.entered.get(timeout=PATIENCE)


@pytest.fixture(params=[False])
def setting(request: pytest.FixtureRequest) -> Iterator[Setting]:
    """A loop that is active; its parameter: whether images are compressed."""
    setting = Setting(request.param)
    setting.loop.activate()
    yield setting
    setting.estimator.gate.set()
    setting.loop.stop()
    setting.loop.join()
    assert not setting.loop.is_alive()


_COMPRESSED = pytest.mark.parametrize('setting', [True], indirect=True)


def _png(side: int, level: int = 0) -> CompressedImage:
    """Return a picture that is slow to decode where it is large."""
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    coded = cv2.imencode('.png', noise, [cv2.IMWRITE_PNG_COMPRESSION, level])[1]
    return CompressedImage(format='bgr8; png compressed bgr8', data=array('B', coded.tobytes()))


def _until(condition: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f'waited for {what}'
        time.sleep(0.005)


def _has_published(camera: Camera, frames: int) -> bool:
    return camera.totals().get('published') == frames


def _has_second(camera: Camera, second: int) -> bool:
    return second in camera.seconds()


def test_a_frame_goes_all_the_way(setting: Setting) -> None:
    camera = setting.front
    second = camera.send()
    _until(lambda: camera.totals() == {'received': 1, 'published': 1}, 'a published frame')
    for topic in topics.OUTPUTS:
        assert camera.seconds(topic.name) == [second], topic.name
    assert (pixels(camera.published()[0]) == 2.0).all()
    last = camera.facts().last
    assert last is not None
    assert list(last.messages) == [topic.name for topic in topics.OUTPUTS]
    assert (last.camera_problem, last.focal_scale, last.batch) == ('', 1.5, 1)
    assert setting.rear.totals() == {}


def test_depth_of_which_nothing_is_valid_is_told(setting: Setting) -> None:
    camera = setting.front
    camera.want(topics.DEPTH)
    told: list[str] = []
    for depth in (math.nan, 2.0):
        setting.estimator.depth = depth
        camera.send()
        frames = len(told) + 1
        _until(partial(_has_published, camera, frames), 'the count of a frame')
        last = camera.facts().last
        assert last is not None
        told.append(last.navigation_problem)
    assert told == [NOTHING_VALID, '']
    assert [text for _, text in camera.node.logger.lines] == [f'camera front: {NOTHING_VALID}']


def test_only_what_is_wanted_is_made(setting: Setting) -> None:
    camera = setting.front
    camera.want(topics.DEPTH_INFO)
    camera.send()
    _until(lambda: camera.totals().get('published') == 1, 'a camera_info')
    assert camera.seconds(topics.DEPTH_INFO) == [1]
    last = camera.facts().last
    assert last is not None
    assert (last.focal_scale, last.inference, last.batch) == (None, None, 0)
    camera.want()
    camera.send()
    _until(lambda: camera.totals().get('skipped') == 1, 'a skipped frame')
    assert setting.estimator.entered.empty(), 'the network ran for nothing'
    setting.values = lambda: replace(Values(), publish_always=True)
    camera.send()
    _until(lambda: camera.seconds() == [3], 'a frame without a subscriber')


def test_images_that_wait_are_one_batch_of_the_newest(setting: Setting) -> None:
    setting.hold()
    for camera in (setting.rear, setting.side, setting.front, setting.front):
        camera.send()
    shared = setting.loop._shared
    assert shared is not None
    _until(lambda: len(shared._waiting) == 2, 'two cameras at the network')
    setting.estimator.gate.set()
    _until(lambda: len(setting.front.seconds()) == 2, 'both frames of the front camera')
    _until(lambda: setting.rear.seconds() and setting.side.seconds(), 'the other frames')
    assert (setting.front.seconds(), setting.rear.seconds()) == ([1, 3], [1])
    _until(lambda: setting.front.totals().get('published') == 2, 'the counts')
    assert setting.front.totals() == {'received': 3, 'dropped': 1, 'published': 2}
    for camera in (setting.rear, setting.side):
        _until(partial(_has_published, camera, 1), 'the count of a frame')
        last = camera.facts().last
        assert last is not None
        assert last.batch >= 2


def test_an_image_waits_for_its_camera_info_and_holds_no_other_back(setting: Setting) -> None:
    setting.values = lambda: replace(Values(), camera_info_timeout=3600.0)
    setting.rear.send(info=False)
    setting.front.send()
    _until(setting.front.seconds, 'the other camera')
    assert not setting.rear.seconds()
    setting.rear.send_info()
    _until(lambda: setting.rear.seconds(topics.DEPTH_INFO) == [1], 'the frame that waited')


def test_after_the_timeout_an_image_goes_without_camera_info(setting: Setting) -> None:
    setting.values = lambda: replace(Values(), camera_info_timeout=0.05)
    camera = setting.front
    camera.send(info=False)
    _until(lambda: camera.totals().get('published') == 1, 'a frame')
    assert (camera.seconds(), camera.seconds(topics.POINTS)) == ([1], [])
    last = camera.facts().last
    assert last is not None
    assert last.camera_problem.startswith('no camera_info on /front/camera_info: remap')
    assert any(last.camera_problem in text for _, text in camera.node.logger.lines)


@pytest.mark.parametrize('bad', [{'encoding': '32FC1'}, {'data': b''}])
def test_a_bad_frame_costs_the_other_camera_nothing(setting: Setting, bad: dict[str, Any]) -> None:
    setting.hold()
    setting.rear.send(setting.rear.image(**bad))
    second = setting.front.send()
    setting.estimator.gate.set()
    _until(lambda: second in setting.front.seconds(), 'the good frame of the same batch')
    assert setting.rear.totals() == {'received': 1, 'errors': 1}
    assert setting.rear.seconds() == []
    ((severity, text),) = setting.rear.node.logger.lines
    assert severity == 'error'
    assert text == f'camera rear: frame skipped: {setting.rear.facts().error}'
    setting.rear.send()
    _until(lambda: setting.rear.seconds() == [2], 'the next frame')
    _until(lambda: setting.rear.facts().error == '', 'no error')
    assert setting.front.facts().error == ''
    assert setting.front.node.logger.lines == []


def test_a_frame_that_cannot_be_finished_costs_the_other_camera_nothing(setting: Setting) -> None:
    setting.hold()
    setting.front.want(topics.DEPTH)
    # Refused by colorize_depth, which only the rear camera needs.
    setting.values = lambda: replace(Values(), color_near=9.0, color_far=5.0)
    setting.rear.send()
    second = setting.front.send()
    setting.estimator.gate.set()
    _until(lambda: second in setting.front.seconds(), 'the good frame of the same batch')
    _until(lambda: setting.rear.totals() == {'received': 1, 'errors': 1}, 'the error')
    assert setting.rear.seconds(topics.DEPTH_INFO) == [], 'a part of a frame'


def test_a_failing_batch_is_reported_by_its_cameras_and_the_loop_goes_on(setting: Setting) -> None:
    setting.hold()
    setting.front.want(topics.DEPTH_INFO)  # needs no network
    setting.estimator.error = RuntimeError('out of memory')
    setting.rear.send()
    setting.front.send()
    setting.estimator.gate.set()
    _until(lambda: setting.rear.totals().get('errors') == 1, 'the error')
    assert 'out of memory' in setting.rear.facts().error
    assert setting.rear.seconds() == []
    _until(lambda: 2 in setting.front.seconds(topics.DEPTH_INFO), 'the frame that needs no network')
    setting.estimator.error = None
    setting.rear.send()
    _until(lambda: setting.rear.seconds() == [2], 'the next frame')
    assert setting.defects.empty()


def test_a_defect_of_the_loop_is_logged_and_the_loop_goes_on(setting: Setting) -> None:
    def broken() -> Values:
        raise RuntimeError('no values')

    setting.values = broken
    setting.front.send()
    assert str(setting.defects.get(timeout=PATIENCE)) == 'no values'
    setting.values = Values
    setting.front.send()
    _until(lambda: setting.front.seconds() == [2], 'the next frame')


def test_a_frame_of_an_earlier_activation_is_not_published(setting: Setting) -> None:
    setting.hold()
    setting.loop.pause()
    setting.loop.activate()
    second = setting.front.send()
    setting.estimator.gate.set()
    _until(setting.front.seconds, 'the frame of this activation')
    assert setting.front.seconds() == [second]
    _until(lambda: setting.front.totals().get('published') == 1, 'its count')


@pytest.mark.parametrize('again', [False, True])
def test_a_frame_of_an_earlier_activation_fails_unseen(setting: Setting, again: bool) -> None:
    """Its image was counted then, so an error now would be of none."""
    setting.hold()
    setting.loop.pause()
    setting.front.stream.restart_counts()
    if again:
        setting.loop.activate()
    setting.estimator.error = RuntimeError('of the frame before')
    setting.estimator.gate.set()
    setting.loop._workers['front'].stop()
    setting.loop._workers['front'].join()
    assert setting.front.totals() == {}
    assert setting.front.facts().error == ''
    assert setting.front.node.logger.lines == []


def test_an_error_that_is_no_exception_costs_one_frame(setting: Setting) -> None:
    setting.hold()
    setting.estimator.error = SystemExit('a library gave up')
    setting.rear.send()
    setting.estimator.gate.set()
    _until(lambda: setting.rear.totals() == {'received': 1, 'errors': 1}, 'the error')
    assert 'a library gave up' in setting.rear.facts().error
    setting.estimator.error = None
    setting.rear.send()
    _until(lambda: setting.rear.seconds() == [2], 'the next frame')


def test_a_paused_loop_takes_and_publishes_nothing(setting: Setting) -> None:
    setting.hold()
    setting.front.send()
    setting.rear.send()
    shared = setting.loop._shared
    assert shared is not None
    _until(lambda: len(shared._waiting) == 1, 'the rear camera at the network')
    setting.loop.pause()
    assert not setting.loop.is_active
    setting.front.send()
    assert setting.front.totals() == {'received': 2}
    setting.estimator.gate.set()
    setting.loop.activate()
    second = setting.front.send()
    _until(setting.front.seconds, 'a frame')
    assert setting.front.seconds() == [second]
    assert setting.rear.totals() == {'received': 1}
    assert setting.rear.seconds() == []
    inferred = setting.estimator.entered
    views = sum(inferred.get() for _ in range(inferred.qsize()))
    assert views == 2, 'an image that had waited was inferred'


def test_a_frame_that_is_inferred_during_a_pause_is_thrown_away(setting: Setting) -> None:
    setting.hold()
    setting.loop.pause()
    setting.estimator.gate.set()
    setting.loop.stop()
    setting.loop.join()
    assert setting.front.seconds() == []
    assert setting.front.totals() == {'received': 1}


def test_after_a_pause_no_camera_publishes(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever their frames are by then: before the network, in it, or being published."""

    def slowly(publish: Callable[[Any], None], messages: Any) -> None:
        time.sleep(1e-3)
        publish(messages)

    def published() -> list[int]:
        return [len(c.published(topic.name)) for c in cameras for topic in topics.OUTPUTS]

    cameras = (setting.front, setting.rear, setting.side)
    for camera in cameras:
        out = camera.stream.topics
        monkeypatch.setattr(out, 'publish', partial(slowly, out.publish))
    for number in range(60):
        setting.loop.activate()
        for camera in cameras:
            camera.send()
        time.sleep(1e-4 * number)
        setting.loop.pause()
        before = published()
        time.sleep(2e-3)
        assert published() == before
    setting.loop.activate()
    for camera in cameras:
        second = camera.send()
        _until(partial(_has_second, camera, second), 'a frame after all that')
    setting.loop.pause()
    # Each frame as a whole or not at all.
    for camera in cameras:
        assert len({tuple(camera.seconds(topic.name)) for topic in topics.OUTPUTS}) == 1


def test_where_threads_run_out_none_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cameras that got theirs would keep the process from ending."""
    before, start = set(threading.enumerate()), threading.Thread.start

    def start_two(thread: threading.Thread) -> None:
        if thread.name == 'camera side':
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, 'start', start_two)
    with pytest.raises(RuntimeError, match='new thread'):
        Setting()
    _until(lambda: set(threading.enumerate()) <= before, 'the threads to end')


def test_a_loop_is_not_active_at_first() -> None:
    setting = Setting()
    setting.front.send()
    setting.loop.stop()
    setting.loop.join()
    assert setting.front.totals() == {}


def test_what_fails_after_the_stop_is_no_error_of_the_frame(setting: Setting) -> None:
    setting.hold()
    setting.loop.stop()
    setting.front.stream.topics.destroy()
    assert setting.loop.estimator is None
    assert setting.loop.is_alive(), 'stop waited for the frame'
    setting.estimator.error = RuntimeError('the model is gone')
    setting.estimator.gate.set()
    setting.loop.join()
    assert not setting.loop.is_alive()
    assert setting.front.totals() == {'received': 1}
    assert setting.front.node.logger.lines == []
    assert setting.defects.empty()


def test_a_client_may_see_whether_it_is_heard_and_calibrates_nothing(setting: Setting) -> None:
    serve = setting.front.node.services['~/front/calibrate_scale']
    request, response = SetParametersAtomically.Request(), SetParametersAtomically.Response()
    result = serve(request, response).result
    assert not result.successful
    assert result.reason.startswith('give distance')
    assert not setting.front.node.logger.lines
    request.parameters = [Parameter('distance', value=-1.0).to_parameter_msg()]
    assert not serve(request, response).result.successful
    assert len(setting.front.node.logger.lines) == 1
    request.parameters[0].value.type = 77
    result = serve(request, response).result
    assert not result.successful
    assert result.reason == 'distance: 77 is not a valid Parameter.Type; give a number'


def test_a_frame_is_inferred_to_calibrate_though_nobody_subscribes(setting: Setting) -> None:
    camera, rear = setting.front, setting.rear
    before = {'depth_scale': 1.0, 'cameras': ['front', 'rear'], 'depth_scales': []}
    camera.node.parameters |= before
    camera.want()
    camera.send()
    _until(lambda: camera.totals().get('skipped') == 1, 'a skipped frame')
    result: queue.Queue[Any] = queue.Queue()
    serve = camera.node.services['~/front/calibrate_scale']
    distance = Parameter('distance', value=3.0).to_parameter_msg()
    request = SetParametersAtomically.Request(parameters=[distance])

    def ask() -> None:
        result.put(serve(request, SetParametersAtomically.Response()).result)

    threading.Thread(target=ask).start()
    _until(lambda: camera.stream.calibration.wanted, 'a frame to be asked for')
    # Of two cameras one is calibrated at a time: the other one's thread must not wait.
    busy = rear.node.services['~/rear/calibrate_scale']
    refused = busy(request, SetParametersAtomically.Response()).result
    assert not refused.successful
    assert 'another camera is being calibrated' in refused.reason
    camera.send()
    answer = result.get(timeout=PATIENCE)
    assert answer.successful, answer.reason
    # All depths are 2 m.
    assert camera.node.parameters == {**before, 'depth_scales': [1.5, 1.0]}
    assert setting.estimator.entered.qsize() == 1
    camera.send()
    _until(lambda: camera.totals().get('skipped') == 2, 'another skipped frame')


@_COMPRESSED
def test_a_large_picture_of_one_camera_holds_no_other_up(setting: Setting) -> None:
    """It takes a second to decode on a busy machine, and the other camera sends all the time."""
    large, small = setting.front, setting.rear
    for camera in (large, small):
        camera.want(topics.DEPTH)
    large.send(_png(4000, 1))
    for _ in range(3):
        second = small.send(_png(64))
        _until(partial(_has_published, small, second), 'a frame of the small camera')
    assert large.seconds() == [], 'the large picture was decoded first'
    _until(large.seconds, 'the frame of the large picture')
    assert large.totals()['received'] == 1


@pytest.mark.parametrize('stage', ['finish', 'publish'])
def test_what_is_slow_after_the_network_holds_no_other_up(
    setting: Setting, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick = setting.front, setting.rear
    owner: Any = slow.stream.pipeline if stage == 'finish' else slow.stream.topics
    right, gate, entered = getattr(owner, stage), threading.Event(), threading.Event()

    def held(*arguments: Any) -> Any:
        entered.set()
        assert gate.wait(PATIENCE)
        return right(*arguments)

    monkeypatch.setattr(owner, stage, held)
    slow.send()
    assert entered.wait(PATIENCE)
    for count in range(1, 4):
        quick.send()
        _until(partial(_has_published, quick, count), 'a frame of the other camera')
    assert slow.seconds() == []
    gate.set()
    _until(lambda: slow.seconds() == [1], 'the frame that was slow')


@_COMPRESSED
@given(st.lists(st.booleans(), min_size=1, max_size=12))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_compressed_images_are_counted_to_the_frame(setting: Setting, good: list[bool]) -> None:
    """In = published + dropped + skipped + errors, wherever they end on the way."""
    camera = setting.front
    before = camera.totals()
    camera.want(*([topics.DEPTH] if good[0] else []))
    for whole in good:
        camera.send(_png(16) if whole else CompressedImage(format='png'))
    ended = ('published', 'dropped', 'skipped', 'errors')

    def new(*names: str) -> int:
        return sum(camera.totals().get(name, 0) - before.get(name, 0) for name in names)

    _until(lambda: new('received') == len(good) == new(*ended), 'the end of every image')


@_COMPRESSED
def test_a_picture_that_is_decoded_during_a_pause_is_thrown_away(setting: Setting) -> None:
    camera = setting.front
    camera.want(topics.DEPTH)
    camera.send(_png(2000, 1), info=False)
    setting.loop.pause()
    setting.loop.stop()
    setting.loop.join()
    assert camera.seconds() == []
    assert setting.estimator.entered.empty()
