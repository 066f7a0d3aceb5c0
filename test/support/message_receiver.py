"""What a node does with messages, without a graph: its callbacks, its loop and a small model."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from fake_node import FakeNode
from frame_pipelines import pipeline_of
from numpy.typing import NDArray
from patience import PATIENCE
from rclpy.lifecycle import LifecycleNode
from ros_graph import camera_info, picture, pixels, rgb_message
from sensor_msgs.msg import CameraInfo, CompressedImage
from std_msgs.msg import Header

from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.camera_stream import CameraStream
from s2r_depth_ros.node.inference_loop import InferenceLoop
from s2r_depth_ros.node.log import MOST_CHARACTERS
from s2r_depth_ros.node.parameters import Values

# What is made from pixels and from numbers; the rest is these in other forms, and takes time.
_WANTED = (topics.DEPTH, topics.POINTS, topics.DEPTH_INFO)
_ENDS = ('published', 'errors', 'dropped', 'skipped')
_FIRST_SECOND = 1_000_000_000  # of good frames, later than what made-up stamps mostly are


class MessageReceiver:
    """One camera of a loop, raw or compressed, and what became of the messages that it got.

    slowest: the most processor time (s) that one message took. outcomes: messages by what came.
    """

    def __init__(self, model: Path, *, compressed: bool) -> None:
        self.node = FakeNode()
        self.slowest = 0.0
        self.outcomes: Counter[str] = Counter()
        self._compressed = compressed
        values = Values(camera_info_timeout=0.0)
        self._loop = InferenceLoop(
            DepthEstimator(model, device='cpu'), lambda: values, _fail, ('',)
        )
        self._camera = CameraStream(
            cast(LifecycleNode, self.node),
            '',
            compressed,
            pipeline_of(),
            self._loop.image_arrived,
            lambda _camera: None,
        )
        for name, publisher in self.node.publishers.items():
            publisher.subscribers = int(name in _WANTED)
        self._frames = 0
        self._loop.activate()
        self._expected = self._good_depth()

    def close(self) -> None:
        self._loop.stop()
        self._loop.join()

    def take(self, messages: Iterable[Any]) -> None:
        """Let messages arrive, then a good frame. Raises AssertionError for what is amiss."""
        for message in messages:
            self._take(message)
        assert np.array_equal(self._good_depth(), self._expected, equal_nan=True)
        # What was told of the bad ones is told no more.
        assert self._camera.health.facts(active=True).error == ''

    def _take(self, message: Any) -> None:
        begin = time.process_time()
        if isinstance(message, CameraInfo):
            self._arrive(topics.CAMERA_INFO, message)
            # An image that is to be used with it.
            message = rgb_message(picture(1)) if not self._compressed else _good_jpeg()
        self._image_arrives(message)
        self.slowest = max(self.slowest, time.process_time() - begin)
        assert self.slowest < 1.0, f'took {self.slowest:.1f} s'
        facts = self._camera.health.facts(active=True)
        error, depths = facts.error, self._published(topics.DEPTH)
        assert bool(error) != bool(depths)
        problem = facts.last.camera_problem if facts.last else ''
        told, text = ('image refused', error) if error else ('used without camera_info', problem)
        self.outcomes[f'{told}: {_kind(text)}' if text else 'image used'] += 1
        for depth in map(pixels, depths):
            assert not np.isinf(depth).any()
            assert not (depth <= 0).any()
        for cloud in self._published(topics.POINTS):
            assert not np.isinf(np.frombuffer(cloud.data, np.float32)).any()
        self._check_log(error)

    def _check_log(self, *errors: str) -> None:
        lines, self.node.logger.lines = self.node.logger.lines, []
        for text in (*errors, *(text for _, text in lines)):
            assert len(text) < MOST_CHARACTERS + 200
            assert text.isprintable(), repr(text)
            assert 'Traceback' not in text, text

    def _good_depth(self) -> NDArray[np.float32]:
        self._frames += 1
        stamp = Time(sec=_FIRST_SECOND + self._frames)
        header = Header(stamp=stamp, frame_id='camera')
        self._arrive(topics.CAMERA_INFO, camera_info(header=header))
        message = _good_jpeg() if self._compressed else rgb_message(picture(1))
        message.header = header
        self._image_arrives(message)
        (depth,), (cloud,) = (self._published(name) for name in (topics.DEPTH, topics.POINTS))
        assert depth.header == header
        assert cloud.header == header
        self._check_log()
        return pixels(depth)

    def _image_arrives(self, message: Any) -> None:
        """Deliver an image and wait until the loop is through with it."""
        for publisher in self.node.publishers.values():
            publisher.messages.clear()
        self._camera.health.reset()
        self._arrive(topics.IMAGE_COMPRESSED if self._compressed else topics.IMAGE, message)
        end = time.monotonic() + PATIENCE
        while (ends := self._ended()) < 1:
            assert time.monotonic() < end, 'the loop hangs'
            time.sleep(2e-4)
        assert ends == 1, 'a frame was counted twice'

    def _ended(self) -> int:
        totals = self._camera.health.counter.take().totals
        return sum(totals[name] for name in _ENDS)

    def _published(self, name: str) -> list[Any]:
        return self.node.publishers[name].messages

    def _arrive(self, name: str, message: Any) -> None:
        self.node.subscriptions[name].arrive(message)


def _kind(text: str) -> str:
    """Return how a text begins, without what differs from message to message."""
    return re.sub(r"""'[^']*'|"[^"]*"|[-+]?[\d.]+(e[-+]?\d+)?|\bnan\b|\binf\b""", '#', text)[:100]


def _good_jpeg() -> CompressedImage:
    content = cv2.imencode('.jpg', picture(1)[..., ::-1])[1].tobytes()
    return CompressedImage(format='jpeg', data=content)


def _fail(error: BaseException) -> None:
    raise error
