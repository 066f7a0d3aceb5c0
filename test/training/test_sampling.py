from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_shards import make_set

from s2r_depth_training.dataset.config import DataConfig
from s2r_depth_training.dataset.samples import TrainingSamples, ValidationSamples
from s2r_depth_training.dataset.sampling import StepSampler
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.errors import DataError


def test_only_typical_frames_are_drawn_and_judged(tmp_path):
    """Medians of 0.8, 1.6, 3.2 and 6.4 m in the canonical camera, and 1.6 m with much far away."""
    depth = np.repeat(np.array([1, 2, 4, 8, 2], np.float16), 60 * 80).reshape(5, 60, 80)
    depth[4, :10] = 30
    arrays: dict[str, Any] = {
        'rgb': np.zeros((5, 60, 80, 3), np.uint8),
        'depth': depth,
        'intrinsics': np.tile(
            np.array([78.125, 78.125, 40, 30], np.float32), (5, 1)
        ),  # 125 at 128 px
    }
    for number, split in enumerate(('train', 'validation')):
        np.savez(tmp_path / f'{split}.npz', **arrays, scene=np.arange(5) + 10 * number)
    manifest = make_set(tmp_path, 'indoor')
    drawn, judged = (FrameStore([manifest], split) for split in ('train', 'validation'))
    config = DataConfig(crop=0, photometric=False, typical={'indoor': [0.7, 1.7, 3.0]})
    samples = TrainingSamples(drawn, config, seed=0)
    drawn_medians = {round(samples[i].depth.median().item(), 3) for i in range(30)}
    assert drawn_medians == {0.8, 1.6}
    frames = ValidationSamples(judged, config, 9)
    medians = [round(frames[i].depth.median().item(), 3) for i in range(len(frames))]
    assert medians == [0.8, 1.6]
    config.typical = {'indoor': [20.0, 30.0, 3.0]}
    with pytest.raises(DataError, match=r'200 frames of kind indoor .*data\.typical'):
        TrainingSamples(drawn, config, seed=0)[0]
    with pytest.raises(DataError, match=r'indoor is within data\.typical'):
        ValidationSamples(judged, config, 9)


def test_mix_must_name_kinds_that_exist(store):
    with pytest.raises(DataError, match='attic'):
        TrainingSamples(store, DataConfig(mix={'attic': 1.0}), 0)


@given(st.integers(0, 5), st.integers(1, 4), st.integers(1, 3))
def test_processes_share_the_samples_of_one_process(start, batch, world):
    end = start + 3
    together = list(StepSampler(start, end, batch * world))
    parts = [list(StepSampler(start, end, batch, r, world)) for r in range(world)]
    by_step = [part[s * batch : (s + 1) * batch] for s in range(end - start) for part in parts]
    assert [n for step in by_step for n in step] == together


def test_a_resumed_sampler_goes_on():
    assert list(StepSampler(0, 5, 2))[6:] == list(StepSampler(3, 5, 2))
