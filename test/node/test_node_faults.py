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
from node_under_fault import Setting
from ros_graph import TRANSPORT


@pytest.fixture
def setting(
    domain: int, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Setting:
    for name, value in TRANSPORT.items():
        monkeypatch.setenv(name, value)
    return Setting(domain, tmp_path, tiny_model)


def _can_unshare() -> bool:
    """Return whether this user may have a file system of its own."""
    if shutil.which('unshare') is None:
        return False
    return subprocess.run(['unshare', '--mount', 'true'], check=False).returncode == 0


@pytest.mark.parametrize(
    ('inject', 'times'),
    [
        (graph_faults.camera_returns, 1),
        (graph_faults.subscriber_comes_and_goes, 10),
        (graph_faults.transitions, 5),
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


@pytest.mark.skipif(not _can_unshare(), reason='may not mount a small file system')
def test_a_recording_that_fills_the_disk_is_told(setting: Setting) -> None:
    assert 'No space left' in process_faults.disk_is_full(setting, 6)['said']
