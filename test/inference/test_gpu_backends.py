"""CUDA graphs and tap-first on a GPU; skipped where torch sees none."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from s2r_depth_ros.inference.backends import make_backend
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet

pytestmark = pytest.mark.gpu

GPU, SIZE = torch.device('cuda'), (112, 208)


@pytest.fixture
def images() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [(torch.rand(1, 3, *SIZE, generator=generator) * 2 - 1).cuda() for _ in range(3)]


@pytest.mark.parametrize('name', ['torch', 'tap'])
@pytest.mark.parametrize('width', [0.125, 1.0])
def test_graph_equals_eager_for_every_image(
    name: str,
    width: float,
    recipe_network: Callable[[float], S2RDepthNet],
    images: list[torch.Tensor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, 'allow_tf32', False)
    network = recipe_network(width)
    eager = make_backend('eager', network, SIZE, GPU, torch.float32)
    graph = make_backend(name, network, SIZE, GPU, torch.float32)
    for image in [*images, images[0]]:
        for result, expected in zip(graph(image), eager(image)):
            torch.testing.assert_close(result, expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize('name', ['torch', 'tap'])
def test_batches_of_changing_size_equal_eager(
    name: str,
    recipe_network: Callable[[float], S2RDepthNet],
    images: list[torch.Tensor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, 'allow_tf32', False)
    network = recipe_network(0.25)
    eager = make_backend('eager', network, SIZE, GPU, torch.float32)
    graph = make_backend(name, network, SIZE, GPU, torch.float32)
    for count in (3, 1, 2, 3):
        batch = torch.cat(images[:count])
        for result, expected in zip(graph(batch), eager(batch)):
            torch.testing.assert_close(result, expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize('name', ['torch', 'tap'])
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_graph_is_close(
    name: str,
    dtype: torch.dtype,
    recipe_network: Callable[[float], S2RDepthNet],
    images: list[torch.Tensor],
) -> None:
    network = recipe_network(0.25)
    eager = make_backend('eager', network, SIZE, GPU, torch.float32)
    graph = make_backend(name, network, SIZE, GPU, dtype)
    for result, expected in zip(graph(images[0].to(dtype)), eager(images[0])):
        assert (result.float() - expected).abs().median() < 2e-2


def test_two_graphs_do_not_share_buffers(
    recipe_network: Callable[[float], S2RDepthNet], images: list[torch.Tensor]
) -> None:
    first, second = (
        make_backend('torch', recipe_network(width), SIZE, GPU, torch.float16)
        for width in (0.125, 0.25)
    )
    kept = first(images[0].half())
    before = kept.depth.clone()
    second(images[1].half())
    torch.cuda.synchronize()
    assert torch.equal(kept.depth, before)
