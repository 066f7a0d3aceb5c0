from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from s2r_depth_ros.export.calibration import calibration_inputs
from s2r_depth_ros.media.sources import SourceError
from s2r_depth_ros.network.metadata import ModelMetadata


def test_shards_of_the_training_set_calibrate(metadata: ModelMetadata, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for index, count in enumerate((200, 3)):
        rgb = generator.integers(0, 256, (count, 96, 128, 3), np.uint8)
        np.savez(tmp_path / f'{index}.npz', rgb=rgb)
    inputs = calibration_inputs(tmp_path, metadata)
    assert len(inputs) == 51
    assert {array.shape for array in inputs} == {(1, 3, 96, 128)}


@pytest.mark.parametrize(
    ('arrays', 'told'),
    [
        (None, 'is not a shard with images'),
        ({'depth': np.zeros(3)}, 'is not a shard with images'),
        ({'rgb': np.zeros((2, 9, 9, 3))}, r'rgb is float64 \(2, 9, 9, 3\), not uint8'),
        ({'rgb': np.zeros((9, 9, 3), np.uint8)}, r'rgb is uint8 \(9, 9, 3\), not uint8 \[N'),
    ],
)
def test_another_file_among_the_shards_is_named(
    metadata: ModelMetadata, tmp_path: Path, arrays: dict[str, Any] | None, told: str
) -> None:
    path = tmp_path / 'x.npz'
    path.touch()
    if arrays:
        np.savez(path, **arrays)
    with pytest.raises(SourceError, match=f'x.npz:? {told}'):
        calibration_inputs(tmp_path, metadata)
