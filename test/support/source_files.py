"""What the packaging tests know of the source tree."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BUILT = ('build', 'install', 'log', 'out')


def repository_files() -> list[Path]:
    """Return the files that git tracks or would track; without git, all but what is built."""
    listing = subprocess.run(
        ['git', 'ls-files', '--cached', '--others', '--exclude-standard', '-z'],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode == 0:
        names = [name for name in listing.stdout.split('\0') if name]
    else:
        names = [
            str(path.relative_to(ROOT))
            for path in ROOT.rglob('*')
            if path.relative_to(ROOT).parts[0] not in _BUILT
            and not any(part.startswith('.') for part in path.relative_to(ROOT).parts)
        ]
    return [ROOT / name for name in sorted(names) if (ROOT / name).is_file()]


def python_files(folder: str) -> list[Path]:
    """Return the .py files below a folder of the repository."""
    files = sorted((ROOT / folder).rglob('*.py'))
    assert files, f'{folder} has no Python files: the test looks in the wrong place'
    return files


def imported_modules(file: Path) -> Iterator[str]:
    """Yield the dotted name of each module that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(file.read_text(), str(file))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = _package(file)[: -(node.level - 1) or None] if node.level else ()
            module = '.'.join([*above, *([node.module] if node.module else [])])
            yield from (f'{module}.{alias.name}' for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith('import_module'):
            names = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
            yield from (name for name in names if isinstance(name, str))


def _package(file: Path) -> tuple[str, ...]:
    """Return the parts of the dotted name of the package that a file is in."""
    parts = file.relative_to(ROOT).parent.parts
    return parts[1:] if parts[0] == 'training' else parts


def third_party(files: list[Path]) -> set[str]:
    """Return the top-level modules that files import from outside Python and this repository.

    Without those that the package rosbags needs itself, so that they come with it.
    """
    own = {'s2r_depth_ros', 's2r_depth_training', '__future__'}
    own |= {'lz4', 'ruamel', 'backports', 'compression'}
    tops = {name.split('.')[0] for file in files for name in imported_modules(file)}
    return tops - own - set(sys.stdlib_module_names)
