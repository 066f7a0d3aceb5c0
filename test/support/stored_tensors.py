"""What a safetensors file holds."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from s2r_depth_ros.network.safetensors_file import open_safetensors


def stored_tensors(path: Path) -> dict[str, Tensor]:
    with open_safetensors(path) as file:
        return file.tensors()
