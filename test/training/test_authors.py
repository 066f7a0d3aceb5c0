"""The authors' way from a frame to a sample is that of Pillow, which they use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from made_up_shards import make_set, make_shard
from PIL import Image, ImageEnhance

from s2r_depth_training.dataset.authors import (
    bicubic_colour,
    bicubic_depth,
    darkened,
    turned,
    turned_depth,
)
from s2r_depth_training.dataset.config import DataConfig
from s2r_depth_training.dataset.device_frames import load_device_frames
from s2r_depth_training.dataset.device_samples import DeviceSamples
from s2r_depth_training.dataset.samples import TrainingSamples, ValidationSamples
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.errors import ConfigError, DataError
from s2r_depth_training.runs.checkpoint import metadata_of
from s2r_depth_training.runs.experiment import Experiment
from s2r_depth_training.runs.fit import fit

RNG = np.random.default_rng(0)
# Not noise alone: of what overshoots, the order of the axes decides what is cut to a byte.
NOISE = RNG.integers(0, 255, (75, 124, 3), np.uint8)
RGB = np.asarray(cv2.GaussianBlur(NOISE, (0, 0), 1.0), np.uint8)
WHOLE = (0, 0, 75, 124)
PLAIN = DataConfig(crop=0, photometric=False, restyled=0, min_depth=0.001, focal_length=90.0)


def smooth(height: int, width: int) -> Any:
    y, x = np.mgrid[0:height, 0:width]
    return (4 + 2 * np.sin(0.11 * x + 0.07 * y)).astype(np.float32)


@pytest.mark.parametrize('size', [(96, 160), (32, 64), (75, 124), (40, 200)])
def test_colours_are_resized_as_pillow_does(size):
    expected = np.asarray(Image.fromarray(RGB).resize(size[::-1], Image.Resampling.BICUBIC))
    got = bicubic_colour(RGB, WHOLE, size)
    assert got.dtype == np.uint8
    assert np.abs(got.astype(int) - expected).max() <= 2
    assert np.abs(got.astype(int) - expected).mean() < 0.5


@pytest.mark.parametrize('sky', [True, False])
def test_depth_is_resized_as_pillow_does_and_stays_what_it_was_at_its_own_size(sky):
    depth = smooth(75, 124)
    expected = np.asarray(Image.fromarray(depth).resize((64, 32), Image.Resampling.BICUBIC))
    np.testing.assert_allclose(bicubic_depth(depth, WHOLE, (32, 64), sky), expected, atol=1e-4)
    np.testing.assert_allclose(bicubic_depth(depth, WHOLE, (75, 124), sky), depth, rtol=1e-6)


def test_a_window_is_cut_before_it_is_resized():
    depth = smooth(75, 124)
    part = bicubic_depth(depth, (10, 20, 40, 60), (20, 30), False)
    np.testing.assert_array_equal(
        part, bicubic_depth(depth[10:50, 20:80], (0, 0, 40, 60), (20, 30), False)
    )


def test_sky_is_mixed_as_far_and_what_overshoots_is_neither_sky_nor_known():
    depth = smooth(80, 120)
    depth[:40] = 0
    mixed = bicubic_depth(depth, (0, 0, 80, 120), (39, 60), True)
    assert (mixed[:18] == 0).all()  # sky, and kept so
    assert ((mixed > 0) & (mixed < 0.001)).any()  # beside it
    assert (mixed[19] > 80).all()  # half sky
    whole = bicubic_depth(smooth(80, 120), (0, 0, 80, 120), (39, 60), True)
    np.testing.assert_allclose(mixed[25:], whole[25:], atol=1e-3)


def test_what_mixes_with_the_unknown_is_unknown():
    depth = smooth(80, 120)
    depth[40, 60] = 0
    mixed = bicubic_depth(depth, (0, 0, 80, 120), (40, 60), False)
    gone = np.argwhere(mixed == 0)
    assert 4 <= len(gone) <= 25
    assert np.abs(gone - [20, 30]).max() <= 3
    whole = bicubic_depth(smooth(80, 120), (0, 0, 80, 120), (40, 60), False)
    np.testing.assert_allclose(mixed[mixed > 0], whole[mixed > 0], rtol=1e-5)


@given(st.floats(-5, 5).filter(lambda d: abs(d) > 0.5))
def test_images_turn_as_pillow_turns_them(degrees):
    picture = np.repeat((smooth(96, 128) * 30)[..., None], 3, 2).astype(np.uint8)
    expected = np.asarray(Image.fromarray(picture).rotate(degrees, Image.Resampling.BICUBIC))
    got = turned(picture, degrees)
    inner = (slice(4, -4), slice(4, -4))
    assert np.abs(got.astype(int) - expected)[inner].mean() < 1.0
    other = turned(picture, -degrees)
    difference = np.abs(other.astype(int) - expected)[inner].mean()
    assert difference > 1.5 * np.abs(got.astype(int) - expected)[inner].mean()


def test_depth_turns_with_its_image_and_corners_are_near_and_count():
    depth, weight = smooth(96, 128), np.ones((96, 128), np.float32)
    weight[48, 90] = 0
    metres, weights = turned_depth(depth, weight, 5.0, 0.001)
    assert metres[0, 0] == pytest.approx(0.001)
    assert weights[0, 0] == 1
    picture = np.repeat((depth * 40)[..., None], 3, 2).astype(np.uint8)
    np.testing.assert_allclose(
        metres[10:-10, 10:-10] * 40, turned(picture, 5.0)[10:-10, 10:-10, 0], atol=2
    )
    unknown = np.argwhere(weights == 0)
    angle = np.deg2rad(5)
    place = [47.5 + 0.5 * np.cos(angle) - 26.5 * np.sin(angle), 63.5 + 26.5 * np.cos(angle)]
    assert len(unknown) >= 4
    assert np.abs(unknown - place).max() <= 3
    assert (turned_depth(depth, weight, 0.0, 0.001)[0] == depth).all()


class Fixed:
    """In place of the generator: the factors that a test has chosen."""

    def __init__(self, *factors: float) -> None:
        self.factors = np.array(factors)

    def uniform(self, low: float, high: float, count: int) -> Any:
        assert (low, high, count) == (0.8, 1.0, 3)
        return self.factors


@pytest.mark.parametrize('factors', [(0.8, 1, 1), (1, 0.8, 1), (1, 1, 0.8), (0.87, 0.81, 0.93)])
def test_darkening_is_pillows_brightness_contrast_and_saturation(factors):
    expected = Image.fromarray(RGB)
    enhancers = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
    for enhancer, factor in zip(enhancers, factors):
        expected = enhancer(expected).enhance(factor)
    chosen: Any = Fixed(*factors)
    got = darkened(RGB.astype(np.float32) / np.float32(255), chosen)
    assert np.abs(got * 255 - np.asarray(expected)).max() < 3
    assert np.abs(got * 255 - RGB).max() > 10


# ---------------------------------------------------------------- in samples


def test_half_of_the_samples_turn_and_their_corners_are_learnt(store):
    samples = TrainingSamples(store, replace(PLAIN, rotation=5.0, mix={'indoor': 1.0}), 0)
    corners = [(s.depth[0, 0, 0].item(), s.weight[0, 0, 0].item(), s.image[:, 0, 0])
               for s in map(samples.__getitem__, range(60))]  # fmt: skip
    near = [c for c in corners if c[0] == pytest.approx(0.001)]
    assert 15 <= len(near) <= 45
    assert all(weight == 1 and (colour == -1).all() for _, weight, colour in near)
    still = TrainingSamples(store, replace(PLAIN, mix={'indoor': 1.0}), 0)
    assert all(still[i].depth.min() > 0.1 for i in range(20))


def test_half_of_the_samples_are_darker(store):
    plain, dark = (TrainingSamples(store, replace(PLAIN, darken=d), 0) for d in (False, True))
    change = [(dark[i].image - plain[i].image).mean().item() for i in range(60)]
    assert 15 <= sum(c < -1e-3 for c in change) <= 45
    assert all(c <= 1e-6 for c in change)
    assert min(change) > -0.5


def test_frames_are_resized_by_the_experiments_word(store):
    small = replace(PLAIN, height=96, width=112)
    bicubic = TrainingSamples(store, replace(small, resize='bicubic'), 0)
    area = TrainingSamples(store, small, 0)
    assert any(not torch.equal(bicubic[i].image, area[i].image) for i in range(4))
    values = [set(np.unique(s[3].depth.numpy())) for s in (bicubic, area)]
    assert len(values[0]) > len(values[1])  # mixed, not picked
    judged = ValidationSamples(store, replace(small, resize='bicubic'), 2)
    assert not torch.equal(judged[0].depth, ValidationSamples(store, small, 2)[0].depth)


@contextmanager
def changed_depth(path: Path, frames: int = 1) -> Iterator[Any]:
    """Write a shard of made-up frames with the depth [N, H, W] that the block makes of theirs."""
    make_shard(path, frames, [1], 0, restyled=False)
    with np.load(path) as shard:
        arrays: dict[str, Any] = dict(shard)
    yield arrays['depth']
    np.savez(path, **arrays)


@pytest.fixture
def streets(tmp_path: Path) -> Path:
    """A street under a sky, 96x128."""
    with changed_depth(tmp_path / 'train.npz', frames=2) as depth:
        depth[:, :30] = 0
    return make_set(tmp_path, 'street', ['train'])


@pytest.mark.parametrize('resize', ['area', 'bicubic'])
@pytest.mark.parametrize('weight', [1.0, 0.2, 0.0])
def test_sky_counts_as_much_as_is_said(streets, resize, weight):
    config = replace(PLAIN, resize=resize, sky_weight=weight, height=96, width=112)
    sample = TrainingSamples(FrameStore([streets], 'train'), config, 0)[0]
    assert sample.weight[0, 10, 50].item() == pytest.approx(weight)
    assert sample.depth[0, 10, 50] == 80
    assert sample.weight[0, 60, 50] == 1


def test_sparse_depth_is_refused_where_it_would_be_mixed(tmp_path):
    with changed_depth(tmp_path / 'train.npz') as depth:
        depth[:, ::2] = 0
        depth[:, :20, :20] = 3  # one dense patch makes it no better
    store = FrameStore([make_set(tmp_path, 'indoor', ['train'])], 'train')
    config = replace(PLAIN, resize='bicubic', height=112, width=112)
    with pytest.raises(DataError, match=r'too sparse for data\.resize: bicubic'):
        TrainingSamples(store, config, 0)[0]
    assert (TrainingSamples(store, replace(config, resize='area'), 0)[0].weight > 0).any()
    turning = TrainingSamples(store, replace(config, resize='area', rotation=5.0), 0)
    with pytest.raises(DataError, match=r'too sparse for data\.rotation, .* use 0'):
        _ = [turning[i] for i in range(20)]


@pytest.mark.parametrize('change', [{'resize': 'bicubic'}, {'rotation': 1.0}, {'darken': True}])
def test_pieces_on_a_gpu_refuse_what_they_do_not_know(manifests, change):
    config = replace(PLAIN, **change)
    frames = load_device_frames(manifests, config, torch.device('cpu'))
    with pytest.raises(ConfigError, match='train by `fit`'):
        DeviceSamples(frames, config, torch.Generator())


@pytest.mark.parametrize(
    ('change', 'told'),
    [
        ({'resize': 'nearest'}, "data.resize is 'nearest'; use one of area, bicubic"),
        ({'rotation': -1.0}, 'data.rotation is -1; give 0 to 45 degrees'),
        ({'rotation': float('nan')}, 'data.rotation is nan'),
        ({'rotation': 90.0}, 'data.rotation is 90'),
    ],
)
def test_impossible_values_are_named(change, told):
    with pytest.raises(ConfigError, match=told):
        replace(PLAIN, **change)


def test_a_model_is_run_with_the_resizing_that_it_learnt():
    experiment = Experiment(data=replace(PLAIN, resize='bicubic'))
    assert metadata_of(experiment, 'a').resize == 'bicubic'
    assert metadata_of(Experiment(), 'a').resize == 'bilinear'


@pytest.mark.parametrize('workers', [0, 1])
def test_what_a_loading_process_refuses_is_told_in_one_line(experiment, tmp_path, workers, capsys):
    with changed_depth(tmp_path / 'train.npz') as depth:
        depth[:, ::2, ::2] = 0
    make_shard(tmp_path / 'validation.npz', 1, [2], 0, restyled=False)
    manifest = make_set(tmp_path, 'indoor')
    experiment.data = replace(
        PLAIN, manifests=[str(manifest)], resize='bicubic', height=112, width=112, batch=1,
        workers=workers,
    )  # fmt: skip
    with pytest.raises(DataError) as caught:
        fit(experiment, tmp_path / 'run')
    assert str(caught.value).startswith('the depth of a frame is too sparse for data.resize')
    assert 'Traceback' not in str(caught.value)
