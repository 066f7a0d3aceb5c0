from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_shards import make_shard

from s2r_depth_training.dataset.format import ShardFrame, write_shard
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.errors import DataError


def write(folder: Path, **content: Any) -> Path:
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
        (
            {'kind': 'indoor', 'shards': [{'file': 'none'}]},
            'not a manifest of a training set: it needs kind, and shards',
        ),
        ({'shards': []}, 'not a manifest of a training set: it needs kind, and shards'),
    ],
)
def test_wrong_sets_are_named(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        FrameStore([write(tmp_path, **content)], 'train')


def test_a_shard_without_depth_is_refused(tmp_path):
    np.savez(tmp_path / 'a.npz', rgb=np.zeros((1, 96, 128, 3), np.uint8))
    shards = [{'file': 'a.npz', 'split': 'train'}]
    with pytest.raises(DataError, match='has no depth, intrinsics, scene'):
        FrameStore([write(tmp_path, kind='indoor', shards=shards)], 'train')


def test_depth_beyond_float16_is_far_and_not_infinite(tmp_path):
    rgb, intrinsics = np.zeros((96, 128, 3), np.uint8), np.full(4, 90, np.float32)
    depth = np.full((96, 128), 1e6, np.float32)
    write_shard(tmp_path / 'a.npz', [ShardFrame(rgb, depth, intrinsics, 1)])
    shards = [{'file': 'a.npz', 'split': 'train'}]
    store = FrameStore([write(tmp_path, kind='street', shards=shards)], 'train')
    assert (store.frame('street', 0).depth == 65504).all()


@pytest.mark.parametrize('kept', [0, 3, 2000, -1])
def test_a_broken_shard_is_named(tmp_path, kept):
    make_shard(tmp_path / 'a.npz', 2, [1], 0)
    whole = (tmp_path / 'a.npz').read_bytes()
    (tmp_path / 'a.npz').write_bytes(whole[:kept])
    shards = [{'file': 'a.npz', 'split': 'train'}]
    with pytest.raises(DataError, match=r'a\.npz is not a shard'):
        FrameStore([write(tmp_path, kind='indoor', shards=shards)], 'train')


@pytest.mark.parametrize(
    ('key', 'change', 'message'),
    [
        ('rgb', lambda a: a[:, :50], r'rgb is uint8 \(2, 50, 128, 3\), which does not fit depth'),
        ('rgb', lambda a: a.astype(np.uint16), 'rgb is uint16'),
        ('rgb', lambda a: a.astype(np.float32), 'rgb is float32'),
        ('depth', lambda a: a[0], 'does not fit depth'),
        ('depth', lambda a: a[:1], 'does not fit depth'),
        ('depth', lambda a: a.astype(np.int16), 'depth is int16'),
        ('restyled', lambda a: a[..., 0], 'restyled is uint8'),
        ('scene', lambda a: a[:1], 'scene is int64'),
        ('intrinsics', lambda a: a[:, :3], 'intrinsics is float32'),
        ('intrinsics', lambda a: 0 * a, 'focal length of 0 or none'),
        ('intrinsics', lambda a: -a, 'focal length of 0 or none'),
        ('intrinsics', lambda a: np.nan * a, 'focal length of 0 or none'),
        ('depth', lambda a: np.where(a > 3, np.float16(np.nan), a), 'negative or not finite'),
        ('depth', lambda a: np.where(a > 3, np.float16(np.inf), a), 'negative or not finite'),
        ('depth', lambda a: -a, 'negative or not finite'),
    ],
)
def test_arrays_that_are_none_of_a_shard_are_named(tmp_path, key, change, message):
    make_shard(tmp_path / 'a.npz', 2, [1], 0)
    with np.load(tmp_path / 'a.npz') as stored:
        arrays = dict(stored)
    np.savez(tmp_path / 'a.npz', **{**arrays, key: change(arrays[key])})
    shards = [{'file': 'a.npz', 'split': 'train'}]
    with pytest.raises(DataError, match=message):
        FrameStore([write(tmp_path, kind='indoor', shards=shards)], 'train').frame('indoor', 0)
