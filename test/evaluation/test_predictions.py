"""Depth maps of any tool are scored as a model's are, or refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_truth import HEIGHT, WIDTH

from s2r_depth_ros.evaluation.manifest import read_ground_truth
from s2r_depth_ros.evaluation.predictions import (
    PredictionsError,
    at_size,
    find_predictions,
    read_prediction,
    score_predictions,
    unused,
)

PLANE = np.tile(np.linspace(1, 6, WIDTH, dtype=np.float32), (HEIGHT, 1))


def put(path: Path, values: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == '.npy':
        with path.open('wb') as file:
            np.save(file, values, allow_pickle=True)
    else:
        path.write_bytes(cv2.imencode('.png', values)[1].tobytes())
    return path


@pytest.mark.parametrize('dtype', [np.float16, np.float32, np.float64])
def test_floats_are_metres_whatever_the_unit(tmp_path, dtype):
    path = put(tmp_path / 'a.npy', PLANE.astype(dtype))
    for unit in (None, 0.001):
        np.testing.assert_allclose(read_prediction(path, unit), PLANE, rtol=1e-3)


@pytest.mark.parametrize('name', ['a.npy', 'a.png', 'a.PNG'])
@pytest.mark.parametrize(('unit', 'whole'), [(0.001, 1000), (1 / 256, 256)])
def test_whole_numbers_are_of_the_unit_that_is_said(tmp_path, name, unit, whole):
    path = put(tmp_path / name, np.rint(PLANE * whole).astype(np.uint16))
    np.testing.assert_allclose(read_prediction(path, unit), PLANE, atol=unit)
    with pytest.raises(PredictionsError, match=r'whole numbers; say by --unit'):
        read_prediction(path, None)


@pytest.mark.parametrize('shape', [(1, HEIGHT, WIDTH), (HEIGHT, WIDTH, 1), (1, 1, HEIGHT, WIDTH)])
def test_axes_of_one_are_left_out(tmp_path, shape):
    path = put(tmp_path / 'a.npy', PLANE.reshape(shape))
    np.testing.assert_array_equal(read_prediction(path, None), PLANE)


def test_three_equal_channels_are_one(tmp_path):
    path = put(tmp_path / 'a.png', np.repeat((PLANE * 256).astype(np.uint16)[..., None], 3, 2))
    assert read_prediction(path, 1 / 256).shape == PLANE.shape


HOLED = PLANE.copy()
HOLED[:20] = np.nan
NOWHERE = np.zeros_like(PLANE)


def coloured(dtype: type[np.unsignedinteger[Any]]) -> Any:
    return np.stack([PLANE * 40, PLANE * 20, NOWHERE], 2).astype(dtype)


@pytest.mark.parametrize(
    ('name', 'values', 'told'),
    [
        ('a.npy', NOWHERE, 'has depth at 0 % of its pixels'),
        ('a.npy', np.full_like(PLANE, np.nan), 'has depth at 0 %'),
        ('a.npy', -PLANE, 'has depth at 0 %'),
        ('a.npy', np.full_like(PLANE, np.inf), 'has depth at 0 %'),
        ('a.npy', np.full(PLANE.shape, 1e300), 'has depth at 0 %'),
        ('a.npy', PLANE[0], r'holds \(80,\); a depth map is \(height, width\)'),
        ('a.npy', np.stack([PLANE] * 3), r'holds \(3, 60, 80\)'),
        ('a.npy', PLANE[:0], r'holds \(0, 80\)'),
        ('a.npy', PLANE > 2, 'holds bool; depth is numbers'),
        ('a.npy', PLANE.astype(complex), 'holds complex128'),
        ('a.npy', PLANE.astype(str), 'holds <U'),
        ('a.npy', np.array({'depth': 1}), 'is no array in an npy file'),
        ('a.png', (PLANE * 40).astype(np.uint8), 'holds 8 bits in 1 channels; depth is 16'),
        ('a.png', coloured(np.uint8), 'not a picture of it'),
        ('a.png', coloured(np.uint16), 'holds 16 bits in 3 channels'),
    ],
)  # fmt: skip
def test_what_is_no_depth_map_is_refused_by_name(tmp_path, name, values, told):
    path = put(tmp_path / name, values)
    with pytest.raises(PredictionsError, match=told) as caught:
        read_prediction(path, 0.001)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize('name', ['a.npy', 'a.png'])
@pytest.mark.parametrize('keep', [0, 1, 40, 200])
def test_a_file_that_is_cut_short_is_refused_by_name(tmp_path, name, keep):
    path = put(tmp_path / name, (PLANE * 256).astype(np.uint16))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(PredictionsError, match=name):
        read_prediction(path, 0.001)


def test_an_archive_called_npy_is_refused(tmp_path):
    np.savez(tmp_path / 'a.npz', PLANE)
    (tmp_path / 'a.npz').rename(tmp_path / 'a.npy')
    with pytest.raises(PredictionsError, match=r'a\.npy'):
        read_prediction(tmp_path / 'a.npy', None)


@given(st.integers(16, 90), st.integers(90, 200))
def test_maps_of_another_size_are_resized_with_aligned_corners(height, width):
    small = np.add.outer(np.linspace(1, 2, height), np.linspace(0, 6, width)).astype(np.float32)
    expected = np.add.outer(np.linspace(1, 2, HEIGHT), np.linspace(0, 6, WIDTH))
    got = at_size(Path('a.npy'), small, (HEIGHT, WIDTH))
    np.testing.assert_allclose(got, expected, rtol=1e-4)


@pytest.mark.parametrize(
    ('depth', 'told'),
    [
        (PLANE.T, r'a\.npy is \(80, 60\), its image \(60, 80\) .*transposed'),
        (HOLED[:, ::2], r'holes, which cannot be resized; fill them'),
        (PLANE[:8, :20], 'too small'),
    ],
)
def test_what_cannot_be_resized_is_refused(depth, told):
    with pytest.raises(PredictionsError, match=told):
        at_size(Path('a.npy'), depth, (HEIGHT, WIDTH))
    assert at_size(Path('a.npy'), HOLED, (HEIGHT, WIDTH)) is HOLED


# ---------------------------------------------------------------- folders


NAMES = ('a', 'bb', 'ccc')


@pytest.mark.parametrize('ending', ['.npy', '.png', '.NPY', '.Png', '.depth.npy', '.depth.png'])
def test_maps_are_found_by_the_names_of_images(manifest, tmp_path, ending):
    for name in NAMES:
        put(tmp_path / 'maps' / f'{name}{ending}', (PLANE * 256).astype(np.uint16))
    found = find_predictions(tmp_path / 'maps', read_ground_truth(manifest))
    assert {key: path.name for key, path in found.items()} == {n: f'{n}{ending}' for n in NAMES}
    assert unused(tmp_path / 'maps', found) is None


def test_of_two_maps_the_numpy_one_is_taken_and_the_rest_is_told(manifest, tmp_path):
    for name in NAMES:
        for ending in ('.depth.npy', '.depth.png', '.color.png'):
            put(tmp_path / 'maps' / f'{name}{ending}', (PLANE * 256).astype(np.uint16))
    found = find_predictions(tmp_path / 'maps', read_ground_truth(manifest))
    assert {path.suffix for path in found.values()} == {'.npy'}
    assert unused(tmp_path / 'maps', found) == (
        f'{tmp_path / "maps"}: 6 files are not scored: a.color.png, a.depth.png, bb.color.png, '
        'bb.depth.png, ccc.color.png, ...'
    )


def test_a_missing_map_is_named(manifest, tmp_path):
    put(tmp_path / 'maps' / 'bb.npy', PLANE)
    with pytest.raises(PredictionsError, match=r'no depth map of 2 of 3 images: a, ccc; name'):
        find_predictions(tmp_path / 'maps', read_ground_truth(manifest))
    with pytest.raises(PredictionsError, match='no such folder'):
        find_predictions(tmp_path / 'nowhere', read_ground_truth(manifest))


def test_one_map_is_not_scored_for_two_images(manifest, tmp_path):
    text = manifest.read_text().replace('"id": "a"', '"id": "x"').replace('"id": "bb"', '"id": "y"')
    manifest.write_text(text.replace('"rgb": "bb.png"', '"rgb": "a.png"'))
    frames = read_ground_truth(manifest)
    for name in ('a', 'ccc'):
        put(tmp_path / 'maps' / f'{name}.npy', PLANE)
    with pytest.raises(PredictionsError, match=r'a\.npy would be for several images'):
        find_predictions(tmp_path / 'maps', frames)
    put(tmp_path / 'maps' / 'x.npy', PLANE)
    put(tmp_path / 'maps' / 'y.npy', PLANE)
    assert find_predictions(tmp_path / 'maps', frames)['x'].name == 'x.npy'


def test_the_truth_as_a_prediction_has_no_error(manifest, tmp_path):
    frames = read_ground_truth(manifest)
    for frame in frames:
        _, truth = frame.load()
        filled = np.where(truth > 0, truth, 2.5)
        put(tmp_path / 'maps' / f'{frame.id}.npy', filled)
    found = find_predictions(tmp_path / 'maps', frames)
    scores = score_predictions('peer', found, None, frames)
    assert {s.predictor for s in scores} == {'peer'}
    assert len(scores) == 9
    assert all(s.errors['abs_rel'] < 1e-5 and s.errors['delta1'] == 1 for s in scores)
