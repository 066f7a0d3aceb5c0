from __future__ import annotations

from pathlib import Path

import numpy as np

from s2r_depth_ros.export.calibration import calibration_inputs
from s2r_depth_ros.network.metadata import ModelMetadata


def test_shards_of_the_training_set_calibrate(metadata: ModelMetadata, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for index, count in enumerate((200, 3)):
        rgb = generator.integers(0, 256, (count, 96, 128, 3), np.uint8)
        np.savez(tmp_path / f'{index}.npz', rgb=rgb)
    inputs = calibration_inputs(tmp_path, metadata)
    assert len(inputs) == 51
    assert {array.shape for array in inputs} == {(1, 3, 96, 128)}
