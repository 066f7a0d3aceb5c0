"""Writing files whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_atomically(path: str | Path, content: bytes | bytearray | memoryview) -> None:
    """Write ``content`` to ``path`` so that readers see the old file or the whole new one.

    Raises OSError as open and write do; no temporary file is left behind.
    """
    path = Path(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f'.{path.name}.')
    try:
        with os.fdopen(handle, 'wb') as file:
            file.write(content)
        os.chmod(name, 0o644)  # mkstemp makes private files, results are not
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
