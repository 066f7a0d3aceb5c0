"""What is wrong with the variables that ROS reads, each with the remedy."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.ros_environment import (
    RMW,
    check_environment,
    discovery_fault,
    domain_fault,
    faults,
    middleware_fault,
)

SECURE = {'ROS_SECURITY_ENABLE': 'true', 'ROS_SECURITY_STRATEGY': 'Enforce'}


@given(number=st.integers(0, 232))
def test_domains_that_have_ports_pass(number: int) -> None:
    assert domain_fault({'ROS_DOMAIN_ID': f' {number} '}) is None


@pytest.mark.parametrize('text', ['abc', '-1', '1.5', '5x', '010', '0x10', '٣', '²', '1 2'])
def test_a_domain_that_is_no_number_is_told(text: str) -> None:
    with pytest.raises(UserError, match=r'is not a whole number: set ROS_DOMAIN_ID.* 0 to 101'):
        check_environment({'ROS_DOMAIN_ID': text}, log_files=False)


@pytest.mark.parametrize('text', ['233', '999', '9' * 5000])
def test_a_domain_without_ports_is_told(text: str) -> None:
    with pytest.raises(UserError, match=r'DDS has no ports for it: set ROS_DOMAIN_ID.* 0 to 101'):
        check_environment({'ROS_DOMAIN_ID': text}, log_files=False)
    assert domain_fault({'ROS_DOMAIN_ID': text, RMW: 'rmw_zenoh_cpp'}) is None


@pytest.mark.parametrize('variable', ['LD_LIBRARY_PATH', 'AMENT_PREFIX_PATH'])
def test_a_middleware_that_is_not_installed_is_told(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, 'prefix', str(tmp_path / 'none'))
    folder = tmp_path / 'lib' if variable == 'AMENT_PREFIX_PATH' else tmp_path
    folder.mkdir(exist_ok=True)
    environment = {variable: f'/none{os.pathsep}{tmp_path}', 'ROS_DISTRO': 'jazzy'}
    assert middleware_fault({**environment, RMW: 'rmw_foo_cpp'}) is None  # not to be seen
    for name in ('rmw', 'rmw_bar_cpp'):
        (folder / f'lib{name}.so').touch()
    for name in ('', 'rmw_bar_cpp'):
        assert middleware_fault({**environment, RMW: name}) is None
    for name in ('rmw_foo_cpp', '../x'):
        told = str(middleware_fault({**environment, RMW: name}))
        assert f'{RMW}={name} is not installed: unset {RMW}, or install it: ' in told
    told = str(middleware_fault({**environment, RMW: 'rmw_foo_cpp'}))
    assert told.endswith('`sudo apt-get install ros-jazzy-rmw-foo-cpp`')


def test_security_without_a_keystore_is_told(tmp_path: Path) -> None:
    for keystore in ({}, {'ROS_SECURITY_KEYSTORE': str(tmp_path)}):
        with pytest.raises(UserError, match='set ROS_SECURITY_KEYSTORE to the folder'):
            check_environment({**SECURE, **keystore}, log_files=False)
    (tmp_path / 'enclaves').mkdir()
    for more in (
        {'ROS_SECURITY_KEYSTORE': str(tmp_path)},
        {'ROS_SECURITY_ENABLE': 'false'},
        {'ROS_SECURITY_STRATEGY': 'Permissive'},
    ):
        check_environment({**SECURE, **more}, log_files=False)


@pytest.mark.parametrize('variable', ['ROS_LOG_DIR', 'ROS_HOME', 'HOME'])
def test_a_folder_of_logs_that_cannot_be_written_is_told(variable: str, tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    environment = {'HOME': str(tmp_path), variable: str(tmp_path / 'file')}
    with pytest.raises(UserError, match=r'file.* cannot be written .*set ROS_LOG_DIR to one that'):
        check_environment(environment)
    check_environment(environment, log_files=False)
    check_environment({**environment, 'RCL_LOGGING_IMPLEMENTATION': 'rcl_logging_noop'})


def test_the_folder_of_logs_is_that_of_rcl(tmp_path: Path) -> None:
    home = {'HOME': str(tmp_path)}
    for more, folder in (
        ({}, '.ros/log'),
        ({'ROS_HOME': str(tmp_path / 'ros')}, 'ros/log'),
        ({'ROS_LOG_DIR': '~/logs'}, 'logs'),
    ):
        assert not list(faults({**home, **more}))
        assert (tmp_path / folder).is_dir()
    assert 'HOME is not set' in str(next(faults({})))


def test_discovery_that_is_off_is_told() -> None:
    off = {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'OFF'}
    assert 'not even on this machine' in str(discovery_fault(off))
    assert discovery_fault({**off, 'ROS_LOCALHOST_ONLY': '1'}) is None
    assert discovery_fault({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'}) is None
    assert not list(faults({**off, 'HOME': '/'}, log_files=False))
