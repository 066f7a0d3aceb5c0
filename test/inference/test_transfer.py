from __future__ import annotations

import numpy as np
import pytest
import torch

from s2r_depth_ros.inference.transfer import Transfer

DEVICES = ['cpu', pytest.param('cuda', marks=pytest.mark.gpu)]


@pytest.mark.parametrize('device', DEVICES)
def test_there_and_back(device: str) -> None:
    transfer = Transfer(torch.device(device))
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 10, 3), np.uint8)
    first, second = (transfer.up(image) for image in images)
    # The second went through the same buffer.
    np.testing.assert_array_equal(first.cpu().numpy(), images[0])
    np.testing.assert_array_equal(second.cpu().numpy(), images[1])
    results = [transfer.start_down(tensor[..., 0].float()) for tensor in (first, second)]
    transfer.wait()
    for result, image in zip(results, images):
        np.testing.assert_array_equal(result.numpy(), image[..., 0])
        assert result.dtype == torch.float32


@pytest.mark.parametrize('device', DEVICES)
def test_images_of_a_batch_have_buffers_of_their_own(device: str) -> None:
    transfer = Transfer(torch.device(device))
    images = np.random.default_rng(0).integers(0, 256, (2, 480, 640, 3), np.uint8)
    for _ in range(3):
        for image, there in zip(images, [transfer.up(im, i) for i, im in enumerate(images)]):
            np.testing.assert_array_equal(there.cpu().numpy(), image)
    assert len({buffer.data_ptr() for buffer in transfer._buffers.values()}) == 2


@pytest.mark.parametrize('device', DEVICES)
def test_results_of_one_wait_belong_to_the_caller(device: str) -> None:
    transfer = Transfer(torch.device(device))
    sent, arrived = [], []
    for number in range(3):
        sent.append(torch.arange(12.0, device=device).view(3, 4) + number)
        sent.append(torch.arange(64, dtype=torch.uint8, device=device) + number)
        arrived += [transfer.start_down(tensor) for tensor in sent[-2:]]
        transfer.wait()
    for there, here in zip(sent, arrived, strict=True):
        assert here.device.type == 'cpu'
        assert torch.equal(here, there.cpu())


def test_any_strides_and_a_changing_size() -> None:
    transfer = Transfer(torch.device('cpu'))
    image = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    for view in (image, image[::-1, ::2], image[:, :, ::-1]):
        np.testing.assert_array_equal(transfer.up(view).numpy(), view)
