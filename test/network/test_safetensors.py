"""Our safetensors files and the reference library's: equal where they are good, stricter on bad."""

from __future__ import annotations

import json
import struct
import time
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stored_tensors import stored_tensors
from torch import Tensor

from s2r_depth_ros.network.metadata import CheckpointError
from s2r_depth_ros.network.safetensors_file import open_safetensors, to_safetensors
from s2r_depth_ros.network.safetensors_header import (
    DTYPES,
    MOST_HEADER_BYTES,
    HeaderError,
    parse_header,
)

# A file of the test's own is written over and over; the folder is the same for all examples.
one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

_TEXT = st.text(st.characters(exclude_categories=['Cs']), max_size=12)
_SHAPES = st.lists(st.integers(0, 4), max_size=4).map(tuple)


@st.composite
def some_tensors(draw: st.DrawFn) -> dict[str, Tensor]:
    """Tensors of every dtype and of up to four dimensions, empty ones and scalars among them."""
    names = draw(
        st.lists(_TEXT.filter(lambda name: name != '__metadata__'), max_size=5, unique=True)
    )
    return {name: draw(_tensor()) for name in names}


@st.composite
def _tensor(draw: st.DrawFn) -> Tensor:
    dtype, shape = draw(st.sampled_from(list(DTYPES.values()))), draw(_SHAPES)
    count = int(torch.tensor(shape).prod()) * dtype.itemsize
    content = draw(st.binary(min_size=count, max_size=count))
    flat = torch.tensor(list(content), dtype=torch.uint8)
    if dtype is torch.bool:
        flat = flat % 2
    return flat.view(dtype).reshape(shape)


@pytest.fixture(scope='module')
def library() -> ModuleType:
    """The reference library, a development requirement."""
    return pytest.importorskip('safetensors.torch', reason='safetensors is not installed')


def assert_equal(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    """Names, dtypes, shapes and every bit, so that a NaN equals itself."""
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        other = theirs[name]
        assert (tensor.dtype, tensor.shape) == (other.dtype, other.shape), name
        bits = [t.contiguous().reshape(-1).view(torch.uint8) for t in (tensor, other)]
        assert torch.equal(*bits), name


# --- good files


@one_folder
@given(tensors=some_tensors(), metadata=st.dictionaries(_TEXT, _TEXT, max_size=1))
def test_what_we_write_is_what_the_library_writes(
    library: ModuleType, tensors: dict[str, Tensor], metadata: dict[str, str]
) -> None:
    assert to_safetensors(tensors, metadata) == library.save(tensors, metadata or None)


@one_folder
@given(tensors=some_tensors(), metadata=st.dictionaries(_TEXT, _TEXT))
def test_we_read_what_the_library_writes(
    library: ModuleType, tmp_path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]
) -> None:
    path = tmp_path / 'theirs.safetensors'
    # The library's file is no JSON where there is neither a tensor nor a key.
    path.write_bytes(library.save(tensors, metadata or None))
    with open_safetensors(path) as file:
        assert file.header.metadata == metadata
        assert_equal(file.tensors(), tensors)


@one_folder
@given(tensors=some_tensors(), metadata=st.dictionaries(_TEXT, _TEXT))
def test_the_library_reads_what_we_write(
    library: ModuleType, tmp_path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]
) -> None:
    path = tmp_path / 'ours.safetensors'
    path.write_bytes(to_safetensors(tensors, metadata))
    assert_equal(library.load_file(path), tensors)
    assert_equal(stored_tensors(path), tensors)


@given(transposed=st.booleans(), step=st.integers(1, 3))
def test_tensors_that_lie_anyhow_are_written_in_order(transposed: bool, step: int) -> None:
    tensor = torch.arange(24, dtype=torch.int32).reshape(4, 6)
    view = (tensor.T if transposed else tensor)[::step]
    assert to_safetensors({'a': view}, {}) == to_safetensors({'a': view.clone()}, {})


def test_tensors_that_share_memory_are_each_written(tmp_path: Path) -> None:
    one = torch.ones(3)
    path = tmp_path / 'shared.safetensors'
    path.write_bytes(to_safetensors({'a': one, 'b': one}, {}))
    read = stored_tensors(path)
    read['a'].zero_()
    assert torch.equal(read['b'], one)


@pytest.mark.parametrize(
    'tensors', [{'a': torch.zeros(1, dtype=torch.complex64)}, {'__metadata__': torch.zeros(1)}]
)
def test_what_cannot_be_stored_is_refused(tensors: dict[str, Tensor]) -> None:
    with pytest.raises(ValueError, match=r'cannot be stored|may be called'):
        to_safetensors(tensors, {})


# --- bad files: whatever the bytes are, a CheckpointError, or what the library reads, too


def refusal_or_tensors(path: Path) -> dict[str, Tensor] | None:
    """Return what we read, or None where we refuse, which must be by file and remedy."""
    try:
        return stored_tensors(path)
    except CheckpointError as error:
        text = str(error)
        assert text.startswith(f'{path}: not a whole safetensors file (')
        assert 'fetch it again' in text or 'PyTorch file' in text
        return None


def check_no_laxer_than(library: ModuleType, path: Path, content: bytes | bytearray) -> bool:
    """Return whether we read ``content``; the library must then read the same."""
    path.write_bytes(content)
    tensors = refusal_or_tensors(path)
    if tensors is not None:
        assert_equal(tensors, library.load_file(path))
    return tensors is not None


@one_folder
@given(tensors=some_tensors(), data=st.data())
def test_flipped_bytes(
    library: ModuleType, tmp_path: Path, tensors: dict[str, Tensor], data: st.DataObject
) -> None:
    content = to_safetensors(tensors, {'a': 'b'})
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    check_no_laxer_than(library, tmp_path / 'flipped.safetensors', content)


@one_folder
@given(tensors=some_tensors(), data=st.data())
def test_a_cut_file_is_refused(
    library: ModuleType, tmp_path: Path, tensors: dict[str, Tensor], data: st.DataObject
) -> None:
    content = to_safetensors(tensors, {})
    kept = data.draw(st.integers(0, len(content) - 1))
    assert not check_no_laxer_than(library, tmp_path / 'cut.safetensors', content[:kept])


@one_folder
@given(tensors=some_tensors(), more=st.binary(min_size=1, max_size=20))
def test_bytes_after_the_end_are_refused(
    library: ModuleType, tmp_path: Path, tensors: dict[str, Tensor], more: bytes
) -> None:
    content = to_safetensors(tensors, {}) + more
    assert not check_no_laxer_than(library, tmp_path / 'more.safetensors', content)


@one_folder
@given(content=st.binary(max_size=100))
def test_any_bytes(library: ModuleType, tmp_path: Path, content: bytes) -> None:
    check_no_laxer_than(library, tmp_path / 'any.safetensors', content)


def with_header(header: str | bytes, data: bytes = b'') -> bytes:
    text = header.encode() if isinstance(header, str) else header
    return struct.pack('<Q', len(text)) + text + data


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)
_ENTRY = st.fixed_dictionaries(
    {
        'dtype': st.sampled_from([*DTYPES, 'F8_E4M3', 'U16', 'C64', 'f32']) | _JSON,
        'shape': st.lists(st.integers(0, 3) | st.integers(0, 2**64), max_size=3) | _JSON,
        'data_offsets': st.tuples(st.integers(0, 12), st.integers(0, 12)) | _JSON,
    },
    optional={'more': _JSON},
)


@one_folder
@given(
    header=st.dictionaries(st.just('__metadata__') | _TEXT, _ENTRY | _JSON, max_size=3),
    data=st.binary(max_size=12),
)
def test_any_header(
    library: ModuleType, tmp_path: Path, header: dict[str, Any], data: bytes
) -> None:
    check_no_laxer_than(
        library, tmp_path / 'any.safetensors', with_header(json.dumps(header), data)
    )


def _entry(**changed: Any) -> dict[str, Any]:
    return {'dtype': 'F32', 'shape': [2], 'data_offsets': [0, 8]} | changed


def _file(*entries: dict[str, Any], data_bytes: int = 8, **members: Any) -> bytes:
    """A file with tensors t0, t1, ..., and other members of its header."""
    header = {f't{number}': entry for number, entry in enumerate(entries)} | members
    return with_header(json.dumps(header), bytes(data_bytes))


_WRONG = {
    'overlap': (_file(_entry(), _entry(data_offsets=[4, 12]), data_bytes=12), 'overlaps'),
    'gap': (_file(_entry(data_offsets=[4, 12]), data_bytes=12), 'leaves a gap'),
    'same bytes': (_file(_entry(), _entry()), 'overlaps'),
    'backwards': (_file(_entry(data_offsets=[8, 0])), 'no such numbers'),
    'too few bytes': (_file(_entry(shape=[3])), 'needs 12 bytes'),
    'too many bytes': (_file(_entry(shape=[1])), 'needs 4 bytes'),
    'ends early': (_file(_entry(), data_bytes=7), 'ends 1 bytes too early'),
    'goes on': (_file(_entry(), data_bytes=9), '1 bytes follow'),
    'no tensors, some bytes': (_file(data_bytes=1), '1 bytes follow'),
    'negative size': (_file(_entry(shape=[-2])), 'no such numbers'),
    'size that is a bool': (_file(_entry(shape=[True, 2])), 'no such numbers'),
    'size that is a float': (_file(_entry(shape=[2.0])), 'no such numbers'),
    'one offset': (_file(_entry(data_offsets=[8])), 'no such numbers'),
    'overflow': (_file(_entry(shape=[2**40, 2**40])), 'more elements'),
    'overflow beside a zero': (_file(_entry(shape=[0, 2**40, 2**40])), 'more elements'),
    'endless sizes': (_file(_entry(shape=[9] * 10**5)), 'more elements'),
    'float8': (_file(_entry(dtype='F8_E4M3', shape=[8])), "dtype 'F8_E4M3', not of BOOL"),
    'no dtype': (_file(_entry(dtype=None)), 'dtype None'),
    'unknown member': (_file(_entry(stride=[1])), 'alone'),
    'missing member': (_file({'dtype': 'F32'}), 'alone'),
    'metadata of numbers': (_file(_entry(), __metadata__={'a': 1}), 'of strings'),
    'metadata null': (_file(_entry(), __metadata__=None), 'of strings'),
    'same name': (with_header('{"a":{},"a":{}}'), "'a' twice"),
    'same metadata': (with_header('{"__metadata__":{"b":"1","b":"2"}}'), "'b' twice"),
    'NaN': (with_header('{"a":NaN}'), 'NaN'),
    'infinity': (with_header('{"a":-Infinity}'), 'Infinity'),
    'half a surrogate pair': (with_header('{"__metadata__":{"a":"\\ud800"}}'), 'surrogates'),
    'not UTF-8': (with_header(b'{"\xff":1}'), 'utf-8'),
    'deep': (with_header('{"a":' + '[' * 10**5 + ']' * 10**5 + '}'), 'not JSON'),
    'a long number': (with_header('{"a":' + '9' * 5000 + '}'), 'not JSON'),
    'a list': (with_header('[]'), 'JSON object'),
    'space first': (with_header(' {}'), 'JSON object'),
    'zeros last': (with_header('{}\0\0'), 'JSON object'),
    'two objects': (with_header('{}{}'), 'not JSON'),
    'no header': (struct.pack('<Q', 0), 'JSON object'),
    'huge header': (struct.pack('<Q', 2**63) + b'{}', f'header of {2**63} bytes'),
    'bool of 2': (_file(_entry(dtype='BOOL', shape=[8]))[:-1] + b'\2', 'other bytes than 0 and 1'),
}  # fmt: skip


@pytest.mark.parametrize('kind', _WRONG)
def test_each_rule_is_told(tmp_path: Path, kind: str) -> None:
    content, words = _WRONG[kind]
    path = tmp_path / 'wrong.safetensors'
    path.write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        stored_tensors(path)
    assert words in str(caught.value)
    assert refusal_or_tensors(path) is None


@pytest.mark.parametrize(
    'header',
    [
        {'n' * 10**6: 1},
        {'n' * 10**6: _entry(shape=[3])},
        {'a': _entry(dtype='x' * 10**6)},
        {'a': _entry(dtype=[1] * 10**6)},
        {'a': _entry(shape=[int('9' * 4000)])},
    ],
)
def test_what_is_told_of_a_header_has_an_end(tmp_path: Path, header: dict[str, Any]) -> None:
    path = tmp_path / 'long.safetensors'
    path.write_bytes(with_header(json.dumps(header), bytes(8)))
    with pytest.raises(CheckpointError, match=r'tensor|elements') as caught:
        stored_tensors(path)
    assert len(str(caught.value)) < 1000


def test_a_header_has_a_longest_length(library: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / 'long.safetensors'
    longest = b'{}' + b' ' * (MOST_HEADER_BYTES - 2)
    assert check_no_laxer_than(library, path, with_header(longest))
    assert not check_no_laxer_than(library, path, with_header(longest + b' '))
    with pytest.raises(CheckpointError, match='no model has more than 2000000'):
        stored_tensors(path)


def test_nothing_but_names_is_read_or_refused_soon(tmp_path: Path) -> None:
    """Three million entries of one letter took 20 s."""
    path = tmp_path / 'names.safetensors'
    for count, refused in ((30_000, False), (3_000_000, True)):
        entry = '":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
        names = ','.join(f'"{number}{entry}' for number in range(count))
        path.write_bytes(with_header('{' + names + '}'))
        begin = time.process_time()
        with pytest.raises(CheckpointError, match='no model') if refused else nullcontext():
            assert len(stored_tensors(path)) == count
        assert time.process_time() - begin < 5


@given(order=st.permutations(range(4)))
def test_entries_may_come_in_any_order(order: list[int]) -> None:
    """Only the bytes count; a tensor without any may lie between two others."""
    entries = [
        _entry(), _entry(shape=[0], data_offsets=[8, 8]),
        _entry(shape=[], data_offsets=[8, 12]), _entry(dtype='I8', data_offsets=[12, 14]),
    ]  # fmt: skip
    content = json.dumps({f't{number}': entries[number] for number in order}).encode()
    assert list(parse_header(content, 14).entries) == ['t0', 't1', 't2', 't3']
    with pytest.raises(HeaderError, match='too early'):
        parse_header(content, 13)


def test_a_file_that_shrinks_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / 'shrinks.safetensors'
    path.write_bytes(to_safetensors({'a': torch.zeros(10**6)}, {}))

    def read() -> None:
        with open_safetensors(path) as file:
            path.write_bytes(path.read_bytes()[:-1])
            file.tensors()

    with pytest.raises(CheckpointError, match="ended while tensor 'a' was read"):
        read()
