"""Files that run code in a reader that trusts them."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch


class Trap:
    """Makes the folder ``path`` when an unsafe unpickler meets it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.path),)


def trapped_files(trap: Path) -> dict[str, bytes]:
    """Return kind -> content of files that make the folder ``trap`` in an unsafe reader."""
    objects = np.array([Trap(trap)], dtype=object)
    arrays: dict[str, Any] = dict.fromkeys(('rgb', 'depth', 'indoor_log_depth'), objects)
    return {
        'pickle': pickle.dumps({'state_dict': Trap(trap)}, protocol=2),
        'torch': _written(torch.save, {'state_dict': Trap(trap), 'facts': Trap(trap)}),
        'old torch': _written(
            torch.save, {'state_dict': Trap(trap)}, _use_new_zipfile_serialization=False
        ),
        'npy': _written(lambda value, file: np.save(file, value, allow_pickle=True), objects),
        'npz': _written(lambda value, file: np.savez(file, **value), arrays),
        'compressed npz': _written(lambda value, file: np.savez_compressed(file, **value), arrays),
    }


def _written(write: Callable[..., Any], value: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    write(value, buffer, **options)
    return buffer.getvalue()
