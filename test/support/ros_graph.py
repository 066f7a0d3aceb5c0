"""A ROS graph for tests: the depth node in a process of its own, and a node that talks to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from array import array
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from numpy.typing import NDArray
from patience import PATIENCE
from rcl_interfaces.srv import GetParameters, SetParameters, SetParametersAtomically
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image

from s2r_depth_ros.rig.services import RepeatedRequest, change_state

ROOT = Path(__file__).resolve().parents[2]
# Not shared memory: on a busy machine Fast DDS may take a live port for dead and make it anew, and
# who listens at the old one discovers nobody any more (Fast-DDS issues 6117 and 6535).
TRANSPORT = {'FASTDDS_BUILTIN_TRANSPORTS': 'UDPv4'}
WIDTH, HEIGHT = 160, 120


def reliable(*topics: str) -> dict[str, str]:
    """Return the node's parameters by which it loses no message of ``topics``.

    Tests wait for the depth of one certain image, and UDP drops some on a busy machine.
    """
    return {f'qos_overrides.{topic}.subscription.reliability': 'reliable' for topic in topics}


class DepthProcess:
    """`python -m s2r_depth_ros node` in a namespace, with parameters and further ROS arguments."""

    def __init__(
        self,
        domain: int,
        log: Path,
        namespace: str,
        parameters: Mapping[str, Any],
        *more: str,
        transport: Mapping[str, str] = TRANSPORT,
    ) -> None:
        arguments = ['-r', f'__ns:={namespace}', *more]
        for name, value in parameters.items():
            text = str(value).lower() if isinstance(value, bool) else value
            arguments += ['-p', f'{name}:={text}']
        self._log = log
        with log.open('w') as output:
            self.process = subprocess.Popen(
                [sys.executable, '-m', 's2r_depth_ros', 'node', '--ros-args', *arguments],
                cwd=ROOT,
                env={**os.environ, **transport, 'ROS_DOMAIN_ID': str(domain)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def end(self, by: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(by)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


class Recorder:
    """What arrived on one topic."""

    def __init__(self, node: Any, message_type: Any, topic: str, qos: QoSProfile | int) -> None:
        self.messages: list[Any] = []
        self.subscription = node.create_subscription(message_type, topic, self.messages.append, qos)

    def with_stamp(self, frame: Any) -> list[Any]:
        return [m for m in self.messages if m.header.stamp == frame.header.stamp]


class Graph:
    """The test's own node, beside the depth node in one namespace."""

    def __init__(self, domain: int, namespace: str) -> None:
        self.namespace = namespace
        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = rclpy.create_node(
            'tester', namespace=namespace, context=self.context, use_global_arguments=False
        )
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self._clients: dict[str, Any] = {}
        self._publishers: dict[str, Any] = {}
        self.diagnostics = Recorder(self.node, DiagnosticArray, '/diagnostics', 10)

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)

    # -- time

    def spin(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.01)

    def until(self, condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
        """Spin until ``condition`` gives something true, and return that."""
        end = time.monotonic() + patience
        while not (result := condition()):
            assert time.monotonic() < end, f'waited in vain for {what}'
            self._executor.spin_once(timeout_sec=0.01)
        return result

    # -- topics

    def record(self, message_type: Any, topic: str, qos: QoSProfile | int = 10) -> Recorder:
        """Subscribe to a topic of the depth node."""
        return Recorder(self.node, message_type, topic, qos)

    def forget(self, recorder: Recorder) -> None:
        self.node.destroy_subscription(recorder.subscription)

    def publisher(self, message_type: Any, topic: str) -> Any:
        """Return a publisher that the depth node is matched with."""
        if topic not in self._publishers:
            self._publishers[topic] = self.node.create_publisher(message_type, topic, 10)
        publisher = self._publishers[topic]
        self.until(publisher.get_subscription_count, f'a subscriber of {topic}')
        return publisher

    def image(self, seed: int = 0, frame_id: str = 'camera') -> Image:
        """Return a new smooth random image, stamped now."""
        message = rgb_message(picture(seed))
        message.header.frame_id = frame_id
        message.header.stamp = self.node.get_clock().now().to_msg()
        return message

    def send(self, image: Any, info: CameraInfo | None, topic: str = 'image') -> Any:
        """Publish an image, after its camera_info if there is one; return the image."""
        if info is not None:
            info.header = image.header
            self.publisher(CameraInfo, 'camera_info').publish(info)
        self.publisher(type(image), topic).publish(image)
        return image

    def send_until(self, condition: Callable[[], Any], what: str, **frame: Any) -> Any:
        """Publish frames, one in 0.2 s, until ``condition``: both sides of a match take a moment.

        The first that arrives proves that all is connected.
        """
        end = time.monotonic() + PATIENCE
        while not (result := condition()):
            assert time.monotonic() < end, f'waited for {what}'
            self.send(self.image(), camera_info(), **frame)
            self.spin(0.2)
        return result

    def result(self, recorder: Recorder, frame: Any) -> Any:
        """Return the message of ``recorder`` that belongs to ``frame``."""
        topic = recorder.subscription.topic_name
        return self.until(lambda: recorder.with_stamp(frame), f'{topic} of a frame')[0]

    def status(self) -> Any:
        """Return the next DiagnosticStatus of the depth node."""
        seen = len(self.diagnostics.messages)

        def newer() -> list[Any]:
            found = [m.status[0] for m in self.diagnostics.messages[seen:]]
            return [s for s in found if s.name == f'{self.namespace}/depth: depth']

        return self.until(newer, 'diagnostics')[-1]

    def until_status(self, condition: Callable[[Any, dict[str, str]], Any], what: str) -> Any:
        """Wait for a status for which ``condition(status, its values)`` holds, and return it."""
        end = time.monotonic() + PATIENCE
        while True:
            status = self.status()
            if condition(status, values_of(status)):
                return status
            assert time.monotonic() < end, f'waited for {what}; last: {status}'

    def until_fine(self) -> None:
        """Wait for a status that says nothing is wrong, after a frame that was sent.

        Two seconds after it the status is that no image comes, and one in between may be missed
        on a busy machine: then another frame is sent.
        """

        def is_fine(status: Any, _values: dict[str, str]) -> bool:
            if status.level == DiagnosticStatus.STALE:
                self.send(self.image(), camera_info())
            return bool(status.level == DiagnosticStatus.OK)

        self.until_status(is_fine, 'a good status')

    # -- services

    def client(self, service_type: Any, name: str) -> Any:
        """Return the client of a service of the depth node, which is there."""
        if name not in self._clients:
            self._clients[name] = self.node.create_client(service_type, f'depth/{name}')
        client = self._clients[name]
        self.until(client.service_is_ready, f'service {name}')
        return client

    def call(self, service_type: Any, name: str, request: Any) -> Any:
        """Return the response to a request that may be served twice."""
        repeated = RepeatedRequest(self.client(service_type, name), request)
        return self.until(repeated.answer, f'a response of {name}')

    def calibrate(self, name: str, numbers: Mapping[str, Any], send: Callable[[], Any]) -> Any:
        """Return the result of a service that sets a scale; ``send`` frames while it is awaited."""
        parameters = [Parameter(n, value=v).to_parameter_msg() for n, v in numbers.items()]
        # Served twice it would set the scale after the test has put it back; see rig/services.py.
        self.call(SetParametersAtomically, name, SetParametersAtomically.Request())
        future = self.client(SetParametersAtomically, name).call_async(
            SetParametersAtomically.Request(parameters=parameters)
        )

        def answered() -> bool:
            send()
            return bool(future.done())

        self.until(answered, f'a response of {name}')
        return future.result().result

    def set(self, name: str, value: Any) -> Any:
        """Set one parameter and return the SetParametersResult."""
        request = SetParameters.Request(
            parameters=[Parameter(name, value=value).to_parameter_msg()]
        )
        return self.call(SetParameters, 'set_parameters', request).results[0]

    def get(self, *names: str) -> list[Any]:
        response = self.call(GetParameters, 'get_parameters', GetParameters.Request(names=names))
        return [rclpy.parameter.parameter_value_to_python(value) for value in response.values]

    def state(self) -> str:
        return self.call(GetState, 'get_state', GetState.Request()).current_state.label

    def request(self, transition: str) -> Any:
        """Ask for the transition of that label once, and return what will hold the answer."""
        request = ChangeState.Request(transition=Transition(label=transition))
        return self.client(ChangeState, 'change_state').call_async(request)

    def change(self, transition: str) -> bool:
        """Return whether the node made the transition of that label, which it is asked for."""
        changer = self.client(ChangeState, 'change_state')
        asker = self.client(GetState, 'get_state')
        end = time.monotonic() + PATIENCE
        return change_state(
            changer, asker, transition, lambda c, what: self.until(c, what, end - time.monotonic())
        )


def values_of(status: Any) -> dict[str, str]:
    return {item.key: item.value for item in status.values}


def picture(seed: int = 0) -> NDArray[np.uint8]:
    """Return a smooth random RGB image."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    return np.repeat(np.repeat(coarse, HEIGHT // 6, 0), WIDTH // 8, 1)


def rgb_message(rgb: NDArray[np.uint8]) -> Image:
    height, width = rgb.shape[:2]
    return Image(
        height=height,
        width=width,
        encoding='rgb8',
        step=3 * width,
        data=array('B', rgb.tobytes()),
    )


def camera_info(**changes: Any) -> CameraInfo:
    """Return the camera_info of an ideal camera for the images of this module."""
    fields: dict[str, Any] = {
        'width': WIDTH,
        'height': HEIGHT,
        'distortion_model': 'plumb_bob',
        'd': [0.0] * 5,
        'k': [150.0, 0.0, 79.5, 0.0, 150.0, 59.5, 0.0, 0.0, 1.0],
        'r': [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        'p': [150.0, 0.0, 79.5, 0.0, 0.0, 150.0, 59.5, 0.0, 0.0, 0.0, 1.0, 0.0],
    }
    return CameraInfo(**{**fields, **changes})


def pixels(message: Image) -> NDArray[Any]:
    """Return the pixels of a 32FC1, 16UC1, mono8 or rgb8 image without padding."""
    dtype, channels = {
        '32FC1': ('<f4', 1),
        '16UC1': ('<u2', 1),
        'mono8': ('u1', 1),
        'rgb8': ('u1', 3),
    }[message.encoding]
    assert not message.is_bigendian
    assert message.step == message.width * channels * np.dtype(dtype).itemsize
    shape = (message.height, message.width, channels)
    values = np.frombuffer(message.data, dtype).reshape(shape)
    return values[..., 0] if channels == 1 else values
