"""config/fastdds.xml is valid, is what processes get, and is what Fast DDS then uses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace

import pytest
from source_files import ROOT

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.transport import (
    PROFILE_VARIABLES,
    avoid_full_memory,
    drop_ignored_profile,
    profile_environment,
)

_NAMESPACE = '{http://www.eprosima.com}'
_CLOUD = 640 * 480 * 16  # bytes of an organised XYZRGB cloud
_NODE = """
import rclpy
rclpy.init()
node = rclpy.create_node('segment_probe')
print(flush=True)
input()
"""


def test_both_names_point_to_the_profile() -> None:
    environment = profile_environment({})
    assert set(environment) == set(PROFILE_VARIABLES)
    assert set(environment.values()) == {str(ROOT / 'config' / 'fastdds.xml')}


@pytest.mark.parametrize('name', PROFILE_VARIABLES)
def test_a_profile_of_the_user_is_left_alone(name: str) -> None:
    assert profile_environment({name: 'mine.xml'}) == {}


def test_a_cloud_fits_in_one_message_and_the_segment_holds_some() -> None:
    profile = ElementTree.parse(ROOT / 'config' / 'fastdds.xml')
    message = int(profile.findtext(f'.//{_NAMESPACE}maxMessageSize', ''))
    segment = int(profile.findtext(f'.//{_NAMESPACE}segment_size', ''))
    assert message > _CLOUD
    assert segment > 3 * _CLOUD


def _largest_segment(environment: dict[str, str]) -> int:
    """Return the bytes of the largest shared-memory segment that a node process maps."""
    base = {k: v for k, v in os.environ.items() if k not in PROFILE_VARIABLES}
    process = subprocess.Popen(
        [sys.executable, '-c', _NODE],
        env=base | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        maps = Path(f'/proc/{process.pid}/maps').read_text()
    finally:
        process.communicate(b'\n', timeout=20)
    spans = re.findall(r'^(\w+)-(\w+) .*/dev/shm/fast\w+$', maps, re.MULTILINE)
    return max((int(end, 16) - int(start, 16) for start, end in spans), default=0)


def _limited(monkeypatch: pytest.MonkeyPatch, mebibytes: float, read_only: bool = False) -> None:
    """Let every file system have so much room; os.statvfs's answer needs these fields alone."""
    flag = os.ST_RDONLY if read_only else 0
    state = SimpleNamespace(f_bavail=int(mebibytes * 2**20), f_frsize=1, f_flag=flag)
    monkeypatch.setattr(os, 'statvfs', lambda folder: state)


@pytest.mark.parametrize(
    ('room', 'profile', 'enough'),
    [(0.1, True, False), (16.9, True, False), (17.1, True, True), (1.4, False, False),
     (1.6, False, True)],
)  # fmt: skip
def test_without_room_in_shared_memory_fast_dds_does_without(
    room: float, profile: bool, enough: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {'HOME': '/', **(profile_environment({}) if profile else {})}
    before = dict(environment)
    _limited(monkeypatch, room)
    told = avoid_full_memory(environment, Path('/dev/shm'))
    if enough:
        assert (told, environment) == ('', before)
    else:
        assert told.startswith(f'/dev/shm has {room:.1f} MiB left and {17 if profile else 2} are')
        assert environment == {'HOME': '/', 'FASTDDS_BUILTIN_TRANSPORTS': 'UDPv4'}


@pytest.mark.parametrize(
    'environment',
    [
        {'FASTDDS_BUILTIN_TRANSPORTS': 'UDPv4'},
        {'RMW_IMPLEMENTATION': 'rmw_cyclonedds_cpp', **profile_environment({})},
    ],
)
def test_who_uses_no_shared_memory_of_fast_dds_is_left_alone(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dict(environment)
    _limited(monkeypatch, 0.1)
    assert avoid_full_memory(environment, Path('/dev/shm')) == ''
    assert environment == before
    environment = {**environment, 'RMW_IMPLEMENTATION': 'rmw_fastrtps_dynamic_cpp'}
    environment |= profile_environment({})
    assert avoid_full_memory(environment, Path('/dev/shm'))


@pytest.mark.parametrize('content', [None, '<foo/>', '<dds><foo/></dds>', '<dds>'])
def test_a_profile_that_fast_dds_ignores_is_dropped_and_told(
    content: str | None, tmp_path: Path
) -> None:
    file = tmp_path / 'profile.xml'
    if content is not None:
        file.write_text(content)
    for name in PROFILE_VARIABLES:
        environment = {name: str(file), 'HOME': '/'}
        told = drop_ignored_profile(environment)
        assert told.startswith(f'{name}: ')
        assert 'Correct the file or unset the variable' in told
        assert environment == {'HOME': '/'}
        cyclone = {name: str(file), 'RMW_IMPLEMENTATION': 'rmw_cyclonedds_cpp'}
        assert drop_ignored_profile(cyclone) == ''
        assert name in cyclone


@pytest.mark.parametrize(
    'content', ['<profiles/>', '<types/>', '<dds><!-- none --><log/></dds>', '<library_settings/>']
)
def test_a_profile_that_fast_dds_knows_is_kept(content: str, tmp_path: Path) -> None:
    (tmp_path / 'profile.xml').write_text(content)
    environment = {PROFILE_VARIABLES[0]: str(tmp_path / 'profile.xml')}
    assert drop_ignored_profile(environment) == ''
    assert environment


def test_full_shared_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _limited(monkeypatch, 0.05)
    with pytest.raises(UserError, match=r'/dev/shm is full \(51 KiB left\).*--shm-size=1g'):
        avoid_full_memory({}, Path('/dev/shm'))


def test_shared_memory_that_is_missing_or_read_only_is_left_to_fast_dds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment: dict[str, str] = {}
    assert avoid_full_memory(environment, tmp_path / 'missing') == ''
    _limited(monkeypatch, 0, read_only=True)
    assert avoid_full_memory(environment, tmp_path) == ''
    assert not environment


@pytest.mark.skipif(not Path('/dev/shm').is_dir(), reason='this machine has no /dev/shm')
def test_fast_dds_uses_the_profile() -> None:
    pytest.importorskip('rclpy')
    assert 0 < _largest_segment({}) < _CLOUD, 'the default holds a cloud: no profile is needed'
    assert _largest_segment(profile_environment({})) > 3 * _CLOUD
