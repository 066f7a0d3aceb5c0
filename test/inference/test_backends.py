"""Every backend gives what the reference gives, within the tolerance stated here."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2r_depth_ros.evaluation.manifest import CAPS, read_ground_truth
from s2r_depth_ros.evaluation.metrics import depth_metrics
from s2r_depth_ros.inference.backends import Backend, BackendError, make_backend
from s2r_depth_ros.inference.backends.onnx_file import to_onnx, with_metadata
from s2r_depth_ros.inference.backends.self_test import expected_depths
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.network.metadata import CheckpointError, ModelMetadata
from s2r_depth_ros.network.optimized import OptimizedNetwork
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_ros.network.tap_first import TapConv
from s2r_depth_ros.network_choices import BACKENDS, DEFAULT_MODEL

CPU = torch.device('cpu')
RUNTIMES = {'openvino': ('openvino', 'onnx'), 'onnxruntime': ('onnxruntime', 'onnx')}
PACKAGES = RUNTIMES | {'tap': ('numba',)}
# Largest difference of any map, depth in [-1, 1] and the others in [0, 1].
FP32_TOLERANCE = 1e-4
# Median difference of depth and of the maps; random weights spread rounding far more than trained.
BF16_TOLERANCE = 1e-2
# Relative change of abs_rel on real images that a precision may cost.
DEPTH_ERROR_TOLERANCE = {'fp32': 1e-4, 'bf16': 0.01}


def need(name: str) -> None:
    for module in PACKAGES.get(name, ()):
        pytest.importorskip(module, reason=f'backend {name} is optional: {module} is not installed')


def make(
    name: str, network: S2RDepthNet, size: tuple[int, int], dtype: torch.dtype = torch.float32
) -> Backend:
    need(name)
    return make_backend(name, network, size, CPU, dtype)


@pytest.fixture
def image() -> Tensor:
    return torch.rand(1, 3, 112, 208, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize('name', BACKENDS)
def test_equals_the_fixtures_of_the_authors_network(
    name: str, recipe_network: Callable[[float], S2RDepthNet], parity_folder: Path
) -> None:
    fixture = np.load(parity_folder / 'outputs_96x160.npz')
    image = torch.from_numpy(fixture['image']).permute(2, 0, 1)[None].float() / 127.5 - 1
    maps = make(name, recipe_network(1.0), (96, 160))(image)
    expected = (fixture['metric_depth_80m'] / 40 - 1, fixture['structure_map'])
    for result, truth in zip(maps, (*expected, fixture['attention_map'])):
        np.testing.assert_allclose(result[0, 0].numpy(), truth, atol=FP32_TOLERANCE, rtol=0)


@pytest.mark.parametrize('width', [0.125, 0.25])
@pytest.mark.parametrize('name', [name for name in BACKENDS if name != 'eager'])
def test_equals_eager(
    name: str, width: float, recipe_network: Callable[[float], S2RDepthNet], image: Tensor
) -> None:
    network = recipe_network(width)
    expected = make('eager', network, (112, 208))(image)
    for result, truth in zip(make(name, network, (112, 208))(image), expected):
        assert result.shape == truth.shape
        torch.testing.assert_close(result, truth, atol=FP32_TOLERANCE, rtol=0)


@pytest.mark.parametrize('name', BACKENDS)
def test_a_batch_equals_its_images_one_by_one(
    name: str, recipe_network: Callable[[float], S2RDepthNet]
) -> None:
    images = torch.rand(3, 3, 96, 128, generator=torch.Generator().manual_seed(2)) * 2 - 1
    backend = make(name, recipe_network(0.125), (96, 128))
    singly = [[m.clone() for m in backend(image)] for image in images.split(1)]
    for result, truth in zip(backend(images), zip(*singly)):
        assert result.shape == (3, 1, 96, 128)
        torch.testing.assert_close(result, torch.cat(truth), atol=FP32_TOLERANCE, rtol=0)
    assert (result[0] - result[1]).abs().max() > 1e-3


@pytest.mark.parametrize('name', ['eager', 'torch', 'openvino'])
def test_bf16_is_close(
    name: str, recipe_network: Callable[[float], S2RDepthNet], image: Tensor
) -> None:
    network = recipe_network(0.125)
    exact = make('eager', network, (112, 208))(image)
    backend = make(name, network, (112, 208), torch.bfloat16)
    for result, truth in zip(backend(image.to(backend.input_dtype)), exact):
        difference = (result.float() - truth).abs()
        assert 0 < difference.median() < BF16_TOLERANCE
    # The heads compute in float32: their outputs are no bfloat16 numbers.
    depth = backend(image.to(backend.input_dtype)).depth
    assert (depth != depth.bfloat16().float()).float().mean() > 0.9


def test_the_network_given_is_left_as_it_was(
    recipe_network: Callable[[float], S2RDepthNet],
) -> None:
    network, same = recipe_network(0.125), recipe_network(0.125)
    make('torch', network, (96, 128), torch.bfloat16)
    make('eager', network, (96, 128), torch.bfloat16)
    for key, value in same.state_dict().items():
        torch.testing.assert_close(network.state_dict()[key], value, rtol=0, atol=0)


def test_optimised_network_has_no_norm_left_but_instance_norms(
    recipe_network: Callable[[float], S2RDepthNet],
) -> None:
    network = OptimizedNetwork(recipe_network(0.125))
    assert not [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert not [m for m in network.modules() if isinstance(m, torch.nn.PReLU)]


@pytest.mark.parametrize('name', RUNTIMES)
def test_missing_runtime_names_its_pip_line(
    name: str, monkeypatch: pytest.MonkeyPatch, recipe_network: Callable[[float], S2RDepthNet]
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(BackendError, match=f"backend '{name}' needs .*pip install {name} onnx"):
        make_backend(name, recipe_network(0.125), (96, 128), CPU, torch.float32)


def test_unknown_backend(recipe_network: Callable[[float], S2RDepthNet]) -> None:
    with pytest.raises(BackendError, match="'tvm': use auto, torch, eager, tap, "):
        make_backend('tvm', recipe_network(0.125), (96, 128), CPU, torch.float32)


@pytest.mark.parametrize(
    ('name', 'message'), [('onnxruntime', r'fp32 \(or an int8 file\)'), ('tap', 'fp32 on a CPU')]
)
def test_bf16_only_where_it_exists(
    name: str, message: str, recipe_network: Callable[[float], S2RDepthNet]
) -> None:
    with pytest.raises(BackendError, match=message):
        make(name, recipe_network(0.125), (96, 128), torch.bfloat16)


def test_numba_equals_plain_torch_at_every_size() -> None:
    need('tap')
    tap_numba = importlib.import_module('s2r_depth_ros.inference.backends.tap_numba')
    conv = torch.nn.Conv2d(3, 4, 5, padding=2).requires_grad_(False)
    module, plain = tap_numba.NumbaTapConv(conv), TapConv(conv)
    generator = torch.Generator().manual_seed(0)
    # Heights around the band's; growth of 1 to 2.3 times, also back to a size seen before.
    for height in (2, 3, 4, 5, 8, 13, 4):
        for size in ((height, 7), (2 * height, 14), (2 * height + 1, 9)):
            features = torch.randn(1, 3, height, 7, generator=generator)
            result = module(features, size)
            torch.testing.assert_close(result, plain(features, size), atol=1e-5, rtol=1e-5)


@pytest.fixture(scope='module')
def exported(
    recipe_network: Callable[[float], S2RDepthNet],
    metadata: ModelMetadata,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    pytest.importorskip('onnx', reason='onnx is optional')
    path = tmp_path_factory.mktemp('onnx') / 'lively.onnx'
    network, size = recipe_network(0.125), (96, 128)
    depths = expected_depths(network, size)
    path.write_bytes(with_metadata(to_onnx(network, size), metadata, depths))
    return path


@pytest.mark.parametrize('name', RUNTIMES)
def test_exported_file_is_a_model(
    name: str, exported: Path, estimator: DepthEstimator, photo: NDArray[np.uint8]
) -> None:
    need(name)
    loaded = DepthEstimator(exported, device='cpu', backend=name)
    assert loaded.metadata.name == 'lively'
    assert loaded.input_size == (96, 128)
    expected, result = (e.predict(photo, fx=150.0) for e in (estimator, loaded))
    assert result.focal_scale == expected.focal_scale
    limit = FP32_TOLERANCE * estimator.metadata.max_depth / 2 * result.focal_scale
    np.testing.assert_allclose(result.depth, expected.depth, atol=limit, rtol=0)


def test_exported_file_has_one_size_and_its_backends(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r'exported for inputs of 96x128 .*--input-size'):
        DepthEstimator(exported, device='cpu', backend='openvino', input_size=(112, 208))
    for name in ('torch', 'eager'):
        with pytest.raises(BackendError, match=f"'{name}' does not run ONNX files"):
            DepthEstimator(exported, device='cpu', backend=name)
    (tmp_path / 'broken.onnx').write_bytes(b'no protobuf')
    with pytest.raises(CheckpointError, match=r'broken\.onnx: not an ONNX file'):
        DepthEstimator(tmp_path / 'broken.onnx', device='cpu', backend='openvino')
    onnx = importlib.import_module('onnx')
    onnx.save(onnx.ModelProto(ir_version=8), str(tmp_path / 'foreign.onnx'))
    with pytest.raises(CheckpointError, match='no metadata of this package'):
        DepthEstimator(tmp_path / 'foreign.onnx', device='cpu', backend='openvino')


@pytest.mark.parametrize('place', ['weights', 'a node', 'a graph in a node'])
@pytest.mark.parametrize('location', ['weights.bin', '/etc/passwd', '../outside.bin'])
def test_weights_in_another_file_are_refused(
    place: str, location: str, exported: Path, tmp_path: Path
) -> None:
    onnx = importlib.import_module('onnx')
    model = onnx.load(str(exported))
    node = model.graph.node[0]
    if place == 'a graph in a node':
        node = node.attribute.add(name='body', type=onnx.AttributeProto.GRAPH).g.node.add()
    tensor = (
        model.graph.initializer[0]
        if place == 'weights'
        else node.attribute.add(name='value', type=onnx.AttributeProto.TENSOR).t
    )
    tensor.ClearField('raw_data')
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key='location', value=location)
    (tmp_path / 'outside.onnx').write_bytes(model.SerializeToString())
    with pytest.raises(CheckpointError, match='in another file, which is not read'):
        DepthEstimator(tmp_path / 'outside.onnx', device='cpu', backend='onnxruntime')


def _real_errors(estimator: DepthEstimator, folder: Path) -> Iterator[float]:
    for frame in read_ground_truth(folder / 'data' / 'eval_real' / 'manifest.json'):
        rgb, truth = frame.load()
        depth = np.nan_to_num(estimator.predict(rgb, fx=frame.fx).depth, nan=1e-3)
        cap = CAPS[frame.kind]
        yield depth_metrics(depth, truth, cap=cap, alignment='median')['abs_rel']


@pytest.mark.parametrize(
    ('name', 'precision'),
    [('torch', 'fp32'), ('torch', 'bf16'), ('tap', 'fp32'), ('openvino', 'fp32'),
     ('openvino', 'bf16'), ('onnxruntime', 'fp32')],
)  # fmt: skip
def test_depth_error_on_real_images(name: str, precision: str, needs_shared: Path) -> None:
    need(name)
    backends = (('eager', 'fp32'), (name, precision))
    estimators = (DepthEstimator(DEFAULT_MODEL, backend=b, precision=p) for b, p in backends)
    reference, error = (np.mean(list(_real_errors(e, needs_shared))) for e in estimators)
    assert abs(error / reference - 1) < DEPTH_ERROR_TOLERANCE[precision]
