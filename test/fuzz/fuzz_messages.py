"""Sends malformed messages to the node's callbacks, and to a node over DDS, and tells what came.

usage: PYTHONPATH=.:test/support python test/fuzz/fuzz_messages.py
           [--messages 20000] [--over-dds 400] [--json benchmarks/reliability.json]

The messages are those of test/node/test_malformed_messages.py, which sends a few in every run of
the tests; here it is any number, and the result goes into `malformed_messages` of a JSON file.
It ends with an AssertionError at the first message that harms.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import cv2
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from made_up_model import save_tiny_model
from malformed_messages import camera_infos, compressed_images, raw_images
from message_receiver import MessageReceiver
from node_under_fault import process_status
from ros_domain import own_domain
from ros_graph import DepthProcess, Graph, camera_info, pixels, reliable
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from s2r_depth_ros.benchmark.machine import machine
from s2r_depth_ros.files import read_json, write_json

_MANY = settings(
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
_TRANSPORTS = {'raw': raw_images, 'compressed': compressed_images}
_ARRIVES_S = 3.0  # in which a depth image comes on a busy machine
_IN_A_ROW = 8  # bad messages before a good frame, at most


def main() -> None:
    """Send messages, print what came of them, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--messages', type=int, default=20_000, help='to the callbacks; 0: none')
    parser.add_argument('--over-dds', type=int, default=400, help='to a node over DDS; 0: none')
    parser.add_argument('--json', type=Path, help='file that takes the result')
    options = parser.parse_args()
    warnings.simplefilter('error', RuntimeWarning)  # of numbers that overflow, as in the tests
    # Small pictures: several threads only wait for each other.
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    result: dict[str, Any] = {
        'date': date.today().isoformat(),
        'machine': machine(torch.device('cpu')),
    }
    with tempfile.TemporaryDirectory() as folder:
        model = save_tiny_model(Path(folder) / 'tiny.safetensors')
        for transport in _TRANSPORTS if options.messages else ():
            result[f'callback, {transport}'] = _to_callback(
                model, transport, options.messages // len(_TRANSPORTS)
            )
        for transport in _TRANSPORTS if options.over_dds else ():
            result[f'over DDS, {transport}'] = _over_dds(
                model, transport, options.over_dds // len(_TRANSPORTS), Path(folder)
            )
    print(json.dumps(result, indent=1))
    if options.json:
        kept = read_json(options.json) if options.json.exists() else {}
        kept['malformed_messages'] = kept.get('malformed_messages', {}) | result
        write_json(options.json, kept)


def _to_callback(model: Path, transport: str, count: int) -> dict[str, Any]:
    """Send messages to the callbacks of one camera; return what came of them."""
    receiver = MessageReceiver(model, compressed=transport == 'compressed')
    try:
        _send(transport, min(200, count), receiver.take)  # what is made once
        receiver.outcomes.clear()
        memory = _Memory(os.getpid())
        begin = time.monotonic()
        sent, good = _send(transport, count, receiver.take)
        return {
            'malformed_messages': sent,
            'good_frames_after_them': good,
            'outcomes': dict(receiver.outcomes.most_common()),
            'most_processor_seconds_of_one_message': round(receiver.slowest, 3),
            'seconds': round(time.monotonic() - begin, 1),
            **memory.facts(),
        }
    finally:
        receiver.close()


def _over_dds(model: Path, transport: str, count: int, folder: Path) -> dict[str, Any]:
    """Send messages to a node; return what came of them by its own count."""
    topic = 'image' if transport == 'raw' else 'image/compressed'
    parameters = {
        'model': model, 'autostart': True, 'device': 'cpu', 'backend': 'torch',
        'image_transport': transport, **reliable(f'/fuzz/{topic}', '/fuzz/camera_info'),
    }  # fmt: skip
    with own_domain() as domain:
        process = DepthProcess(domain, folder / f'{transport}.log', '/fuzz', parameters)
        graph, good_frames = None, 0
        try:
            graph = Graph(domain, '/fuzz')
            depths = graph.record(Image, 'depth_registered/image_rect')

            def good() -> Any:
                image = graph.image()
                return image if transport == 'raw' else _as_jpeg(image)

            def take(messages: list[Any]) -> None:
                for message in messages:
                    name = 'camera_info' if isinstance(message, CameraInfo) else topic
                    graph.publisher(type(message), name).publish(message)
                    graph.spin(0.02)
                graph.until(arrives, 'the depth of a good frame')

            def arrives() -> Any:
                """Send a good frame; it is lost if it overtakes its camera_info after a bad one."""
                nonlocal good_frames
                good_frames += 1
                frame = graph.send(good(), camera_info(), topic)
                end = time.monotonic() + _ARRIVES_S
                while not depths.with_stamp(frame) and time.monotonic() < end:
                    graph.spin(0.01)
                return depths.with_stamp(frame)

            graph.until(arrives, 'a first depth image')
            _send(transport, min(40, count), take)
            memory = _Memory(process.process.pid)
            begin, good_frames = time.monotonic(), 0
            sent, after = _send(transport, count, take)
            facts = {
                'malformed_messages': sent,
                'times_that_a_good_frame_came_after_them': after,
                'good_frames_sent_for_that': good_frames,
                'seconds': round(time.monotonic() - begin, 1),
                **memory.facts(),
                'node_says': {
                    pair.key: pair.value for pair in graph.status().values
                    if pair.key in ('images received', 'frames published', 'frames with an error')
                },
            }  # fmt: skip
            assert 'Traceback' not in process.log
            return {**facts, 'exit_status': process.end()}
        finally:
            process.process.kill()
            if graph:
                graph.close()


def _send(transport: str, count: int, take: Callable[[list[Any]], None]) -> tuple[int, int]:
    """Draw at least ``count`` messages and hand them on; return how many, in how many rows."""
    images, sent, rows = _TRANSPORTS[transport](), 0, 0

    # A few at a time: hypothesis remembers what it drew in a run.
    @settings(_MANY, max_examples=100)
    @given(messages=st.lists(st.one_of(images, camera_infos()), min_size=1, max_size=_IN_A_ROW))
    def run(messages: list[Any]) -> None:
        nonlocal sent, rows
        if sent < count:
            take(messages)
            sent, rows = sent + len(messages), rows + 1

    while sent < count:
        run()
    return sent, rows


class _Memory:
    """What memory a process takes from now on."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        Path(f'/proc/{pid}/clear_refs').write_text('5')  # forgets the peak
        self._before = self._mib('VmRSS')

    def facts(self) -> dict[str, int]:
        """Return the MiB that it took before, takes now, and took at most."""
        return {
            'rss_mib_before': self._before,
            'rss_mib_after': self._mib('VmRSS'),
            'rss_mib_at_most': self._mib('VmHWM'),
        }

    def _mib(self, name: str) -> int:
        return int(process_status(self._pid)[name].split()[0]) // 1024


def _as_jpeg(image: Image) -> CompressedImage:
    rgb = pixels(image)
    content = cv2.imencode('.jpg', rgb[..., ::-1])[1].tobytes()
    return CompressedImage(header=image.header, format='jpeg', data=content)


if __name__ == '__main__':
    main()
