"""The doctor: each check finds what is wrong, and a check that dies is a finding itself."""

from __future__ import annotations

import importlib
import os
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from source_files import ROOT

from s2r_depth_ros import cli
from s2r_depth_ros.commands import doctor as command
from s2r_depth_ros.dependencies import MESSAGES
from s2r_depth_ros.doctor import (
    checks,
    middleware,
    models,
    python,
    round_trip,
    shared_memory,
    torch_and_gpu,
)
from s2r_depth_ros.doctor.finding import FAILED, NOTE, OK, Finding
from s2r_depth_ros.doctor.round_trip import MESSAGES as SENT
from s2r_depth_ros.doctor.round_trip import NOT_MET
from s2r_depth_ros.network import registry
from s2r_depth_ros.network.registry import available_models
from s2r_depth_ros.network_choices import DEFAULT_MODEL
from s2r_depth_ros.rig.process_group import ProcessError, SilenceError
from s2r_depth_ros.transport import PROFILE_VARIABLES, profile_environment

Patch = pytest.MonkeyPatch


def put_module(monkeypatch: Patch, folder: Path, name: str, code: str) -> None:
    """Have the processes of checks import a module of our making."""
    (folder / f'{name}.py').write_text(code)
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join([str(folder), str(ROOT)]))


def test_versions_of_python_are_those_of_setup() -> None:
    supported = re.search(
        r"python_requires='>=3\.(\d+), <3\.(\d+)'", (ROOT / 'setup.py').read_text()
    )
    assert supported is not None
    oldest, beyond = map(int, supported.groups())
    assert ((3, oldest), (3, beyond - 1)) == (python.OLDEST, python.NEWEST)


@pytest.mark.parametrize(
    ('version', 'state'),
    [((3, 9), FAILED), ((3, 10), OK), ((3, 14), OK), ((3, 15), FAILED), ((2, 7), FAILED)],
)
def test_python(version: tuple[int, ...], state: str) -> None:
    assert python.of_version(version).state == state


@pytest.mark.parametrize(
    ('code', 'what'),
    [
        ('import os; os.abort()', 'SIGABRT'),
        ('raise ImportError("libcudart.so.12: no such file", name="torch")', 'libcudart'),
        ('__version__ = "1.13.1"; __path__ = ["/usr/lib"]', 'too old'),
        ('raise OSError("undefined symbol: iJIT_NotifyEvent")', 'iJIT_NotifyEvent'),
        ('print("noise"); raise SystemExit(3)', 'status 3'),
    ],
)  # fmt: skip
def test_a_torch_that_does_not_import_is_told(
    code: str, what: str, monkeypatch: Patch, tmp_path: Path
) -> None:
    put_module(monkeypatch, tmp_path, 'torch', code)
    (finding,) = checks.findings('torch_and_gpu')
    assert finding.state == FAILED
    assert what in finding.text


def test_a_missing_library_is_told_and_the_others_are_looked_at(
    monkeypatch: Patch, tmp_path: Path
) -> None:
    put_module(
        monkeypatch, tmp_path, 'tabulate', 'raise ModuleNotFoundError("gone", name="tabulate")'
    )
    found = {finding.what: finding for finding in checks.findings('libraries')}
    assert found['tabulate'].state == FAILED
    assert found['tabulate'].text == 'tabulate is missing (gone)'
    assert 'README.md' in found['tabulate'].remedy
    assert found['numpy'].state == found['rosbags'].state == OK


@pytest.mark.parametrize('code', ['raise ImportError("no reason")', 'raise RuntimeError("odd")'])
@pytest.mark.parametrize(
    ('check', 'what'),
    [('libraries', 'yaml'), ('ros', 'rclpy'), ('middleware', 'middleware'),
     ('round_trip', 'round_trip'), ('torch_and_gpu', 'yaml')],
)  # fmt: skip
def test_the_package_that_is_broken_is_named(
    check: str, what: str, code: str, monkeypatch: Patch, tmp_path: Path
) -> None:
    put_module(monkeypatch, tmp_path, 'yaml', code)
    if check == 'torch_and_gpu':
        put_module(monkeypatch, tmp_path, 'torch', 'import yaml')
        what = 'torch'
    found = {finding.what: finding for finding in checks.findings(check)}
    assert found[what].state == FAILED
    assert found[what].text.startswith('yaml cannot be loaded (')
    assert found[what].remedy.startswith('install it again: ')


@pytest.mark.parametrize('name', ['OMP_NUM_THREADS', 'MKL_NUM_THREADS'])
@pytest.mark.parametrize(
    ('threads', 'told'),
    [('banana', True), ('0', True), ('-2', True), ('٣', True), ('1.5', True), ('4,', True),
     ('', False), ('1', False), (' 8 ', False), ('4,2', False)],
)  # fmt: skip
def test_a_number_of_threads_that_is_none_is_noted(name: str, threads: str, told: bool) -> None:
    found = list(torch_and_gpu.threads({name: threads}))
    assert [(finding.what, finding.state) for finding in found] == [(name, NOTE)] * told


def test_an_optional_library_that_is_broken_is_a_note(monkeypatch: Patch, tmp_path: Path) -> None:
    put_module(monkeypatch, tmp_path, 'openvino', 'raise RuntimeError("no AVX here")')
    found = {finding.what: finding for finding in checks.findings('libraries')}
    assert found['openvino'].state == NOTE
    assert 'no AVX here' in found['openvino'].text


def test_a_check_that_hangs_is_told(monkeypatch: Patch, tmp_path: Path) -> None:
    put_module(monkeypatch, tmp_path, 'torch', 'import time; time.sleep(60)')
    monkeypatch.setitem(checks.CHECKS, 'torch_and_gpu', 1.5)
    (finding,) = checks.findings('torch_and_gpu')
    assert finding.state == FAILED
    assert 'did not end within 1.5 s' in finding.text


def test_profile() -> None:
    ours = profile_environment({})
    assert middleware.profile(ours).state == OK
    missing = middleware.profile({})
    assert missing.state == NOTE
    assert all(f'{name}={path}' in missing.remedy for name, path in ours.items())


@pytest.mark.parametrize('name', PROFILE_VARIABLES)
@pytest.mark.parametrize(
    'content',
    [None, b'', b'<dds><profiles></dds>', b'\xff\xfe\x00', b'<foo/>', b'<dds><foo/></dds>'],
)
def test_a_profile_that_fast_dds_ignores_is_told(
    name: str, content: bytes | None, tmp_path: Path
) -> None:
    file = tmp_path / 'profile.xml'
    if content is not None:
        file.write_bytes(content)
    finding = middleware.profile({name: str(file)})
    assert finding.state == FAILED
    assert name in finding.text
    assert str(file) in finding.text


@pytest.mark.parametrize(
    ('variables', 'state'),
    [
        ({}, OK),
        ({'ROS_DOMAIN_ID': ''}, OK),
        ({'ROS_DOMAIN_ID': '101'}, OK),
        ({'ROS_DOMAIN_ID': '102'}, NOTE),
        ({'ROS_DOMAIN_ID': '232'}, NOTE),
        ({'ROS_DOMAIN_ID': '233'}, FAILED),
        ({'ROS_DOMAIN_ID': '300', 'RMW_IMPLEMENTATION': 'rmw_zenoh_cpp'}, OK),
        ({'ROS_DOMAIN_ID': '-1'}, FAILED),
        ({'ROS_DOMAIN_ID': 'robot'}, FAILED),
        ({'ROS_DOMAIN_ID': '٣'}, FAILED),
        ({'ROS_LOCALHOST_ONLY': '1'}, NOTE),
        ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'OFF', 'ROS_DOMAIN_ID': '7'}, FAILED),
        ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST', 'ROS_DOMAIN_ID': '7'}, NOTE),
    ],
)
def test_discovery(variables: dict[str, str], state: str) -> None:
    assert middleware.domain(variables).state == state


@pytest.mark.parametrize(
    ('name', 'state'),
    [('jazzy', OK), ('kilted', OK), ('rolling', OK), ('', NOTE)]
    + [(name, FAILED) for name in ('humble', 'iron', 'foxy', 'noetic', 'Humble')],
)
def test_a_distribution_that_is_too_old_is_told(name: str, state: str, monkeypatch: Patch) -> None:
    monkeypatch.setenv('ROS_DISTRO', name)
    (finding,) = (f for f in checks.findings('ros') if f.what == 'ROS_DISTRO')
    assert finding.state == state
    assert (finding.remedy == 'use ROS 2 Jazzy or newer') == (state == FAILED)


def test_a_middleware_that_is_not_installed_is_told(monkeypatch: Patch) -> None:
    monkeypatch.setenv('RMW_IMPLEMENTATION', 'rmw_of_nobody')
    for check in ('middleware', 'round_trip'):
        finding = checks.findings(check)[0]
        assert finding.state == FAILED
        assert 'rmw_of_nobody is not installed' in finding.text
        assert 'unset RMW_IMPLEMENTATION, or install it' in finding.remedy
    assert {f.what: f.state for f in checks.findings('ros')}['rclpy'] == OK


@pytest.mark.parametrize(
    ('variables', 'remedy'),
    [
        ({'ROS_LOG_DIR': '/dev/null/log'}, 'set ROS_LOG_DIR to one that is'),
        ({'ROS_DOMAIN_ID': 'abc'}, 'from 0 to 101'),
        ({'ROS_SECURITY_ENABLE': 'true', 'ROS_SECURITY_STRATEGY': 'Enforce'}, 'KEYSTORE to the'),
        ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'OFF'}, 'LOCALHOST or SUBNET'),
    ],
)
def test_an_environment_in_which_no_topics_come_is_told_with_its_own_remedy(
    variables: dict[str, str], remedy: str, monkeypatch: Patch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    (not_tried,) = round_trip.check()
    assert (not_tried.state, not_tried.text[:11]) == (FAILED, 'not tried: ')
    assert remedy in not_tried.remedy
    failed = [finding for finding in middleware.check() if finding.state == FAILED]
    assert [finding.remedy for finding in failed] == [not_tried.remedy]


def limit_room(monkeypatch: Patch, megabytes: int) -> None:
    blocks = megabytes * 1_000_000 // 4096
    room = SimpleNamespace(f_bavail=blocks, f_blocks=blocks, f_frsize=4096)
    monkeypatch.setattr(os, 'statvfs', lambda _: room)


@pytest.mark.parametrize(
    ('megabytes', 'state'), [(1, FAILED), (16, FAILED), (20, NOTE), (67, NOTE), (256, OK)]
)
def test_shared_memory(megabytes: int, state: str, tmp_path: Path, monkeypatch: Patch) -> None:
    limit_room(monkeypatch, megabytes)
    finding = shared_memory.of_folder(tmp_path, {})
    assert finding.state == state
    assert bool(finding.remedy) == (state != OK)


def test_shared_memory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    assert shared_memory.of_folder(tmp_path / 'nowhere', {}).state == FAILED


def test_the_room_that_a_process_needs_is_that_of_its_profile(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    (tmp_path / 'mine.xml').write_text('<segment_size>99000000</segment_size>')
    environment = {PROFILE_VARIABLES[0]: str(tmp_path / 'mine.xml')}
    for megabytes, state in ((98, FAILED), (300, NOTE), (420, OK)):
        limit_room(monkeypatch, megabytes)
        assert shared_memory.of_folder(tmp_path, environment).state == state


@pytest.mark.parametrize(
    ('arrived', 'without', 'state'),
    [(SENT, SENT, OK), (SENT, 3, NOTE), (SENT - 1, 3, FAILED), (0, 0, FAILED)],
)
def test_the_meaning_of_lost_clouds(arrived: int, without: int, state: str) -> None:
    assert round_trip.of_count(arrived, without).state == state


def test_clouds_go_from_one_process_to_another() -> None:
    (finding,) = round_trip.check()
    arrived = re.match(r'(\d+) of 20 clouds of 4.9 MB arrived', finding.text)
    assert arrived is not None, finding
    assert int(arrived[1]) > 0


def test_a_process_that_does_not_run_is_told(monkeypatch: Patch) -> None:
    monkeypatch.setattr(round_trip, '_MODULE', 'no_such_module')
    (finding,) = round_trip.check()
    assert finding.state == FAILED
    assert 'no_such_module' in finding.text
    assert 'mend what it says' in finding.remedy


@pytest.mark.parametrize('error', [SilenceError('nothing', ''), ProcessError(NOT_MET, '')])
def test_processes_that_ran_and_did_not_meet_are_told(
    error: ProcessError, monkeypatch: Patch
) -> None:
    def trip(_: object) -> int:
        raise error

    monkeypatch.setattr(round_trip, 'trip', trip)
    (finding,) = round_trip.check()
    assert 'firewall' in finding.remedy


@pytest.mark.parametrize('check', ['python', 'ros', 'middleware', 'shared_memory', 'opengl'])
def test_each_check_looks_at_what_is_here(check: str) -> None:
    found = list(importlib.import_module(f's2r_depth_ros.doctor.{check}').check())
    assert found
    assert all(finding.what and finding.text for finding in found)
    here = {finding.what: finding.state for finding in found}
    needed = {'python': ('Python', 'package'), 'ros': ('rclpy', *MESSAGES), 'middleware': ('RMW',)}
    assert all(here[what] == OK for what in needed.get(check, ()))


@pytest.mark.parametrize(
    ('cuda', 'devices', 'state'),
    [
        (None, [], NOTE),
        (None, ['/dev/nvidia0'], FAILED),
        ('12.4', [], NOTE),
        ('12.4', ['/dev/nvidia0'], FAILED),
    ],
)
def test_a_gpu_that_torch_does_not_see(
    cuda: str | None, devices: list[str], state: str, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(torch.version, 'cuda', cuda)
    monkeypatch.setattr(torch.version, 'hip', None)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(torch_and_gpu, 'glob', lambda _: devices)
    library, gpu = torch_and_gpu.check()
    assert (library.what, library.state) == ('torch', OK)
    assert (gpu.what, gpu.state) == ('GPU', state)
    assert bool(gpu.remedy) == (state == FAILED)


def test_the_models_of_the_package_pass() -> None:
    found = list(models.check())
    assert [finding.what for finding in found] == [f'model {name}' for name in available_models()]
    assert {finding.state for finding in found} == {OK}


def test_the_default_model_is_missed() -> None:
    others = [name for name in available_models() if name != DEFAULT_MODEL]
    for names, what in ((others, f'model {DEFAULT_MODEL}'), ([], 'models')):
        (finding,) = models.missing(names)
        assert (finding.what, finding.state) == (what, FAILED)
        assert 'build the package again' in finding.remedy
    assert not list(models.missing([DEFAULT_MODEL]))


def test_a_default_model_that_is_gone_is_a_finding(monkeypatch: Patch) -> None:
    monkeypatch.setattr(models, 'of_model', lambda name: Finding(name, OK, ''))
    monkeypatch.setattr(registry, 'available_models', lambda: ['indoor-s'])
    states = {finding.what: finding.state for finding in models.check()}
    assert states == {f'model {DEFAULT_MODEL}': FAILED, 'indoor-s': OK}


def test_models(tiny_model: Path, tmp_path: Path) -> None:
    assert models.of_model(str(tiny_model)).state == OK
    altered = Path(shutil.copy(tiny_model, tmp_path / 'altered.safetensors'))
    content = bytearray(altered.read_bytes())
    content[-1] ^= 1
    altered.write_bytes(content)
    finding = models.of_model(str(altered))
    assert finding.state == FAILED
    assert 'sha256' in finding.text


@pytest.mark.parametrize(
    ('state', 'status', 'last_line'),
    [(OK, 0, 'all is well'), (NOTE, 0, 'all is well, with'), (FAILED, 1, f'{1} FAILED')],
)
def test_the_command(
    state: str, status: int, last_line: str, monkeypatch: Patch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        command, 'findings', lambda check: [Finding(check, state, 'as found', 'the remedy')]
    )
    assert cli.main(['doctor', 'models']) == status
    row, remedy, _, last = capsys.readouterr().out.splitlines()
    assert row.split() == [state, 'models', 'as', 'found']
    assert remedy.strip() == '-> the remedy'
    assert last.startswith(last_line)


def test_all_checks_are_made_unless_some_are_named(monkeypatch: Patch) -> None:
    made: list[str] = []

    def findings(check: str) -> list[Finding]:
        made.append(check)
        return []

    monkeypatch.setattr(command, 'findings', findings)
    assert cli.main(['doctor']) == 0
    assert made == list(checks.CHECKS)


def test_a_check_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        cli.main(['doctor', 'heart'])
    assert error.value.code == 2
    assert 'opengl' in capsys.readouterr().err
