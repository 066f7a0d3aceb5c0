"""Frames that are rendered while training draws from them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip('moderngl', reason='moderngl is not installed')

from s2r_depth_training.dataset.config import DataConfig
from s2r_depth_training.dataset.format import ShardFrame, StoredFrame
from s2r_depth_training.dataset.live_frames import FramePool, LiveFrames
from s2r_depth_training.dataset.render_to_disk import next_scene, render_dataset
from s2r_depth_training.dataset.rendering import FrameMaker, Recipe, split_of
from s2r_depth_training.dataset.samples import TrainingSamples
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.errors import ConfigError, RenderingError
from s2r_depth_training.runs.callbacks import Rendering
from s2r_depth_training.runs.fit import fit
from s2r_depth_training.stages.base import Stage
from s2r_depth_training.stages.config import StageConfig

ROOMS = Recipe('indoor', 48, 64, views=2, validation=0.3)


@pytest.fixture(scope='module')
def manifest(renderer: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few rooms of both splits on disk."""
    folder = tmp_path_factory.mktemp('rooms')
    render_dataset(folder, ROOMS, 0, 8, workers=1)
    return folder / 'manifest.json'


@pytest.fixture
def data(manifest: Path) -> DataConfig:
    return DataConfig([str(manifest)], renderers=1, batch=2)


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_more_rooms_follow_those_on_disk(manifest, data):
    """The training scenes behind the last one, in order, as a maker of its own renders them."""
    stored = FrameStore([manifest], 'train').count('indoor')
    with LiveFrames(data) as frames:
        assert frames.count('indoor') >= stored
        wait_for(lambda: frames.rendered()['indoor'] >= 3)
        taken = [frames.frame('indoor', stored + i) for i in range(3)]
    seeds = (s for s in range(next_scene(manifest.parent), 99) if split_of(s, 0.3) == 'train')
    maker = FrameMaker(ROOMS)
    expected: list[ShardFrame] = []
    while len(expected) < 3:
        expected += maker.frames(next(seeds))
    maker.close()
    for frame, same in zip(taken, expected):
        assert np.array_equal(frame.rgb, same.rgb)
        assert frame.restyled is not None
        assert same.restyled is not None
        assert np.array_equal(frame.restyled, same.restyled)
        assert np.array_equal(frame.depth, same.depth)
        assert frame.fx == same.intrinsics[0]
        assert (frame.kind, frame.zero_is_sky) == ('indoor', False)


def test_a_forked_process_sees_what_is_added_later():
    """As a loading process does, which is forked before most frames are rendered."""
    pool = FramePool(ROOMS, capacity=2)
    rng = np.random.default_rng(0)
    rgb, restyled = rng.integers(0, 255, (2, 48, 64, 3), np.uint8)
    depth = rng.random((48, 64)).astype(np.float16)
    made = ShardFrame(rgb, depth, np.array([50, 50, 32, 24], np.float32), 0, restyled)
    go, answer = os.pipe(), os.pipe()
    if not (child := os.fork()):
        os.read(go[0], 1)
        frame = pool.frame(0)
        same = len(pool) == 1 and (frame.rgb == rgb).all() and (frame.depth == depth).all()
        os.write(answer[1], b'y' if same and frame.fx == 50 else b'n')
        os._exit(0)
    pool.add(made)
    os.write(go[1], b'!')
    assert os.read(answer[0], 1) == b'y'
    os.waitpid(child, 0)
    assert not pool.full
    pool.add(made)
    assert pool.full
    with pytest.raises(IndexError):
        pool.add(made)


def test_samples_are_drawn_from_both(manifest, data, monkeypatch):
    with LiveFrames(data) as frames:
        wait_for(lambda: frames.rendered()['indoor'] >= 2)
        drawn: list[int] = []
        frame = frames.frame

        def noted(kind: str, i: int) -> StoredFrame:
            drawn.append(i)
            return frame(kind, i)

        monkeypatch.setattr(frames, 'frame', noted)
        samples = TrainingSamples(frames, data, seed=0)
        for number in range(60):
            assert samples[number].image.shape == (3, 96, 128)
    stored = FrameStore([manifest], 'train').count('indoor')
    assert min(drawn) < stored <= max(drawn)


def test_a_run_trains_while_rooms_are_rendered(experiment, data, tmp_path, monkeypatch):
    """With loading processes; it ends on time, and leaves no process behind."""
    experiment.data = data
    experiment.stages = [StageConfig('joint', steps=2)]
    data.workers = 1
    monkeypatch.setattr(Stage, 'validation_step', lambda *_: None)
    experiment.validation.monitor = 'train/loss'
    counts: list[int] = []
    end = Rendering.on_train_batch_end

    def noted(self: Rendering, *arguments: Any) -> None:
        # Slower than a real step, so that something is rendered meanwhile.
        wait_for(lambda: sum(self._frames.rendered().values()) > len(counts))
        counts.append(self._frames.rendered()['indoor'])
        end(self, *arguments)

    monkeypatch.setattr(Rendering, 'on_train_batch_end', noted)
    assert fit(experiment, tmp_path).exists()
    assert len(counts) == 2
    assert counts[-1] >= 2


def test_a_failing_renderer_ends_the_run(experiment, data, tmp_path, monkeypatch):
    manifest = json.loads(Path(data.manifests[0]).read_text())
    store = FrameStore(data.manifests, 'train')
    monkeypatch.setattr('s2r_depth_training.dataset.live_frames.FrameStore', lambda *_: store)
    manifest['recipe']['kind'] = 'gazebo'
    data.manifests = [str(tmp_path / 'manifest.json')]
    (tmp_path / 'manifest.json').write_text(json.dumps(manifest))
    with LiveFrames(data) as frames, pytest.raises(RenderingError, match='needs a world'):
        wait_for(lambda: frames.rendered() is None)


def test_what_was_not_rendered_cannot_be_continued(experiment):
    experiment.data.renderers = 1
    with pytest.raises(ConfigError, match=r'renderers: .*manifest\.json was not rendered'):
        LiveFrames(experiment.data)
