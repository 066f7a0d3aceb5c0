"""One small renderer for all tests of the synthetic worlds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from s2r_depth_training.synthetic.renderer.renderer import Renderer

# one core is faster for small pictures, and tests share the machine
os.environ.setdefault('LP_NUM_THREADS', '1')

SIZE = (96, 64)  # width, height


@pytest.fixture(scope='session')
def renderer() -> Iterator[Renderer]:
    pytest.importorskip('moderngl', reason='moderngl is not installed')
    from s2r_depth_training.synthetic.renderer.errors import RendererError
    from s2r_depth_training.synthetic.renderer.renderer import Renderer

    try:
        made = Renderer(*SIZE)
    except RendererError as error:
        pytest.skip(str(error))
    yield made
    made.close()
