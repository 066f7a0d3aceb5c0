"""A depth node, a camera beside it that sends all the time, and what the node's process takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rclpy
from rclpy.qos import qos_profile_sensor_data
from ros_graph import DepthProcess, Graph, camera_info, picture, rgb_message
from sensor_msgs.msg import CameraInfo, Image

DEPTH = 'depth_registered/image_rect'


@dataclass(frozen=True)
class Setting:
    """Where a fault happens: the ROS domain, a folder for logs, the file of a model."""

    domain: int
    folder: Path
    model: Path


class Camera:
    """Publishes frames at a rate (Hz), stamped now, on a thread and a ROS context of its own."""

    def __init__(self, domain: int, namespace: str, rate: float = 30.0) -> None:
        self._context = rclpy.Context()
        rclpy.init(context=self._context, domain_id=domain)
        self._node = rclpy.create_node(
            'camera', namespace=namespace, context=self._context, use_global_arguments=False
        )
        self._image = self._node.create_publisher(Image, 'image', qos_profile_sensor_data)
        self._info = self._node.create_publisher(CameraInfo, 'camera_info', qos_profile_sensor_data)
        self._period = 1 / rate
        self.running = threading.Event()
        self.running.set()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name='camera')
        self._thread.start()

    def close(self) -> None:
        self._closing = True
        self.running.set()
        self._thread.join()
        self._node.destroy_node()
        rclpy.shutdown(context=self._context)

    def _run(self) -> None:
        image, info = rgb_message(picture()), camera_info()
        image.header.frame_id = info.header.frame_id = 'camera'
        while not self._closing:
            self.running.wait()
            image.header.stamp = info.header.stamp = self._node.get_clock().now().to_msg()
            self._info.publish(info)
            self._image.publish(image)
            time.sleep(self._period)


class NodeUnderFault:
    """A node in its process, the test's side of its topics, and a camera.

    depths: how many depth images have come.
    """

    def __init__(self, process: DepthProcess, graph: Graph, camera: Camera) -> None:
        self.process, self.graph, self.camera = process, graph, camera
        self.depths = 0
        self.subscribe()

    def subscribe(self) -> None:
        self._subscription = self.graph.node.create_subscription(Image, DEPTH, self._count, 10)

    def unsubscribe(self) -> None:
        self.graph.node.destroy_subscription(self._subscription)

    def until_depth(self, what: str, more: int = 3) -> float:
        """Wait for some more depth images; return after how many seconds they were there."""
        begin, seen = time.monotonic(), self.depths
        self.graph.until(lambda: self.depths >= seen + more, f'depth {what}')
        return round(time.monotonic() - begin, 2)

    def end(self) -> dict[str, Any]:
        """Interrupt the node; return how it ended. Raises AssertionError if not as it should."""
        begin = time.monotonic()
        status = self.process.end()
        assert status == 0, (status, self.process.log)
        assert 'Traceback' not in self.process.log, self.process.log
        return {'exit_status': status, 'seconds_to_end': round(time.monotonic() - begin, 2)}

    def _count(self, _message: Any) -> None:
        self.depths += 1


@contextmanager
def node_under_fault(
    setting: Setting, name: str, parameters: Mapping[str, Any], *arguments: str, rate: float = 30.0
) -> Iterator[NodeUnderFault]:
    """Run a node and a camera; both end with the block, the node by force if by nothing else."""
    defaults = {'model': setting.model, 'device': 'cpu', 'diagnostics_period': 0.2}
    namespace = f'/{name}'
    process = DepthProcess(
        setting.domain, setting.folder / f'{name}.log', namespace, {**defaults, **parameters},
        *arguments,
    )  # fmt: skip
    graph = camera = None
    try:
        graph = Graph(setting.domain, namespace)
        camera = Camera(setting.domain, namespace, rate)
        yield NodeUnderFault(process, graph, camera)
    finally:
        process.process.kill()
        process.process.wait()
        for part in (camera, graph):
            if part:
                part.close()


def process_status(pid: int) -> dict[str, str]:
    """Return what Linux tells of a process, by the names of proc(5)."""
    lines = Path(f'/proc/{pid}/status').read_text().splitlines()
    return {name: text.strip() for name, _, text in (line.partition(':') for line in lines)}


@dataclass(frozen=True)
class ProcessUse:
    """What a process takes: threads, open files, resident memory (MiB)."""

    threads: int
    open_files: int
    rss_mib: float

    @classmethod
    def of(cls, pid: int) -> ProcessUse:
        status = process_status(pid)
        return cls(
            int(status['Threads']),
            len(list(Path(f'/proc/{pid}/fd').iterdir())),
            round(int(status['VmRSS'].split()[0]) / 1024, 1),
        )

    def grown_to(self, later: ProcessUse) -> dict[str, list[float]]:
        """Return each number before and after, for a result's file."""
        return {name: [getattr(self, name), getattr(later, name)] for name in vars(self)}
