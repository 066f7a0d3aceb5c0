"""Nothing in the repository ties it to one machine, or switches a check off without a reason."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from source_files import ROOT, python_files, repository_files


def _machine_paths() -> re.Pattern[str]:
    """Match home and temporary folders of anyone, and the folders of this very machine."""
    here = {str(ROOT), str(ROOT.parent), str(Path.home()), sys.prefix} - {'/', '/usr'}
    alternatives = [*map(re.escape, here), '/home/[a-z]', '/Users/[a-z]', '/tmp/']
    return re.compile(rf'(?<![\w.~$}}>)-])(?:{"|".join(alternatives)})(?:/|\b)')


def test_the_pattern_finds_paths() -> None:
    pattern = _machine_paths()
    assert pattern.search(f'open("{ROOT}/x.png")')
    assert pattern.search(f'cd {Path.home()}/s2r')
    assert not pattern.search('ros2 topic echo /depth_registered/points')


def test_no_machine_paths() -> None:
    pattern = _machine_paths()
    wrong = []
    for file in repository_files():
        if file == Path(__file__):
            continue
        try:
            text = file.read_text()
        except UnicodeDecodeError:
            continue
        wrong += [
            f'{file.relative_to(ROOT)}:{number}: {line.strip()[:100]}'
            for number, line in enumerate(text.splitlines(), 1)
            if pattern.search(line)
        ]
    assert not wrong


def test_types_are_not_ignored_without_a_reason() -> None:
    files = [ROOT / 'setup.py']
    files += [
        f for top in ('s2r_depth_ros', 'training', 'test', 'launch') for f in python_files(top)
    ]
    bare = re.compile(r'# type: ignore(\[[\w, -]*\])?\s*(#\s*)?$', re.MULTILINE)
    assert not [file for file in files if bare.search(file.read_text())]
    assert 'ignore_missing_imports' not in _section('tool.mypy')


def _section(name: str) -> str:
    """Return what pyproject.toml has below the head ``name``."""
    text = (ROOT / 'pyproject.toml').read_text()
    return text.split(f'\n[{name}]\n')[1].split('\n[')[0]


def test_shell_scripts_can_run() -> None:
    assert (ROOT / '.ci' / 'run').stat().st_mode & 0o111
