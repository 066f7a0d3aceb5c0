"""What comes of importing a module."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from pathlib import Path

from s2r_depth_ros.dependencies import dependency_error
from s2r_depth_ros.doctor.finding import FAILED, NOTE, OK, Finding
from s2r_depth_ros.errors import brief


def imported(name: str) -> Finding:
    """Return whether module ``name``, which the node needs, can be imported; its version, if so."""
    try:
        module = importlib.import_module(name)
    except Exception as error:  # whatever a broken module raises while it is imported
        return broken(name, error)
    version = getattr(module, '__version__', None) or _packaged_version(name)
    places = [Path(module.__file__).parent] if module.__file__ else list(module.__path__)
    return Finding(name, OK, f'{version or "of unknown version"} ({places[0]})')


def broken(what: str, error: Exception) -> Finding:
    """Return what ``error``, of an import that ``what`` needs, means."""
    if explained := dependency_error(error):
        return Finding(what, FAILED, explained.found, explained.remedy)
    said = brief(f'{type(error).__name__}: {error}')
    return Finding(what, FAILED, f'cannot be loaded ({said})', 'install it again')


def optional(name: str, use: str) -> Finding:
    """Return the same of a module that many do without. use: what it is for."""
    found = imported(name)
    if found.state == OK:
        return found
    if importlib.util.find_spec(name) is None:
        return Finding(name, NOTE, f'not here: {use}')
    return Finding(name, NOTE, f'{found.text}; {use}', found.remedy)


def _packaged_version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ''
