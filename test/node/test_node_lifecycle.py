"""Transitions, failures, fresh frames and signals, on real graphs."""

from __future__ import annotations

import signal
from array import array
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from patience import PATIENCE

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from builtin_interfaces.msg import Time
from rclpy.qos import ReliabilityPolicy
from ros_graph import HEIGHT, WIDTH, Graph, Recorder, camera_info, picture, pixels, values_of
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image

from s2r_depth_ros.inference.estimator import DepthEstimator

DEPTH = 'depth_registered/image_rect'


@pytest.fixture(scope='module')
def managed(start_node: Any, make_graph: Any) -> Graph:
    """An unconfigured node, which every test leaves unconfigured."""
    start_node('/managed')
    return make_graph('/managed')


@pytest.fixture
def slow(managed: Graph) -> Any:
    """The node, active, with an input so large that a frame takes longer than diagnostics_period.

    So a status tells of each frame while it is inferred; 384x512 took 0.19 s, the period is 0.2 s.
    """
    assert managed.set('input_height', 768).successful
    assert managed.set('input_width', 1024).successful
    assert managed.change('configure')
    assert managed.change('activate')
    yield managed
    if managed.state() == 'active':
        assert managed.change('deactivate')
    assert managed.change('cleanup')
    assert managed.set('input_height', 0).successful
    assert managed.set('input_width', 0).successful


def test_transitions_can_be_repeated(managed: Graph) -> None:
    depth = managed.record(Image, DEPTH)
    for _ in range(3):
        assert managed.state() == 'unconfigured'
        assert managed.change('configure')
        assert managed.state() == 'inactive'
        assert managed.change('activate')
        depth.messages.clear()
        managed.send_until(lambda: depth.messages, 'depth')
        assert managed.change('deactivate')
        unseen = managed.send(managed.image(), camera_info())
        managed.status()
        assert not depth.with_stamp(unseen)
        assert managed.change('cleanup')
    managed.forget(depth)


def test_an_impossible_transition_is_refused_and_the_node_lives(managed: Graph) -> None:
    assert not managed.change('activate')
    assert not managed.change('no such transition')
    assert managed.state() == 'unconfigured'


@pytest.mark.parametrize('kind', ['missing', 'truncated'])
def test_a_model_that_cannot_be_loaded_fails_configure(
    managed: Graph, tiny_model: Path, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / f'{kind}.safetensors'
    if kind == 'truncated':
        path.write_bytes(tiny_model.read_bytes()[:5000])
    (before,) = managed.get('model')
    assert managed.set('model', str(path)).successful
    assert not managed.change('configure')
    assert managed.state() == 'unconfigured'
    status = managed.until_status(lambda s, _: s.message.startswith('cannot'), 'an error')
    assert path.name in status.message
    assert 'Traceback' not in status.message
    assert managed.set('model', before).successful
    assert managed.change('configure')
    managed.until_status(lambda s, _: s.message == 'inactive', 'no error')
    assert managed.change('cleanup')


def test_an_impossible_qos_override_fails_configure_and_leaves_no_topic(
    start_node: Any, make_graph: Any
) -> None:
    override = {'qos_overrides./misruled/image.subscription.reliability': 'perhaps'}
    process = start_node('/misruled', **override)
    graph = make_graph('/misruled')
    for _ in range(2):
        assert not graph.change('configure')
        assert graph.state() == 'unconfigured'
        graph.until(lambda: not graph.node.count_publishers(DEPTH), 'the end of the topics')
    status = graph.until_status(lambda s, _: s.message.startswith('cannot'), 'an error')
    assert status.message == (
        'cannot configure: the topic /misruled/image cannot be created (Unexpected QoS override '
        'for policy `reliability`: `perhaps`): correct the parameters '
        'qos_overrides./misruled/image.*, or leave them out'
    )
    assert process.end() == 0
    assert 'Traceback' not in process.log


def test_an_impossible_qos_override_of_diagnostics_ends_the_start(start_node: Any) -> None:
    process = start_node('/undiagnosed', **{'qos_overrides./diagnostics.publisher.depth': 'many'})
    assert process.process.wait(PATIENCE) == 2
    assert 'error: the topic /diagnostics cannot be created (Trying to set' in process.log
    assert 'Traceback' not in process.log


def test_services_answer_while_a_model_is_loaded(managed: Graph) -> None:
    assert managed.set('input_height', 512).successful
    assert managed.set('input_width', 640).successful
    # An answer by this client proves that the next one is not lost.
    assert not managed.change('no such transition')
    loading = managed.request('configure')
    managed.until(lambda: managed.state() == 'configuring', 'configuring')
    assert not managed.change('configure')
    assert managed.get('precision') == ['fp32']
    # The model that is being loaded was chosen by them.
    for name, value in (('model', 'other'), ('input_height', 96)):
        assert f'{name} is read-only while' in managed.set(name, value).reason
    assert managed.set('depth_scale', 1.0).successful
    assert managed.state() == 'configuring'
    assert not loading.done()
    managed.until(loading.done, 'the end of configure')
    assert loading.result().success
    assert managed.change('cleanup')
    assert managed.set('input_height', 0).successful
    assert managed.set('input_width', 0).successful


def test_services_answer_while_a_frame_is_inferred(slow: Graph) -> None:
    depth = slow.record(Image, DEPTH)
    slow.send_until(lambda: depth.messages, 'depth')

    def answered() -> bool:
        frame = _send_inferred(slow, depth)
        answers = 0
        while not depth.with_stamp(frame):
            for call in (
                slow.state,
                lambda: slow.get('model'),
                lambda: slow.set('depth_scale', 1.0),
            ):
                call()
                answers += 1
        return answers >= 6

    slow.until(answered, 'six answers before a frame is done')
    slow.forget(depth)


def test_deactivate_throws_away_the_frame_being_inferred(slow: Graph) -> None:
    depth = slow.record(Image, DEPTH)
    slow.send_until(lambda: depth.messages, 'depth')
    frame = slow.until(lambda: _deactivated_amid(slow, depth), 'a deactivation amid a frame')
    assert slow.change('activate')
    later = slow.send(slow.image(), camera_info())
    slow.result(depth, later)
    assert not depth.with_stamp(frame)
    slow.forget(depth)


def test_cleanup_throws_away_the_frame_being_inferred_and_the_node_configures_again(
    slow: Graph,
) -> None:
    """The frame's loop goes on beside the next one until the frame is done."""
    depth = slow.record(Image, DEPTH)
    slow.send_until(lambda: depth.messages, 'depth')
    frame = slow.until(lambda: _deactivated_amid(slow, depth), 'a deactivation amid a frame')
    assert slow.change('cleanup')
    assert slow.state() == 'unconfigured'
    assert slow.change('configure')
    assert slow.change('activate')
    seen = len(depth.messages)
    slow.send_until(lambda: len(depth.messages) > seen, 'depth of the next configuration')
    assert not depth.with_stamp(frame)
    status = _let_idle(slow)
    assert values_of(status)['frames with an error'] == '0'
    slow.forget(depth)


def test_only_the_newest_frame_is_inferred_at_a_high_rate(slow: Graph) -> None:
    depth = slow.record(Image, DEPTH)
    slow.send_until(lambda: depth.messages, 'depth')
    _let_idle(slow)
    before, seen = values_of(slow.status()), len(depth.messages)
    frames = []
    for _ in range(40):
        frames.append(slow.send(slow.image(), camera_info()))
        slow.spin(0.02)
    slow.result(depth, frames[-1])
    after = values_of(_let_idle(slow))
    order = [frame.header.stamp for frame in frames]
    places = [order.index(message.header.stamp) for message in depth.messages[seen:]]
    assert places == sorted(set(places)), 'frames out of order or twice'
    assert len(places) < 20

    def new(label: str) -> int:
        return int(after[label]) - int(before[label])

    assert new('frames published') == len(places)
    assert new('images received') == len(places) + new('images dropped for a newer one')
    assert new('images dropped for a newer one') > 0
    slow.forget(depth)


def test_compressed_images(managed: Graph, tiny_model: Path) -> None:
    assert managed.set('image_transport', 'compressed').successful
    assert managed.change('configure')
    assert managed.change('activate')
    depth = managed.record(Image, DEPTH)

    def frame() -> CompressedImage:
        _, data = cv2.imencode('.png', picture(1)[..., ::-1])
        message = CompressedImage(format='bgr8; png compressed bgr8', header=managed.image().header)
        message.data = array('B', data.tobytes())
        return managed.send(message, camera_info(), 'image/compressed')

    def came() -> bool:
        frame()
        managed.spin(0.2)
        return bool(depth.messages)

    managed.until(came, 'depth')
    result = managed.result(depth, frame())
    expected = DepthEstimator(tiny_model, device='cpu').predict(picture(1), fx=150.0).depth
    np.testing.assert_allclose(pixels(result), expected, rtol=1e-3)
    managed.forget(depth)
    assert managed.change('deactivate')
    assert managed.change('cleanup')
    assert managed.set('image_transport', 'raw').successful


def test_qos_is_best_effort_in_reliable_out_and_can_be_overridden(managed: Graph) -> None:
    assert managed.change('configure')
    node = managed.node

    def infos() -> list[Any]:
        """Return what is known of the three, each of which is discovered by itself."""
        return [
            node.get_subscriptions_info_by_topic('image'),
            node.get_subscriptions_info_by_topic('camera_info'),
            node.get_publishers_info_by_topic('depth_registered/points'),
        ]

    found = managed.until(lambda: all(infos()) and infos(), 'the topics')
    names = ('image', 'camera_info', 'points')
    reliability = {name: info[0].qos_profile.reliability for name, info in zip(names, found)}
    assert reliability == {
        'image': ReliabilityPolicy.RELIABLE,  # overridden at start
        'camera_info': ReliabilityPolicy.BEST_EFFORT,
        'points': ReliabilityPolicy.RELIABLE,
    }
    assert managed.change('cleanup')


def test_latency_is_measured_on_simulated_time(managed: Graph) -> None:
    """Also after the clock has jumped back, as when a bag loops."""
    assert managed.set('use_sim_time', True).successful
    assert managed.change('configure')
    assert managed.change('activate')
    depth = managed.record(Image, DEPTH)
    clock = managed.node.create_publisher(Clock, '/clock', 10)
    for second in (500, 400):
        seen = len(depth.messages)

        def came(second: int = second, seen: int = seen) -> bool:
            clock.publish(Clock(clock=Time(sec=second, nanosec=250_000_000)))
            frame = managed.image()
            frame.header.stamp = Time(sec=second)
            managed.send(frame, camera_info())
            managed.spin(0.2)
            return len(depth.messages) >= seen + 2

        managed.until(came, 'depth of two frames')
    key = 'latency from stamp to publish p50 (ms)'
    status = managed.until_status(lambda _, v: v[key] != 'n/a', 'a latency')
    assert values_of(status)[key] == '250.0'
    assert 'use_sim_time' not in status.message
    managed.forget(depth)
    assert managed.change('deactivate')
    assert managed.change('cleanup')
    assert managed.set('use_sim_time', False).successful


def test_without_images_the_node_calls_itself_stale(managed: Graph) -> None:
    assert managed.change('configure')
    assert managed.change('activate')
    status = managed.until_status(lambda s, _: s.level == b'\x03', 'stale')
    assert 'no image on /managed/image for 2 s: ' in status.message
    assert managed.change('deactivate')
    assert managed.change('cleanup')


def test_missing_camera_info_is_named(managed: Graph) -> None:
    assert managed.change('configure')
    assert managed.change('activate')
    depth = managed.record(Image, DEPTH)

    def came() -> bool:
        managed.send(managed.image(), None)
        managed.spin(0.2)
        return bool(depth.messages)

    managed.until(came, 'depth')

    def named(status: Any, _values: dict[str, str]) -> bool:
        managed.send(managed.image(), None)  # or after 2 s the node would only call itself stale
        return 'no camera_info on /managed/camera_info' in status.message

    managed.until_status(named, 'the reason')
    assert depth.messages[0].width * depth.messages[0].height == WIDTH * HEIGHT
    managed.forget(depth)
    assert managed.change('deactivate')
    assert managed.change('cleanup')


def _let_idle(graph: Graph) -> Any:
    """Wait until all frames that were received are dealt with; return that status."""

    def idle(_status: Any, values: dict[str, str]) -> bool:
        done = (
            'frames published',
            'images dropped for a newer one',
            'images skipped without a subscriber',
            'frames with an error',
        )
        return int(values['images received']) == sum(int(values[label]) for label in done)

    graph.until_status(idle, 'an idle node')
    return graph.until_status(idle, 'an idle node')


def _send_inferred(graph: Graph, depth: Recorder) -> Image:
    """Send a frame, and return it once a status tells that it is being inferred.

    Where the node is through with it before it tells, another is sent: so a wait of a minute in
    vain came about on a busy machine.
    """
    _let_idle(graph)
    frames = [graph.send(graph.image(), camera_info())]

    def busy(_status: Any, values: dict[str, str]) -> bool:
        if depth.with_stamp(frames[-1]):
            frames.append(graph.send(graph.image(), camera_info()))
            return False
        done = int(values['frames published']) + int(values['images dropped for a newer one'])
        return int(values['images received']) > done

    graph.until_status(busy, 'a frame being inferred')
    return frames[-1]


def _deactivated_amid(graph: Graph, depth: Recorder) -> Image | None:
    """Deactivate the node while it infers a frame; return that, None if it was done before.

    Then the node is active again.
    """
    frame = _send_inferred(graph, depth)
    assert graph.change('deactivate')
    graph.status()  # what was published before has come, too
    if not depth.with_stamp(frame):
        return frame
    assert graph.change('activate')
    return None


def test_shutdown_of_an_active_node_ends_its_topics_and_a_signal_the_process(
    start_node: Any, make_graph: Any
) -> None:
    process = start_node('/shut_down', autostart=True)
    graph = make_graph('/shut_down')
    depth = graph.record(Image, DEPTH)
    graph.send_until(lambda: depth.messages, 'depth')
    assert graph.change('shutdown')
    assert graph.state() == 'finalized'
    graph.until(lambda: not graph.node.count_publishers(DEPTH), 'the end of the topics')
    status = graph.until_status(lambda _, v: v['state'] == 'unconfigured', 'no model')
    assert 'model' not in values_of(status)
    assert process.end() == 0
    assert 'Traceback' not in process.log


def test_two_nodes_of_one_name_are_told(start_node: Any, make_graph: Any) -> None:
    first = start_node('/twin')
    graph = make_graph('/twin')
    graph.status()
    second = start_node('/twin')
    told = '2 nodes are called /twin/depth: transitions'
    graph.until_status(lambda s, _: told in s.message, 'the other node')
    assert second.end() == 0
    graph.until_status(lambda s, _: told not in s.message, 'the end of the other node')
    assert first.end() == 0


@pytest.mark.parametrize('by', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_busy_node_with_code_0(
    start_node: Any, make_graph: Any, by: signal.Signals
) -> None:
    namespace = f'/ended_by_{by.name}'
    process = start_node(namespace, autostart=True, publish_always=True)
    graph = make_graph(namespace)
    graph.until_status(lambda _, v: v['state'] == 'active', 'an active node')
    graph.send_until(
        lambda: int(values_of(graph.status()).get('frames published', 0)) > 0, 'a published frame'
    )
    graph.send(graph.image(), camera_info())
    assert process.end(by) == 0
    assert 'Traceback' not in process.log
    assert 'terminate' not in process.log


def test_a_signal_during_loading_ends_the_node_with_code_0(
    start_node: Any, make_graph: Any
) -> None:
    process = start_node('/loading', input_height=512, input_width=640)
    graph = make_graph('/loading')
    # An answer by this client proves that the next one is not lost.
    assert not graph.change('no such transition')
    graph.request('configure')
    graph.until(lambda: graph.state() == 'configuring', 'configuring')
    assert process.end(signal.SIGTERM) == 0
    assert 'Traceback' not in process.log


@pytest.mark.parametrize('by', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_node_starts_ends_it_with_code_0(start_node: Any, by: Any) -> None:
    """From the moment on that the package's own code runs; here among its imports."""
    process = start_node('/started', '-p', 'autostart:=true')
    files = Path(f'/proc/{process.process.pid}/maps')
    # It is loaded while rclpy is imported, and torch comes after it.
    while '_rclpy' not in files.read_text():
        assert process.process.poll() is None
    assert process.end(by) == 0
    assert not process.log
