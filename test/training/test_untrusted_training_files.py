"""No file that the training reads can run code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from traps import trapped_files

from s2r_depth_ros.errors import UserError
from s2r_depth_training.adaptation.tuning import load_course
from s2r_depth_training.dataset.mapped_arrays import MappedArrays
from s2r_depth_training.importing.files import read_numpy
from s2r_depth_training.runs.checkpoint import load_checkpoint
from s2r_depth_training.runs.experiment import Experiment, load_experiment
from s2r_depth_training.runs.fit import fit
from s2r_depth_training.runs.step import TrainingStep
from s2r_depth_training.runs.trunk import load_trunk


def _course(path: Path) -> object:
    step: TrainingStep = None  # type: ignore[assignment]  # nothing is read for it
    return load_course(path, step, {})


def _shard(path: Path) -> object:
    return dict(MappedArrays(path))


@pytest.mark.filterwarnings('ignore:Detected pickle protocol')
@pytest.mark.parametrize('kind', list(trapped_files(Path())))
@pytest.mark.parametrize('read', [load_checkpoint, load_trunk, _course, _shard, read_numpy])
def test_pickled_code_is_not_run(read: Callable[[Path], object], kind: str, tmp_path: Path) -> None:
    trap, path = tmp_path / 'trap', tmp_path / 'file'
    path.write_bytes(trapped_files(trap)[kind])
    with pytest.raises(UserError, match='file'):
        read(path)
    assert not trap.exists()


def test_a_run_does_not_go_on_from_a_checkpoint_with_code(
    experiment: Experiment, tmp_path: Path
) -> None:
    trap = tmp_path / 'trap'
    out = tmp_path / 'out'
    (out / 'joint').mkdir(parents=True)
    (out / 'joint' / 'last.ckpt').write_bytes(trapped_files(trap)['torch'])
    with pytest.raises(UserError, match=r'last\.ckpt'):
        fit(experiment, out)
    assert not trap.exists()


def test_code_in_an_experiment_is_not_run(tmp_path: Path) -> None:
    trap, path = tmp_path / 'trap', tmp_path / 'experiment.yaml'
    path.write_text(f'width: !!python/object/apply:os.mkdir [{trap}]')
    with pytest.raises(UserError, match=r'experiment\.yaml'):
        load_experiment(path)
    assert not trap.exists()
