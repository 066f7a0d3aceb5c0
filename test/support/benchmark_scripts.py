"""The scripts in benchmarks/, which are no package, as modules."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

_FOLDER = Path(__file__).parents[2] / 'benchmarks'


def load_script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return benchmarks/NAME.py as a new module, which its dataclasses find until the test ends."""
    spec = importlib.util.spec_from_file_location(name, _FOLDER / f'{name}.py')
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module
