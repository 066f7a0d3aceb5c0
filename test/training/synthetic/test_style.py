"""Image-level styles keep shape and range, change the look, and are reproducible."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from s2r_depth_training.dataset import style


@pytest.fixture
def images() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(4, 3, 6, 8, generator=generator)
    return torch.nn.functional.interpolate(coarse, (48, 64), mode='bilinear').clamp(0, 1)


def test_every_operation_keeps_shape_and_range(images):
    generator = torch.Generator().manual_seed(3)
    for _ in range(25):
        out = style.transfer_style(images, images.flip(0), generator)
        assert out.shape == images.shape
        assert out.dtype == torch.float32
        assert out.isfinite().all()
        assert out.min() >= -1e-4
        assert out.max() <= 1.0001


def test_same_seed_same_styles(images):
    one, two = (torch.Generator().manual_seed(7) for _ in range(2))
    for _ in range(6):
        outs = [style.transfer_style(images, images.flip(0), g) for g in (one, two)]
        assert torch.equal(*outs)


def test_low_frequency_swap_takes_brightness_and_keeps_detail(images):
    dark = images * 0.2
    detail = images.clone()
    detail[:, :, ::2, ::2] += 0.1
    swapped = style.swap_low_frequencies(detail, dark, 0.01)
    before, after = ((x.mean() - dark.mean()).abs() for x in (detail, swapped))
    assert after < 0.2 * before
    assert (swapped[:, :, ::2, ::2] - swapped[:, :, 1::2, 1::2]).mean() > 0.04


def test_own_style_changes_nothing(images):
    assert torch.allclose(style.swap_low_frequencies(images, images, 0.1), images, atol=1e-4)
    assert torch.allclose(style.match_statistics(images, images), images, atol=1e-4)


def test_statistics_are_matched(images):
    target = images.flip(0) * 0.5 + 0.25
    out = style.match_statistics(images * 0.4 + 0.3, target)
    assert torch.allclose(out.mean((2, 3)), target.mean((2, 3)), atol=0.02)


def test_palette_has_few_colours(images):
    out = style.reduce_palette(images, 5, torch.Generator().manual_seed(0))
    for picture in out:
        assert len(torch.unique(picture.flatten(1).T, dim=0)) <= 5


def test_brush_flattens_noise_but_keeps_an_edge():
    step = torch.zeros(1, 3, 32, 32)
    step[..., 16:] = 1.0
    noisy = (
        step + 0.1 * torch.randn(step.shape, generator=torch.Generator().manual_seed(1))
    ).clamp(0, 1)
    out = style.brush(noisy, 3)
    assert out[..., :12].std() < 0.6 * noisy[..., :12].std()
    assert (out[..., 18].mean() - out[..., 13].mean()) > 0.8


def test_paintings_come_from_a_folder(tmp_path):
    (tmp_path / 'old').mkdir()
    cv2.imwrite(str(tmp_path / 'old/red.png'), np.full((30, 20, 3), (0, 0, 255), np.uint8))
    (tmp_path / 'broken.jpg').write_text('no image')
    paintings = style.load_paintings(tmp_path, 48, 64)
    assert paintings.shape == (1, 48, 64, 3)
    assert paintings[0, 0, 0].tolist() == [255, 0, 0]


def test_a_folder_without_paintings_is_refused(tmp_path):
    (tmp_path / 'broken.jpg').write_text('no image')
    with pytest.raises(style.StyleError, match='has no images that can be read'):
        style.load_paintings(tmp_path, 48, 64)
    with pytest.raises(style.StyleError, match='none: the folder of paintings cannot be read'):
        style.load_paintings(tmp_path / 'none', 48, 64)
