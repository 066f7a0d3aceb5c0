"""The recipe of the parity fixtures, which lies with them and is no module of its own."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).resolve().parents[1] / 'data' / 'parity'


def load_recipe() -> ModuleType:
    """Return test/data/parity/recipe.py: deterministic weights and images for any width."""
    spec = importlib.util.spec_from_file_location('recipe', FOLDER / 'recipe.py')
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
