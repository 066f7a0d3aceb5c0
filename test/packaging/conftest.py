"""The package as colcon installs it, built once for the tests of this folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from installed import Installation
from source_files import ROOT, repository_files


@pytest.fixture(scope='session')
def installation(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Installation:
    """Build a copy of the repository in a temporary workspace, with one more model in it."""
    colcon = Path(sys.executable).with_name('colcon')
    if not colcon.is_file():
        found = shutil.which('colcon')
        if found is None:
            pytest.skip('colcon is not installed')
        colcon = Path(found)
    workspace = tmp_path_factory.mktemp('workspace')
    source = workspace / 'src' / 's2r_depth_ros'
    for file in repository_files():
        copy = source / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, copy)
    (source / 'models').mkdir(exist_ok=True)
    shutil.copy2(tiny_model, source / 'models' / 'tiny.safetensors')

    environment = {k: v for k, v in os.environ.items() if k not in ('PYTHONPATH', 'PYTHONHOME')}
    environment.setdefault('AMENT_PREFIX_PATH', sys.prefix)
    build = subprocess.run(
        [colcon, 'build', '--packages-select', 's2r_depth_ros'],
        cwd=workspace,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert build.returncode == 0, build.stdout + build.stderr
    sourced = subprocess.run(
        ['bash', '-c', 'source install/setup.bash >/dev/null && env -0'],
        cwd=workspace,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    entries = (entry.partition('=') for entry in sourced.stdout.split('\0') if entry)
    return Installation(
        prefix=workspace / 'install' / 's2r_depth_ros',
        environment={name: value for name, _, value in entries},
    )
