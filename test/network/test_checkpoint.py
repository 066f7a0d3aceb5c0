"""Model files: what is written comes back, and everything else is refused by name and remedy."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
import torch
from stored_tensors import stored_tensors
from torch import Tensor
from traps import Trap

from s2r_depth_ros import files
from s2r_depth_ros.dependencies import DependencyError
from s2r_depth_ros.network.checkpoint import (
    METADATA_KEY,
    VERSION_KEY,
    load_model,
    read_metadata,
    save_model,
    stored_float,
    stored_sha256,
)
from s2r_depth_ros.network.metadata import CheckpointError, ModelMetadata
from s2r_depth_ros.network.released import load_released
from s2r_depth_ros.network.s2r_depthnet import SUB_NETWORKS, S2RDepthNet
from s2r_depth_ros.network.safetensors_file import to_safetensors
from s2r_depth_ros.network.safetensors_header import format_header
from s2r_depth_ros.network.weights import weights_sha256

# Writes the tiny model with other tensors, metadata or header, and one released file changed.
Altered = Callable[..., Path]
Change = Callable[[dict[str, Any]], object]
Spoil = Callable[[str, Change], Iterable[Path]]

Value = TypeVar('Value')

PNG = Path(__file__).resolve().parents[1] / 'data' / 'parity' / 'input_64x128.png'
FACTS: dict[str, Any] = {
    'name': 'some',
    'width': 0.125,
    'input_height': 96,
    'input_width': 128,
    'max_depth': 10.0,
    'focal_length': 100.5,
    'scene': 'indoor',
    'licence': 'MIT',
    'provenance': {'data': ['a', 'b'], 'epochs': 3},
    'scores': {'rooms': {'abs_rel': 0.25}},
    'placeholder': 'it is small',
    'pitch_range': (-0.5, 0.25),
    'roll_range': None,
    'confidence_curve': (0.5, -0.25, 0.0, -1.5),
}
# Fields that older files do not have.
YOUNGER = {'pitch_range', 'roll_range', 'confidence_curve'}


@pytest.fixture(scope='module')
def network() -> S2RDepthNet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return S2RDepthNet(0.125).eval()


@pytest.fixture
def released(tmp_path: Path, network: S2RDepthNet) -> dict[str, Path]:
    """The four files as the authors release them, of a narrow network."""
    paths = {name: tmp_path / f'{name}.pth' for name in SUB_NETWORKS}
    for name, path in paths.items():
        torch.save(getattr(network, name).state_dict(), path)
    return paths


def present(values: Mapping[str, Value | None]) -> dict[str, Value]:
    return {key: value for key, value in values.items() if value is not None}


@pytest.fixture
def altered(tiny_model: Path, tmp_path: Path) -> Altered:
    """Write the tiny model with other tensors, other metadata or another header."""

    def write(
        tensors: dict[str, Tensor | None] | None = None,
        metadata: dict[str, object] | None = None,
        header: dict[str, str | None] | None = None,
    ) -> Path:
        values = present(stored_tensors(tiny_model) | (tensors or {}))
        facts = json.loads(read_metadata(tiny_model).to_json())
        facts |= {'sha256': weights_sha256(values)} if tensors else {}
        facts |= metadata or {}
        facts = {key: value for key, value in facts.items() if value is not ...}
        strings = present({VERSION_KEY: '1', METADATA_KEY: json.dumps(facts)} | (header or {}))
        path = tmp_path / 'altered.safetensors'
        path.write_bytes(to_safetensors(values, strings))
        return path

    return write


def refusal(function: Callable[..., object], *arguments: Any) -> str:
    """Return the message of the CheckpointError that ``function`` must raise."""
    with pytest.raises(CheckpointError) as caught:
        function(*arguments)
    return str(caught.value)


def assert_same_weights(ours: S2RDepthNet, theirs: S2RDepthNet, half: bool = False) -> None:
    expected = theirs.state_dict()
    for key, value in ours.state_dict().items():
        wanted = expected[key]
        if half and wanted.is_floating_point():
            wanted = wanted.half().float()
        assert value.dtype == wanted.dtype
        assert torch.equal(value, wanted), key


# --- what is written comes back


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16])
def test_saved_model_comes_back(tmp_path: Path, network: S2RDepthNet, dtype: torch.dtype) -> None:
    path = tmp_path / 'new' / 'some.safetensors'
    written = save_model(path, network, ModelMetadata(**FACTS), dtype)
    loaded, metadata = load_model(path)
    assert metadata == written == read_metadata(path)
    assert replace(metadata, sha256='') == ModelMetadata(**FACTS)
    assert_same_weights(loaded, network, half=dtype is torch.float16)
    assert not loaded.training
    image = torch.rand(1, 3, 96, 96) * 2 - 1
    with torch.inference_mode():
        tolerance = 0 if dtype is torch.float32 else 2e-2
        assert (loaded(image).depths[3] - network(image).depths[3]).abs().max() <= tolerance


def test_half_precision_halves_the_file(tmp_path: Path, network: S2RDepthNet) -> None:
    sizes = []
    for dtype in (torch.float32, torch.float16):
        save_model(tmp_path / 'm.safetensors', network, ModelMetadata(**FACTS), dtype)
        sizes.append((tmp_path / 'm.safetensors').stat().st_size)
    assert 0.5 < sizes[1] / sizes[0] < 0.52


def test_loaded_network_trains_one_shared_activation(tiny_model: Path) -> None:
    network, _ = load_model(tiny_model)
    slopes = [p for key, p in network.named_parameters() if p.shape == (1,) and 'depth' in key]
    assert len(slopes) == 1
    assert all(p.requires_grad for p in network.parameters())


def test_sha256_is_over_sorted_keys_and_bytes(tiny_model: Path) -> None:
    tensors = stored_tensors(tiny_model)
    backwards = dict(sorted(tensors.items(), reverse=True))
    assert weights_sha256(backwards) == read_metadata(tiny_model).sha256
    key = 'struct_encoder.conv.conv.bias'
    assert weights_sha256(tensors | {key: tensors[key] + 1}) != read_metadata(tiny_model).sha256


def test_weights_do_not_change_with_the_file(tiny_model: Path, tmp_path: Path) -> None:
    path = tmp_path / 'copy.safetensors'
    content = tiny_model.read_bytes()
    path.write_bytes(content)
    network, _ = load_model(path)
    before = [p.clone() for p in network.parameters()]
    with path.open('r+b') as file:
        file.write(bytes(len(content)))
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters()))


# --- writing refuses


def test_save_refuses_another_width(tmp_path: Path, network: S2RDepthNet) -> None:
    text = refusal(
        save_model, tmp_path / 'x.safetensors', network, ModelMetadata(**FACTS | {'width': 0.25})
    )
    assert "'width' is 0.25 but the network's width is 0.125" in text
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(('value', 'dtype'), [(float('nan'), torch.float32), (1e5, torch.float16)])
def test_save_refuses_what_is_not_finite(
    tmp_path: Path, network: S2RDepthNet, value: float, dtype: torch.dtype
) -> None:
    network = S2RDepthNet(0.125)
    with torch.no_grad():
        network.state_dict()['dsa.D.conv.bias'].fill_(value)
    text = refusal(save_model, tmp_path / 'x.safetensors', network, ModelMetadata(**FACTS), dtype)
    assert "x.safetensors: key 'dsa.D.conv.bias' holds NaN or infinity" in text
    assert not list(tmp_path.iterdir())


def test_save_refuses_other_dtypes(tmp_path: Path, network: S2RDepthNet) -> None:
    with pytest.raises(ValueError, match=r'float32 or torch\.float16'):
        save_model(tmp_path / 'x.safetensors', network, ModelMetadata(**FACTS), torch.bfloat16)


def test_failed_write_leaves_the_old_file(
    tmp_path: Path, network: S2RDepthNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'x.safetensors'
    path.write_bytes(b'old')

    def full(*_: object) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(files.os, 'replace', full)
    text = refusal(save_model, path, network, ModelMetadata(**FACTS))
    assert f'{path}: cannot be written (No space left on device)' in text
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b'old']


def test_save_into_a_file_as_folder_is_refused(tmp_path: Path, network: S2RDepthNet) -> None:
    (tmp_path / 'a').write_text('a file')
    text = refusal(save_model, tmp_path / 'a' / 'x.safetensors', network, ModelMetadata(**FACTS))
    assert 'cannot be written' in text


# --- metadata


WRONG_FACTS = [
    ('name', ''),
    ('name', 'a/b'),
    ('name', 5),
    ('width', 0.75),
    ('width', 'full'),
    ('width', True),
    ('input_height', 96.5),
    ('input_height', True),
    ('input_width', '128'),
    ('max_depth', 0),
    ('max_depth', -80.0),
    ('max_depth', None),
    ('max_depth', float('nan')),
    ('max_depth', float('inf')),
    ('focal_length', 0),
    ('focal_length', '100'),
    ('scene', 'street'),
    ('licence', None),
    ('color_order', 'gbr'),
    ('mean', [0.5, 0.5]),
    ('mean', 0.5),
    ('std', [0.5, 0.5, 0.0]),
    ('resize', 'nearest'),
    ('pitch_range', 0.1),
    ('pitch_range', [0.1]),
    ('pitch_range', [0.2, 0.1]),
    ('pitch_range', [-0.1, 1.6]),
    ('pitch_range', ['a', 'b']),
    ('pitch_range', [float('nan'), 0.1]),
    ('roll_range', [-4.0, 0.0]),
    ('roll_range', [0.0, True]),
    ('confidence_curve', 0.5),
    ('confidence_curve', [0.5, -0.25, 0.0]),
    ('confidence_curve', [0.5, -0.25, 0.0, 'a']),
    ('confidence_curve', [0.5, -0.25, 0.0, float('inf')]),
    ('provenance', 'vkitti'),
    ('scores', [1, 2]),
    ('placeholder', False),
    ('sha256', 7),
    # Numbers that are none of a model, though they are numbers.
    ('max_depth', 10**400),
    ('max_depth', 1e300),
    ('focal_length', 1e300),
    ('focal_length', 1e-300),
    ('std', [1e-300] * 3),
    ('mean', [10**400] * 3),
    ('input_height', 96000),
    ('input_width', 16 * 10**400),
    ('roll_range', [0.0, 10**400]),
]


@pytest.mark.parametrize(('field', 'value'), WRONG_FACTS)
@pytest.mark.parametrize('read', [load_model, read_metadata])
def test_wrong_metadata_field_is_named(
    altered: Altered, field: str, value: object, read: Callable[[Path], object]
) -> None:
    path = altered(metadata={field: value})
    text = refusal(read, path)
    assert text.startswith(f'{path}: metadata field {field!r} must be ')
    assert 'write the file again' in text


@pytest.mark.parametrize(('field', 'value'), WRONG_FACTS)
def test_wrong_metadata_cannot_be_made(field: str, value: object) -> None:
    with pytest.raises(CheckpointError, match=repr(field)):
        ModelMetadata(**FACTS | {field: value})


@pytest.mark.parametrize('value', [{'a': float('nan')}, {1: 'a'}, {'a': (1, 2)}, {'a': object()}])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(CheckpointError, match="'scores' must be a JSON object"):
        ModelMetadata(**FACTS | {'scores': value})


@pytest.mark.parametrize(('height', 'width'), [(64, 128), (100, 128), (96, 0), (96, -160)])
def test_input_size_must_follow_the_size_rule(altered: Altered, height: int, width: int) -> None:
    path = altered(metadata={'input_height': height, 'input_width': width})
    text = refusal(load_model, path)
    assert f'{path}: metadata fields' in text
    assert f'cannot run at {height}x{width}' in text
    assert 'multiples of 16' in text


@pytest.mark.parametrize('field', sorted(YOUNGER))
def test_what_older_files_do_not_have_is_unknown(altered: Altered, field: str) -> None:
    path = altered(metadata={field: ...})
    assert getattr(read_metadata(path), field) is None
    load_model(path)


@pytest.mark.parametrize('field', sorted(set(ModelMetadata.__dataclass_fields__) - YOUNGER))
def test_missing_metadata_field_is_named(altered: Altered, field: str) -> None:
    path = altered(metadata={field: ...})
    assert f'{path}: metadata field {field!r} is missing' in refusal(load_model, path)


def test_unknown_metadata_field_is_named(altered: Altered) -> None:
    assert "metadata field 'gain' is unknown" in refusal(load_model, altered(metadata={'gain': 1}))


@pytest.mark.parametrize(
    ('header', 'words'),
    [
        ({VERSION_KEY: '2'}, [VERSION_KEY, "'2'", 'reads format 1', 'update the package']),
        ({VERSION_KEY: 'x'}, [VERSION_KEY, "'x'", 'write the file again']),
        ({VERSION_KEY: None}, [VERSION_KEY, 'missing', 'no model of this package']),
        ({METADATA_KEY: None}, [METADATA_KEY, 'missing', 'write the file again']),
        ({METADATA_KEY: '{'}, ['not JSON', 'write the file again']),
        ({METADATA_KEY: '[]'}, ['not a JSON object', 'write the file again']),
    ],
)
def test_wrong_header_is_named(
    altered: Altered, header: dict[str, str | None], words: list[str]
) -> None:
    path = altered(header=header)
    for read in (load_model, read_metadata):
        text = refusal(read, path)
        assert all(word in text for word in [str(path), *words]), text


# --- reading refuses wrong weights


BIAS = 'struct_encoder.conv.conv.bias'


@pytest.mark.parametrize(
    ('tensors', 'words'),
    [
        ({BIAS: None}, [repr(BIAS), 'is missing', 'width 0.125']),
        ({'dsa.extra': torch.zeros(1)}, ["'dsa.extra'", 'is unexpected']),
        ({BIAS: torch.zeros(9)}, [repr(BIAS), 'has shape (9,)', 'needs (8,)']),
        ({BIAS: torch.zeros(8, dtype=torch.int64)}, [repr(BIAS), 'torch.int64', 'torch.float16']),
        ({BIAS: torch.zeros(8, dtype=torch.bfloat16)}, [repr(BIAS), 'torch.bfloat16']),
    ],
)
def test_weights_that_do_not_fit_are_named(
    altered: Altered, tiny_model: Path, tensors: dict[str, Tensor | None], words: list[str]
) -> None:
    # A wrong sha256 in the metadata, to see that the precise error comes first.
    path = altered(metadata={'sha256': 'none'}, tensors=None)
    values = present(stored_tensors(path) | tensors)
    header = {VERSION_KEY: '1', METADATA_KEY: read_metadata(path).to_json()}
    path.write_bytes(to_safetensors(values, header))
    for read in (load_model, stored_sha256):
        text = refusal(read, path)
        assert all(word in text for word in [str(path), *words, 'write the file again']), text


def test_metadata_of_another_width_does_not_fit(altered: Altered) -> None:
    text = refusal(load_model, altered(metadata={'width': 0.25}))
    assert "key 'struct_encoder.conv.conv.weight' has shape (8, 3, 7, 7)" in text
    assert 'width 0.25 needs (16, 3, 7, 7)' in text


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_weights_that_are_not_finite_are_named(altered: Altered, value: float) -> None:
    bias = torch.zeros(8)
    bias[3] = value
    path = altered(tensors={BIAS: bias})
    assert f'{path}: key {BIAS!r} holds NaN or infinity' in refusal(load_model, path)


def test_negative_variances_are_named(altered: Altered) -> None:
    key = 'depth_net.center.0.norm1.running_var'
    text = refusal(load_model, altered(tensors={key: torch.full((192,), -1.0)}))
    assert f'key {key!r} holds variances below 0' in text


def test_metadata_of_any_depth_are_refused() -> None:
    """What nests a hundred thousand times is no metadata; it was a traceback."""
    with pytest.raises(CheckpointError, match='the metadata is not JSON'):
        ModelMetadata.from_json('{"provenance":' + '[' * 100_000 + ']' * 100_000 + '}')


def test_activation_that_is_not_shared_is_refused(altered: Altered) -> None:
    key = 'depth_net.deconv2.model.6.weight'
    text = refusal(load_model, altered(tensors={key: torch.tensor([0.5])}))
    assert f"key {key!r} is 0.5 but 'depth_net.conv1.3.weight' is 0.25; the 18 PReLU keys" in text


def test_altered_weights_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    content = bytearray(tiny_model.read_bytes())
    content[-2] ^= 1
    path = tmp_path / 'altered.safetensors'
    path.write_bytes(content)
    text = refusal(load_model, path)
    assert f"{path}: the weights do not match metadata field 'sha256'" in text
    assert 'fetch it again' in text
    assert stored_sha256(path) != read_metadata(path).sha256


# --- reading refuses what is no model file


@pytest.mark.parametrize('read', [load_model, read_metadata, stored_sha256])
@pytest.mark.parametrize('kept', [0, 4, 100, 40_000, -1])
def test_truncated_file_is_refused(
    tiny_model: Path, tmp_path: Path, read: Callable[[Path], object], kept: int
) -> None:
    path = tmp_path / 'cut.safetensors'
    path.write_bytes(tiny_model.read_bytes()[:kept])
    text = refusal(read, path)
    assert f'{path}: not a whole safetensors file' in text
    assert 'fetch it again' in text


@pytest.mark.parametrize('content', [b'hello, this is a text file\n', PNG.read_bytes()])
def test_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / 'foreign.safetensors'
    path.write_bytes(content)
    text = refusal(load_model, path)
    assert f'{path}: not a whole safetensors file' in text
    assert 'convert command' in text


@pytest.mark.parametrize('zipped', [True, False])
def test_pytorch_file_in_place_of_a_model_points_to_convert(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / 'depth_net.pth'
    torch.save({'a': torch.zeros(1)}, path, _use_new_zipfile_serialization=zipped)
    assert 'looks like a PyTorch file, turn it' in refusal(load_model, path)


@pytest.mark.parametrize('read', [load_model, read_metadata])
def test_missing_file_and_folder_are_named(tmp_path: Path, read: Callable[[Path], object]) -> None:
    assert refusal(read, tmp_path / 'no.safetensors') == (
        f'{tmp_path}/no.safetensors: no such file; check the path'
    )
    assert refusal(read, tmp_path) == f'{tmp_path}: is a folder; give the file inside it'


def test_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / 'pipe.safetensors')
    assert 'is a pipe or a device' in refusal(load_model, tmp_path / 'pipe.safetensors')


def test_a_header_that_promises_too_much_costs_no_memory(tiny_model: Path, tmp_path: Path) -> None:
    metadata = {VERSION_KEY: '1', METADATA_KEY: read_metadata(tiny_model).to_json()}
    head, _ = format_header({BIAS: (torch.float32, (2**40,))}, metadata)
    path = tmp_path / 'sparse.safetensors'
    path.write_bytes(head)
    os.truncate(path, len(head) + 4 * 2**40)
    text = refusal(load_model, path)
    assert text.startswith(
        f"{path}: key 'struct_encoder.conv.conv.weight' of width 0.125 is missing"
    )


def test_stored_float_is_told_without_the_weights(tmp_path: Path, network: S2RDepthNet) -> None:
    path = tmp_path / 'some.safetensors'
    for dtype in (torch.float32, torch.float16):
        save_model(path, network, ModelMetadata(**FACTS), dtype)
        assert stored_float(path) is dtype
    path.write_bytes(to_safetensors({'n': torch.zeros(1, dtype=torch.int64)}, {}))
    assert f'{path}: has no weights' in refusal(stored_float, path)


@pytest.mark.skipif(os.geteuid() == 0, reason='root may read everything')
def test_forbidden_file_is_named(tiny_model: Path, tmp_path: Path) -> None:
    path = tmp_path / 'secret.safetensors'
    path.write_bytes(tiny_model.read_bytes())
    path.chmod(0)
    assert 'may not be read' in refusal(load_model, path)


# --- the authors' four files


@pytest.mark.parametrize('zipped', [True, False])
def test_released_files_load(released: dict[str, Path], network: S2RDepthNet, zipped: bool) -> None:
    for path in released.values():
        state = torch.load(path, weights_only=True)
        torch.save(state, path, _use_new_zipfile_serialization=zipped)
    loaded = load_released(*released.values())
    assert loaded.width == 0.125
    assert_same_weights(loaded, network)


def test_released_files_become_a_model_file(
    released: dict[str, Path], network: S2RDepthNet, tmp_path: Path
) -> None:
    path = tmp_path / 'converted.safetensors'
    save_model(path, load_released(*released.values()), ModelMetadata(**FACTS))
    assert_same_weights(load_model(path)[0], network)


@pytest.fixture
def spoil(released: dict[str, Path]) -> Spoil:
    """Rewrite one released file through a function of its state dict; return all paths."""

    def rewrite(name: str, change: Change) -> Iterable[Path]:
        state = torch.load(released[name], weights_only=True)
        torch.save(change(state), released[name])
        return released.values()

    return rewrite


@pytest.mark.parametrize('name', SUB_NETWORKS)
@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda s: dict(list(s.items())[1:]), ['is missing', 'give the released file of']),
        (lambda s: s | {'extra': torch.zeros(1)}, ["'extra'", 'is unexpected']),
        (lambda s: s | {list(s)[-1]: torch.zeros(2, 7)}, ['has shape (2, 7)']),
        (lambda s: {f'net.{k}': v for k, v in s.items()}, ['is missing']),
        (lambda s: {'state_dict': s}, ["'state_dict'", 'wrapped training checkpoint']),
        (lambda s: {'epoch': 3, **s}, ["'epoch'", 'type int', 'not a tensor']),
        (lambda s: {}, ['not a filled state dict']),
        (lambda s: [1, 2], ['type list', 'not a filled state dict']),
        (lambda s: s | {next(iter(s)): s[next(iter(s))] * float('nan')}, ['NaN or infinity']),
    ],
)
def test_released_file_that_is_wrong_is_named(
    spoil: Spoil, released: dict[str, Path], name: str, change: Change, words: list[str]
) -> None:
    text = refusal(load_released, *spoil(name, change))
    assert all(word in text for word in [f'{released[name]}: ', *words]), text


def test_file_mixing_prefixes_is_refused(spoil: Spoil) -> None:
    def prefix_one(state: dict[str, Tensor]) -> dict[str, Tensor]:
        key = next(iter(state))
        return {('module.' + k if k == key else k): v for k, v in state.items()}

    text = refusal(load_released, *spoil('dsa', prefix_one))
    assert "key 'E.base.0.0.weight' of dsa at width 0.125 is missing" in text


def test_swapped_files_are_recognised(released: dict[str, Path]) -> None:
    paths = [released[n] for n in ('struct_encoder', 'struct_decoder', 'depth_net', 'dsa')]
    assert 'this is a file of depth_net: give each file to its own' in refusal(
        load_released, *paths
    )


def test_width_outside_the_family_is_refused(spoil: Spoil) -> None:
    wide = torch.zeros(24, 3, 7, 7)
    text = refusal(
        load_released, *spoil('struct_encoder', lambda s: s | {'conv.conv.weight': wide})
    )
    assert "'conv.conv.weight' has 24 channels, which is width 0.375" in text


def test_released_file_with_unequal_activations_is_refused(
    spoil: Spoil, released: dict[str, Path]
) -> None:
    key = 'center.1.nonlinearity.weight'
    text = refusal(load_released, *spoil('depth_net', lambda s: s | {key: torch.tensor([-0.1])}))
    assert f'{released["depth_net"]}: key {key!r} is -0.1' in text
    assert 'one shared scalar' in text


@pytest.mark.parametrize('zipped', [True, False])
def test_pickled_code_is_refused_and_not_run(
    released: dict[str, Path], tmp_path: Path, zipped: bool
) -> None:
    trap = tmp_path / 'trap'
    torch.save({'a': Trap(trap)}, released['dsa'], _use_new_zipfile_serialization=zipped)
    text = refusal(load_released, *released.values())
    assert f'{released["dsa"]}: holds Python objects' in text
    assert 'torch.save(network.state_dict(), file)' in text
    assert not trap.exists()


@pytest.mark.filterwarnings('ignore:Detected pickle protocol')
@pytest.mark.parametrize('protocol', [2, 4])
def test_bare_pickle_with_code_is_refused_and_not_run(
    released: dict[str, Path], tmp_path: Path, protocol: int
) -> None:
    trap = tmp_path / 'trap'
    released['dsa'].write_bytes(pickle.dumps(Trap(trap), protocol=protocol))
    assert str(released['dsa']) in refusal(load_released, *released.values())
    assert not trap.exists()


@pytest.mark.parametrize('version', ['2.1.0', '2.5.1+cu124'])
def test_a_torch_that_could_run_code_reads_no_released_file(
    released: dict[str, Path], version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, '__version__', version)
    with pytest.raises(DependencyError, match=r'CVE-2025-32434.*torch 2\.6 or newer'):
        load_released(*released.values())


def test_whole_pickled_module_is_refused(released: dict[str, Path]) -> None:
    torch.save(torch.nn.Linear(2, 2), released['dsa'])
    assert 'save its bare weights' in refusal(load_released, *released.values())


@pytest.mark.parametrize('content', [b'', b'hello world\n', PNG.read_bytes(), b'PK\x03\x04'])
def test_foreign_released_file_is_refused(released: dict[str, Path], content: bytes) -> None:
    released['dsa'].write_bytes(content)
    text = refusal(load_released, *released.values())
    assert f'{released["dsa"]}: not a whole PyTorch file' in text
    assert 'fetch it again' in text


@pytest.mark.parametrize('fraction', [0.1, 0.5, 0.99])
def test_truncated_released_file_is_refused(released: dict[str, Path], fraction: float) -> None:
    content = released['dsa'].read_bytes()
    released['dsa'].write_bytes(content[: int(fraction * len(content))])
    assert 'not a whole PyTorch file' in refusal(load_released, *released.values())


def test_missing_released_file_and_folder_are_named(
    released: dict[str, Path], tmp_path: Path
) -> None:
    released['depth_net'].unlink()
    assert 'depth_net.pth: no such file' in refusal(load_released, *released.values())
    released['depth_net'].mkdir()
    assert 'depth_net.pth: is a folder' in refusal(load_released, *released.values())
