"""A backend that computes another depth than its model is refused, with numbers."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from s2r_depth_ros.inference.backends import (
    BackendError,
    SelfTestError,
    choose_backend,
    eager_backend,
    self_test,
    torch_backend,
)
from s2r_depth_ros.inference.backends.onnx_file import SELF_TEST_KEY, to_onnx, with_metadata
from s2r_depth_ros.inference.backends.self_test import expected_depths
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.network.checkpoint import load_model
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_ros.network.optimized import Maps
from s2r_depth_ros.network.registry import available_models, find_model
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet

CPU, SIZE = torch.device('cpu'), (96, 128)
Recipe = Callable[[float], S2RDepthNet]
_IMAGENET = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]).view(2, 1, 3, 1, 1)
# What an engine may do to its input that nobody sees: a kind of wrong engine each.
_WRONG: dict[str, Callable[[Tensor], Tensor]] = {
    'channels swapped': lambda image: image.flip(1),
    'bytes': lambda image: (image + 1) * 127.5,
    'other normalisation': lambda image: ((image + 1) / 2 - _IMAGENET[0]) / _IMAGENET[1],
    'rows from below': lambda image: image.flip(2),
}
# STE's norms take gain away, and the map that it is taught is grey: only attention sees these well.
_SEEN_BY_ATTENTION = ('channels swapped', 'bytes')
# Those that are more than what a half rounds.
_SEEN_IN_HALVES = ('channels swapped', 'bytes', 'rows from below')


class _Changed:
    """A backend that changes its input, or its output, before the right one sees it."""

    def __init__(self, backend: Any, change: Callable[[Tensor], Tensor], after: bool) -> None:
        self._backend, self._change, self._after = backend, change, after
        self.input_dtype = backend.input_dtype

    def __call__(self, images: Tensor) -> Maps:
        if not self._after:
            images = self._change(images.float()).to(images.dtype)
        maps = self._backend(images)
        return Maps(self._change(maps.depth), *maps[1:]) if self._after else maps


def _refusal(
    monkeypatch: pytest.MonkeyPatch, network: S2RDepthNet, size: tuple[int, int],
    change: Callable[[Tensor], Tensor], *, after: bool = False, dtype: torch.dtype = torch.float32,
) -> str:  # fmt: skip
    """Return why the backend torch is refused that makes this change."""
    right = torch_backend.make
    monkeypatch.setattr(torch_backend, 'make', lambda *a: _Changed(right(*a), change, after))
    with pytest.raises(SelfTestError) as caught:
        choose_backend('torch', network, size, CPU, dtype)
    return str(caught.value)


@pytest.mark.parametrize('model', available_models())
@pytest.mark.parametrize(
    ('kind', 'dtype'),
    [(kind, torch.float32) for kind in _WRONG]
    + [(kind, torch.bfloat16) for kind in _SEEN_IN_HALVES],
)
def test_an_engine_that_changes_its_input_is_refused(
    model: str, kind: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, metadata = load_model(find_model(model))
    if kind in _SEEN_BY_ATTENTION and network.dsa.is_constant():
        pytest.skip('the depth of a model without attention hardly changes by this')
    size = (metadata.input_height, metadata.input_width)
    text = _refusal(monkeypatch, network, size, _WRONG[kind], dtype=dtype)
    assert text.startswith("self-test: backend 'torch' changes depth by")
    assert '% of it on cpu in' in text
    assert 'Use another backend' in text


@pytest.mark.parametrize('off', [0.001, 0.01, 0.05])
def test_an_engine_of_other_weights_is_refused(
    off: float, recipe_network: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, other = torch_backend.make, recipe_network(0.125)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in other.parameters():
            weight.mul_(1 + off * torch.randn(weight.shape, generator=generator))
    monkeypatch.setattr(torch_backend, 'make', lambda _, *rest: right(other, *rest))
    with pytest.raises(SelfTestError, match='changes depth by'):
        choose_backend('torch', recipe_network(0.125), SIZE, CPU, torch.float32)


@pytest.mark.parametrize(
    'spoil',
    [
        lambda depth: depth * torch.nan,
        lambda depth: depth[..., ::2],
        lambda depth: depth[0],
        lambda depth: depth.masked_fill(depth == depth.max(), torch.inf),
    ],
)
def test_no_map_of_the_size_is_refused(
    spoil: Callable[[Tensor], Tensor], recipe_network: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = _refusal(monkeypatch, recipe_network(0.125), SIZE, spoil, after=True)
    assert 'changes depth by' in text or 'not (1, 1, 96, 128): the file or' in text


@pytest.mark.parametrize('width', [0.125, 0.25])
@pytest.mark.parametrize('size', [(96, 128), (112, 208)])
def test_any_model_at_any_size_passes(
    width: float, size: tuple[int, int], recipe_network: Recipe
) -> None:
    for network in (recipe_network(width), S2RDepthNet(width).eval()):
        for dtype in (torch.float32, torch.bfloat16):
            choose_backend('torch', network, size, CPU, dtype)
        choose_backend('auto', network, size, CPU, torch.float32)


# ---------------------------------------------------------------- files of the export command


@pytest.fixture
def export(recipe_network: Recipe, metadata: ModelMetadata, tmp_path: Path) -> Callable[..., Path]:
    """Writes an ONNX file with these depths; None: without any, as earlier versions did."""
    for module in ('onnx', 'onnxruntime'):
        pytest.importorskip(module, reason='optional')

    def write(depths: Any, factor: float = 1.0) -> Path:
        network = recipe_network(0.125)
        with torch.no_grad():
            for weight in network.parameters():
                weight.mul_(factor)
        content = with_metadata(to_onnx(network, SIZE), metadata, depths)
        if depths is None:
            onnx = importlib.import_module('onnx')
            proto = onnx.load_from_string(content)
            (entry,) = (e for e in proto.metadata_props if e.key == SELF_TEST_KEY)
            proto.metadata_props.remove(entry)
            content = proto.SerializeToString()
        path = tmp_path / 'model.onnx'
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino', 'auto'])
def test_a_file_of_other_weights_is_refused(
    backend: str, export: Callable[..., Path], recipe_network: Recipe
) -> None:
    if backend != 'onnxruntime':
        pytest.importorskip('openvino', reason='optional')
    depths = expected_depths(recipe_network(0.125), SIZE)
    DepthEstimator(export(depths), device='cpu', backend=backend)
    with pytest.raises(BackendError, match=r'self-test: .* changes depth by'):
        DepthEstimator(export(depths, 1.05), device='cpu', backend=backend)
    DepthEstimator(export(None, 1.05), device='cpu', backend=backend)


@given(
    st.one_of(
        st.none(),
        st.text(max_size=5),
        st.lists(st.one_of(st.floats(), st.lists(st.floats(), max_size=9)), max_size=7),
        st.just([[2.1] * 8] * 6),
        st.just([[10**400] * 8] * 6),
    )
)
def test_depths_that_are_none_are_refused(depths: Any) -> None:
    """Whatever JSON there is, of an edited file."""
    with pytest.raises(SelfTestError, match=r'not 6 rows of 8 numbers from 0 on; export'):
        self_test.read_depths(Path('x.onnx'), json.dumps(depths))


def test_what_is_expected_is_computed_by_the_plain_network(
    recipe_network: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or an engine would be compared with itself."""
    asked: list[torch.dtype] = []
    plain = eager_backend.EagerBackend

    def made(source: Any, device: torch.device, dtype: torch.dtype) -> Any:
        asked.append(dtype)
        return plain(source, device, dtype)

    monkeypatch.setattr(self_test, 'EagerBackend', made)
    choose_backend('torch', recipe_network(0.125), SIZE, CPU, torch.bfloat16)
    assert asked == [torch.float32]
