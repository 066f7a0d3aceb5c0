"""No file that the package reads can run code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from traps import trapped_files

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.evaluation.priors import load_priors
from s2r_depth_ros.export.calibration import calibration_inputs
from s2r_depth_ros.network.checkpoint import load_model, read_metadata
from s2r_depth_ros.network.registry import find_model
from s2r_depth_ros.network.released import load_released
from s2r_depth_ros.network.s2r_depthnet import SUB_NETWORKS
from s2r_depth_ros.network_choices import DEFAULT_MODEL
from s2r_depth_ros.node.arguments import read_arguments
from s2r_depth_ros.parameter_files import ParameterFile

KINDS = list(trapped_files(Path()))
YAML = [
    '!!python/object/apply:os.mkdir [{trap}]',
    'a: !!python/object/new:os.mkdir [{trap}]',
    '/**: {{ros__parameters: {{model: !!python/object/apply:os.mkdir [{trap}]}}}}',
]


def test_the_traps_work(tmp_path: Path) -> None:
    trap = tmp_path / 'trap'
    (tmp_path / 'file.npy').write_bytes(trapped_files(trap)['npy'])
    np.load(tmp_path / 'file.npy', allow_pickle=True)
    assert trap.exists()


def _released(path: Path) -> object:
    return load_released(*[path] * len(SUB_NETWORKS))


def _calibration(path: Path) -> object:
    shard = path.rename(path.with_suffix('.npz'))
    return calibration_inputs(shard.parent, read_metadata(find_model(DEFAULT_MODEL)))


@pytest.mark.filterwarnings('ignore:Detected pickle protocol')
@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize(
    'read', [load_model, read_metadata, load_priors, _released, _calibration]
)  # fmt: skip
def test_pickled_code_is_not_run(read: Callable[[Path], object], kind: str, tmp_path: Path) -> None:
    trap = tmp_path / 'trap'
    folder = tmp_path / 'files'
    folder.mkdir()
    path = folder / 'file.safetensors'
    path.write_bytes(trapped_files(trap)[kind])
    with pytest.raises(UserError, match='file'):
        read(path)
    assert not trap.exists()


@pytest.mark.parametrize('text', YAML)
def test_code_in_a_parameter_file_is_not_run(text: str, tmp_path: Path) -> None:
    trap, path = tmp_path / 'trap', tmp_path / 'parameters.yaml'
    path.write_text(text.format(trap=trap))
    with pytest.raises(UserError, match=r'parameters\.yaml'):
        ParameterFile(str(path)).for_node('/depth')
    assert not trap.exists()


@pytest.mark.parametrize('text', YAML)
def test_code_in_a_parameter_of_the_command_line_is_not_run(text: str, tmp_path: Path) -> None:
    trap = tmp_path / 'trap'
    read_arguments(['--ros-args', '-p', f'model:={text.format(trap=trap)}'])  # a text to it
    assert not trap.exists()
