"""Copies between the host and a GPU through page-locked buffers that are kept between frames."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Transfer:
    """Carries images up and results down; one caller at a time, who waits for the results.

    Page-locked memory is what the GPU copies from by itself, without a second copy in the driver.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pinned = device.type == 'cuda'
        self._buffers: dict[int, Tensor] = {}

    def up(self, image: NDArray[np.uint8], slot: int = 0) -> Tensor:
        """Return ``image``, of any strides, on the device; the copy may still be under way.

        slot: index of the image in its batch: images of one batch must not share a buffer.
        """
        buffer = self._buffer(slot, image.shape)
        np.copyto(buffer.numpy(), image)
        return buffer.to(self._device, non_blocking=True, copy=True)

    def start_down(self, result: Tensor) -> Tensor:
        """Start to copy ``result``; return the caller's own tensor that has it after ``wait``."""
        # Not kept here: torch itself keeps page-locked memory that was let go for the next frame.
        buffer = torch.empty(result.shape, dtype=result.dtype, pin_memory=self._pinned)
        return buffer.copy_(result, non_blocking=True)

    def wait(self) -> None:
        """Wait, once for all copies that were started."""
        if self._pinned:
            event = torch.cuda.Event()
            event.record(torch.cuda.current_stream(self._device))
            event.synchronize()

    def _buffer(self, slot: int, shape: tuple[int, ...]) -> Tensor:
        """Return the uint8 buffer of ``slot`` in this shape; it grows, as sizes may take turns."""
        count = math.prod(shape)
        buffer = self._buffers.get(slot)
        if buffer is None or buffer.numel() < count:
            buffer = torch.empty(count, dtype=torch.uint8, pin_memory=self._pinned)
            self._buffers[slot] = buffer
        return buffer[:count].view(shape)
