"""What only a GPU can show; skipped where torch sees none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from s2r_depth_ros.geometry import CloudPacker, Intrinsics
from s2r_depth_ros.inference.estimator import DepthEstimator, View
from s2r_depth_ros.inference.finishing import Finish, cloud_rays
from s2r_depth_ros.inference.preprocessing import resize_uint8

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def without_tf32() -> Iterator[None]:
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before


def test_gpu_equals_cpu(
    lively_model: Path, estimator: DepthEstimator, photo: NDArray[np.uint8]
) -> None:
    # At the network's own size, so that resampling (one grey level) plays no part.
    image = np.ascontiguousarray(photo[:96, :128])
    gpu = DepthEstimator(lively_model, device='cuda')
    expected, result = (e.predict(image, fx=100.0, maps=True) for e in (estimator, gpu))
    half_range = gpu.metadata.max_depth / 2
    np.testing.assert_allclose(result.depth, expected.depth, atol=1e-3 * half_range, rtol=0)
    assert result.structure is not None
    assert result.attention is not None
    assert expected.structure is not None
    assert expected.attention is not None
    np.testing.assert_allclose(result.structure, expected.structure, atol=1e-3)
    np.testing.assert_allclose(result.attention, expected.attention, atol=1e-3)


def test_gpu_finishes_as_the_cpu_does(lively_model: Path, photo: NDArray[np.uint8]) -> None:
    height, width = photo.shape[:2]
    camera = Intrinsics(200.0, 190.0, width / 2, height / 2, width, height)
    gpu = DepthEstimator(lively_model, device='cuda')
    plain = gpu.predict(photo, fx=200.0).depth
    nearest, farthest = (float(d) for d in np.percentile(plain, (20, 80)))
    finish = Finish(1.0, None, nearest, farthest, cloud_rays(camera))
    first, second = gpu.predict_batch([View(photo, 200.0, finish=finish)] * 2)
    assert first.cloud is not None
    points = first.cloud.view(np.float32).reshape(-1, 4)
    expected = CloudPacker(camera).pack(first.depth, photo).view(np.float32).reshape(-1, 4)
    np.testing.assert_array_equal(points[:, :3], expected[:, :3])
    np.testing.assert_array_equal(points[:, 3].view(np.uint32), expected[:, 3].view(np.uint32))
    # Packing is one multiplication, rounded alike everywhere: exact. The two images of a batch may
    # be summed in another order by a convolution: float32 noise, 1e-5 of the output in [-1, 1]
    # (optimized.py), which also moves a depth across a limit that it lies on.
    kept = np.isfinite(first.depth) & np.isfinite(second.depth)
    noise = 1e-5 * gpu.metadata.max_depth / 2 * first.focal_scale
    np.testing.assert_allclose(second.depth[kept], first.depth[kept], rtol=0, atol=noise)
    assert (np.isfinite(first.depth) != np.isfinite(second.depth)).mean() < 1e-3
    assert 0.3 < np.isnan(first.depth).mean() < 0.5


@pytest.mark.parametrize('mode', ['bicubic', 'bilinear'])
def test_gpu_resizes_as_the_cpu_does(photo: NDArray[np.uint8], mode: str) -> None:
    image = torch.from_numpy(photo).permute(2, 0, 1)[None]
    for size in ((96, 128), (192, 256)):
        expected = resize_uint8(image, size, mode).float()
        difference = (resize_uint8(image.cuda(), size, mode).cpu() - expected).abs()
        assert difference.max() <= 2
        assert difference.mean() < 0.1


@pytest.mark.parametrize('precision', ['fp16', 'bf16'])
def test_half_precision_is_close(
    lively_model: Path, estimator: DepthEstimator, photo: NDArray[np.uint8], precision: str
) -> None:
    half = DepthEstimator(lively_model, device='cuda', precision=precision)
    half.warm_up(112, 208)
    exact, rough = estimator.predict(photo).depth, half.predict(photo).depth
    assert np.median(np.abs(exact - rough)) < 0.1 * exact.std()
