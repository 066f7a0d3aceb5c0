"""The import contract of pyproject.toml holds; no star imports, no unpickling."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import tomllib
from source_files import ROOT, imported_modules, python_files, third_party


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run lint-imports in ``folder``, a checkout or a copy of one."""
    linter = Path(sys.executable).with_name('lint-imports')
    if not linter.is_file():
        pytest.skip('import-linter is not installed')
    environment = os.environ | {'PYTHONPATH': os.pathsep.join(['.', 'training'])}
    return subprocess.run(
        [linter, '--no-logo', '--no-cache'],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the contract is about."""
    shutil.copy(ROOT / 'pyproject.toml', tmp_path)
    for folder in ('s2r_depth_ros', 'training/s2r_depth_training'):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def test_the_import_contract_holds_without_exceptions() -> None:
    assert 'ignore_imports' not in (ROOT / 'pyproject.toml').read_text()
    result = _lint(ROOT)
    assert result.returncode == 0, result.stdout


def _node_modules(files: Iterable[Path]) -> set[str]:
    """Return the names of the modules of the node that files import."""
    imported = (name.split('.') for file in files for name in imported_modules(file))
    return {parts[2] for parts in imported if parts[:2] == ['s2r_depth_ros', 'node']}


def test_every_module_of_the_node_is_interface_or_protected() -> None:
    assert _contract('node-main')['allowed_importers'] == ['s2r_depth_ros.cli']
    protected = {n.split('.')[2] for n in _contract('node-interface')['protected_modules']}
    folder = ROOT / 's2r_depth_ros' / 'node'
    others = [file for file in python_files('s2r_depth_ros') if folder not in file.parents]
    interface = _node_modules(others)
    modules = {file.stem for file in folder.iterdir()} - {'__init__', '__pycache__'}
    assert interface | protected == modules
    assert not interface & protected
    documented = re.split('The interface|All else', (folder / '__init__.py').read_text())[1]
    names = re.findall(r'``(\w+)``', ''.join(re.findall('^- (.*?):', documented, re.MULTILINE)))
    assert set(names) == interface


# What each room below the node may import from outside Python and this package. Import-linter has
# deny lists only, which know no package that is new.
_OUTSIDE = {
    'network': {'torch', 'triton'},
    'geometry': {'numpy', 'cv2'},
    'inference': {'numpy', 'cv2', 'torch'},
    'media': {'numpy', 'cv2', 'rosbags', 'simplejpeg'},
    'evaluation': {'numpy', 'cv2', 'torch'},
    'benchmark': {'numpy', 'cv2', 'torch'},
    'export': {'numpy', 'torch'},
    'launch_arguments': set(),
    'transport': set(),
    'ros_environment': set(),
    'tables': {'tabulate'},
    'command_table': set(),
    'option_values': set(),
    'network_choices': set(),
    'size_rule': set(),
    'parameter_files': {'yaml'},
    'share': set(),
    'files': set(),
    'dependencies': {'numpy', 'torch'},
    'errors': set(),
}


def _contract(identifier: str) -> dict[str, Any]:
    settings = tomllib.loads((ROOT / 'pyproject.toml').read_text())['tool']['importlinter']
    (found,) = (c for c in settings['contracts'] if c['id'] == identifier)
    return dict(found)


def _below_the_node() -> set[str]:
    layers = _contract('package')['layers']
    lines = layers[layers.index('node') + 1 :]
    return {name.strip() for line in lines for name in line.split('|')}


def _files_of(room: str) -> list[Path]:
    path = ROOT / 's2r_depth_ros' / room
    return python_files(str(path)) if path.is_dir() else [path.with_suffix('.py')]


def test_every_room_below_the_node_is_kept_free_of_ros() -> None:
    names = {f's2r_depth_ros.{room}' for room in _below_the_node()}
    assert set(_contract('ros-in-node-only')['source_modules']) == names | {'s2r_depth_training'}


def test_rooms_below_the_node_import_from_outside_what_they_may() -> None:
    assert _below_the_node() == set(_OUTSIDE)
    imported = {room: third_party(_files_of(room)) for room in _OUTSIDE}
    assert imported == _OUTSIDE


def test_an_import_by_name_is_seen(tmp_path: Path) -> None:
    file = tmp_path / 'hidden.py'
    file.write_text("import importlib\n\nros = importlib.import_module('rclpy.node')\n")
    assert third_party([file]) == {'rclpy'}


@pytest.mark.parametrize(
    ('file', 'line'),
    [
        ('s2r_depth_ros/network/blocks.py', 'import s2r_depth_ros.inference.estimator'),
        ('s2r_depth_ros/inference/estimator.py', 'import s2r_depth_ros.node.topics'),
        ('s2r_depth_ros/inference/estimator.py', 'import rclpy'),
        ('s2r_depth_ros/rig/clip.py', 'import s2r_depth_ros.demo.demo'),
        ('s2r_depth_ros/rig/clip.py', 'import s2r_depth_ros.node.depth_node'),
        ('s2r_depth_ros/rig/child.py', 'import s2r_depth_ros.node.main'),
        ('s2r_depth_ros/demo/demo.py', 'import s2r_depth_ros.graph_benchmark.graphs'),
        ('training/s2r_depth_training/runs/fit.py', 'import s2r_depth_ros.commands.evaluate'),
        ('training/s2r_depth_training/dataset/store.py', 'import s2r_depth_training.runs.fit'),
    ],
)
def test_an_import_against_the_direction_is_found(checkout: Path, file: str, line: str) -> None:
    name = line.removeprefix('import ')
    # A contract does not look at a module that does not exist, so the line would test nothing.
    assert name == 'rclpy' or list(checkout.rglob(f'{name.replace(".", "/")}.py')), name
    with (checkout / file).open('a') as source:
        source.write(f'\n{line}\n')
    result = _lint(checkout)
    assert result.returncode == 1
    assert 'BROKEN' in result.stdout


@pytest.mark.parametrize('folder', ['s2r_depth_ros', 'training', 'test', 'launch'])
def test_no_star_imports_and_no_unpickling_of_foreign_code(folder: str) -> None:
    wrong = []
    for file in python_files(folder):
        text = file.read_text()
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.ImportFrom | ast.Call):
                continue
            star = isinstance(node, ast.ImportFrom) and node.names[0].name == '*'
            load = (
                isinstance(node, ast.Call)
                and ast.unparse(node.func) == 'torch.load'
                and 'weights_only=True' not in text.splitlines()[node.lineno - 1]
            )
            if star or load:
                wrong.append(f'{file.relative_to(ROOT)}:{node.lineno}')
    assert not wrong
