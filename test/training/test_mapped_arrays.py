"""Shards are mapped, not read: what numpy.load gives, without its memory."""

from __future__ import annotations

import gc
import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from made_up_shards import make_shard

from s2r_depth_training.dataset import mapped_arrays
from s2r_depth_training.dataset.mapped_arrays import MappedArrays
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.errors import DataError

_DTYPES = [np.dtype(name) for name in ('u1', 'f2', 'f4', 'i8', '>f4', '?')]
_ARRAYS: Any = hnp.arrays(
    st.sampled_from(_DTYPES),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
)


@given(
    arrays=st.dictionaries(st.from_regex(r'[a-z]{1,12}', fullmatch=True), _ARRAYS, min_size=1),
    fortran=st.booleans(),
    compressed=st.booleans(),
)
def test_arrays_are_those_that_numpy_loads(
    tmp_path_factory: Any, arrays: dict[str, Any], fortran: bool, compressed: bool
) -> None:
    path = tmp_path_factory.mktemp('npz') / 'a.npz'
    written = {k: np.asfortranarray(v) if fortran else v for k, v in arrays.items()}
    save: Any = np.savez_compressed if compressed else np.savez
    save(path, **written)
    mapped = MappedArrays(path)
    assert set(mapped) == set(arrays)
    assert len(mapped) == len(arrays)
    for name, array in np.load(path).items():
        assert mapped[name].dtype == array.dtype
        np.testing.assert_array_equal(mapped[name], array)


def test_a_set_takes_little_memory_and_few_files(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(mapped_arrays, '_mapped', mapped_arrays._mapped.__wrapped__)
    shards = []
    for number in range(8):
        make_shard(tmp_path / f'{number}.npz', 40, [number], number)
        shards.append({'file': f'{number}.npz', 'split': 'train'})
    size = sum((tmp_path / s['file']).stat().st_size for s in shards)
    manifest = tmp_path / 'manifest.json'
    manifest.write_text(str({'kind': 'indoor', 'shards': shards}).replace("'", '"'))
    tracemalloc.start()
    store = FrameStore([manifest], 'train')
    frames = [store.frame('indoor', i) for i in range(0, 320, 7)]
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 0.05 * size
    assert frames[-1].rgb.mean() > 0


def test_files_beyond_those_that_are_open_are_opened_anew(tmp_path: Path) -> None:
    files = len(os.listdir('/proc/self/fd'))
    for number in range(2 * mapped_arrays._OPEN):
        np.savez(tmp_path / f'{number}.npz', a=np.full(3, number))
    mapped = [MappedArrays(tmp_path / f'{n}.npz') for n in range(2 * mapped_arrays._OPEN)]
    first = mapped[0]['a']
    assert all(int(m['a'][0]) == n for n, m in enumerate(mapped))
    gc.collect()
    assert len(os.listdir('/proc/self/fd')) <= files + mapped_arrays._OPEN + 8
    assert first.tolist() == [0, 0, 0]


def test_what_is_written_to_an_array_does_not_reach_the_file(tmp_path: Path) -> None:
    np.savez(tmp_path / 'a.npz', a=np.zeros(4))
    MappedArrays(tmp_path / 'a.npz')['a'][:] = 7
    assert np.load(tmp_path / 'a.npz')['a'].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize('cut', [0, 1, 100, 0.5, 0.99])
def test_a_file_that_is_not_whole_is_named(tmp_path: Path, cut: float) -> None:
    path = tmp_path / 'a.npz'
    make_shard(path, 2, [1], 0)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(cut * len(whole)) if isinstance(cut, float) else cut])
    with pytest.raises(DataError, match=r'a\.npz is not a shard'):
        MappedArrays(path)


def test_objects_are_not_read(tmp_path: Path) -> None:
    np.savez(tmp_path / 'a.npz', a=np.array([{'a': 1}], dtype=object))
    with pytest.raises(DataError, match='holds objects'):
        MappedArrays(tmp_path / 'a.npz')
