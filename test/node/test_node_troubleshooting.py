"""What docs/troubleshooting.md quotes is what the node says in the failure that is told there."""

from __future__ import annotations

import re
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from source_files import ROOT

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from patience import PATIENCE
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from ros_graph import HEIGHT, WIDTH, DepthProcess, Graph, camera_info
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import String

IMAGE = '/robot/image'


class Trouble:
    """A node that meets one failure after the other; each method begins one."""

    def __init__(self, graph: Graph, model: str, start_node: Callable[..., Any]) -> None:
        self.graph, self._model, self._start_node = graph, model, start_node
        self.send: Callable[[], None] = lambda: None
        self._publisher: Any = None

    def _publish(self, message_type: Any, topic: str, qos: QoSProfile | int = 10) -> None:
        """Have one publisher on the topics of images, and that of earlier failures gone."""
        if self._publisher is not None:
            self.graph.node.destroy_publisher(self._publisher)
        self._publisher = self.graph.node.create_publisher(message_type, topic, qos)

    def _images(self, info: CameraInfo | None, **changes: Any) -> None:
        def send() -> None:
            image = self.graph.image()
            for name, value in changes.items():
                setattr(image, name, value)
            self.graph.send(image, info)

        self.send = send

    def not_configured(self) -> None:
        """As it was started."""

    def model_not_found(self) -> None:
        assert self.graph.set('model', 'outdors').successful
        assert not self.graph.change('configure')

    def no_gpu(self) -> None:
        assert self.graph.set('model', self._model).successful
        assert self.graph.set('device', 'cuda').successful
        assert not self.graph.change('configure')

    def nobody_publishes(self) -> None:
        assert self.graph.set('device', 'cpu').successful
        assert self.graph.change('configure')
        assert self.graph.change('activate')

    def another_type(self) -> None:
        self._publish(String, IMAGE)

    def another_qos(self) -> None:
        best_effort = QoSProfile(depth=1, reliability=QoSReliabilityPolicy.BEST_EFFORT)
        self._publish(Image, IMAGE, best_effort)

    def compressed_alone(self) -> None:
        self._publish(CompressedImage, f'{IMAGE}/compressed')

    def camera_is_silent(self) -> None:
        self._publish(Image, IMAGE)

    def no_camera_info(self) -> None:
        self.graph.node.destroy_publisher(self._publisher)
        self._publisher = None
        self._images(None)

    def calibration_of_zeros(self) -> None:
        self._images(camera_info(k=[0.0] * 9, p=[0.0] * 12))

    def unknown_encoding(self) -> None:
        self._images(camera_info(), encoding='rgb24')

    def scale_without_height(self) -> None:
        self._images(camera_info())

    def nothing_is_valid(self) -> None:
        assert self.graph.set('min_depth', 500.0).successful

    def another_clock(self) -> None:
        assert self.graph.set('min_depth', 0.0).successful

        def send() -> None:
            image = self.graph.image()
            image.header.stamp.sec -= 3600
            self.graph.send(image, camera_info())

        self.send = send

    def no_stamps(self) -> None:
        def send() -> None:
            image = self.graph.image()
            image.header.stamp.sec = image.header.stamp.nanosec = 0
            self.graph.send(image, camera_info())

        self.send = send

    def lens_is_covered(self) -> None:
        self._images(camera_info(), data=array('B', bytes(3 * WIDTH * HEIGHT)))

    def another_cameras_info(self) -> None:
        def send() -> None:
            image, info = self.graph.image(), camera_info()
            info.header.frame_id, info.header.stamp = 'rear', image.header.stamp
            self.graph.publisher(CameraInfo, 'camera_info').publish(info)
            self.graph.send(image, None)

        self.send = send

    def two_cameras(self) -> None:
        self._images(camera_info())
        self._publish(Image, IMAGE)

    def another_depth(self) -> None:
        self._publish(Image, '/robot/depth_registered/image_rect')

    def two_of_one_name(self) -> None:
        self.graph.node.destroy_publisher(self._publisher)
        self._publisher = None
        self._start_node('/robot')


# In the order of docs/troubleshooting.md.
FAILURES: dict[str, Callable[[Trouble], None]] = {
    'Nothing was ever published': Trouble.not_configured,
    'The model is not found': Trouble.model_not_found,
    'No GPU': Trouble.no_gpu,
    'Nobody publishes images': Trouble.nobody_publishes,
    'The topic has another type': Trouble.another_type,
    'The QoS does not fit': Trouble.another_qos,
    'The camera publishes compressed images only': Trouble.compressed_alone,
    'The camera is there, and silent': Trouble.camera_is_silent,
    'Depth, but no cloud': Trouble.no_camera_info,
    'The camera is not calibrated': Trouble.calibration_of_zeros,
    'The images cannot be read': Trouble.unknown_encoding,
    'The scale does not come': Trouble.scale_without_height,
    'Depth is empty': Trouble.nothing_is_valid,
    'Stamps of another clock': Trouble.another_clock,
    'Images have no stamp': Trouble.no_stamps,
    'The lens is covered': Trouble.lens_is_covered,
    'The camera_info is of another camera': Trouble.another_cameras_info,
    'Two cameras on one topic': Trouble.two_cameras,
    'Somebody else publishes depth, too': Trouble.another_depth,
    'Two nodes of one name': Trouble.two_of_one_name,
}


def quotes() -> dict[str, str]:
    """Return heading -> the line that is quoted beneath it."""
    text = (ROOT / 'docs' / 'troubleshooting.md').read_text()
    sections = (section.partition('\n') for section in text.split('\n## ')[1:])
    return {
        heading: line
        for heading, _, body in sections
        for line in re.findall('```text\n(.*)\n```', body)
    }


def test_what_is_quoted_is_what_the_node_says(
    start_node: Callable[..., DepthProcess], make_graph: Callable[[str], Graph], tiny_model: Path
) -> None:
    assert list(quotes()) == list(FAILURES)
    start_node('/robot', **{'scale.source': '[camera_height]', 'camera_info_timeout': 0.2})
    graph = make_graph('/robot')
    graph.record(Image, 'depth_registered/image_rect')
    trouble = Trouble(graph, str(tiny_model), start_node)
    for heading, quote in quotes().items():
        if heading == 'No GPU' and torch.version.cuda:
            continue
        FAILURES[heading](trouble)
        graph.diagnostics.messages.clear()
        expected = re.compile(re.escape(quote).replace(r'\.\.\.', '.+'))
        end = time.monotonic() + PATIENCE
        while not any(expected.search(text) for text in told(graph)):
            assert time.monotonic() < end, f'{heading}: the node says {set(told(graph))}'
            trouble.send()
            graph.spin(0.3)


def told(graph: Graph) -> list[str]:
    return [status.message for m in graph.diagnostics.messages for status in m.status]
