"""A node that is started in an environment that ROS cannot use says which variable to change."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping

import pytest
from source_files import ROOT

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from s2r_depth_ros.commands import calibrate_scale
from s2r_depth_ros.errors import UserError
from s2r_depth_ros.node import main as node_main
from s2r_depth_ros.node.arguments import explained
from s2r_depth_ros.rig.environment import ros_environment
from s2r_depth_ros.ros_environment import LOG_REMEDY


def _started(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, '-m', 's2r_depth_ros', 'node', *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ('variables', 'told'),
    [
        ({'ROS_LOG_DIR': '/dev/null/log'}, '/dev/null/log, cannot be written'),
        ({'ROS_DOMAIN_ID': 'abc'}, 'ROS_DOMAIN_ID=abc is not a whole number'),
        ({'ROS_DOMAIN_ID': '999'}, 'ROS_DOMAIN_ID=999: DDS has no ports'),
        ({'RMW_IMPLEMENTATION': 'rmw_of_nobody'}, 'rmw_of_nobody is not installed'),
        (
            {'ROS_SECURITY_ENABLE': 'true', 'ROS_SECURITY_STRATEGY': 'Enforce'},
            'ROS_SECURITY_KEYSTORE is not set',
        ),
    ],
)
def test_the_variable_is_named_in_one_line(variables: dict[str, str], told: str) -> None:
    result = _started({**os.environ, **variables})
    assert result.returncode == 2
    assert result.stderr.startswith('error: ')
    assert result.stderr.count('\n') == 1
    assert told in result.stderr
    assert 'follows --ros-args' not in result.stderr


def test_an_argument_that_is_no_text_is_named_in_one_line() -> None:
    result = _started(os.environ, '--ros-args', '-p', os.fsdecode(b'model:=\xff\xfe'))
    assert result.returncode == 2
    assert result.stderr.startswith('error: model:=')
    assert result.stderr.endswith('is no text in UTF-8: write it in letters\n')
    assert result.stderr.count('\n') == 1


def test_what_starts_other_nodes_says_so_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('ROS_DOMAIN_ID', 'abc')
    told = 'ROS_DOMAIN_ID=abc is not a whole number'
    with pytest.raises(UserError, match=told):
        ros_environment()  # of the demo's processes
    with pytest.raises(UserError, match=told):
        calibrate_scale.run(argparse.Namespace())


def test_what_does_not_stop_a_node_is_told_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'OFF')
    monkeypatch.setenv('FASTRTPS_DEFAULT_PROFILES_FILE', '/none/profile.xml')
    problem = node_main._prepared_environment()
    assert 'ROS_AUTOMATIC_DISCOVERY_RANGE=OFF' in problem
    assert '/none/profile.xml' in problem
    assert 'FASTRTPS_DEFAULT_PROFILES_FILE' not in os.environ


@pytest.mark.parametrize(
    ('error', 'remedy'),
    [
        ("failed to initialize logging: Failed to create log directory '/x': 2", LOG_REMEDY),
        ("SECURITY ERROR: directory '/x/enclaves/depth' does not exist.", 'create_enclave'),
        ('failed to initialize rcl: error not set', 'doctor` looks at what ROS needs'),
        ("['--prams-file', 'x']", 'correct what follows --ros-args'),
    ],
)
def test_each_error_of_rcl_has_its_own_remedy(error: str, remedy: str) -> None:
    assert remedy in explained(error)
