"""Faults around a running node, a few times each; test/fuzz/inject_faults.py does it more often."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

import graph_faults
import process_faults
from builtin_interfaces.msg import Time
from node_under_fault import Setting
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.srv import SetParameters
from ros_graph import TRANSPORT, DepthProcess, Graph, values_of
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu
from std_msgs.msg import Header


@pytest.fixture
def setting(
    domain: int, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Setting:
    for name, value in TRANSPORT.items():
        monkeypatch.setenv(name, value)
    return Setting(domain, tmp_path, tiny_model)


def _can(*command: str) -> bool:
    """Return whether this user may run a command, such as ``unshare``."""
    return bool(shutil.which(command[0])) and subprocess.run(command, check=False).returncode == 0


_may_mount = pytest.mark.skipif(
    not _can('unshare', '--mount', 'true'), reason='may have no file systems of its own'
)


@pytest.mark.parametrize(
    ('inject', 'times'),
    [
        (graph_faults.camera_returns, 1),
        (graph_faults.subscriber_comes_and_goes, 10),
        (graph_faults.transitions, 8),  # more than the threads that it may have more
        (graph_faults.models, 1),
        (graph_faults.clock_jumps, 1),
        (process_faults.signals_at_start, 4),
        (process_faults.signals_at_work, 1),
        (process_faults.camera_is_killed, 1),
    ],
)
def test_the_node_outlives_it(
    inject: Callable[[Setting, int], dict[str, Any]], times: int, setting: Setting
) -> None:
    assert inject(setting, times)


@_may_mount
def test_a_recording_that_fills_the_disk_is_told(setting: Setting) -> None:
    assert 'No space left' in process_faults.disk_is_full(setting, 6)['said']


@_may_mount
def test_depth_comes_and_the_reason_is_told_where_shared_memory_is_small(setting: Setting) -> None:
    came = process_faults.small_shared_memory(setting, 1, ['1 MB', 'read-only'])
    assert 'does without shared memory' in came['1 MB']['diagnostics']
    assert came['1 MB']['warned']
    assert '/dev/shm is full' in came['full']['said']


@pytest.mark.skipif(
    not _can('unshare', '--net', 'ip', 'link', 'set', 'lo', 'up'),
    reason='may have no network of its own',
)
def test_depth_comes_where_there_is_no_multicast(setting: Setting) -> None:
    assert process_faults.no_multicast(setting, 1)['diagnostics']


def test_what_rclpy_itself_cannot_read_ends_no_node(
    start_node: Callable[..., DepthProcess], make_graph: Callable[[str], Graph]
) -> None:
    """A time before 1970, a parameter of no type: rclpy raises in callbacks of its own."""
    process = start_node(
        '/odd', autostart=True, use_sim_time=True, gravity='imu', publish_always=True
    )
    graph = make_graph('/odd')
    graph.until_status(lambda _, v: v['state'] == 'active', 'an active node')
    before_1970 = Time(sec=-1)
    clock, imu = graph.publisher(Clock, '/clock'), graph.publisher(Imu, 'imu')
    nonsense = ParameterMessage(name='depth_scale', value=ParameterValue(type=77))
    odd = graph.client(SetParameters, 'set_parameters')

    def trouble() -> bool:
        clock.publish(Clock(clock=before_1970))
        imu.publish(Imu(header=Header(stamp=before_1970, frame_id='imu')))
        odd.call_async(SetParameters.Request(parameters=[nonsense]))
        return all(text in process.log for text in ('must not be negative', '77 is not a valid'))

    graph.until(trouble, 'both in the log')
    assert 'could not be handled, the node goes on' in process.log
    graph.send_until(
        lambda: int(values_of(graph.status()).get('frames published', 0)) > 0, 'a published frame'
    )
    assert graph.set('depth_scale', 2.0).successful
    assert process.end() == 0
