from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_shards import make_shard

from s2r_depth_ros.errors import UserError
from s2r_depth_training.dataset import data
from s2r_depth_training.dataset.augmentation import crop_and_resize, photometric, random_window
from s2r_depth_training.dataset.data import (
    DataError,
    FrameStore,
    StepSampler,
    TrainingSamples,
    ValidationSamples,
    canonical_depth,
)
from s2r_depth_training.runs.experiment import DataConfig


@pytest.fixture(scope='module')
def store(manifests):
    return FrameStore(manifests, 'train')


def same(first, second):
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


@given(st.floats(20, 400), st.floats(0.2, 60))
@settings(deadline=None, max_examples=30)
def test_zoom_and_canonical_camera_cancel(fx, metres):
    """Cropping to a half doubles fx and halves canonical depth; what is not sky is not clipped."""
    config = DataConfig(max_depth=1e6, min_depth=1e-6)
    depth = np.full((4, 4), metres, np.float32)
    whole, weight = canonical_depth(depth, fx, True, config)
    half, _ = canonical_depth(depth, 2 * fx, True, config)
    np.testing.assert_allclose(whole, metres * config.focal_length / fx, rtol=1e-5)
    np.testing.assert_allclose(half, whole / 2, rtol=1e-5)
    assert weight.min() == 1


def test_zero_depth_is_far_sky_or_unknown():
    config = DataConfig()
    depth = np.array([[0.0, 5.0]], np.float32)
    metres, weight = canonical_depth(depth, 100.0, True, config)
    assert metres[0, 0] == config.max_depth
    np.testing.assert_array_equal(weight, np.float32([[config.sky_weight, 1]]))
    _, weight = canonical_depth(depth, 100.0, False, config)
    np.testing.assert_array_equal(weight, np.float32([[0, 1]]))


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


def test_mix_must_name_kinds_that_exist(store):
    with pytest.raises(DataError, match='attic'):
        TrainingSamples(store, DataConfig(mix={'attic': 1.0}), 0)


@given(st.integers(0, 10_000), st.floats(0.5, 4.0), st.floats(0.3, 1.0), st.floats(1.0, 3.0))
@settings(deadline=None, max_examples=50)
def test_windows_lie_inside(seed, aspect, smallest, widest):
    rng = np.random.default_rng(seed)
    top, left, height, width = random_window(96, 128, aspect, smallest, rng, widest)
    assert 0 <= top <= top + height <= 96
    assert 0 <= left <= left + width <= 128
    assert min(height, width) >= 1


@pytest.fixture
def flat_walls(tmp_path):
    """Rooms and streets that are a wall 4 m away, 128 px wide, seen by a lens of 90 px."""
    paths = []
    for kind in ('indoor', 'street'):
        (tmp_path / kind).mkdir()
        make_shard(tmp_path / kind / 'a.npz', 1, [1], 0)
        with np.load(tmp_path / kind / 'a.npz') as shard:
            wall = {**shard, 'depth': np.full_like(shard['depth'], 4.0)}
        np.savez(tmp_path / kind / 'a.npz', **wall)
        shards = [{'file': 'a.npz', 'split': 'train'}]
        paths.append(write(tmp_path / kind, kind=kind, shards=shards))
    return FrameStore(paths, 'train')


@pytest.mark.parametrize(('kind', 'widest'), [('street', 2.7), ('indoor', 1.18)])
def test_wide_crops_are_of_the_named_kind_and_seen_as_by_a_wide_lens(
    flat_walls, monkeypatch, kind, widest
):
    windows = []

    def watched(*arguments):
        windows.append(random_window(*arguments))
        return windows[-1]

    monkeypatch.setattr(data, 'random_window', watched)
    config = DataConfig(mix={kind: 1.0}, crop=1.0, widest={'street': 2.7})
    samples = TrainingSamples(flat_walls, config, 0)
    metres = np.array([samples[i].depth.mean().item() for i in range(60)])

    _, _, height, width = np.transpose(windows)
    squeezed = width / height / (128 / 96)
    assert 0.8 < squeezed.min() < 0.95
    assert 0.9 * widest < squeezed.max() < 1.05 * widest
    # The window becomes 128 px wide, and its lens of 90 px so many times longer.
    np.testing.assert_allclose(metres, 4.0 * config.focal_length * width / (90 * 128), rtol=1e-5)


def test_only_typical_frames_are_drawn_and_judged(tmp_path):
    """Medians of 0.8, 1.6, 3.2 and 6.4 m in the canonical camera, and 1.6 m with much far away."""
    depth = np.repeat(np.float16([1, 2, 4, 8, 2]), 60 * 80).reshape(5, 60, 80)
    depth[4, :10] = 30
    arrays = {
        'rgb': np.zeros((5, 60, 80, 3), np.uint8),
        'depth': depth,
        'intrinsics': np.tile(np.float32([78.125, 78.125, 40, 30]), (5, 1)),  # 125 at 128 px
    }
    for number, split in enumerate(('train', 'validation')):
        np.savez(tmp_path / f'{split}.npz', **arrays, scene=np.arange(5) + 10 * number)
    shards = [{'file': f'{split}.npz', 'split': split} for split in ('train', 'validation')]
    manifest = write(tmp_path, kind='indoor', shards=shards)
    drawn, judged = (FrameStore([manifest], split) for split in ('train', 'validation'))
    config = DataConfig(crop=0, photometric=False, typical={'indoor': [0.7, 1.7, 3.0]})
    samples = TrainingSamples(drawn, config, seed=0)
    medians = {round(samples[i].depth.median().item(), 3) for i in range(30)}
    assert medians == {0.8, 1.6}
    frames = ValidationSamples(judged, config, 9)
    medians = [round(frames[i].depth.median().item(), 3) for i in range(len(frames))]
    assert medians == [0.8, 1.6]
    config.typical = {'indoor': [20.0, 30.0, 3.0]}
    with pytest.raises(DataError, match=r'200 frames of kind indoor .*data\.typical'):
        TrainingSamples(drawn, config, seed=0)[0]
    with pytest.raises(DataError, match=r'indoor is within data\.typical'):
        ValidationSamples(judged, config, 9)


def test_depth_is_not_mixed_at_edges():
    depth = np.where(np.arange(128) < 50, 1.0, 9.0).astype(np.float32) * np.ones((96, 1), 'f4')
    small = crop_and_resize(depth, (3, 5, 80, 101), (96, 128), nearest=True)
    assert set(np.unique(small)) == {1.0, 9.0}


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=40)
def test_every_augmentation_gives_a_finite_image(seed):
    rng = np.random.default_rng(seed)
    rgb, donor = rng.integers(0, 256, (2, 96, 128, 3), np.uint8)
    image = photometric(rgb, donor, rng)
    assert image.shape == (96, 128, 3)
    assert image.dtype == np.float32
    assert np.isfinite(image).all()
    assert 0 <= image.min() <= image.max() <= 1


def test_validation_frames_never_change(manifests):
    samples = ValidationSamples(FrameStore(manifests, 'validation'), DataConfig(), frames=2)
    assert len(samples) == 4
    assert same(samples[1], samples[1])


@given(st.integers(0, 5), st.integers(1, 4), st.integers(1, 3))
def test_processes_share_the_samples_of_one_process(start, batch, world):
    end = start + 3
    together = list(StepSampler(start, end, batch * world))
    parts = [list(StepSampler(start, end, batch, r, world)) for r in range(world)]
    by_step = [part[s * batch : (s + 1) * batch] for s in range(end - start) for part in parts]
    assert [n for step in by_step for n in step] == together


def test_a_resumed_sampler_goes_on():
    assert list(StepSampler(0, 5, 2))[6:] == list(StepSampler(3, 5, 2))


def write(folder, **content):
    path = folder / 'manifest.json'
    path.write_text(json.dumps(content))
    return path


def test_a_scene_in_both_splits_is_refused(tmp_path):
    make_shard(tmp_path / 'a.npz', 2, [1, 2], 0)
    make_shard(tmp_path / 'b.npz', 2, [2, 3], 1)
    shards = [{'file': 'a.npz', 'split': 'train'}, {'file': 'b.npz', 'split': 'validation'}]
    with pytest.raises(DataError, match='scene 2 is in both splits'):
        FrameStore([write(tmp_path, kind='indoor', shards=shards)], 'train')


def test_the_manifest_says_what_zero_depth_means(tmp_path):
    make_shard(tmp_path / 'a.npz', 2, [1], 0)
    shards = [{'file': 'a.npz', 'split': 'train'}]
    for kind, more, sky in (
        ('street', {}, True),
        ('indoor', {}, False),
        ('street', {'zero_depth': 'unknown'}, False),
        ('indoor', {'zero_depth': 'sky'}, True),
    ):
        store = FrameStore([write(tmp_path, kind=kind, shards=shards, **more)], 'train')
        assert store.frame(kind, 0).zero_is_sky == sky


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({'kind': 'indoor', 'shards': []}, 'no train shards'),
        ({'kind': 'indoor', 'shards': [{'file': 'none', 'split': 'train'}]}, 'is not a shard'),
        ({'kind': 'indoor', 'shards': [{'file': 'none'}]}, "KeyError.'split'"),
        ({'shards': []}, "KeyError.'kind'"),
    ],
)
def test_wrong_sets_are_named(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        FrameStore([write(tmp_path, **content)], 'train')


def test_a_shard_without_depth_is_refused(tmp_path):
    np.savez(tmp_path / 'a.npz', rgb=np.zeros((1, 96, 128, 3), np.uint8))
    shards = [{'file': 'a.npz', 'split': 'train'}]
    with pytest.raises(DataError, match='lacks depth, intrinsics, scene'):
        FrameStore([write(tmp_path, kind='indoor', shards=shards)], 'train')
