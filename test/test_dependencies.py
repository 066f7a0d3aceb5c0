"""What is missing, too old or does not fit is told in one line, with the remedy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from source_files import ROOT, python_files, third_party

from s2r_depth_ros.cli import COMMANDS
from s2r_depth_ros.dependencies import (
    OLDEST_TORCH,
    check_torch,
    dependency_error,
    is_too_old,
)

PICTURE = str(ROOT / 'config' / 'demo_clip' / 'rgb' / '0000.jpg')
MODEL = 'indoor-s'
# Arguments with which a command comes as far as its work.
ARGUMENTS = {
    'node': [],
    'predict': [PICTURE, '--out', 'out'],
    'convert': [
        *('--struct-encoder', 'f', '--struct-decoder', 'f', '--dsa', 'f', '--depth-net', 'f'),
        *('--max-depth', '1', '--name', 'n', '--out', 'n.safetensors'),
    ],
    'info': [MODEL],
    'demo': [],
    'evaluate': ['--manifest', 'm.json', '--model', MODEL],
    'benchmark': [],
    'calibrate_scale': ['--distance', '2'],
    'export': ['--out', 'n.onnx'],
}
NEED_ROS = ('node', 'demo', 'calibrate_scale')
# The doctor tells it as one of its findings, see test/doctor; calibrate_scale asks a node for all.
NEED_TORCH = [command for command in COMMANDS if command not in ('doctor', 'calibrate_scale')]
_WITHOUT = """
import sys
sys.modules[sys.argv.pop(1)] = None  # as if it were not installed
from s2r_depth_ros.cli import main
sys.exit(main())
"""


def error_line(arguments: list[str], folder: Path, path: Path = ROOT) -> str:
    """Return what a command says that must fail as a mistake of its user, in one line."""
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {'PYTHONPATH': f'{path}{os.pathsep}{ROOT}'},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 2, result.stderr
    assert result.stderr.startswith('error: '), result.stderr
    assert result.stderr.count('\n') == 1
    return result.stderr


@pytest.mark.parametrize('command', NEED_TORCH)
def test_every_command_says_that_torch_is_missing(tmp_path: Path, command: str) -> None:
    if command in NEED_ROS:
        pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')
    line = error_line(['-c', _WITHOUT, 'torch', command, *ARGUMENTS[command]], tmp_path)
    assert 'torch is missing' in line
    assert "`pip install --break-system-packages -U torch 'setuptools<80'`" in line


@pytest.mark.parametrize(
    ('module', 'command'),
    [('cv2', 'predict'), ('tqdm', 'predict'), ('tabulate', 'benchmark'), ('cv2', 'export')],
)
def test_what_a_command_needs_is_named(tmp_path: Path, module: str, command: str) -> None:
    line = error_line(['-c', _WITHOUT, module, command, *ARGUMENTS[command]], tmp_path)
    assert f'{module} is missing' in line
    assert 'README.md' in line


@pytest.mark.parametrize('command', NEED_ROS)
def test_ros_that_was_not_sourced_is_told(tmp_path: Path, command: str) -> None:
    line = error_line(['-c', _WITHOUT, 'rclpy', command, *ARGUMENTS[command]], tmp_path)
    assert 'rclpy is missing' in line
    assert 'source /opt/ros/<distro>/setup.bash first' in line


@pytest.mark.parametrize('command', NEED_TORCH)
def test_every_command_says_that_torch_is_too_old(tmp_path: Path, command: str) -> None:
    """An old torch is where the one that fits would be; nothing of it is asked for but this."""
    if command in NEED_ROS:
        pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')
    old = tmp_path / 'old' / 'torch'
    (old / 'nn').mkdir(parents=True)
    names = 'Tensor = dtype = device = no_grad = inference_mode = nn = None'
    (old / '__init__.py').write_text(f"__version__ = '1.13.0a0'\n{names}\n")
    (old / 'nn' / '__init__.py').write_text('functional = Module = None\n')
    arguments = ['-m', 's2r_depth_ros', command, *ARGUMENTS[command]]
    line = error_line(arguments, tmp_path, tmp_path / 'old')
    assert f'torch 1.13.0a0 ({old}) is too old, 2.1 or newer is needed: `pip install' in line


@given(
    version=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    more=st.sampled_from(['', '.0', '.1+cpu', '.0a0+41361538.nv23.06', '.0+debian', 'a0', 'rc1']),
)
def test_versions_are_compared_as_numbers(version: tuple[int, int], more: str) -> None:
    assert is_too_old('{}.{}'.format(*version) + more) == (version < OLDEST_TORCH)


def test_a_version_of_another_kind_is_not_refused() -> None:
    assert not is_too_old('main')


def test_the_torch_of_the_tests_is_good() -> None:
    assert not is_too_old(torch.__version__)
    check_torch()


@pytest.mark.parametrize(
    'text', ['numpy.core.multiarray failed to import', 'numpy._core.multiarray failed to import']
)
def test_a_module_built_for_another_numpy_is_told(text: str) -> None:
    """What OpenCV of the distribution says beside a NumPy 2 from pip, and the reverse."""
    error = dependency_error(ImportError(text))
    assert error is not None
    assert text in str(error)
    assert '`pip uninstall numpy`' in str(error)


def test_a_module_that_is_there_and_cannot_be_loaded_is_told() -> None:
    broken = ImportError('libGL.so.1: cannot open shared object file', name='cv2')
    assert 'cv2 cannot be loaded (libGL.so.1' in str(dependency_error(broken))


@pytest.mark.parametrize(
    ('module', 'command', 'code', 'said'),
    [
        ('yaml', 'node', 'raise ImportError("no reason")', 'no reason'),
        ('rclpy', 'node', 'raise ImportError("no reason")', 'no reason'),
        ('torch', 'info', 'raise ImportError("libtorch.so: not found")', 'libtorch.so: not found'),
        ('torch', 'info', 'import ctypes; ctypes.CDLL("libnone.so")', 'OSError: libnone.so'),
        ('numpy', 'predict', 'raise RuntimeError("odd")', 'RuntimeError: odd'),
        ('tqdm', 'predict', 'import one_that_tqdm_needs', "No module named 'one_that_tqdm_needs'"),
        ('tqdm', 'predict', 'def (', 'SyntaxError: '),
    ],
)
def test_a_package_that_fails_as_it_is_imported_is_named(
    module: str, command: str, code: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / f'{module}.py').write_text(code)
    arguments = ['-m', 's2r_depth_ros', command, *ARGUMENTS[command]]
    line = error_line(arguments, ROOT, tmp_path)
    assert line.startswith(f'error: {module} cannot be loaded ({said}')
    assert ': install it again: ' in line


def test_what_fails_after_the_import_is_a_defect() -> None:
    ours = {'__name__': 's2r_depth_ros.made_up', 'np': np}
    for code in ('raise ImportError("ours")', 'raise RuntimeError("ours")', 'np.zeros(-1)'):
        with pytest.raises((ValueError, RuntimeError, ImportError)) as error:
            exec(compile(code, 'made_up.py', 'exec'), ours)
        assert dependency_error(error.value) is None


@pytest.mark.parametrize('folder', ['s2r_depth_ros', 'launch', 'training'])
def test_everything_that_is_imported_has_a_remedy(folder: str) -> None:
    # Asked for by name, with errors of their own.
    optional = {'triton', 'numba', 'tensorboard', 'tf2_ros', 'simplejpeg'}
    for module in third_party(python_files(folder)) - optional:
        assert dependency_error(ModuleNotFoundError(name=module)), module


@given(name=st.none() | st.text())
def test_a_defect_of_the_package_stays_one(name: str | None) -> None:
    assert (
        dependency_error(ImportError('cannot import name x', name=f's2r_depth_ros.{name}')) is None
    )
