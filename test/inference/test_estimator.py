from __future__ import annotations

import logging
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn

from s2r_depth_ros.geometry import CloudPacker, Intrinsics
from s2r_depth_ros.inference import estimator as estimator_module
from s2r_depth_ros.inference.backends.eager_backend import EagerBackend
from s2r_depth_ros.inference.backends.torch_backend import TorchBackend
from s2r_depth_ros.inference.estimator import DepthEstimator, FocalLengthError, Prediction, View
from s2r_depth_ros.inference.finishing import DeviceCopy, Finish, cloud_rays
from s2r_depth_ros.inference.preprocessing import ImageError
from s2r_depth_ros.network.metadata import CheckpointError, ModelMetadata
from s2r_depth_ros.network.s2r_depthnet import NetworkOutput, S2RDepthNet
from s2r_depth_ros.size_rule import SizeError


class Stub(nn.Module):
    """A network whose finest depth map is known."""

    def __init__(self, depth: Tensor) -> None:
        super().__init__()
        self.depth = depth

    def forward(self, image: Tensor) -> NetworkOutput:
        ramp = torch.linspace(0, 1, 128).expand(1, 1, 96, 128)
        return NetworkOutput(ramp, 1 - ramp, [self.depth * 0] * 3 + [self.depth])


Build = Callable[..., DepthEstimator]


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch, metadata: ModelMetadata) -> Build:
    """Return a function that makes an estimator of a network and metadata without a file."""

    def make(network: nn.Module, facts: ModelMetadata = metadata, **options: Any) -> DepthEstimator:
        monkeypatch.setattr(estimator_module, 'find_model', Path)
        monkeypatch.setattr(estimator_module, 'load_model', lambda path: (network, facts))
        return DepthEstimator('stub', device='cpu', backend='eager', **options)

    return make


def network_of(estimator: DepthEstimator) -> nn.Module:
    backend = estimator._backend
    assert isinstance(backend, EagerBackend | TorchBackend)
    return backend._network


def maps_of(prediction: Prediction) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    assert prediction.structure is not None
    assert prediction.attention is not None
    return prediction.structure, prediction.attention


def constant(value: float) -> Stub:
    return Stub(torch.full((1, 1, 96, 128), value))


def grey(height: int = 96, width: int = 128) -> NDArray[np.uint8]:
    return np.full((height, width, 3), 128, np.uint8)


def test_whole_estimator_equals_the_reference(
    build: Build,
    recipe_network: Callable[[float], S2RDepthNet],
    parity_folder: Path,
    metadata: ModelMetadata,
) -> None:
    expected = np.load(parity_folder / 'outputs_96x160.npz')
    facts = replace(metadata, width=1.0, input_height=96, input_width=160)
    result = build(recipe_network(1.0), facts).predict(expected['image'], maps=True)
    # 1e-4 of a [-1, 1] output is 4 mm of 80 m.
    np.testing.assert_allclose(result.depth, expected['metric_depth_80m'], atol=4e-3, rtol=0)
    structure, attention = maps_of(result)
    np.testing.assert_allclose(structure, expected['structure_map'], atol=1e-4, rtol=0)
    np.testing.assert_allclose(attention, expected['attention_map'], atol=1e-4, rtol=0)


@settings(max_examples=30, deadline=None)
@given(height=st.integers(32, 700), width=st.integers(32, 700), seed=st.integers(0, 9))
def test_any_image_size(estimator: DepthEstimator, height: int, width: int, seed: int) -> None:
    rgb = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    result = estimator.predict(rgb, fx=float(width), maps=True)
    limit = estimator.metadata.max_depth * result.focal_scale
    for map_, high in zip((result.depth, *maps_of(result)), (limit, 1, 1)):
        assert map_.shape == (height, width)
        assert map_.dtype == np.float32
        assert np.isfinite(map_).all()
        assert 0 <= map_.min() <= map_.max() <= high * (1 + 1e-6)
    assert result.depth.min() > 0


@pytest.mark.parametrize(
    ('value', 'metres'), [(0.0, 40.0), (1.0, 80.0), (-0.5, 20.0), (-0.9995, 0.02)]
)
def test_decode_by_hand(build: Build, value: float, metres: float) -> None:
    depth = build(constant(value)).predict(grey(60, 90)).depth
    np.testing.assert_allclose(depth, metres, rtol=1e-4)


@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf, -1.0])
def test_no_distance_is_nan(build: Build, value: float) -> None:
    depth = torch.zeros(1, 1, 96, 128)
    depth[0, 0, 10, 20] = value
    result = build(Stub(depth)).predict(grey()).depth
    assert math.isnan(result[10, 20])
    assert np.isnan(result).sum() == 1
    assert result[10, 21] == 40.0


@pytest.mark.parametrize('fx', [1.0, 87.3, 525.0, 4000.0])
def test_twice_the_focal_length_is_twice_the_depth(
    estimator: DepthEstimator, photo: NDArray[np.uint8], fx: float
) -> None:
    once, twice = estimator.predict(photo, fx=fx), estimator.predict(photo, fx=2 * fx)
    np.testing.assert_array_equal(twice.depth, 2 * once.depth)
    assert twice.focal_scale == 2 * once.focal_scale


def test_focal_scale_by_hand(build: Build) -> None:
    # 640 px wide with fx 525 is fx 105 at the 128 px of the network, which was trained with 100.
    result = build(constant(0.0)).predict(grey(480, 640), fx=525.0)
    assert result.focal_scale == pytest.approx(1.05)
    np.testing.assert_allclose(result.depth, 42.0, rtol=1e-6)


@pytest.mark.parametrize('size', [(96, 96), (192, 256), (112, 208)])
def test_input_size_keeps_depth_metric(build: Build, size: tuple[int, int]) -> None:
    changed = build(Stub(torch.zeros(1, 1, *size)), input_size=size)
    assert changed.input_size == size
    result = changed.predict(grey(480, 640), fx=500.0)
    expected = 500.0 * size[1] / 640 / 100.0
    assert result.focal_scale == pytest.approx(expected)
    np.testing.assert_allclose(result.depth, 40.0 * expected, rtol=1e-6)


def test_input_size_reaches_the_network(lively_model: Path, photo: NDArray[np.uint8]) -> None:
    larger = DepthEstimator(lively_model, device='cpu', input_size=(112, 208))
    seen: list[tuple[int, ...]] = []
    network_of(larger).register_forward_pre_hook(lambda _, args: seen.append(args[0].shape))
    larger.predict(photo)
    assert seen == [(1, 3, 112, 208)]


@pytest.mark.parametrize('size', [(64, 128), (100, 128), (96, 130)])
def test_impossible_input_size(lively_model: Path, size: tuple[int, int]) -> None:
    with pytest.raises(SizeError, match=f'{size[0]}x{size[1]}.*multiples of 16'):
        DepthEstimator(lively_model, device='cpu', input_size=size)


@pytest.mark.parametrize('fx', [0.0, -5.0, math.nan, math.inf])
def test_impossible_focal_length(estimator: DepthEstimator, fx: float) -> None:
    with pytest.raises(FocalLengthError, match=r'positive number of pixels, not .*K\[0\]'):
        estimator.predict(grey(), fx=fx)


def test_missing_focal_length_is_said_once(
    build: Build, metadata: ModelMetadata, caplog: pytest.LogCaptureFixture
) -> None:
    stub = build(constant(0.0))
    with caplog.at_level(logging.WARNING):
        stub.warm_up(96, 128)
        stub.predict(grey(), fx=100.0)
        assert caplog.messages == []
        assert [stub.predict(grey()).focal_scale for _ in range(3)] == [1.0] * 3
        assert len(caplog.messages) == 1
        assert "the camera's focal length is unknown" in caplog.messages[0]
        caplog.clear()
        unknown = build(constant(0.0), replace(metadata, focal_length=None))
        assert [unknown.predict(grey(), fx=9.0).focal_scale for _ in range(3)] == [1.0] * 3
    assert len(caplog.messages) == 1
    assert 'model lively' in caplog.messages[0]


def test_maps_only_on_request(build: Build) -> None:
    stub = build(constant(0.0))
    plain = stub.predict(grey())
    assert plain.structure is None
    assert plain.attention is None
    result = stub.predict(grey(60, 255), maps=True)
    # A ramp from 0 to 1 stays one from edge to edge.
    ramp = np.tile(np.linspace(0, 1, 255), (60, 1))
    structure, attention = maps_of(result)
    np.testing.assert_allclose(structure, ramp, atol=1e-5)
    np.testing.assert_allclose(attention, 1 - ramp, atol=1e-5)


def test_same_image_same_depth(estimator: DepthEstimator, photo: NDArray[np.uint8]) -> None:
    first = estimator.predict(photo, maps=True)
    estimator.predict(photo[::-1])
    second = estimator.predict(photo, maps=True)
    for a, b in zip(first, second):
        np.testing.assert_array_equal(a, b)


def test_a_batch_of_different_cameras_equals_its_images_one_by_one(
    estimator: DepthEstimator, photo: NDArray[np.uint8]
) -> None:
    large = np.ascontiguousarray(np.repeat(photo[::-1], 2, axis=0))
    views = [View(photo, 200.0, maps=True), View(large, 350.0), View(photo[:, ::-1])]
    batch = estimator.predict_batch(views)
    for view, result in zip(views, batch):
        alone = estimator.predict(view.rgb, fx=view.fx, maps=view.maps)
        assert result.depth.shape == view.rgb.shape[:2]
        assert result.focal_scale == alone.focal_scale
        np.testing.assert_allclose(result.depth, alone.depth, rtol=1e-3)
        if not view.maps:
            assert result.structure is None
            assert result.attention is None
            continue
        for map_, expected in zip(maps_of(result), maps_of(alone)):
            np.testing.assert_allclose(map_, expected, atol=1e-4)
    scales = [200 * 1.28 / 208, 350 * 1.28 / 208, 1.0]
    assert [result.focal_scale for result in batch] == pytest.approx(scales)


def test_what_a_gpu_would_finish_equals_what_the_host_does(
    estimator: DepthEstimator, photo: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    height, width = photo.shape[:2]
    camera = Intrinsics(200.0, 190.0, width / 2, height / 2, width, height)
    depth = estimator.predict(photo, fx=200.0).depth
    nearest, farthest = (float(d) for d in np.percentile(depth * 1.7, (20, 80)))
    valid = np.ones((height, width), bool)
    valid[:, :9] = False
    finish = Finish(1.7, DeviceCopy(valid), nearest, farthest, cloud_rays(camera))
    views = [View(photo, 200.0, maps=True, finish=finish), View(photo[::-1])]
    here = estimator.predict_batch(views)
    for module in ('estimator', 'decoding'):
        monkeypatch.setattr(f's2r_depth_ros.inference.{module}.on_host', lambda _: False)
    there = estimator.predict_batch(views)
    for a, b in zip(here, there):
        for name in ('depth', 'structure', 'attention', 'focal_scale'):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert 0.3 < np.isnan(here[0].depth).mean() < 0.6
    assert here[0].cloud is None
    assert there[1].cloud is None
    assert there[0].cloud is not None
    points = there[0].cloud.view(np.float32).reshape(-1, 4)
    expected = CloudPacker(camera).pack(here[0].depth, photo).view(np.float32).reshape(-1, 4)
    np.testing.assert_array_equal(points, expected)


def test_what_is_left_to_do_is_done_later_and_elsewhere(
    estimator: DepthEstimator, photo: NDArray[np.uint8]
) -> None:
    """After another run, whose results may lie in the same memory, and on another thread."""
    expected = [estimator.predict(view, fx=200.0, maps=True) for view in (photo, photo[::-1])]
    unfinished = [estimator.infer([View(view, 200.0, maps=True)]) for view in (photo, photo[::-1])]
    with ThreadPoolExecutor(1) as pool:
        for (finish,), right in zip(unfinished, expected):
            found = pool.submit(finish).result()
            for a, b in zip(found[:3], right[:3]):
                assert a is not None
                np.testing.assert_array_equal(a, b)


def test_one_bad_view_spoils_its_batch(estimator: DepthEstimator) -> None:
    with pytest.raises(ImageError, match='at least 32'):
        estimator.predict_batch([View(grey()), View(grey(31, 64))])
    with pytest.raises(FocalLengthError):
        estimator.predict_batch([View(grey()), View(grey(), fx=0.0)])


def test_warm_up_runs_every_batch_that_can_come(lively_model: Path) -> None:
    fresh = DepthEstimator(lively_model, device='cpu')
    sizes: list[int] = []
    network_of(fresh).register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    fresh.warm_up(96, 128, batch=3)
    assert sizes == [1, 2, 3]


def test_result_and_image_are_the_callers(
    estimator: DepthEstimator, photo: NDArray[np.uint8]
) -> None:
    before = photo.copy()
    first = estimator.predict(photo).depth
    kept = first.copy()
    estimator.predict(255 - photo)
    np.testing.assert_array_equal(photo, before)
    np.testing.assert_array_equal(first, kept)
    first[:] = 0  # writable


def test_no_gradients(estimator: DepthEstimator) -> None:
    network = network_of(estimator)
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not any(module.training for module in network.modules())


def test_bf16_is_close_to_fp32(
    lively_model: Path, estimator: DepthEstimator, photo: NDArray[np.uint8]
) -> None:
    half = DepthEstimator(lively_model, device='cpu', precision='bf16')
    exact, rough = estimator.predict(photo).depth, half.predict(photo).depth
    difference = np.abs(exact - rough)
    # The random network spreads rounding far; a wrong layer would give the spread of depth itself.
    assert exact.std() > 5
    assert 0 < np.median(difference) < 0.1 * exact.std()


def test_heads_stay_in_fp32(lively_model: Path, photo: NDArray[np.uint8]) -> None:
    half = DepthEstimator(lively_model, device='cpu', precision='bf16', backend='eager')
    network = network_of(half)
    assert isinstance(network, S2RDepthNet)
    state = network.state_dict()
    assert state['depth_net.conv4.model.0.weight'].dtype == torch.bfloat16
    assert state['struct_decoder.up1.bn1.running_var'].dtype == torch.float32
    with torch.inference_mode():
        depths = network(half._preprocess(photo)).depths
    for depth in depths:
        assert depth.dtype == torch.float32
        assert (depth != depth.bfloat16().float()).float().mean() > 0.9


@pytest.mark.parametrize(
    ('image', 'message'),
    [
        (np.zeros((96, 128, 3), np.float32), 'uint8 .* not float32'),
        (np.zeros((96, 128, 3), np.uint16), 'uint8 .* not uint16'),
        (np.zeros((96, 128), np.uint8), r'shape .* not \(96, 128\): repeat a grey'),
        (np.zeros((96, 128, 4), np.uint8), r'not \(96, 128, 4\).*alpha'),
        (np.zeros((31, 128, 3), np.uint8), '31x128 .* at least 32'),
        (np.zeros((96, 0, 3), np.uint8), '96x0 .* at least 32'),
        ([[0, 0, 0]], 'NumPy array, not list'),
    ],
)
def test_what_is_not_an_image(estimator: DepthEstimator, image: Any, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        estimator.predict(image)


def test_missing_model() -> None:
    with pytest.raises(CheckpointError, match='no-such-model'):
        DepthEstimator('no-such-model', device='cpu')


def test_scaled_image_with_scaled_focal_length(
    estimator: DepthEstimator, photo: NDArray[np.uint8]
) -> None:
    doubled = np.repeat(np.repeat(photo, 2, axis=0), 2, axis=1)
    small, large = estimator.predict(photo, fx=200.0), estimator.predict(doubled, fx=400.0)
    assert large.focal_scale == small.focal_scale
