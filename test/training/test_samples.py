from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from made_up_shards import make_set, make_shard

from s2r_depth_ros.errors import UserError
from s2r_depth_training.dataset import samples as samples_module
from s2r_depth_training.dataset.augmentation import Window, random_window
from s2r_depth_training.dataset.config import DataConfig
from s2r_depth_training.dataset.samples import Batch, TrainingSamples, ValidationSamples
from s2r_depth_training.dataset.store import FrameStore


def same(first: Batch, second: Batch) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second))


def test_a_sample_is_decided_by_seed_and_number(store):
    first, again = (TrainingSamples(store, DataConfig(), 3, pairs=True) for _ in range(2))
    assert same(first[7], again[7])
    assert not same(first[7], first[8])
    assert not same(first[7], TrainingSamples(store, DataConfig(), 4, pairs=True)[7])


def test_samples_are_what_the_network_takes(store):
    config = DataConfig(height=96, width=112)
    for number in range(8):
        sample = TrainingSamples(store, config, 0, pairs=True)[number]
        assert sample.image.shape == sample.paired.shape == (3, 96, 112)
        assert sample.image.dtype == sample.depth.dtype == torch.float32
        assert sample.image.min() >= -1
        assert sample.image.max() <= 1
        assert sample.depth.shape == sample.weight.shape == (1, 96, 112)
        assert sample.depth.min() >= config.min_depth
        assert sample.depth.max() <= config.max_depth


def test_without_crop_and_colour_changes_the_frame_comes_through_scaled(store):
    config = DataConfig(crop=0, photometric=False, restyled=0, focal_length=180.0)
    sample = TrainingSamples(store, config, 0)[0]
    frames = [store.frame(k, i) for k in store.kinds for i in range(store.count(k))]
    image = ((sample.image.permute(1, 2, 0) + 1) * 127.5).round().to(torch.uint8).numpy()
    matches = [
        (f, mirrored)
        for f in frames
        for mirrored in (False, True)
        if np.array_equal(f.rgb[:, ::-1] if mirrored else f.rgb, image)
    ]
    (frame, mirrored) = matches[0]
    # A lens of 180 px shows at twice the distance what one of 90 px does.
    truth = 2 * frame.depth.astype(np.float32)
    truth = truth[:, ::-1] if mirrored else truth
    np.testing.assert_allclose(sample.depth[0], truth, rtol=1e-6)


def test_pairs_show_one_geometry_in_two_styles(store):
    config = DataConfig(mix={'indoor': 1.0}, photometric=False)
    sample = TrainingSamples(store, config, 0, pairs=True)[0]
    # The made-up style is the negative.
    np.testing.assert_allclose(sample.image, -sample.paired, atol=0.03)


def test_paintings_lend_their_style_and_leave_depth_alone(store, tmp_path):
    cv2.imwrite(str(tmp_path / 'red.png'), np.full((30, 20, 3), (0, 0, 255), np.uint8))
    plain, with_red = (
        TrainingSamples(store, DataConfig(crop=0, paintings=folder, mix={'indoor': 1.0}), 0)
        for folder in ('', str(tmp_path))
    )
    redness = [
        np.mean([(s[i].image[0] - s[i].image[1:].mean(0)).mean().item() for i in range(40)])
        for s in (plain, with_red)
    ]
    assert redness[1] > redness[0] + 0.2
    assert same(with_red[5], with_red[5])
    scale = DataConfig().focal_length / 90
    stored = [scale * store.frame('indoor', i).depth.astype(np.float32) for i in range(6)]
    for i in range(8):
        depth = with_red[i].depth[0].numpy()
        assert any(np.allclose(depth, d) or np.allclose(depth, d[:, ::-1]) for d in stored)


def test_no_paintings_where_they_are_asked_for_are_an_error(store, tmp_path):
    with pytest.raises(UserError, match='no images that can be read'):
        TrainingSamples(store, DataConfig(paintings=str(tmp_path)), 0)


@pytest.fixture
def flat_walls(tmp_path: Path) -> FrameStore:
    """Rooms and streets that are a wall 4 m away, 128 px wide, seen by a lens of 90 px."""
    paths = []
    for kind in ('indoor', 'street'):
        folder = tmp_path / kind
        folder.mkdir()
        make_shard(folder / 'train.npz', 1, [1], 0)
        with np.load(folder / 'train.npz') as shard:
            wall: dict[str, Any] = {**shard, 'depth': np.full_like(shard['depth'], 4.0)}
        np.savez(folder / 'train.npz', **wall)
        paths.append(make_set(folder, kind, ['train']))
    return FrameStore(paths, 'train')


@pytest.mark.parametrize(('kind', 'widest'), [('street', 2.7), ('indoor', 1.18)])
def test_wide_crops_are_of_the_named_kind_and_seen_as_by_a_wide_lens(
    flat_walls, monkeypatch, kind, widest
):
    windows: list[Window] = []

    def watched(*arguments: Any) -> Window:
        windows.append(random_window(*arguments))
        return windows[-1]

    monkeypatch.setattr(samples_module, 'random_window', watched)
    config = DataConfig(mix={kind: 1.0}, crop=1.0, widest={'street': 2.7})
    samples = TrainingSamples(flat_walls, config, 0)
    metres = np.array([samples[i].depth.mean().item() for i in range(60)])

    _, _, height, width = np.transpose(windows)
    squeezed = width / height / (128 / 96)
    assert 0.8 < squeezed.min() < 0.95
    assert 0.9 * widest < squeezed.max() < 1.05 * widest
    # The window becomes 128 px wide, and its lens of 90 px so many times longer.
    np.testing.assert_allclose(metres, 4.0 * config.focal_length * width / (90 * 128), rtol=1e-5)


def test_validation_frames_never_change(manifests):
    samples = ValidationSamples(FrameStore(manifests, 'validation'), DataConfig(), 2)
    assert len(samples) == 4
    assert same(samples[1], samples[1])
