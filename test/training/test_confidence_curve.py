from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from made_up_shards import make_set, make_shard

from s2r_depth_ros.geometry.cleaning.confidence import ConfidenceCurve, ConfidenceFilter
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.network.checkpoint import read_metadata
from s2r_depth_training.cli import main
from s2r_depth_training.errors import DataError
from s2r_depth_training.runs.confidence import (
    Pixels,
    choose_pixels,
    fit_curve,
    held_out_frames,
)


def held_out(folder: Path, frames: int) -> Path:
    folder.mkdir()
    make_shard(folder / 'validation.npz', frames, range(900_000, 900_000 + frames // 2), 1)
    return make_set(folder, 'indoor', ['validation'])


def test_the_curve_is_written_and_as_many_depths_are_right_as_it_says(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(shutil.copy(tiny_model, tmp_path))
    before, data = read_metadata(path), held_out(tmp_path / 'set', 24)
    assert main(['confidence', str(path), '--data', str(data)]) == 0
    after = read_metadata(path)
    assert (before.confidence_curve, after.sha256) == (None, before.sha256)
    assert after.confidence_curve is not None
    assert str(after.confidence_curve) in capsys.readouterr().out

    estimator, said, right = DepthEstimator(path, device='cpu'), [], []
    confidence = ConfidenceFilter(fit_of(path))
    for _, frame in held_out_frames([data]):
        depth, truth = estimator.predict(frame.rgb, fx=frame.fx).depth, frame.depth
        said.append(confidence.apply(depth.copy()).mean())
        scaled = depth * np.median(truth) / np.median(depth)
        right.append((np.maximum(scaled / truth, truth / scaled) < 1.25).mean())
    assert np.mean(said) == pytest.approx(np.mean(right), abs=0.03)


def fit_of(path: Path) -> ConfidenceCurve:
    curve = read_metadata(path).confidence_curve
    assert curve is not None
    return ConfidenceCurve(*curve)


def test_too_few_frames_are_told(tiny_model: Path, tmp_path: Path, capsys) -> None:
    path = Path(shutil.copy(tiny_model, tmp_path))
    data = held_out(tmp_path / 'set', 6)
    assert main(['confidence', str(path), '--data', str(data)]) == 2
    assert '6 held-out frames with depth are too few' in capsys.readouterr().err
    assert read_metadata(path).confidence_curve is None


def test_pixels_are_compared_once_the_image_is_scaled() -> None:
    random, truth = np.random.default_rng(0), np.full((120, 160), 3.0, np.float32)
    truth[:, 120:] = 0  # unknown
    pixels = choose_pixels(truth * 2 + (truth == 0), truth, random)
    assert pixels is not None
    np.testing.assert_allclose(pixels.error, 0, atol=1e-6)
    assert (pixels.at % 160 < 120).all()
    truth[:, 40:] = 0
    assert choose_pixels(np.ones_like(truth), truth, random) is None


def test_a_curve_finds_what_it_was_drawn_from() -> None:
    random, frames = np.random.default_rng(0), []
    for _ in range(20):
        relief, farness = random.normal(size=(2, 2000))
        chance = 1 / (1 + np.exp(-0.5 + relief + 0.7 * farness**2))
        error = np.where(random.random(2000) < chance, 0.1, 0.5)
        frames.append(Pixels(np.arange(2000), error, relief, farness))
    np.testing.assert_allclose(fit_curve(frames), [0.5, -1.0, 0.0, -0.7], atol=0.1)
    with pytest.raises(DataError, match='19 held-out frames'):
        fit_curve(frames[:19])
