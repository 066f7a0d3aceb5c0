"""Shards: format, split by scene, resumption, reproducibility; and the stream."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip('moderngl', reason='moderngl is not installed')

from s2r_depth_training.dataset import render_to_disk
from s2r_depth_training.dataset.format import Manifest, read_manifest
from s2r_depth_training.dataset.render_stream import FrameStream
from s2r_depth_training.dataset.render_to_disk import (
    next_scene,
    plan_shards,
    render_dataset,
    render_for,
)
from s2r_depth_training.dataset.rendering import FrameMaker, Recipe, split_of
from s2r_depth_training.dataset.typical import depths_are_typical
from s2r_depth_training.errors import RenderingError

SMALL = Recipe('indoor', 48, 64, views=2, validation=0.3)


def test_a_scene_is_in_one_split_and_the_share_holds():
    splits = [split_of(s, 0.1) for s in range(4000)]
    assert splits == [split_of(s, 0.1) for s in range(4000)]
    assert 0.07 < splits.count('validation') / 4000 < 0.13
    assert set(splits) == {'train', 'validation'}


def test_shards_hold_each_scene_once_and_one_split_each():
    jobs = plan_shards(100, 500, 64, SMALL)
    seeds = [s for job in jobs for s in job.seeds]
    assert sorted(seeds) == list(range(100, 600))
    assert len({j.name for j in jobs}) == len(jobs)
    for job in jobs:
        assert {split_of(s, SMALL.validation) for s in job.seeds} == {job.split}


@pytest.fixture(scope='module')
def rendered(renderer: object, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """A small dataset of two shards or more, rendered in one go (renderer: skips without EGL)."""
    out = tmp_path_factory.mktemp('whole')
    return out, render_dataset(out, SMALL, 0, 8, workers=1, per_shard=3)


def test_shards_and_manifest_have_the_documented_format(rendered):
    out, manifest = rendered
    assert json.loads((out / 'manifest.json').read_text()) == manifest
    assert manifest['kind'] == 'indoor'
    assert manifest['size'] == [48, 64]
    scenes: dict[str, set[int]] = {'train': set(), 'validation': set()}
    for shard in manifest['shards']:
        data = np.load(out / shard['file'])
        n = shard['frames']
        assert data['rgb'].shape == data['restyled'].shape == (n, 48, 64, 3)
        assert data['rgb'].dtype == data['restyled'].dtype == np.uint8
        assert data['depth'].shape == (n, 48, 64)
        assert data['depth'].dtype == np.float16
        assert data['intrinsics'].shape == (n, 4)
        assert data['intrinsics'].dtype == np.float32
        assert data['scene'].dtype == np.int64
        assert (data['depth'] >= 0).all()
        assert np.isfinite(data['depth']).all()
        scenes[shard['split']] |= set(data['scene'].tolist())
    assert not scenes['train'] & scenes['validation']
    assert next_scene(out) == 8
    assert next_scene(out / 'none') == 0
    assert read_manifest(out / 'manifest.json') == manifest
    assert {shard['split'] for shard in manifest['shards']} == set(scenes)


def test_a_killed_run_goes_on_and_gives_the_same_frames(rendered, tmp_path):
    whole, manifest = rendered

    class KilledError(Exception):
        pass

    seen: list[int] = []

    def kill_after_five(count: int) -> None:
        seen.append(count)
        if sum(seen) >= 5:
            raise KilledError

    with pytest.raises(KilledError):
        render_dataset(tmp_path, SMALL, 0, 8, workers=1, per_shard=3, progress=kill_after_five)
    kept = {f.name: f.stat().st_mtime_ns for f in tmp_path.glob('*.npz')}
    assert 0 < len(kept) < len(manifest['shards'])
    assert render_dataset(tmp_path, SMALL, 0, 8, workers=1, per_shard=3) == manifest
    for name, stamp in kept.items():
        assert (tmp_path / name).stat().st_mtime_ns == stamp  # not rendered again
    for shard in manifest['shards']:
        one, two = np.load(whole / shard['file']), np.load(tmp_path / shard['file'])
        for key in one.files:
            assert np.array_equal(one[key], two[key]), (shard['file'], key)


def test_a_larger_set_takes_only_the_scenes_that_are_not_there(tmp_path, renderer):
    render_dataset(tmp_path, SMALL, 0, 5, workers=1, per_shard=3)
    render_dataset(tmp_path, SMALL, 0, 9, workers=1, per_shard=4)
    assert rendered_seeds(tmp_path) == list(range(9))


def test_a_set_rendered_for_a_time_is_whole_and_goes_on_behind(tmp_path, renderer):
    done: list[int] = []
    manifest = render_some(tmp_path, 20, workers=2, progress=done.append)
    seeds = rendered_seeds(tmp_path)
    assert 20 <= seeds[0] < 25  # in the first shards; one that is taken too late is not begun
    assert len(seeds) == len(done)  # nothing that was begun is lost
    assert manifest == read_manifest(tmp_path / 'manifest.json')
    assert {f.name for f in tmp_path.glob('*.npz')} == {s['file'] for s in manifest['shards']}
    assert not list(tmp_path.glob('.*'))
    behind = next_scene(tmp_path)
    render_some(tmp_path, 0, workers=1)
    more = rendered_seeds(tmp_path)
    assert len(more) == len(set(more)) > len(seeds)
    assert min(set(more) - set(seeds)) >= behind


def render_some(folder: Path, first: int, **options: Any) -> Manifest:
    """Render for 2 s, or for as long as a busy machine needs to start processes and render."""
    before = next_scene(folder)
    for seconds in (2.0, 8.0, 32.0, 128.0):
        manifest = render_for(folder, SMALL, first, seconds, per_shard=5, **options)
        if next_scene(folder) > before:
            break
    return manifest


def test_most_views_of_a_recipe_with_limits_are_within_them(renderer):
    limits = (2.0, 4.0, 2.5)

    def typical_share(recipe: Recipe) -> float:
        maker = FrameMaker(recipe)
        frames = [frame for seed in range(12) for frame in maker.frames(seed)]
        maker.close()
        assert len(frames) > 12
        within = [
            depths_are_typical(f.depth.astype(np.float32), recipe.width / f.intrinsics[0], limits)
            for f in frames
        ]
        return float(np.mean(within))

    free = Recipe('indoor', 48, 64, views=2, restyled=False)
    assert typical_share(free) < 0.5 < 0.7 < typical_share(replace(free, typical=limits))


def rendered_seeds(folder: Path) -> list[int]:
    """Return the seeds of all scenes that the manifest says were rendered, sorted."""
    seeds: list[int] = []
    for shard in read_manifest(folder / 'manifest.json')['shards']:
        first, last = shard['seeds']
        own = [s for s in range(first, last + 1) if split_of(s, SMALL.validation) == shard['split']]
        assert len(own) == shard['scenes']
        assert set(np.load(folder / shard['file'])['scene'].tolist()) <= set(own)
        seeds += own
    return sorted(seeds)


def test_another_recipe_or_code_version_is_refused(rendered, tmp_path, monkeypatch):
    out, _ = rendered
    with pytest.raises(RenderingError, match='recipe'):
        render_dataset(out, Recipe('indoor', 48, 64, views=3), 0, 8, workers=1)
    monkeypatch.setattr(render_to_disk, 'code_version', lambda: '0' * 12)
    with pytest.raises(RenderingError, match='code_version'):
        render_dataset(out, SMALL, 0, 8, workers=1)


def test_a_failing_worker_is_reported_not_waited_for(renderer, tmp_path):
    (tmp_path / 'a.world').write_text('no world')
    recipe = Recipe('gazebo', 48, 64, worlds=(str(tmp_path / 'a.world'),))
    with pytest.raises(RenderingError, match='a render worker failed: WorldError'):
        render_dataset(tmp_path / 'set', recipe, 0, 4, workers=1)


def test_the_stream_gives_the_frames_that_the_shards_have(rendered):
    out, _ = rendered
    stored: dict[int, list[tuple[NDArray[np.uint8], NDArray[np.float16]]]] = {}
    for shard in read_manifest(out / 'manifest.json')['shards']:
        if shard['split'] != 'train':
            continue
        data = np.load(out / shard['file'])
        for scene, rgb, depth in zip(data['scene'], data['rgb'], data['depth']):
            stored.setdefault(int(scene), []).append((rgb, depth))
    with FrameStream([SMALL], workers=1, first=0, prefetch=4) as stream:
        frames = [frame for frame, _ in zip(stream, range(4))]
    taken: dict[int, int] = {}
    for frame in frames:
        assert split_of(frame.scene, SMALL.validation) == 'train'
        k = taken.get(frame.scene, 0)
        rgb, depth = stored[frame.scene][k]
        assert np.array_equal(frame.rgb, rgb)
        assert np.array_equal(frame.depth, depth)
        taken[frame.scene] = k + 1
