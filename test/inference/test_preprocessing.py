from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from s2r_depth_ros.inference.preprocessing import Preprocessor, _resize_by_passes, resize_uint8
from s2r_depth_ros.network.metadata import ModelMetadata


def make(metadata: ModelMetadata, size: tuple[int, int] = (96, 128)) -> Preprocessor:
    return Preprocessor(metadata, size, torch.device('cpu'), torch.float32)


def scene(height: int, width: int, photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The photograph at this size with noise, so that every resampling error shows."""
    image = np.asarray(Image.fromarray(photo).resize((width, height))).astype(int)
    noise = np.random.default_rng(0).integers(-40, 41, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize('mode', ['bicubic', 'bilinear'])
@pytest.mark.parametrize(
    ('source', 'size'),
    [((480, 640), (96, 128)), ((480, 640), (192, 256)), ((375, 1242), (192, 640)),
     ((481, 333), (96, 96)), ((90, 110), (96, 128)), ((1080, 1920), (192, 256))],
)  # fmt: skip
def test_resizing_equals_pillow(
    photo: NDArray[np.uint8], mode: str, source: tuple[int, int], size: tuple[int, int]
) -> None:
    image = scene(*source, photo)
    expected = Image.fromarray(image).resize(size[::-1], getattr(Image.Resampling, mode.upper()))
    ours = resize_uint8(torch.from_numpy(image).permute(2, 0, 1)[None], size, mode)
    difference = np.abs(ours[0].permute(1, 2, 0).numpy().astype(int) - np.asarray(expected, int))
    assert difference.max() <= 1
    assert difference.mean() < 0.02


@pytest.mark.parametrize('mode', ['bicubic', 'bilinear'])
@pytest.mark.parametrize('size', [(96, 128), (192, 256), (112, 96), (48, 208)])
def test_without_a_byte_kernel_resizing_is_the_same(
    photo: NDArray[np.uint8], mode: str, size: tuple[int, int]
) -> None:
    """What a GPU does; in one pass of floats bicubic edges differ by up to 17."""
    image = torch.from_numpy(photo).permute(2, 0, 1)[None]
    difference = (_resize_by_passes(image, size, mode) - resize_uint8(image, size, mode)).abs()
    assert difference.max() <= 2
    assert difference.mean() < 0.05


def test_the_two_modes_differ(photo: NDArray[np.uint8]) -> None:
    image = torch.from_numpy(scene(480, 640, photo)).permute(2, 0, 1)[None]
    cubic, linear = (resize_uint8(image, (96, 128), mode) for mode in ('bicubic', 'bilinear'))
    assert (cubic.int() - linear.int()).abs().max() > 5


def test_metadata_chooses_the_mode(photo: NDArray[np.uint8], metadata: ModelMetadata) -> None:
    for mode in ('bicubic', 'bilinear'):
        tensor = make(replace(metadata, resize=mode))(photo)
        resized = resize_uint8(torch.from_numpy(photo).permute(2, 0, 1)[None], (96, 128), mode)
        torch.testing.assert_close(tensor, resized / 127.5 - 1)


def test_same_size_is_untouched(metadata: ModelMetadata) -> None:
    image = np.random.default_rng(1).integers(0, 256, (96, 128, 3), np.uint8)
    tensor = make(metadata)(image)
    back = torch.round((tensor[0] + 1) * 127.5).permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(back, image)


def test_normalisation_by_hand(metadata: ModelMetadata) -> None:
    image = np.broadcast_to(np.array([0, 102, 255], np.uint8), (50, 60, 3))
    values = make(metadata)(image)[0, :, 3, 3].tolist()
    assert values == pytest.approx([-1.0, -0.2, 1.0], abs=1e-6)
    facts = replace(metadata, mean=(0.1, 0.2, 0.3), std=(0.5, 0.1, 0.2))
    values = make(facts)(image)[0, :, 3, 3].tolist()
    assert values == pytest.approx([-0.2, 2.0, 3.5], abs=1e-6)


def test_colour_order(metadata: ModelMetadata) -> None:
    image = np.broadcast_to(np.array([255, 0, 0], np.uint8), (50, 60, 3))
    assert make(metadata)(image)[0, :, 0, 0].tolist() == [1, -1, -1]
    swapped = make(replace(metadata, color_order='bgr'))(image)
    assert swapped[0, :, 0, 0].tolist() == [-1, -1, 1]


@pytest.mark.filterwarnings('error')
def test_strided_and_read_only_arrays(photo: NDArray[np.uint8], metadata: ModelMetadata) -> None:
    preprocess = make(metadata)
    expected = preprocess(np.ascontiguousarray(photo[::-2, 10:-10, ::-1]))
    torch.testing.assert_close(preprocess(photo[::-2, 10:-10, ::-1]), expected)
    frozen = np.frombuffer(photo.tobytes(), np.uint8).reshape(photo.shape)
    assert not frozen.flags.writeable
    torch.testing.assert_close(preprocess(frozen), preprocess(photo))
