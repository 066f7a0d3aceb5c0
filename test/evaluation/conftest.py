from __future__ import annotations

from pathlib import Path

import pytest
from made_up_truth import write_evaluation_set


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return write_evaluation_set(tmp_path)
