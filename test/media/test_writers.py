from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_files import read_cloud, read_png
from numpy.typing import NDArray

from s2r_depth_ros.files import write_atomically
from s2r_depth_ros.geometry.intrinsics import Intrinsics
from s2r_depth_ros.media import writers


@pytest.fixture
def depth() -> NDArray[np.float32]:
    values = np.random.default_rng(0).uniform(0.5, 60, (40, 50)).astype(np.float32)
    values[3, 4:9] = np.nan
    values[5, 5] = 70.0
    return values


@pytest.fixture
def rgb() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (40, 50, 3), np.uint8)


def test_depth_png(tmp_path: Path, depth: NDArray[np.float32]) -> None:
    writers.write_depth_png(tmp_path / 'x.depth.png', depth)
    read = read_png(tmp_path / 'x.depth.png')
    assert read.dtype == np.uint16
    invalid = np.isnan(depth) | (depth > 65.535)
    np.testing.assert_array_equal(read == 0, invalid)
    np.testing.assert_allclose(read[~invalid] / 1000, depth[~invalid], atol=5.1e-4)


def test_color_png(tmp_path: Path, rgb: NDArray[np.uint8]) -> None:
    writers.write_color_picture(tmp_path / 'x.png', rgb)
    np.testing.assert_array_equal(read_png(tmp_path / 'x.png')[:, :, ::-1], rgb)


def test_depth_npy(tmp_path: Path, depth: NDArray[np.float32]) -> None:
    writers.write_depth_npy(tmp_path / 'x.depth.npy', depth)
    read = np.load(tmp_path / 'x.depth.npy', allow_pickle=False)
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, depth)


def test_ply(tmp_path: Path, depth: NDArray[np.float32], rgb: NDArray[np.uint8]) -> None:
    intrinsics = Intrinsics(60.0, 62.0, 24.0, 20.0, 50, 40)
    writers.write_ply(tmp_path / 'x.ply', depth, rgb, intrinsics)
    points, colours = read_cloud(tmp_path / 'x.ply')
    assert len(points) == depth.size - 5
    np.testing.assert_array_equal(colours, rgb[np.isfinite(depth)])
    z = float(depth[10, 30])
    expected = [(30 - 24) / 60 * z, (10 - 20) / 62 * z, z]
    np.testing.assert_allclose(points[10 * 50 + 30 - 5], expected, rtol=1e-5)
    assert b'x right, y down, z forward' in (tmp_path / 'x.ply').read_bytes()


def test_ply_of_nothing(tmp_path: Path, rgb: NDArray[np.uint8]) -> None:
    empty = np.full((40, 50), np.nan, np.float32)
    writers.write_ply(tmp_path / 'x.ply', empty, rgb, Intrinsics(60, 60, 24, 20, 50, 40))
    assert b'element vertex 0\n' in (tmp_path / 'x.ply').read_bytes()


def test_ply_sizes_must_agree(
    tmp_path: Path, depth: NDArray[np.float32], rgb: NDArray[np.uint8]
) -> None:
    with pytest.raises(ValueError, match=r'\(40, 50\).*\(39, 50, 3\)'):
        writers.write_ply(tmp_path / 'x', depth, rgb[1:], Intrinsics(60, 60, 24, 20, 50, 40))
    with pytest.raises(ValueError, match='depth has shape'):
        writers.write_ply(tmp_path / 'x', depth, rgb, Intrinsics(60, 60, 24, 20, 40, 50))
    assert list(tmp_path.iterdir()) == []


def test_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / 'x.bin'
    write_atomically(target, b'old')
    with pytest.raises(TypeError):
        write_atomically(target, 'not bytes')  # type: ignore[arg-type]  # so it fails
    assert target.read_bytes() == b'old'
    write_atomically(target, b'new')
    assert target.read_bytes() == b'new'
    assert target.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [target]
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / 'gone' / 'x', b'')


def test_names_by_hand() -> None:
    unique = writers.UniqueNames()
    given_ = ['a', 'a', 'b', 'A', 'a_2', 'a']
    assert [unique(name) for name in given_] == ['a', 'a_2', 'b', 'A_3', 'a_2_2', 'a_4']


@given(st.lists(st.sampled_from(['a', 'A', 'a_2', 'a_2_2', 'a_3', 'b']), max_size=30))
def test_names_are_unique(names: list[str]) -> None:
    unique = writers.UniqueNames()
    results = [unique(name) for name in names]
    assert len({result.casefold() for result in results}) == len(names)
    assert all(result.startswith(name) for result, name in zip(results, names))
